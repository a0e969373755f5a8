"""What fails a step, or keeps a first one from being taken."""

import json
from collections.abc import Sequence

from ..visible import quoted, visible
from .base import FlowledgerError
from .requests import Fault


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
