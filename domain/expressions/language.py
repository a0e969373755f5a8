"""The language of expressions, as the domain needs it; and one expression, ready to be evaluated."""

import re
from collections.abc import Mapping
from typing import Any, Protocol

from ..errors import ExpressionError, InvalidValue
from ..values.json import freeze
from .absence import roots_that_may_be_absent, source_without
from .conditions import required_names
from .lexer import MAX_SOURCE_LENGTH, tokenize
from .references import ANY, ROOTS, Scope, find_references, resolve, shorten, suggestion
from .selection import Selection

MAX_COST = 1_000_000_000
"""What evaluating all expressions of one node's data may cost. A unit is about a nanosecond and at least a byte, so
this is about a second of one processor and well under a gigabyte, whatever the author of the definition wrote."""


class Allowance:
    """What is left to spend on one rendering."""

    __slots__ = ("left",)

    def __init__(self, left: int = MAX_COST) -> None:
        self.left = left

    def take(self, cost: int) -> bool:
        """Spend; False when it was more than what was left."""
        self.left -= cost
        return self.left >= 0

    def spend(self, cost: int) -> None:
        """Spend. Raises ExpressionError when it was more than what was left."""
        self.left -= cost
        if self.left < 0:
            raise too_costly()


def too_costly() -> ExpressionError:
    """The error raised when the allowance is spent."""
    return ExpressionError(
        "reads or loops over too much data; refer to a smaller part of it, or do this work in an executor"
    )


class Program(Protocol):
    """A compiled expression."""

    def evaluate(self, variables: Mapping[str, Any], allowance: Allowance) -> Any:
        """The value, JSON or not. ``variables``: the branches that the source refers to, by root.

        Raises ExpressionError, and nothing else. Its message holds no value out of the variables, ``missing`` may.
        """
        ...


class ExpressionLanguage(Protocol):
    """A language for expressions. Nothing of the host can be reached from it."""

    def compile(self, source: str) -> Program:
        """Raises ExpressionError for a syntax error, and for source that is over a limit of the language."""
        ...


class Expression:
    """One expression. A path with literal keys alone is read directly: it shares the value and keeps its key order."""

    __slots__ = (
        "_global_names",
        "_language",
        "_may_be_absent",
        "_program",
        "_programs_without",
        "_references",
        "_selection",
        "reads_globals",
        "required_globals",
        "source",
    )

    def __init__(self, source: str, language: ExpressionLanguage) -> None:
        """Raises ExpressionError for what can't be compiled."""
        if len(source) > MAX_SOURCE_LENGTH:
            raise ExpressionError(f"is {len(source):,} characters long, the limit is {MAX_SOURCE_LENGTH:,}")
        tokens = tokenize(source)
        self.source = source
        self._references = find_references(tokens)
        self._global_names = {ref.keys[0] if ref.keys else ANY for ref in self._references if ref.root == "globals"}
        self.reads_globals = bool(self._global_names)
        self.required_globals = required_names(tokens, self._references, "globals")
        """The names of globals without which it has no value, whatever else it is given."""
        self._program = None if self._is_path(len(tokens)) else language.compile(source)
        self._selection = Selection(self._references)
        self._language = language
        self._may_be_absent = roots_that_may_be_absent(tokens, self._references)
        self._programs_without: dict[frozenset[str], Program] = {}
        """Compiled when they are needed: by the roots that are absent."""

    def _is_path(self, token_count: int) -> bool:
        path = self._references[0] if self._references else None
        return path is not None and path.first == 0 and path.end == token_count and ANY not in path.keys

    def may_reveal_globals(self, public: frozenset[str]) -> bool:
        """Whether its value may come from globals other than these."""
        return not public.issuperset(self._global_names)

    def evaluate(self, scope: Scope, allowance: Allowance) -> Any:
        """The value as read-only JSON. Raises ExpressionError; its message holds no value from globals.

        What is read of a payload or an answer that isn't there is null, as is what can't be done with such a null.
        """
        absent = self._may_be_absent and frozenset(root for root in self._may_be_absent if getattr(scope, root) is None)
        if absent:
            value = self._evaluate_without(absent, scope, allowance)
        elif self._program is None:
            value = resolve(scope, self._references[0])
            if not self.reads_globals and type(value) not in (dict, list):
                return value  # a scalar, or shared and frozen already
        else:
            try:
                value = self._program.evaluate(self._selection.of(scope), allowance)
            except ExpressionError as error:
                raise self._explain(error, scope) from None
        try:
            return freeze(value, "the result", converts=False)  # string(…) says how it is written
        except InvalidValue as error:
            raise ExpressionError(self._not_json(error)) from None

    def _evaluate_without(self, absent: frozenset[str], scope: Scope, allowance: Allowance) -> Any:
        if self._program is None:
            return None
        program = self._programs_without.get(absent)
        if program is None:
            source = source_without(self.source, tokenize(self.source), self._references, absent)
            program = self._programs_without[absent] = self._language.compile(source)
        try:
            return program.evaluate(self._selection.of(scope), allowance)
        except ExpressionError as error:
            if error.missing == "":  # a type error
                return None
            raise self._explain(error, scope) from None

    def _not_json(self, error: InvalidValue) -> str:
        if self.reads_globals:
            return "the result is not JSON"
        reason = str(error).partition(";")[0]
        convertible = re.search(r"(datetime|timedelta|bytes) is not JSON$", reason)
        return f"{reason}; string(…) makes text of it" if convertible else reason

    def _explain(self, error: ExpressionError, scope: Scope) -> ExpressionError:
        """The error in the words of the path that it comes from, if it comes from one."""
        missing = error.missing
        if missing is None:
            return error
        for reference in self._references:
            if ANY not in reference.keys:
                try:
                    resolve(scope, reference)
                except ExpressionError as found:
                    if found.missing == missing:
                        return found
        if missing == "":
            return error
        if self.reads_globals and not re.search(rf"\b{re.escape(missing)}\b", self.source):
            return ExpressionError("unknown reference: a key that the expression computes isn't there", missing=missing)
        shown = repr(shorten(missing))
        if missing in scope.nodes:
            return ExpressionError(f"unknown reference {shown}, did you mean nodes[{shown}]?", missing=missing)
        near = suggestion(missing, ROOTS)
        return ExpressionError(
            f"unknown reference {shown}{near}; expressions see nodes, payload, answer, failure, input and globals",
            missing=missing,
        )
