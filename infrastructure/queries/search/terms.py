"""The part of a filter that a database can evaluate: comparisons of paths with constants, with `&&`, `||` and `!`.

A comparison is true, false, or unknown: unknown if the path leads nowhere or to a value that can't be compared, which
is an error in CEL. CEL and SQL both apply the same three-valued logic.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from ....domain.expressions.lexer import Token
from ....domain.expressions.references import Reference, find_references
from ....projections.search import VARIABLES

Path = tuple[str | int, ...]
Constant = str | int | float | bool | None

_MIRRORED: Final = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_CONSTANTS: Final[dict[str, Constant]] = {"true": True, "false": False, "null": None}

_EXACT = 2**53
"""Below it whole numbers and fractions compare alike in every database."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The value at a path against a constant. Order is defined among numbers and among texts."""

    path: Path
    operator: str
    constant: Constant


@dataclass(frozen=True, slots=True)
class Truth:
    """The value at a path, if that is a boolean."""

    path: Path


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite; unknown stays unknown."""

    term: "Term"


@dataclass(frozen=True, slots=True)
class All:
    """True when every term is; false when one is."""

    terms: tuple["Term", ...]


@dataclass(frozen=True, slots=True)
class Either:
    """True when one term is; false when all are."""

    terms: tuple["Term", ...]


Term = Comparison | Truth | Not | All | Either


class _BeyondSQL(Exception):
    """This part of the filter can't be expressed in SQL."""


def translate(tokens: Sequence[Token]) -> tuple[Term | None, bool]:
    """The part of a filter that a database can evaluate, and whether that is all of it.

    The part is implied by the filter.
    """
    parts = _conjuncts(list(tokens))
    terms: list[Term] = []
    for part in parts:
        try:
            terms.append(_Parser(part).whole())
        except _BeyondSQL:
            continue
    term = terms[0] if len(terms) == 1 else All(tuple(terms))
    return (term if terms else None), len(terms) == len(parts)


def _conjuncts(tokens: Sequence[Token]) -> list[list[Token]]:
    """The operands of the outermost ``&&``, if no operator there binds weaker."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token.text in "([{") - (token.text in ")]}") if token.kind == "sign" else 0
        if not depth and token.text in ("||", "?"):
            return [list(tokens)]
        if not depth and token.text == "&&":
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


class _Parser:
    """A parser with the precedence of CEL. Raises _BeyondSQL for other expressions."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._paths = {reference.first: reference for reference in find_references(tokens, VARIABLES)}

    def whole(self) -> Term:
        term = self._either()
        if self._at < len(self._tokens):
            raise _BeyondSQL
        return term

    def _either(self) -> Term:
        terms = [self._all()]
        while self._take_if("||"):
            terms.append(self._all())
        return terms[0] if len(terms) == 1 else Either(tuple(terms))

    def _all(self) -> Term:
        terms = [self._relation()]
        while self._take_if("&&"):
            terms.append(self._relation())
        return terms[0] if len(terms) == 1 else All(tuple(terms))

    def _relation(self) -> Term:
        if self._next() == "!" or (self._next() == "(" and self._at not in self._paths):
            return self._unary()
        if (path := self._path()) is not None:
            operator = self._operator()
            return Truth(path) if operator is None else _comparison(path, operator, self._constant())
        constant = self._constant()
        operator, path = self._operator(), self._path()
        if operator is None or path is None:
            raise _BeyondSQL
        return _comparison(path, _MIRRORED[operator], constant)

    def _unary(self) -> Term:
        if self._take_if("!"):
            return Not(self._unary())
        if self._take_if("("):
            term = self._either()
            if not self._take_if(")"):
                raise _BeyondSQL
            return term
        path = self._path()
        if path is None:
            raise _BeyondSQL
        return Truth(path)

    def _path(self) -> Path | None:
        reference: Reference | None = self._paths.get(self._at)
        if reference is None:
            return None
        self._at = reference.end
        return (reference.root, *cast("Path", reference.keys))

    def _operator(self) -> str | None:
        return self._take() if self._next() in _MIRRORED else None

    def _constant(self) -> Constant:
        negative = self._take_if("-")
        if self._at >= len(self._tokens):
            raise _BeyondSQL
        token = self._tokens[self._at]
        self._at += 1
        if token.kind == "number":
            number = _number(token.text)
            return -number if negative else number
        if negative:
            raise _BeyondSQL
        if token.kind == "string":
            return _text(token.text)
        if token.text in _CONSTANTS:
            return _CONSTANTS[token.text]
        raise _BeyondSQL

    def _next(self) -> str:
        return self._tokens[self._at].text if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1].text

    def _take_if(self, text: str) -> bool:
        if self._next() != text:
            return False
        self._at += 1
        return True


def _comparison(path: Path, operator: str, constant: Constant) -> Comparison:
    if operator not in ("==", "!=") and (constant is None or isinstance(constant, bool)):
        raise _BeyondSQL
    return Comparison(path, operator, constant)


def _number(text: str) -> int | float:
    if not re.fullmatch(r"[0-9]+|[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+", text):
        raise _BeyondSQL
    number = int(text[:20]) if text.isdigit() else float(text)
    if number >= _EXACT:
        raise _BeyondSQL
    return number


def _text(literal: str) -> str:
    quote = literal[0]
    if quote not in "\"'" or "\\" in literal or literal[:3] == quote * 3 or "\0" in literal:
        raise _BeyondSQL
    return literal[1:-1]
