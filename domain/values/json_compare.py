"""When two JSON values are the same, and the canonical text of one.

To Python 1, 1.0 and true are equal, and so are 0.0 and -0.0. As JSON text they differ.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def same_json(one: Any, other: Any) -> bool:
    """Whether both have the same canonical text: the order of keys doesn't count, types of numbers do."""
    if one is other:
        return True
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same_json(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_json, one, other))
    return same_scalar(one, other)


def same_scalar(one: Any, other: Any) -> bool:
    """The same of values that aren't both objects or both arrays."""
    return type(one) is type(other) and one == other and (type(one) is not float or repr(one) == repr(other))


def canonical_json(value: Any) -> str:
    """Compact JSON text with sorted keys: the same values have the same text."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def json_digest(value: Any) -> str:
    """SHA-256 (hex) of the canonical JSON text."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
