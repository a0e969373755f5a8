"""Values of applications as JSON: for lists in files, which accept more types than the log does."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, time
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from ...domain.errors import InvalidValue
from ...domain.values.json import MAX_DEPTH, freeze


def to_json_value(value: Any, path: str, depth: int = 0) -> Any:
    """The value as JSON: times are ISO 8601, a Decimal or UUID is text, an Enum its value, integers of any size.

    Raises InvalidValue with its path for a value that JSON can't represent: NaN, an infinity, bytes, other objects.
    """
    if value is None or type(value) in (bool, int, str):
        return value
    if depth > MAX_DEPTH:
        raise InvalidValue(path[:80], f"nested deeper than {MAX_DEPTH} levels, or a value that contains itself")
    if isinstance(value, Enum):
        return to_json_value(value.value, path, depth + 1)
    if isinstance(value, float):
        if not isfinite(value):
            raise InvalidValue(path, f"{value} is not JSON; use None or text")
        return float(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, str | Decimal | UUID):
        return str(value)
    if isinstance(value, BaseModel):
        return freeze(value, path)
    if isinstance(value, Mapping):
        return _object(value, path, depth)
    if isinstance(value, list | tuple):
        return [to_json_value(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(value)]
    if is_dataclass(value) and not isinstance(value, type):
        return {
            one.name: to_json_value(getattr(value, one.name), f"{path}.{one.name}", depth + 1) for one in fields(value)
        }
    raise InvalidValue(path, f"a value of type {type(value).__name__} can't be written; make it text or a number")


def _object(value: Mapping[Any, Any], path: str, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, item in value.items():
        plain = to_json_value(key, f"{path}, a key", depth + 1)
        name = plain if isinstance(plain, str) else json.dumps(plain)
        if name in found:
            raise InvalidValue(path, f"two of its keys are {name!r} in JSON")
        found[name] = to_json_value(item, f"{path}.{name}", depth + 1)
    return found
