"""A workflow as it was at one save."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..values.clock import moment
from ..values.json import freeze, reduce
from .definition import STORED, WorkflowDefinition
from .events import JobCode


@dataclass(frozen=True, slots=True)
class WorkflowSnapshot:
    """Read-only: a definition as it was at one save, with the code behind it, who saved it and when."""

    workflow_id: str
    version: int
    snapshot_id: str
    """Seven characters that name the save, unique in the store; accepted wherever a version is."""
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
    """As seen from a run: the input of its work order."""
    name: str | None = None
    """What people called the workflow then; None: its id."""
    archived: bool = False
    """Whether the workflow was archived at the version or moment that was asked for."""
    is_live: bool = False
    """Whether it is the version that runs start with now."""

    def __reduce__(self) -> tuple[Any, ...]:
        return reduce(self, "code")


def snapshot_of(
    version: int, data: Mapping[str, Any], *, is_latest: bool, is_live: bool = False, archived: bool = False
) -> WorkflowSnapshot:
    """The WorkflowSnapshot that a save recorded."""
    return WorkflowSnapshot(
        workflow_id=data["workflow_id"],
        version=version,
        snapshot_id=data["snapshot_id"],
        definition=WorkflowDefinition.model_validate(data["definition"], context=STORED),
        code=freeze(data["code"]),
        digest=data["digest"],
        message=data.get("message"),
        by=data["by"],
        taken_at=moment(data["recorded_at"]),
        is_latest=is_latest,
        name=data.get("name"),
        archived=archived,
        is_live=is_live,
    )
