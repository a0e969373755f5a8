"""Comparing an audit that was filed with what a store says of the same run at the same version."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ...domain.values.json_compare import json_digest

_OF_THE_STORE = re.compile(r"/provenance/streams/\d+/(first|last)Position|/(interventions|attempts)/\d+/position")
"""Where events lie in a store; another store, or the same after a restore, has them elsewhere."""

_OF_OTHERS = "/sinceSuccess"
"""What is told of an earlier run, which an export leaves behind."""


def is_as_filed(document: Mapping[str, Any]) -> bool:
    """Whether the document's own digest is that of the rest of it."""
    return document.get("digest") == json_digest({key: value for key, value in document.items() if key != "digest"})


def differences(filed: Any, now: Any, place: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Where, by JSON Pointer, what was filed isn't what the store says: what was filed, and what it says.

    Positions don't count, nor what a later release says besides, nor the last success before where the store lacks it.
    """
    if _OF_THE_STORE.fullmatch(place) or (place == _OF_OTHERS and now is None):
        return
    if isinstance(filed, dict) and isinstance(now, dict):
        for key, value in filed.items():
            yield from differences(value, now.get(key), f"{place}/{key.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(filed, list) and isinstance(now, list) and len(filed) == len(now):
        for number, (one, other) in enumerate(zip(filed, now, strict=True)):
            yield from differences(one, other, f"{place}/{number}")
    elif json_digest(filed) != json_digest(now):
        yield place, filed, now
