"""How long a step may take."""

from typing import Any

from ..errors import LONGEST_DELAY
from ..visible import quoted


def why_no_timeout(value: Any) -> str | None:
    """Why it isn't a number of seconds that a step may be given; None where it is, or where it is None: no limit."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        return f"{quoted(value)} is no timeout: give seconds, a number over 0"
    return None if value <= LONGEST_DELAY else f"{quoted(value)} seconds are more than ten years: leave it out"
