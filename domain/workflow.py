"""The Workflow aggregate: the saved history of one definition. Events, then state and evolve, then decisions."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NotRequired

from typing_extensions import TypedDict

from .catalogue import event_type
from .clock import moment
from .definition import WorkflowDefinition
from .errors import StaleVersion
from .jsonvalue import freeze
from .ports import NewEvent
from .run import Recorded

# --- events -----------------------------------------------------------------------------------------------------------


class JobCode(TypedDict):
    """The code behind one node type, as it was registered at a save."""

    name: str
    """Qualified name of the executor."""
    digest: str
    """SHA-256 (hex) of the source text; of the qualified name where there is no source."""
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
    message: NotRequired[str]


CREATED = event_type("workflow.created", WorkflowSaved)
SAVED = event_type("workflow.saved", WorkflowSaved)

SAVES = frozenset({CREATED, SAVED})

# --- state ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WorkflowSnapshot:
    """Read-only: a definition as it was at one save, with the code behind it, who saved it and when."""

    workflow_id: str
    version: int
    snapshot_id: str
    """Seven characters, for people."""
    definition: WorkflowDefinition
    code: Mapping[str, JobCode]
    """By node type."""
    digest: str
    """SHA-256 (hex) of the definition."""
    message: str | None
    by: str
    taken_at: datetime
    is_latest: bool
    input: Any = None
    """As seen from a run: that run's payload."""

    def with_input(self, payload: Any) -> "WorkflowSnapshot":
        """The same, as seen from a run that was started with this payload."""
        return replace(self, input=payload)


def snapshot_of(version: int, data: Mapping[str, Any], *, is_latest: bool) -> WorkflowSnapshot:
    """The WorkflowSnapshot that a save recorded."""
    return WorkflowSnapshot(
        workflow_id=data["workflow_id"],
        version=version,
        snapshot_id=data["snapshot_id"],
        definition=WorkflowDefinition.model_validate(data["definition"]),
        code=freeze(data["code"]),
        digest=data["digest"],
        message=data.get("message"),
        by=data["by"],
        taken_at=moment(data["recorded_at"]),
        is_latest=is_latest,
    )


# --- decisions --------------------------------------------------------------------------------------------------------


def save(
    latest: tuple[int, Mapping[str, Any]] | None, head: int,
    definition: WorkflowDefinition, code: Mapping[str, JobCode], *,
    workflow_id: str, by: str, message: str | None, expected_version: int | None, now: int,
) -> NewEvent | None:  # fmt: skip
    """Save a definition over the latest save (its version and body); None when nothing changed.

    Raises StaleVersion when the save was based on another version than the latest one.
    """
    version, data = latest if latest is not None else (0, None)
    if expected_version is not None and expected_version != version:
        saved_by, saved_at = (data["by"], data["recorded_at"]) if data is not None else ("nobody", now)
        raise StaleVersion(workflow_id, expected_version, version, saved_by, moment(saved_at))
    if data is not None and data["digest"] == definition.digest and data["code"] == code:
        return None
    event: dict[str, Any] = {
        "recorded_at": now if data is None else max(now, data["recorded_at"]),
        "by": by,
        "workflow_id": workflow_id,
        "definition": definition.to_data(),
        "digest": definition.digest,
        "code": code,
        "snapshot_id": snapshot_id(workflow_id, head + 1, definition.digest),
    }
    if message is not None:
        event["message"] = message
    return NewEvent(CREATED if data is None else SAVED, event)


def snapshot_id(workflow_id: str, version: int, digest: str) -> str:
    """Seven characters that stand for one save."""
    seed = f"{workflow_id}\0{version}\0{digest}".encode()
    return base64.b32encode(hashlib.sha256(seed).digest()).decode()[:7].lower()
