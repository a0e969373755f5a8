"""What checking data against a JSON Schema costs, where it may cost more than the size of the two.

A validator looks at a value once for each way that leads through the schema to it. Mostly that is as often as the
schema has parts. But a schema that refers to itself twice for the same value, such as ``{"properties": {"a": {"allOf":
[{"$ref": "#"}, {"$ref": "#"}]}}}``, doubles it on each level of the data. Such schemas are told apart when they are
compiled. Only for them the visits are counted, before the data is checked: in time by the parts of the schema and of
the data, however many visits there are.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple, cast
from urllib.parse import unquote

from ..domain.jsonvalue import MAX_VALUE_BYTES, size_of

MAX_VISITS = 10_000_000
"""Visits of a part of a schema to a part of the data; each takes some 100 ns."""

MAX_PAIRS = 500_000
"""Parts of the schema × parts of the data that are looked at for counting; each takes 2 µs and 200 bytes."""

_MAX_LISTED = 150_000
"""Visits after which all that is wrong is listed; each may find something, which takes some 20 µs and 1.4 KB."""

_MAX_WAYS = 1_000
"""Ways through a schema that doesn't refer to itself. More of them are counted, too."""

_IN_PLACE = (
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentSchemas",
    "dependencies",
    "contentSchema",
)
_OF_OBJECTS = ("additionalProperties", "unevaluatedProperties", "propertyNames")
_OF_ARRAYS = ("items", "prefixItems", "additionalItems", "contains", "unevaluatedItems")
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")

Schema = dict[str, Any]


class _Step(NamedTuple):
    """From a part of a schema to another one."""

    slot: str | None
    """What of the value it looks at: None for all of it, ``.name`` for a property, ``.`` for any, ``+`` for those that
    ``properties`` doesn't name, ``[`` for any item."""
    schema: Schema


class SchemaCost:
    """Counts visits. ``multiplies``: whether that is needed at all."""

    def __init__(self, schema: Any) -> None:
        self._root = cast("Schema", schema) if isinstance(schema, dict) else {}
        self._named: dict[str, list[Schema]] = {}
        for part in _parts(self._root):
            for key, sign in (("$anchor", "#"), ("$dynamicAnchor", "#"), ("$id", "")):
                if isinstance(name := part.get(key), str):
                    self._named.setdefault(sign + name, []).append(part)
        self._steps: dict[int, list[_Step]] = {}
        self._ways = 0
        """How many ways lead through the schema, once through each part that refers to itself."""
        self.multiplies = self._may_multiply()

    def excess(self, data: Any) -> str | None:
        """Why the data takes too long to be checked; None where it doesn't."""
        try:
            visits = self._count(data)
        except _TooMany:
            return f"there is too much of it for an input schema that refers to itself ({MAX_PAIRS:,} visits to count)"
        if visits > MAX_VISITS:
            return f"the input schema leads to its parts in over {MAX_VISITS:,} ways, doubling them from level to level"
        return None

    def is_listed(self, data: Any) -> bool:
        """Whether all that can be wrong with the data may be listed, in seconds and some 200 MB."""
        visits = self._count(data) if self.multiplies else self._ways * count_parts(data)[0]
        return visits <= _MAX_LISTED and count_parts(data)[1] * size_of(data) <= MAX_VALUE_BYTES

    def _count(self, data: Any) -> int:
        """How often a part of the schema looks at a part of the data, at most."""
        counted: dict[tuple[int, int], int] = {}
        waiting: list[tuple[Schema, Any, list[tuple[Schema, Any]] | None]] = [(self._root, data, None)]
        while waiting:
            schema, value, below = waiting.pop()
            key = (id(schema), id(value))
            if below is not None:
                counted[key] = 1 + sum([counted[id(part), id(item)] for part, item in below])
            elif key not in counted:
                if len(counted) >= MAX_PAIRS:
                    raise _TooMany
                counted[key] = 1  # where it comes back to itself for the same value, the validator stops
                below = list(self._below(schema, value))
                waiting.append((schema, value, below))
                waiting += [(part, item, None) for part, item in below]
        return counted[id(self._root), id(data)]

    def _below(self, schema: Schema, value: Any) -> Iterator[tuple[Schema, Any]]:
        for slot, part in self._steps_of(schema):
            if slot is None:
                yield part, value
            elif slot == "[":
                if isinstance(value, list):
                    yield from ((part, item) for item in value)
            elif isinstance(value, dict):
                fields = cast("dict[str, Any]", value)
                if slot in (".", "+"):
                    named = _names(schema) if slot == "+" else frozenset[str]()
                    yield from ((part, item) for name, item in fields.items() if name not in named)
                elif slot[1:] in fields:
                    yield part, fields[slot[1:]]

    def _may_multiply(self) -> bool:
        """Whether two ways that may go on for ever lead from one value to the same part of it, or over ``_MAX_WAYS``
        lead through a schema that doesn't refer to itself.
        """
        order, recursive = self._explored()
        ways: dict[int, int] = {}
        for schema in order:
            ways[id(schema)] = 1 + sum(ways.get(id(step.schema), 0) for step in self._steps_of(schema))
        self._ways = ways.get(id(self._root), 1)
        if self._ways > _MAX_WAYS:
            return True
        return any(self._most_ways_on(schema, recursive) > 1 for schema in order)

    def _explored(self) -> tuple[list[Schema], set[int]]:
        """All parts that can be reached, those below first; and which of them can come back to where they were."""
        order: list[Schema] = []
        state: dict[int, bool] = {}
        recursive: set[int] = set()
        path: list[tuple[Schema, Iterator[_Step]]] = [(self._root, iter(self._steps_of(self._root)))]
        state[id(self._root)] = True
        above: dict[int, list[int]] = {}
        while path:
            schema, steps = path[-1]
            for step in steps:
                above.setdefault(id(step.schema), []).append(id(schema))
                if id(step.schema) not in state:
                    state[id(step.schema)] = True
                    path.append((step.schema, iter(self._steps_of(step.schema))))
                    break
                if state[id(step.schema)]:
                    recursive.add(id(step.schema))
            else:
                state[id(schema)] = False
                order.append(schema)
                path.pop()
        found = list(recursive)
        while found:  # and who leads to these
            for leading in above.get(found.pop(), ()):
                if leading not in recursive:
                    recursive.add(leading)
                    found.append(leading)
        return order, recursive

    def _most_ways_on(self, schema: Schema, recursive: set[int]) -> int:
        """How many ways lead from a value to the same part of it, of those that may go on for ever; at most 2."""
        slots: Counter[str] = Counter()
        below, seen = [schema], Counter[int]()
        while below:
            part = below.pop()
            seen[id(part)] += 1
            if seen[id(part)] > 2:  # a third time tells no more than the second
                continue
            for slot, step in self._steps_of(part):
                if slot is None:
                    below.append(step)
                elif id(step) in recursive:
                    slots[slot if slot != "+" else "."] += 1
                    if slot == "+":
                        slots.subtract(f".{name}" for name in _names(part))
        any_property = slots.pop(".", 0)
        return max([any_property, *(count + (any_property if slot != "[" else 0) for slot, count in slots.items())])

    def _steps_of(self, schema: Schema) -> list[_Step]:
        found = self._steps.get(id(schema))
        if found is None:
            found = self._steps[id(schema)] = [
                _Step(slot, below) for slot, below in self._find_steps(schema) if isinstance(below, dict)
            ]
        return found

    def _find_steps(self, schema: Schema) -> Iterator[tuple[str | None, Any]]:
        for keyword, value in schema.items():
            if keyword in _REFERENCES:
                yield from ((None, part) for part in self._referred(value))
            elif keyword in _IN_PLACE:
                named = keyword in ("dependentSchemas", "dependencies")
                yield from ((None, below) for below in (_values(value) if named else _listed(value)))
            elif keyword == "properties":
                yield from ((f".{name}", below) for name, below in _fields(value))
            elif keyword == "patternProperties":
                yield from ((".", below) for below in _values(value))
            elif keyword in _OF_OBJECTS:
                yield ("." if keyword == "propertyNames" else "+"), value
            elif keyword in _OF_ARRAYS:
                yield from (("[", below) for below in _listed(value))
        if "unevaluatedProperties" in schema or "unevaluatedItems" in schema:
            # What was evaluated is found out by evaluating it again.
            yield from ((None, below) for keyword in _IN_PLACE for below in _listed(schema.get(keyword)))
            yield from ((None, part) for keyword in _REFERENCES for part in self._referred(schema.get(keyword)))

    def _referred(self, reference: Any) -> list[Schema]:
        if not isinstance(reference, str):
            return []
        if reference in self._named:
            return self._named[reference]
        part: Any = self._root
        for key in reference.removeprefix("#").split("/")[1:]:
            name = unquote(key).replace("~1", "/").replace("~0", "~")
            if isinstance(part, list):
                part = part[int(name)] if re.fullmatch("[0-9]{1,6}", name) and int(name) < len(part) else None
            else:
                part = part.get(name) if isinstance(part, dict) else None
        if isinstance(part, dict):
            return [cast("Schema", part)]
        return [*_parts(self._root)] if part is None else []  # somewhere: it can be anything


def count_parts(data: Any) -> tuple[int, int]:
    """How many values there are in JSON, and on how many levels."""
    count, levels, level = 0, 0, [data]
    while level:
        count += len(level)
        levels += 1
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below.extend(cast("dict[str, Any]", value).values())
            elif isinstance(value, list):
                below.extend(value)
        level = below
    return count, levels


def count_texts(data: Any) -> int:
    """How many texts there are in JSON, keys included."""
    count, below = 0, [data]
    while below:
        value = below.pop()
        if isinstance(value, str):
            count += 1
        elif isinstance(value, dict):
            fields = cast("dict[str, Any]", value)
            count += len(fields)
            below.extend(fields.values())
        elif isinstance(value, list):
            below.extend(value)
    return count


class _TooMany(Exception):
    """Parts of the schema × parts of the data."""


def _parts(value: Any) -> Iterator[Schema]:
    """The objects in a schema, whatever they are."""
    below = [value]
    while below:
        part = below.pop()
        if isinstance(part, dict):
            yield cast("Schema", part)
            below.extend(cast("Schema", part).values())
        elif isinstance(part, list):
            below.extend(part)


def _fields(value: Any) -> list[tuple[str, Any]]:
    return list(cast("Schema", value).items()) if isinstance(value, dict) else []


def _names(schema: Schema) -> frozenset[str]:
    return frozenset(name for name, _ in _fields(schema.get("properties")))


def _values(value: Any) -> list[Any]:
    return list(cast("Schema", value).values()) if isinstance(value, dict) else []


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
