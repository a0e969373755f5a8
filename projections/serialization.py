"""Projections as JSON: attribute names in camelCase, times ISO 8601, recorded values as they are."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any, Final

ADDED: Final = {"added": True}
"""Metadata of a field that an older release didn't have. With its default value it isn't written, so that what was said
of older runs, and its digest, stays the same."""


def to_json_value(value: Any) -> Any:
    """A projection as JSON. Dataclasses become objects; JSON values stay the same objects."""
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        attributes = {field: getattr(value, field.name) for field in fields(value)}
        return to_json_object(
            {field.name: each for field, each in attributes.items() if not field.metadata or each != field.default}
        )
    if isinstance(value, tuple):
        named = getattr(value, "_asdict", None)
        return [to_json_value(item) for item in value] if named is None else to_json_object(named())
    return value


def to_json_object(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of a projection as a JSON object."""
    return {camel(name): to_json_value(value) for name, value in attributes.items()}


def camel(name: str) -> str:
    """``started_at`` as ``startedAt``."""
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)
