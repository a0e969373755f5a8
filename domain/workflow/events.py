"""The events of a workflow."""

from typing import Any, Final, NotRequired

from typing_extensions import TypedDict

from ..events.envelope import Distribution, Keyed


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


class WorkflowSaved(Keyed):
    """A save that changed something. The first one is ``workflow.created``, later ones ``workflow.saved``."""

    workflow_id: str
    definition: dict[str, Any]
    digest: str
    code: dict[str, JobCode]
    """By node type."""
    snapshot_id: str
    name: NotRequired[str]
    """What people call the workflow; absent: its id."""
    renamed: NotRequired[bool]
    """It has another name than the save before."""
    restored_version: NotRequired[int]
    """The version whose definition came back with this save."""
    live_version: NotRequired[int]
    """Of a draft: the version that stayed live, 0 where there was none. Absent: this one is live."""
    message: NotRequired[str]


class WorkflowArchived(Keyed):
    """From here on the workflow is neither saved nor started, until it is restored."""

    workflow_id: str
    reason: NotRequired[str]


class WorkflowRestored(Keyed):
    """The archive taken back. An old definition that becomes the newest one is a ``workflow.saved``."""

    workflow_id: str
    restored_version: NotRequired[int]
    """The version that was asked for."""
    reason: NotRequired[str]


class WorkflowReleased(Keyed):
    """A version became the live one, which runs start with, until the next release, or the next save but a draft."""

    workflow_id: str
    version: int
    """Of the save that is live from here on."""
    unchanged: NotRequired[bool]
    """A command with a key changed nothing: the live version is the one that it was (0: none)."""
    message: NotRequired[str]


CREATED: Final = "workflow.created"
SAVED: Final = "workflow.saved"
ARCHIVED: Final = "workflow.archived"
RESTORED: Final = "workflow.restored"
RELEASED: Final = "workflow.released"

SAVES = frozenset({CREATED, SAVED})
