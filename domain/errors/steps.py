"""What fails a step, or keeps a first one from being taken."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from ..visible import quoted, visible
from .base import FlowledgerError
from .requests import Fault, InvalidValue


class WorkOrderRejected(FlowledgerError):
    """The first node's input schema refuses the input, so no run was started.

    The work order is kept with its input: ``runs.retry(error.work_order_id)`` runs it on a version that takes it.
    ``issues``: each path inside the node's data, and what is wrong. Values from ``globals`` are masked.
    """

    def __init__(self, work_order_id: str, reason: str, issues: Sequence[Fault] = ()) -> None:
        self.work_order_id = work_order_id
        self.reason = reason
        self.issues: tuple[Fault, ...] = tuple(issues)
        super().__init__(f"work order {visible(work_order_id)} was rejected, and is kept to be retried: {reason}")


class NonRetryable(FlowledgerError):
    """Raise it in an executor to fail the step for good, whatever the retry policy says.

    Its message is the application's and isn't escaped: a secret in an escaped text might not be recognised.
    """

    __str__ = Exception.__str__


class RetryLater(FlowledgerError):
    """Raise it in an executor to have the step tried again at a time that it knows, such as that of a rate limit.

    ``after``: in how many seconds, or when, an aware datetime. It is due exactly then, with no backoff or jitter, and
    counts as an attempt: it is tried again as often as the retry policy allows, or three times where there is none.
    ``on`` of the policy needn't name it, ``never`` may. Raises InvalidValue, which fails the step for good, where
    ``after`` is neither, or more than ten years ahead. Its message is the application's, as that of NonRetryable.
    """

    __str__ = Exception.__str__

    after: float | datetime = 0.0
    """Seconds, or an aware datetime."""

    def __init__(self, message: str = "", *, after: float | datetime) -> None:
        super().__init__(message)
        if isinstance(after, datetime):
            try:
                after.astimezone(UTC)
                is_aware = after.utcoffset() is not None
            except (OverflowError, ValueError):
                is_aware = False
            if not is_aware:
                raise InvalidValue("after", f"{quoted(after)} can't be told in UTC: give an aware datetime, or seconds")
        elif isinstance(after, bool) or not isinstance(after, int | float) or not after >= 0:
            raise InvalidValue("after", f"{quoted(after)} is neither seconds, 0 or more, nor an aware datetime")
        elif after > LONGEST_DELAY:
            raise InvalidValue("after", f"{quoted(after)} seconds are more than ten years: give a datetime if so")
        self.after = after


LONGEST_DELAY = 10 * 366 * 24 * 3600.0
"""Seconds: ten years, which is "never" for a retry."""


class StepTimedOut(FlowledgerError, TimeoutError):
    """An executor took longer than the ``timeout`` of its node or registration: the failure of that step.

    The retry policy decides whether it is tried again. What the executor brings about later isn't recorded.
    """

    def __init__(self, node_id: str, timeout: float) -> None:
        self.node_id = node_id
        """Of the step."""
        self.timeout = timeout
        """Seconds."""
        super().__init__(f"node {quoted(node_id)} took longer than its timeout of {timeout:g} s")


class StepCancelled(FlowledgerError):
    """An async executor was cancelled, as another worker took its run over: what comes of it is recorded nowhere.

    The call that executed it raises ConcurrencyError.
    """

    def __init__(self, node_id: str, reason: str) -> None:
        self.node_id = node_id
        """Of the step."""
        self.reason = reason
        """``"taken over"``."""
        super().__init__(f"node {quoted(node_id)} was stopped while it worked: its run was {reason}")


class EffectNotRecorded(FlowledgerError):
    """A reproduction or a fork came to a node that acts on the world, and what comes of it is not on record.

    Nothing was recorded there, or an attempt without an end, or what came of another answer. This is the failure of
    that step; nothing is executed or retried. Name the executor's type with ``effects=`` to have it executed.
    """

    def __init__(self, node_id: str, type: str, run_id: str) -> None:
        self.node_id = node_id
        self.type = type
        self.run_id = run_id
        super().__init__(
            f"node {quoted(node_id)} acts on the world, and run {quoted(run_id)} doesn't say what comes of it here, so "
            f"it was not executed: name its type with effects=({quoted(type)},) to have it executed"
        )


class ExpressionError(FlowledgerError):
    """An expression in node data can't be read or evaluated. The message never holds values from ``globals``."""

    def __init__(self, message: str, *, missing: str | None = None) -> None:
        self.missing = missing
        """The missing key or index, if that is the cause; "" where the value has no parts at all."""
        super().__init__(message)


class InputInvalid(FlowledgerError):
    """A node's data breaks its executor's input schema. ``issues``: each path inside the data, and what is wrong.

    They are the first ones of ``count``: a list for each of a million items helps no reader.
    """

    def __init__(self, message: str, issues: Sequence[Fault], *, node_id: str = "", count: int | None = None) -> None:
        self.issues: tuple[Fault, ...] = tuple(issues)
        self.node_id = node_id
        self.count = len(self.issues) if count is None else count
        super().__init__(message)


def input_invalid(node_id: str, issues: Sequence[Fault], count: int) -> InputInvalid:
    """The error of a node whose data have ``count`` issues; ``issues`` are the first ones."""
    listed = json.dumps([issue._asdict() for issue in issues], ensure_ascii=False, separators=(",", ":"))
    more = "" if count <= len(issues) else f" and {count - len(issues):,} more, {count:,} in all"
    return InputInvalid(f"Validation failed for node '{node_id}': {listed}{more}", issues, node_id=node_id, count=count)
