"""How often a JSON Schema validator visits the data when it lists all errors.

Validity is decided fast, as the validator caches its result for each value. But a list of all errors follows every path
through the schema to a value. A schema that refers to itself twice for the same value, such as
``{"properties": {"a": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}}``, doubles the paths on each level of the data. So
paths are counted before, in time linear in the parts of schema and data, however many paths there are.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple, cast
from urllib.parse import unquote

_IN_PLACE = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else")
_IN_PLACE_BY_NAME = ("dependentSchemas", "dependencies")
_OF_FIELDS = ("additionalProperties", "unevaluatedProperties", "propertyNames")
_OF_ITEMS = ("items", "prefixItems", "additionalItems", "contains", "unevaluatedItems")
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")

Schema = dict[str, Any]


class _Step(NamedTuple):
    """From a part of a schema to another one. ``kind`` is the part of the value that it applies to: all of it
    (``whole``), every field, the field called ``name``, every item."""

    kind: str
    name: str
    part: Schema


class SchemaCost:
    """Counts how often a schema visits data."""

    __slots__ = ("_named", "_root", "_steps")

    def __init__(self, schema: Any) -> None:
        self._root = cast("Schema", schema) if isinstance(schema, dict) else Schema()
        self._named: dict[str, list[Schema]] | None = None
        self._steps: dict[int, list[_Step]] = {}

    def is_within(self, visits: int, data: Any) -> bool:
        """Whether parts of the schema visit parts of the data at most so many times."""
        counted: dict[tuple[int, int], int] = {}
        waiting: list[tuple[Schema, Any, list[tuple[Schema, Any]] | None]] = [(self._root, data, None)]
        while waiting:
            schema, value, below = waiting.pop()
            key = (id(schema), id(value))
            if below is not None:
                counted[key] = 1 + sum([counted[id(part), id(item)] for part, item in below])
                if counted[key] > visits:
                    return False
            elif key not in counted:
                if len(counted) >= visits:
                    return False
                counted[key] = 1  # the validator stops where it returns to itself for the same value
                below = list(islice(self._below(schema, value), visits))
                if len(below) == visits:
                    return False
                waiting.append((schema, value, below))
                waiting += [(part, item, None) for part, item in below]
        return True

    def _below(self, schema: Schema, value: Any) -> Iterator[tuple[Schema, Any]]:
        fields = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
        for kind, name, part in self._steps_of(schema):
            if kind == "whole":
                yield part, value
            elif kind == "items":
                yield from ((part, item) for item in (value if isinstance(value, list) else ()))
            elif kind == "fields":
                yield from ((part, item) for item in fields.values())
            elif name in fields:
                yield part, fields[name]

    def _steps_of(self, schema: Schema) -> list[_Step]:
        found = self._steps.get(id(schema))
        if found is None:
            found = [_Step(kind, name, part) for kind, name, part in self._find_steps(schema) if isinstance(part, dict)]
            self._steps[id(schema)] = found
        return found

    def _find_steps(self, schema: Schema) -> Iterator[tuple[str, str, Any]]:
        in_place = [part for keyword in _IN_PLACE for part in _listed(schema.get(keyword))]
        in_place += [part for keyword in _IN_PLACE_BY_NAME for _, part in _named(schema.get(keyword))]
        in_place += [part for keyword in _REFERENCES for part in self._referred(schema.get(keyword))]
        for part in in_place:
            yield "whole", "", part
            if "unevaluatedProperties" in schema or "unevaluatedItems" in schema:
                yield "whole", "", part  # evaluated parts are determined by evaluating them again
        for name, part in _named(schema.get("properties")):
            yield "field", name, part
        for _, part in _named(schema.get("patternProperties")):
            yield "fields", "", part
        for keyword in _OF_FIELDS:
            yield "fields", "", schema.get(keyword)
        for keyword in _OF_ITEMS:
            for part in _listed(schema.get(keyword)):
                yield "items", "", part

    def _referred(self, reference: Any) -> list[Schema]:
        """The parts that a reference may lead to: one, several of the same name, or all if it can't be resolved."""
        if not isinstance(reference, str):
            return []
        if self._named is None:
            self._named = {}
            for named in _parts(self._root):
                for key, sign in (("$anchor", "#"), ("$dynamicAnchor", "#"), ("$id", ""), ("id", "")):
                    if isinstance(name := named.get(key), str):
                        self._named.setdefault(sign + name, []).append(named)
        if reference in self._named:
            return self._named[reference]
        part: Any = self._root
        for key in reference.removeprefix("#").split("/")[1:]:
            name = unquote(key).replace("~1", "/").replace("~0", "~")
            if isinstance(part, list):
                part = part[int(name)] if re.fullmatch("[0-9]{1,6}", name) and int(name) < len(part) else None
            else:
                part = part.get(name) if isinstance(part, dict) else None
        if part is None:
            return list(_parts(self._root))
        return [cast("Schema", part)] if isinstance(part, dict) else []


def _parts(value: Any) -> Iterator[Schema]:
    """All objects in a schema."""
    below = [value]
    while below:
        part = below.pop()
        if isinstance(part, dict):
            yield cast("Schema", part)
            below.extend(cast("Schema", part).values())
        elif isinstance(part, list):
            below.extend(part)


def _named(value: Any) -> list[tuple[str, Any]]:
    return list(cast("Schema", value).items()) if isinstance(value, dict) else []


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
