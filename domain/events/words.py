"""Words that events of several aggregates share."""

from collections.abc import Mapping
from typing import Any


def describe_reason(data: Mapping[str, Any]) -> str:
    """The reason that the body gives; empty where it gives none."""
    reason: str = data.get("reason", "")
    return reason


def because(reason: str | None) -> str:
    """A reason behind what was done, where one was given."""
    return "" if reason is None else f": {reason}"
