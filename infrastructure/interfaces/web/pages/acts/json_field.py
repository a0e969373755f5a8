"""JSON that somebody has typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ......domain.errors import InvalidRequest
from .....files.text import parse_json


def read_json(form: Mapping[str, str], name: str) -> Any:
    """The value in a field. Raises InvalidRequest, which names the field, also where nothing is in it."""
    typed = form.get(name, "")
    if not typed.strip():
        raise InvalidRequest(f"{name} is empty: give it as JSON")
    return parse_json(typed, name)


def read_object(form: Mapping[str, str], name: str) -> dict[str, Any] | None:
    """The object in a field; None where nothing is in it. Raises InvalidRequest."""
    if not form.get(name, "").strip():
        return None
    value = read_json(form, name)
    if not isinstance(value, dict):
        raise InvalidRequest(f"{name} is no JSON object")
    return value
