"""The event catalogue: stable type names, the schema of each body, and upcasters from the schemas of the past.

A name, once stored, is never renamed or reused: the log outlives the code. A body changes its schema by a new version
and an upcaster from the one before, so that readers only ever meet today's shape.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config
from pydantic_core import SchemaValidator

from ..errors import InvalidRequest, InvalidValue
from ..lazy import lazy
from ..locks import lock_of
from ..values.json import render_path

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
"""Takes a body of one schema version and returns it in the next; it may change its argument."""

ENVELOPE_KEYS = ("recorded_at", "by")
"""What every body must have: microseconds since 1970 (UTC), and the actor."""

VERSION_KEY = "v"
"""Where a stored body keeps its schema version; absent means 1. No schema may use the key itself."""

_CONFIG = ConfigDict(extra="forbid", strict=True)


@dataclass(frozen=True, eq=False)
class EventType:
    """One kind of event: its stable name, the TypedDict of its body, and how older bodies become today's."""

    name: str
    schema: type[Any]
    version: int = 1
    upcasters: Mapping[int, Upcaster] = field(default_factory=dict[int, Upcaster])
    """Schema version → upcaster to the next one, for every version before today's."""

    def validate(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The body as a new dict, checked strictly against the schema; values typed ``Any`` are taken as they are.

        Raises InvalidValue with the path of the first fault.
        """
        try:
            body: dict[str, Any] = self._validator.validate_python(data)
        except ValidationError as error:
            fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
            raise InvalidValue(self.name + render_path(fault["loc"]), fault["msg"]) from None
        return body

    def upcast(self, data: dict[str, Any]) -> dict[str, Any]:
        """A stored body in today's schema, without its version key. Raises InvalidValue for an unknown version."""
        stored = data.pop(VERSION_KEY, 1)
        if type(stored) is not int or not 1 <= stored <= self.version:
            raise InvalidValue(
                f"{self.name}.{VERSION_KEY}",
                f"schema version {stored!r} is unknown, this code knows 1 to {self.version}: upgrade flowledger",
            )
        for version in range(stored, self.version):
            data = self.upcasters[version](data)
        return data

    @lazy
    def _validator(self) -> SchemaValidator:
        # Built on first use: a store that only reads never pays for it, and neither does an import.
        with lock_of(self):  # pydantic holds a lock meanwhile, which stays locked in a child forked right then
            adapter: TypeAdapter[Any] = TypeAdapter(self.schema)
        validator = adapter.validator
        assert isinstance(validator, SchemaValidator)  # noqa: S101 - a plugin's wrapper would slow every append
        return validator


EVENT_TYPES: dict[str, EventType] = {}
"""Every event type that this process knows, by name."""


def event_type(
    name: str, schema: type[Any], *, version: int = 1, upcasters: Mapping[int, Upcaster] | None = None
) -> str:
    """Enter an event type into the catalogue and return its name.

    ``schema`` is a TypedDict (that of ``typing_extensions`` before Python 3.12, as pydantic wants it) with at least
    ``recorded_at: int`` and ``by: str``; keys that it doesn't name are refused, and nothing is coerced. Raises
    InvalidRequest when the name is taken by another schema, a key is reserved or missing, or an upcaster is missing.
    """
    steps = dict(upcasters or {})
    keys = getattr(schema, "__annotations__", {})
    missing = [key for key in ENVELOPE_KEYS if key not in keys]
    if missing or VERSION_KEY in keys:
        fault = f"lacks {' and '.join(missing)}" if missing else f"uses the reserved key {VERSION_KEY!r}"
        raise InvalidRequest(f"the schema of event type {name!r} {fault}")
    if sorted(steps) != list(range(1, version)):
        raise InvalidRequest(
            f"event type {name!r} at schema version {version} needs an upcaster for each older version"
        )
    known = EVENT_TYPES.get(name)
    if known is not None and (known.schema is not schema or known.version != version):
        raise InvalidRequest(f"the event type {name!r} is in the catalogue already, with another schema")
    EVENT_TYPES[name] = EventType(name, with_config(_CONFIG)(schema), version, steps)
    return name


def upcast(name: str, data: dict[str, Any]) -> dict[str, Any]:
    """A stored body of the type ``name`` in today's schema; may change ``data``. Raises InvalidValue."""
    known = EVENT_TYPES.get(name)
    if known is None:
        raise InvalidValue(name, "an unknown event type: it was written by other code or a newer flowledger")
    if known.version == 1 and VERSION_KEY not in data:
        return data
    return known.upcast(data)
