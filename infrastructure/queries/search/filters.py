"""Filters by value: CEL over the document of a run, or the shorthand ``payload.customer=acme``."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from ....domain.errors import ExpressionError, InvalidRequest
from ....domain.expressions.language import Allowance
from ....domain.expressions.lexer import MAX_SOURCE_LENGTH, Token, tokenize
from ....domain.expressions.references import Reference, find_references, suggestion
from ....domain.expressions.selection import Selection
from ....domain.values.json import freeze
from ....domain.visible import quoted
from ....projections.search import LEFT_OUT, VARIABLES, key_of
from ...execution.expressions.cel import CelLanguage
from ...execution.expressions.guard import LOOPS
from .terms import translate

MAX_FILTERS = 20

_CONSTANTS = frozenset({"true", "false", "null", "in"})

KEY = r"""(?:\.[^\s.=!<>\[\]()"'&|]+|\[[0-9]+\]|\["[^"\\]*"\])"""
STEP = re.compile(r"""\.([^.\[]+)|\[([0-9]+)\]|\["([^"]*)"\]""")


class _Names:
    """The names that filters see, and what depends on them."""

    def __init__(self, names: Sequence[str]) -> None:
        either = "|".join(names)
        self.names = names
        self.language = CelLanguage(names)
        self.shorthand = re.compile(rf"\s*({either})({KEY}+)(?:(!=|<=|>=|<|>)|\s*=(?!=))(.*)", re.DOTALL)
        self.expression = re.compile(rf"""[&|()"'\[\]?]|\b(?:{either})[.\[]""")


_names = cache(_Names)


class Filter:
    """A compiled filter. ``term``: the part that a database can evaluate; ``exact``: whether that is all of it.

    ``names`` are those that it sees: by default those of a run's document, which a database holds.
    """

    __slots__ = ("_program", "_references", "_selection", "exact", "source", "term")

    def __init__(self, source: str, names: tuple[str, ...] = VARIABLES) -> None:
        """Raises InvalidRequest, with the place, for a text that is no filter or over a limit of the language;
        InvalidValue if it isn't Unicode."""
        if not isinstance(source, str):
            raise InvalidRequest(f"the filter {quoted(source)} is {type(source).__name__}, not text")
        if not source.strip():
            raise InvalidRequest("the filter is empty: write one such as payload.customer=acme")
        freeze(source, "filter")
        self.source = source
        known = _names(names)
        expression = _expand_shorthand(source, known)
        if len(expression) > MAX_SOURCE_LENGTH:
            raise InvalidRequest(
                f"the filter is {len(expression):,} characters long, the limit is {MAX_SOURCE_LENGTH:,}"
            )
        tokens = tokenize(expression)
        try:
            self._program = known.language.compile(expression)
        except ExpressionError as error:
            raise _unreadable(expression, str(error)) from None
        _check_names(expression, tokens, names)
        self._references = find_references(tokens, names)
        self._selection = Selection(self._references)
        self.term, self.exact = translate(tokens) if names == VARIABLES else (None, False)

    def matches(self, document: Mapping[str, Any], allowance: Allowance) -> bool:
        """Whether the filter is true of the values. A missing value, or one that can't be compared, makes it false.

        Raises InvalidRequest when the allowance is spent.
        """
        try:
            return self._program.evaluate(self._selection.within(document), allowance) is True
        except ExpressionError as error:
            if allowance.left >= 0:
                return False
            raise InvalidRequest(f"the filter {quoted(self.source)} {error}, or narrow the search down") from None

    @property
    def roots(self) -> frozenset[str]:
        """The names that the filter reads."""
        return frozenset(reference.root for reference in self._references)

    def may_miss(self, document: Mapping[str, Any]) -> bool:
        """Whether the filter reads a value that was left out of the document."""
        left_out = document.get(LEFT_OUT)
        return left_out is not None and any(_reads(reference, left_out) for reference in self._references)


def _reads(reference: Reference, left_out: Mapping[str, Any]) -> bool:
    if reference.root != "output" or not reference.keys:
        return reference.root in left_out
    node_id, outputs = reference.keys[0], left_out.get("output", {})
    return key_of(node_id) in outputs if isinstance(node_id, str) else bool(outputs)


def parse_filters(where: str | Sequence[str], names: tuple[str, ...] = VARIABLES) -> tuple[Filter, ...]:
    """One filter or several. Raises InvalidRequest, with the place, for a syntax error."""
    filters: tuple[Any, ...] = tuple(where) if isinstance(where, list | tuple) else (where,)
    if len(filters) > MAX_FILTERS:
        raise InvalidRequest(f"{len(filters)} filters by value: {MAX_FILTERS} is the most")
    return tuple(Filter(source, names) for source in filters)


def _expand_shorthand(source: str, known: _Names) -> str:
    """The shorthand as CEL; anything else unchanged. Raises InvalidRequest."""
    found = known.shorthand.fullmatch(source)
    if found is None:
        return source
    root, keys, operator, written = found.groups()
    value = written.strip()
    constant = _json_scalar(value)
    if constant is None:
        if operator is None and re.search(r"&&|\|\|", value):
            raise InvalidRequest(f"the filter {quoted(source)} mixes = with && or ||: write == in an expression")
        if operator is not None and known.expression.search(value):
            return source
        constant = json.dumps(value, ensure_ascii=False)
    steps = ("".join(step) for step in STEP.findall(keys))
    numbers = ("[" in step[0] and '"' not in step[0] for step in (match for match in STEP.finditer(keys)))
    path = "".join(
        f"[{step}]" if is_index else f"[{json.dumps(step, ensure_ascii=False)}]"
        for step, is_index in zip(steps, numbers, strict=True)
    )
    return f"{root}{path} {operator or '=='} {constant}"


def _json_scalar(text: str) -> str | None:
    """A JSON string, number, true, false or null as CEL; None for anything else."""
    try:
        value = json.loads(text, parse_constant=_refuse)
    except ValueError:
        return None
    if isinstance(value, float) and value - value != 0.0:
        return None
    return None if isinstance(value, dict | list) else json.dumps(value, ensure_ascii=False)


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _check_names(source: str, tokens: Sequence[Token], names: Sequence[str]) -> None:
    """Refuse unknown names, which would make a filter that finds nothing."""
    variables = {
        tokens[at + 2].text for at in range(len(tokens) - 2) if tokens[at].text in LOOPS and tokens[at + 1].text == "("
    }
    known = {*names, *variables, *_CONSTANTS}
    for at, token in enumerate(tokens):
        called = at + 1 < len(tokens) and tokens[at + 1].text == "("
        if token.kind != "name" or called or token.text in known or (at and tokens[at - 1].text == "."):
            continue
        near = suggestion(token.text, names)
        message = f"unknown name {token.text!r} at column {token.start + 1}{near}"
        seen = f"{', '.join(names[:-1])} and {names[-1]}"
        raise _unreadable(source, f"{message}; filters see {seen}, and text goes in quotes")


def _unreadable(source: str, message: str) -> InvalidRequest:
    """The error, followed by the filter with a mark at the column that the message names."""
    column = re.search(r"(?<!line \d, )column (\d+)", message)
    shown = "".join(f"\n  {line}" for line in source.split("\n"))
    if column and "\n" not in source and len(source) < 200:
        shown += f"\n  {' ' * (int(column[1]) - 1)}^"
    return InvalidRequest(f"the filter can't be read: {message}{shown}")
