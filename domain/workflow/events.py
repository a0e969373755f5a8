"""The events of a workflow."""

from typing import Any, Final, NotRequired

from typing_extensions import TypedDict

from ..events.envelope import Distribution, Recorded


class JobCode(TypedDict):
    """The code behind one node type, as it was registered at a save."""

    name: str
    """Qualified name of the executor."""
    digest: str
    """SHA-256 (hex) of the source text; of the qualified name where there is no source."""
    distribution: NotRequired[Distribution]
    """What the executor's module was installed with; absent for a module that belongs to none, such as a script."""
    source: NotRequired[str]
    """Absent where Python can't tell it (built in, or typed at a prompt)."""


class WorkflowSaved(Recorded):
    """A save that changed something. The first one is ``workflow.created``, later ones ``workflow.saved``."""

    workflow_id: str
    definition: dict[str, Any]
    digest: str
    code: dict[str, JobCode]
    """By node type."""
    snapshot_id: str
    name: NotRequired[str]
    """What people call the workflow; absent: its id."""
    message: NotRequired[str]


class WorkflowArchived(Recorded):
    """From here on the workflow is neither saved nor started, until it is restored."""

    workflow_id: str
    reason: NotRequired[str]


class WorkflowRestored(Recorded):
    """The archive taken back. An old definition that becomes the newest one is a ``workflow.saved``."""

    workflow_id: str
    reason: NotRequired[str]


CREATED: Final = "workflow.created"
SAVED: Final = "workflow.saved"
ARCHIVED: Final = "workflow.archived"
RESTORED: Final = "workflow.restored"

SAVES = frozenset({CREATED, SAVED})
