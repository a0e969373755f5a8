"""The state of a workflow, as far as decisions need it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .events import JobCode
from .snapshot import WorkflowSnapshot, snapshot_of


@dataclass(slots=True)
class WorkflowState:
    """The last save of a workflow, which version is live, and whether it is archived."""

    workflow_id: str
    version: int = 0
    """Of the last event; 0: there is no workflow."""
    saved_version: int = 0
    """Of the last save."""
    saved: Mapping[str, Any] | None = None
    """Body of the last save."""
    live_version: int = 0
    """Of the save that runs start with; 0: every save is a draft that was never released."""
    archived: Mapping[str, Any] | None = None
    """Body of the event that archived it, until it is restored."""
    recorded_at: int = 0

    @property
    def code(self) -> Mapping[str, JobCode]:
        """The job code of the last save."""
        return {} if self.saved is None else self.saved["code"]

    @property
    def name(self) -> str | None:
        """What people call the workflow, where that isn't its id."""
        return None if self.saved is None else self.saved.get("name")

    @property
    def is_live(self) -> bool:
        """Whether the last save is the live version."""
        return self.live_version == self.saved_version

    def stands_at(self, version: int) -> bool:
        """Whether the last save is what this version shows."""
        return self.saved_version <= version <= self.version

    def snapshot(self, *, is_latest: bool = True, is_live: bool | None = None) -> WorkflowSnapshot:
        """The last save, which there must be; ``is_live=None``: as this state says."""
        assert self.saved is not None  # noqa: S101 - a workflow begins with a save
        return snapshot_of(
            self.saved_version,
            self.saved,
            is_latest=is_latest,
            is_live=self.is_live if is_live is None else is_live,
            archived=self.archived is not None,
        )
