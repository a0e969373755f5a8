"""The meter on a CEL expression while it runs.

The interpreter can't be interrupted, so work is charged before it is done: all work that the expression does once,
before it begins, and each round of a loop at its beginning, by the costs that ``cost`` derives from the source.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

from ....domain.errors import ExpressionError
from ....domain.expressions.language import MAX_COST, Allowance, too_costly
from ....domain.expressions.references import Reference
from .cost import CONVERSION, ITEM, Sum
from .guard import Guarded
from .regex import regex_cost, regex_matches

MAX_VALUE_DEPTH = 64
"""Levels of nesting of a value that is read. Conversion recurses, with a KB of stack for each."""

_LARGEST_INTEGER = 2**64 - 1
_SMALLEST_INTEGER = -(2**63)


def charge_reading(guarded: Guarded, variables: Mapping[str, Any], allowance: Allowance) -> list[int]:
    """Charge for the work that an evaluation does once: convert the inputs, evaluate, convert the result.

    Returns the values of the cost's variables. Raises ExpressionError for too much data, and for data that isn't JSON.
    """
    values, branches, weights = [1], dict[tuple[Any, ...], int](), dict[int, int]()
    for reference in guarded.references:
        value = _find(variables, reference)
        weight = weights.get(id(value), -1)
        if weight < 0:
            weight = weights[id(value)] = _weigh(value)
            allowance.spend(weight * CONVERSION)
        values.append(weight)
        values.append(weight)
        if len(reference.keys) > 1:
            branch = (reference.root, reference.keys[0])
            branches[branch] = branches.get(branch, 0) + weight
    if branches:  # the interpreter copies each value that it steps into, with all else that is read of it
        for number, reference in enumerate(guarded.references):
            steps = len(reference.keys) - 1
            if steps > 0:
                values[2 + 2 * number] += steps * (branches[reference.root, reference.keys[0]] + steps * ITEM)
    values += [0] * (2 * len(guarded.costs.loops))
    for column in guarded.costs.columns:
        values += _weigh_column(_find(variables, guarded.references[column.reference]), column.field)
    allowance.spend(_value(guarded.costs.total, values))
    return values


class Meter:
    """Charges the loops of one evaluation to the allowance, and stops it when nothing is left."""

    __slots__ = ("_allowance", "_costs", "_is_new", "_largest", "_values", "failure", "functions")

    def __init__(self, guarded: Guarded, variables: Mapping[str, Any], allowance: Allowance) -> None:
        """Raises ExpressionError as ``charge_reading`` does."""
        self._allowance = allowance
        self._costs = guarded.costs
        self._values = charge_reading(guarded, variables, allowance)
        self.failure: BaseException | None = None
        self.functions: dict[str, Callable[..., Any]] = {}
        loops = self._costs.loops
        self._is_new = [True] * len(loops)
        """Whether the next round of a loop is its first."""
        self._largest = [
            _weigh_largest(_find(variables, guarded.references[loop.runs_over]))
            if loop.runs_over >= 0 and loop.reads_largest
            else 0
            for loop in loops
        ]
        for number in range(len(loops)):
            self.functions[f"{guarded.prefix}{number}"] = self._ticker(number)
        if "matches" in guarded.source:
            self.functions[f"{guarded.prefix}matches"] = self._matches

    # The interpreter calls these, and logs and rewords errors that they raise. So they store the error instead.

    def _ticker(self, number: int) -> Callable[[], bool]:
        values, is_new, spend = self._values, self._is_new, self._allowance.spend
        own = self._costs.loops[number]
        made, inside, has_list = own.made, own.inside, own.macro in ("map", "filter")
        passed_on, into, times = own.passed_on
        charge = added = taken = kept = rounds = 0

        def tick() -> bool:
            nonlocal charge, added, taken, kept, rounds
            try:
                for at in inside:  # its result of the last round is in this loop's list now
                    values[self._costs.loops[at].made] = 0
                    is_new[at] = True
                if is_new[number]:
                    is_new[number] = False
                    values[made + 1] = self._largest[number] or _value(own.range, values)
                    added = _value(own.added, values)
                    taken, kept = _value(own.taken, values), _value(own.kept, values)
                    charge = _value(own.round, values) + added * passed_on
                    rounds = 0
                if has_list:  # the interpreter copies the list for each element
                    spend(charge + values[made] + min(taken * rounds, kept))
                    rounds += 1
                    values[made] += added
                    values[into] += added * times
                else:
                    spend(charge)
            except BaseException as error:  # noqa: BLE001 - evaluate() raises it, also a KeyboardInterrupt
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


def _value(terms: Sum, values: list[int]) -> int:
    return sum([values[variable] * times for variable, times in terms.items()])


def _find(variables: Mapping[str, Any], reference: Reference) -> Any:
    value: Any = variables
    for key in (reference.root, *reference.keys):
        if not isinstance(value, Mapping) or key not in value:
            return value
        value = value[key]
    return value


def _weigh_largest(value: Any) -> int:
    """The weight of the largest element of a loop over the value."""
    if isinstance(value, Mapping):
        return max((ITEM + _length(key) for key in value), default=ITEM)
    return max(map(_weigh, value), default=ITEM) if isinstance(value, list) else ITEM


def _weigh_column(value: Any, field: str | None) -> tuple[int, int]:
    """The weight of a field in all elements, and the largest one; without a field, of the elements themselves."""
    items = value if isinstance(value, list) else []
    if field is not None:
        items = [item[field] for item in items if isinstance(item, dict) and field in item]
    elif isinstance(value, dict):
        items = list(cast("dict[str, Any]", value).values())
    weights = [_weigh(item) for item in items]
    return ITEM * (1 + len(value) if isinstance(value, dict | list) else 1) + sum(weights), max(weights, default=ITEM)


def _length(text: object) -> int:
    """Bytes of a text at most; 0 for a key that is a number."""
    return 0 if not isinstance(text, str) else len(text) if text.isascii() else 4 * len(text)


def _weigh(value: Any) -> int:
    kind = type(value)
    if kind is str:
        return ITEM + (len(value) if value.isascii() else 4 * len(value))
    if kind is float or kind is bool or value is None:
        return ITEM
    total, level = 0, [value]
    for _ in range(MAX_VALUE_DEPTH):
        below: list[Any] = []
        total += ITEM * len(level)
        for item in level:
            if isinstance(item, str):
                total += len(item) if item.isascii() else 4 * len(item)
            elif isinstance(item, dict):
                total += _add_fields(item, below)
            elif isinstance(item, list):
                below.extend(item)
            elif isinstance(item, int):
                if not _SMALLEST_INTEGER <= item <= _LARGEST_INTEGER:
                    raise ExpressionError("refers to a whole number beyond 64 bits")
            elif isinstance(item, Mapping):
                total += _add_fields(item, below)
            elif item is not None and not isinstance(item, float):
                raise ExpressionError(f"refers to a value of type {type(item).__name__}, which isn't JSON")
        if not below:
            return total
        if total > MAX_COST // CONVERSION:
            raise too_costly()
        level = below
    raise ExpressionError(f"refers to a value of more than {MAX_VALUE_DEPTH} levels; refer to a part of it")


def _add_fields(fields: Mapping[Any, Any], below: list[Any]) -> int:
    """The weight of the keys; adds the values to the next level."""
    below.extend(fields.values())
    keys = "".join(key for key in fields if isinstance(key, str))
    return ITEM * len(fields) + _length(keys)
