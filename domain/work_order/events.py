"""The events of a work order."""

from typing import Any, Final, Literal, NotRequired

from typing_extensions import TypedDict

from ..events.envelope import Keyed, Recorded

RunKind = Literal["retry", "reproduction", "fork"]


class WorkOrderOpened(Recorded):
    workflow_id: str
    run_id: NotRequired[str]
    """The first run, which holds the input; absent when the input was refused: ``work_order.rejected`` follows."""
    key: NotRequired[str]
    """The caller's idempotency key."""
    payload_digest: NotRequired[str]
    """With a key: SHA-256 (hex) of the payload as canonical JSON."""


class Issue(TypedDict):
    """One thing that is wrong with an input: where in the node's data, and what."""

    path: str
    message: str


class WorkOrderRejected(Keyed):
    """The first node's input schema refused the input; values from globals are masked."""

    workflow_id: str
    workflow_version: int
    reason: str
    issues: NotRequired[list[Issue]]
    metadata: NotRequired[dict[str, Any]]
    payload: NotRequired[Any]


class WorkOrderRunAdded(Keyed):
    run_id: str
    kind: RunKind
    key_of: NotRequired[str]
    """With a key: the run that it was given for; absent where that is the work order."""


OPENED: Final = "work_order.opened"
REJECTED: Final = "work_order.rejected"
RUN_ADDED: Final = "work_order.run_added"
