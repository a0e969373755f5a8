"""Validation of node data by an executor's input schema: a pydantic model, or a JSON Schema."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from ....domain.errors import Fault, InputInvalid, InvalidRequest, InvalidValue, input_invalid
from ....domain.execution.plan import InputValidator
from ....domain.values.json import MAX_VALUE_BYTES, freeze, size_of, thaw
from ....domain.visible import quoted
from .schema_cost import SchemaCost


@dataclass(frozen=True, slots=True)
class InputResult:
    """Valid data: as read-only JSON with defaults filled in, and as a model instance where the schema is a model."""

    data: Any
    model: Any


def compile_input(schema: type[BaseModel] | Mapping[str, Any]) -> InputValidator:
    """Compile a schema. Raises InvalidRequest if it isn't a pydantic model or a valid JSON Schema.

    A ``$ref`` stays within the schema: nothing is fetched from anywhere.
    """
    if isinstance(schema, Mapping):
        return SchemaInput(schema)
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        return _ModelInput(schema)
    raise InvalidRequest(f"an input schema is a pydantic model or a JSON Schema, not {quoted(schema)}")


class _ModelInput:
    __slots__ = ("_model",)

    def __init__(self, model: type[BaseModel]) -> None:
        self._model = model

    def validate(self, data: Any, node_id: str) -> InputResult:
        try:
            model = self._model.model_validate(data)
            dumped = model.model_dump(mode="json", by_alias=True)
            # Keys unknown to the model stay, and keys keep their order.
            kept = data | dumped if isinstance(data, dict) and isinstance(dumped, dict) else dumped
            return InputResult(freeze(kept, "data"), model)
        except ValidationError as error:
            issues = (Fault(_dotted(issue["loc"]), issue["msg"]) for issue in error.errors(include_url=False))
            raise _invalid(node_id, issues) from None
        except (
            Exception
        ) as error:  # validators and serializers of a model are the caller's code: any error fails the step
            raise _invalid(node_id, [Fault("", f"{type(error).__name__}: {error}")]) from error


class SchemaInput:
    """A JSON Schema. ``fills``: whether the defaults that it names are put into the data."""

    __slots__ = ("_cost", "_fill", "_has_choices", "_patterns", "_schema", "_validators")

    def __init__(self, schema: Mapping[str, Any], *, fills: bool = True) -> None:
        try:
            self._schema = thaw(freeze(schema, "schema"))
        except InvalidValue as error:
            raise InvalidRequest(f"not a valid JSON Schema: {error}") from None
        self._validators: dict[int, Any] = {}
        self._patterns = 0
        """How many patterns it has, if one of them needs a backtracking engine."""
        try:
            self._validators[0] = _compile(self._schema, 0)
        except InvalidRequest:
            self._validators[_BACKTRACKING[0]] = _compile(self._schema, _BACKTRACKING[0])
            self._patterns = json.dumps(self._schema).count('"pattern')
        self._cost = SchemaCost(self._schema)
        written = json.dumps(self._schema)
        self._has_choices = '"anyOf"' in written or '"oneOf"' in written
        """Whether one error may contain many: those of each of the choices."""
        self._fill = _compile_defaults(self._schema) if fills else None

    def validate(self, data: Any, node_id: str) -> InputResult:
        filled = data if self._fill is None else self._fill(data)
        validator = self._validators[0] if not self._patterns else self._backtracking(filled, node_id)
        if not validator.is_valid(filled):
            raise _invalid(node_id, self._issues(validator, filled))
        frozen = freeze(filled, "data")
        return InputResult(frozen, frozen)

    def _issues(self, validator: Any, data: Any) -> Iterable[Fault]:
        """The faults of invalid data. The validator lists all errors at once, each with a copy of its value; so where
        that could be too much, only the first.
        """
        _, levels = _count_parts(data)
        if levels * size_of(data) <= MAX_VALUE_BYTES and self._cost.is_within(_MAX_LISTED, data):
            return map(_issue, validator.iter_errors(data))
        if not self._has_choices:
            try:
                validator.validate(data)
            except ValueError as error:
                return [_issue(error), Fault("", "there may be more; there is too much of it to tell all of them")]
        return [Fault("", "it doesn't fit the input schema; there is too much of it to tell where")]

    def _backtracking(self, data: Any, node_id: str) -> Any:
        """A validator whose patterns may backtrack so often for each text that all together take seconds at most."""
        texts = _count_parts(data)[0] * self._patterns
        steps = next((steps for steps in _BACKTRACKING if texts * steps <= _MAX_STEPS), None)
        if steps is None:
            raise _invalid(node_id, [Fault("", f"it has {texts:,} values for patterns that look ahead or refer back")])
        if steps not in self._validators:
            self._validators[steps] = _compile(self._schema, steps)
        return self._validators[steps]


_BACKTRACKING = (1_000_000, 100_000, 10_000, 1_000)
"""Limits of steps for a pattern with look-ahead or back references; one step takes 20 ns."""

_MAX_STEPS = 200_000_000

_MAX_LISTED = 150_000
"""Visits up to which all errors are listed. Each may find one: 20 µs, 1.4 KB."""


def _count_parts(data: Any) -> tuple[int, int]:
    """How many values and keys there are in JSON, and on how many levels."""
    count, levels, level = 0, 0, [data]
    while level:
        count += len(level)
        levels += 1
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                fields = cast("dict[str, Any]", value)
                count += len(fields)
                below.extend(fields.values())
            elif isinstance(value, list):
                below.extend(value)
        level = below
    return count, levels


def _compile(schema: Any, steps: int) -> Any:
    """A validator; 0 ``steps`` for the pattern engine without backtracking.

    Raises InvalidRequest for an invalid schema, and for a pattern that this engine doesn't support.
    """
    import jsonschema_rs  # imported late: only needed for JSON Schemas

    options = jsonschema_rs.FancyRegexOptions(backtrack_limit=steps) if steps else jsonschema_rs.RegexOptions()
    try:
        return jsonschema_rs.validator_for(schema, retriever=_refuse, validate_formats=True, pattern_options=options)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        reason = error.message if isinstance(error, jsonschema_rs.ValidationError) else str(error)
        raise InvalidRequest(f"not a valid JSON Schema: {reason}") from None


def _refuse(uri: str) -> Any:
    raise ValueError(f"$ref to {uri!r} is outside of the schema, and nothing is fetched: put it into $defs")


_Fill = Callable[[Any], Any]


def _compile_defaults(schema: Any) -> _Fill | None:
    """A function that fills in the ``default`` of missing properties, all the way down; None if there is none."""
    if not isinstance(schema, dict):
        return None
    rules = cast("dict[str, Any]", schema)
    properties = rules.get("properties")
    known = cast("dict[str, Any]", properties) if isinstance(properties, dict) else {}
    defaults = {key: rule["default"] for key, rule in known.items() if isinstance(rule, dict) and "default" in rule}
    fills = {key: filler for key, rule in known.items() if (filler := _compile_defaults(rule)) is not None}
    of_items = _compile_defaults(rules.get("items"))
    if not defaults and not fills and of_items is None:
        return None

    def fill(value: Any) -> Any:
        if isinstance(value, dict):
            fields = defaults | value
            return fields | {key: deeper(fields[key]) for key, deeper in fills.items() if key in fields}
        if isinstance(value, list) and of_items is not None:
            return [of_items(item) for item in value]
        return value

    return fill


def _issue_path(error: Any) -> str:
    """The path of the error; for a missing property that of the property."""
    path = list(error.instance_path)
    if error.kind.name == "required":
        path.append(error.kind.property)
    return _dotted(path)


def _dotted(path: Any) -> str:
    return ".".join(str(part) for part in path)


def _invalid(node_id: str, issues: Iterable[Fault]) -> InputInvalid:
    rest = iter(issues)
    kept = list(islice(rest, MAX_ISSUES))
    return input_invalid(node_id, kept, len(kept) + sum(1 for _ in rest))


MAX_ISSUES = 50
"""The most issues reported for one input."""


def _issue(error: Any) -> Fault:
    """The fault. A large value, with which the message begins, is replaced by its size."""
    message: str = error.message
    if len(message) > _LONG:
        value = error.instance
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        if len(text) > _LONG // 2 and message.startswith(text):
            message = f"{_size(value)}{message.removeprefix(text)}"
        elif len(message) > 10 * _LONG:  # the value may be anywhere in it
            message = f"{message[:_LONG]}…"
    return Fault(_issue_path(error), message)


_LONG = 400
"""Characters of a message above which the value is replaced."""


def _size(value: Any) -> str:
    if isinstance(value, str):
        return f"a text of {len(value):,} characters"
    return f"an object of {len(value):,} keys" if isinstance(value, dict) else f"an array of {len(value):,} items"
