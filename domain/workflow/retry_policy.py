"""When a failed step is tried again."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from ..errors import Fault, InvalidDefinition
from ..visible import quoted

Backoff = Literal["fixed", "exponential"]

LONGEST_DELAY = 10 * 366 * 24 * 3600.0
"""Seconds. Exponential delays outgrow the calendar after some fifty attempts; ten years is "never" for a retry."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """``max_retries`` tries after the first one; numbers may be given as text (``"3"``).

    Raises InvalidDefinition for anything that isn't a number in range, or an unknown backoff.
    """

    max_retries: int = 3
    interval: float = 1.0
    """Seconds before the first retry."""
    backoff: Backoff = "fixed"
    """``fixed``: always ``interval``; ``exponential``: doubled after each attempt."""
    jitter: float = 0.0
    """By how much chance may shorten or lengthen a delay, as a part of it, 0 to 1."""
    max_interval: float | None = None
    """The longest delay, in seconds."""

    def __post_init__(self) -> None:
        faults: list[Fault] = []

        def number(name: str, least: float, most: float = math.inf) -> float:
            given = getattr(self, name)
            try:
                value = float(given) if not isinstance(given, bool) else math.nan
            except (TypeError, ValueError, OverflowError):
                value = math.nan
            if not (math.isfinite(value) and least <= value <= most):
                span = f"a number from {least:g} to {most:g}" if most < math.inf else f"a number, {least:g} or more"
                faults.append(Fault(f"retry.{name}", f"{quoted(given)} is not {span}"))
                return least
            return value

        max_retries = number("max_retries", 0)
        if max_retries != int(max_retries):
            faults.append(Fault("retry.max_retries", f"{quoted(self.max_retries)} is not a whole number"))
        object.__setattr__(self, "max_retries", int(max_retries))
        object.__setattr__(self, "interval", number("interval", 0))
        object.__setattr__(self, "jitter", number("jitter", 0, 1))
        if self.max_interval is not None:
            object.__setattr__(self, "max_interval", number("max_interval", 0))
        if self.backoff not in ("fixed", "exponential"):
            faults.append(Fault("retry.backoff", f"{quoted(self.backoff)} is unknown; use 'fixed' or 'exponential'"))
        if faults:
            raise InvalidDefinition(faults)

    def allows(self, attempt: int) -> bool:
        """Whether a failure of this attempt (1 for the first) is followed by another."""
        return attempt <= self.max_retries

    def delay(self, attempt: int, chance: float = 0.5) -> float:
        """Seconds to wait after this attempt failed.

        ``chance``, from 0 to 1, says where in the span of the jitter; that span ends at the longest delay, so retries
        stay spread when they have reached it.
        """
        doublings = min(attempt - 1, 1000) if self.backoff == "exponential" else 0
        longest = LONGEST_DELAY if self.max_interval is None else min(self.max_interval, LONGEST_DELAY)
        wait = min(self.interval * 2.0**doublings, longest)
        least, most = wait * (1 - self.jitter), min(wait * (1 + self.jitter), longest)
        return min(least + (most - least) * chance, most)  # which rounding may exceed


_KEYS = {
    "".join((part.capitalize() if index else part) for index, part in enumerate(f.name.split("_"))): f.name
    for f in fields(RetryPolicy)
}


def policy_from_json(value: Any, path: str) -> RetryPolicy:
    """A policy as a definition gives it (``maxRetries``, ``interval`` in seconds, …). Raises InvalidDefinition."""
    if not isinstance(value, Mapping):
        raise InvalidDefinition([Fault(path, f"{quoted(value)} is not an object")])
    unknown = [
        Fault(f"{path}.{key}", f"unknown key; known are {', '.join(_KEYS)}") for key in value if key not in _KEYS
    ]
    try:
        policy = RetryPolicy(**{_KEYS[key]: item for key, item in value.items() if key in _KEYS})
    except InvalidDefinition as error:
        unknown += [Fault(fault.path.replace("retry", path, 1), fault.message) for fault in error.faults]
    if unknown:
        raise InvalidDefinition(unknown)
    return policy  # pyright: ignore[reportPossiblyUnboundVariable] - bound unless the constructor added a fault


def policy_of(node: Mapping[str, Any], path: str) -> RetryPolicy | None:
    """The policy of a node, told of its JSON: its ``retry``, or ``metadata.retry``, as it was called before.

    Raises InvalidDefinition, also where it has both.
    """
    metadata, retry = node.get("metadata"), node.get("retry")
    if not isinstance(metadata, Mapping) or "retry" not in metadata:
        return None if retry is None else policy_from_json(retry, f"{path}.retry")
    if retry is not None:
        raise InvalidDefinition([Fault(f"{path}.retry", "the node has one under metadata.retry as well: keep one")])
    return policy_from_json(metadata["retry"], f"{path}.metadata.retry")
