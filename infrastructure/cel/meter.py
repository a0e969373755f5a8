"""What evaluating a CEL expression costs, while it runs.

The interpreter copies a value when it steps into one, copies a list for each element that a loop adds to it, and runs a
regular expression of any size. None of it can be interrupted; so it is charged before it happens.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

from ...domain.errors import ExpressionError
from ...domain.expressions.language import MAX_COST, Allowance, too_costly
from ...domain.expressions.references import Reference
from .guard import Guarded, Loop
from .regex import regex_cost, regex_matches

MAX_VALUE_DEPTH = 64
"""Levels of nesting of a value that is read. Conversion recurses by them, a KB of stack each."""

_ITEM = 64
"""Cost of any value, whatever it is: about its bytes, and the nanoseconds that copying it takes."""

_CONVERSION = 8
"""How much more it costs to hand a value to the interpreter and back than to copy it there."""

_LARGEST_INTEGER = 2**64 - 1
_SMALLEST_INTEGER = -(2**63)


class Meter:
    """Takes what one evaluation costs out of the allowance, and stops it when there is nothing left."""

    __slots__ = ("_allowance", "_built", "_read", "failure", "functions")

    def __init__(self, guarded: Guarded, variables: Mapping[str, Any], allowance: Allowance) -> None:
        """Raises ExpressionError for too much data, and for data that isn't JSON."""
        self._allowance = allowance
        self._built = [0] * len(guarded.loops)
        """What the list that each loop is making weighs by what its body put there."""
        self.failure: BaseException | None = None
        self.functions: dict[str, Callable[..., Any]] = {}
        weights: list[int] = []
        known: dict[int, int] = {}
        for reference in guarded.references:
            value = _find(variables, reference)
            if id(value) not in known:
                known[id(value)] = _weight(value)
            weights.append(guarded.copies * known[id(value)])
            allowance.spend(weights[-1] * _CONVERSION)
        self._read = sum(weights)
        for number, loop in enumerate(guarded.loops):
            cost = guarded.copies * (_ITEM + guarded.lengths[number]) + sum(weights[at] for at in loop.references)
            cost += self._read if loop.outer else 0
            self.functions[f"{guarded.prefix}{number}"] = self._ticker(number, guarded.loops, cost)
        if "matches" in guarded.source:
            self.functions[f"{guarded.prefix}matches"] = self._matches

    # The interpreter calls these, and logs and rewords what they raise. So they take a note of it instead.

    def _ticker(self, number: int, loops: list[Loop], cost: int) -> Callable[[], bool]:
        own, built = loops[number], self._built
        inside = [at for at, loop in enumerate(loops) if own.open < loop.open < own.close]
        copied = [at for at, loop in enumerate(loops) if not loop.open < own.open < loop.close]

        def tick() -> bool:
            try:
                for at in inside:  # what it made in the last round is in our list now
                    built[number] += built[at]
                    built[at] = 0
                if own.macro == "map":
                    built[number] += cost
                copying = self._read + sum(built[at] for at in copied) if own.macro in ("map", "filter") else 0
                self._allowance.spend(cost + copying)
            except BaseException as error:  # noqa: BLE001 - also a KeyboardInterrupt comes out of evaluate()
                self.failure = error
            return self.failure is None

        return tick

    def _matches(self, *arguments: object) -> bool:
        try:
            if len(arguments) != 2 or not all(isinstance(argument, str) for argument in arguments):
                raise ExpressionError("type error: matches(…) needs a text and a pattern", missing="")
            text, pattern = cast("tuple[str, str]", arguments)
            self._allowance.spend(regex_cost(text, pattern))
            return regex_matches(text, pattern)
        except BaseException as error:  # noqa: BLE001 - as above
            self.failure = error
            return False


def _find(variables: Mapping[str, Any], reference: Reference) -> Any:
    value: Any = variables
    for key in (reference.root, *reference.keys):
        if not isinstance(value, Mapping) or key not in value:
            return value
        value = value[key]
    return value


def _weight(value: Any) -> int:
    total, level = 0, [value]
    for _ in range(MAX_VALUE_DEPTH):
        below: list[Any] = []
        total += _ITEM * len(level)
        for item in level:
            if isinstance(item, str):
                total += len(item)
            elif isinstance(item, Mapping):
                total += sum(len(key) for key in item if isinstance(key, str))
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
            elif isinstance(item, int):
                if not _SMALLEST_INTEGER <= item <= _LARGEST_INTEGER:
                    raise ExpressionError("refers to a whole number beyond 64 bits")
            elif item is not None and not isinstance(item, float):
                raise ExpressionError(f"refers to a value of type {type(item).__name__}, which isn't JSON")
        if not below:
            return total
        if total > MAX_COST // _CONVERSION:
            raise too_costly()
        level = below
    raise ExpressionError(f"refers to a value of more than {MAX_VALUE_DEPTH} levels; refer to a part of it")
