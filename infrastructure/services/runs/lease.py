"""How long a worker that is gone keeps its runs."""

from typing import Final

from ....domain.errors import InvalidRequest
from ....domain.visible import quoted

LEASE: Final = 30.0
"""Seconds, unless it is said."""

LEAST_LEASE: Final = 0.1
LONGEST_LEASE: Final = 24 * 60 * 60.0


def read_lease(seconds: object) -> int:
    """A lease in microseconds. Raises InvalidRequest."""
    if type(seconds) not in (int, float) or not LEAST_LEASE <= seconds <= LONGEST_LEASE:  # type: ignore[operator]
        raise InvalidRequest(
            f"lease {quoted(seconds)} is not a number of seconds from {LEAST_LEASE:g} to {LONGEST_LEASE:,g}"
        )
    return round(seconds * 1_000_000)  # type: ignore[operator]
