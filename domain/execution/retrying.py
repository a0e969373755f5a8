"""Whether a failed attempt is followed by another one, and when."""

from datetime import datetime
from typing import Final

from ..errors import RetryLater, StepCancelled
from ..values.clock import LATEST, micros
from ..workflow.retry_policy import FATAL, RetryPolicy

_ASKED_FOR: Final = RetryPolicy()
"""The policy of a retry that the executor itself asks for, where its node has none."""


def retry_time(policy: RetryPolicy | None, error: BaseException, attempt: int, now: int, chance: float) -> int | None:
    """When the attempt that failed with this error is followed by another; None: it isn't.

    Times are microseconds since 1970; ``attempt`` is 1 for the first; ``chance``, from 0 to 1, is that of the jitter.
    """
    if isinstance(error, (*FATAL, StepCancelled)):
        return None
    asked = error.after if isinstance(error, RetryLater) else None
    if policy is None:
        if asked is None:
            return None
        policy = _ASKED_FOR
    if not policy.allows(attempt) or not policy.covers(error):
        return None
    if isinstance(asked, datetime):
        return min(max(now, micros(asked)), LATEST)
    return now + round((policy.delay(attempt, chance) if asked is None else asked) * 1_000_000)
