"""Literals as JSON writes them, where CEL has another spelling: any text or number of JSON can be put into a source."""

import re

from ....domain.expressions.lexer import Token, tokenize

_WORTH_A_LOOK = re.compile(r"\\u[dD][89abAB]|\\/|[0-9]{19}")
_ESCAPE = re.compile(r"\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|[\s\S])")
_UNSIGNED = range(2**63, 2**64)


def read_literals(source: str) -> str:
    """The source as CEL reads it, each token where it was: surrogate pairs (``\\ud83d\\ude00``) and ``\\/`` in texts,
    and whole numbers from 2^63 to 2^64 - 1, which are ``uint`` to CEL.
    """
    if not _WORTH_A_LOOK.search(source):
        return source
    tokens = tokenize(source)
    parts: list[str] = []
    done = 0
    for before, token in zip((None, *tokens), tokens, strict=False):
        written = _spell(token, before)
        parts += source[done : token.start], written, " " * (len(token.text) - len(written))
        done = token.end
    return "".join((*parts, source[done:]))


def _spell(token: Token, before: Token | None) -> str:
    """The token in CEL, never longer than it was."""
    if token.kind == "string" and token.text[0] in "\"'":
        return _ESCAPE.sub(_unescape, token.text)
    is_negative = before is not None and before.text == "-"
    if token.kind == "number" and token.text.isdecimal() and len(token.text) < 30 and not is_negative:
        number = int(token.text)
        return f"{number:#x}u" if number in _UNSIGNED else token.text
    return token.text


def _unescape(escape: re.Match[str]) -> str:
    high, low = escape.groups()
    if high is None:
        return "/" if escape[0] == "\\/" else escape[0]
    return f"\\U{0x10000 + ((int(high, 16) & 0x3FF) << 10) + (int(low, 16) & 0x3FF):08x}"
