"""Code and JSON with their words told apart, line by line."""

import json
from functools import lru_cache
from typing import Any, Final

from markupsafe import Markup, escape
from pygments.lexers.data import JsonLexer
from pygments.lexers.python import PythonLexer
from pygments.token import STANDARD_TYPES, Token

from .....domain.visible import visible_lines

LONGEST: Final = 200_000
"""Characters that are told apart: beyond, code is shown plain."""


@lru_cache(maxsize=64)
def python_lines(source: str) -> tuple[Markup, ...]:
    """The lines of Python code. Those of the sources that were shown last are kept: each move of a slider shows one."""
    return tuple(_lines(source.rstrip("\n"), PythonLexer(stripnl=False, ensurenl=False)))


def json_lines(value: Any) -> list[Markup]:
    """The lines of a JSON value, indented."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return _lines(text, JsonLexer(stripnl=False, ensurenl=False))


def _lines(text: str, lexer: Any) -> list[Markup]:
    text = visible_lines(text)
    if len(text) > LONGEST:
        return [Markup(escape(line)) for line in text.split("\n")]  # noqa: S704 - escaped
    lines = [Markup()]
    for kind, value in lexer.get_tokens(text):
        classes = _class_of(kind)
        for number, part in enumerate(value.split("\n")):
            if number:
                lines.append(Markup())
            if part:
                lines[-1] += Markup('<span class="{}">{}</span>').format(classes, part) if classes else escape(part)
    return lines


def _class_of(kind: Any) -> str:
    """The class for a kind of word, or the next larger kind that has one; empty where it looks like all text."""
    while kind not in _SHOWN:
        if kind is Token:
            return ""
        kind = kind.parent
    found: str = _SHOWN[kind]
    return found


_LOOKS: Final = frozenset(
    {"kw", "kn", "k", "ow", "kc", "s1", "s2", "sd", "sa", "si", "s", "mi", "mf", "nd", "c1", "nf"}
)
_SHOWN: Final = {kind: short for kind, short in STANDARD_TYPES.items() if short in _LOOKS} | {
    Token.Name.Tag: "",
    Token.Comment: "c1",
    Token.Literal.Number: "mi",
}
"""Kinds of words that have a look in the stylesheet; keys of JSON are like all text."""
