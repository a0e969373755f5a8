"""Which runs a command is about: the filters of a history query, and the runs that they find."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from ...presentation.search_lag import furthest_behind, warn_of_lag
from .progress import progress_bar
from .session import Session

if TYPE_CHECKING:
    from ....ledger.ledger import Ledger

_PAGE_SIZE = 1_000


@dataclass(frozen=True, slots=True)
class Selection:
    """The filters that were given."""

    workflow_id: str | None
    version: int | str | None
    status: tuple[str, ...]
    node: str | None
    error_type: str | None
    started_by: str | None
    since: datetime | None
    until: datetime | None
    text: str | None
    where: tuple[str, ...]

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in Selection.__slots__)

    def or_status(self, *status: str) -> "Selection":
        """The same with these statuses, where none was given."""
        return self if self.status else replace(self, status=status)

    def arguments(self) -> dict[str, Any]:
        """The filters as keyword arguments of ``ledger.history.runs``."""
        return {
            "workflow_id": self.workflow_id,
            "version": self.version,
            "status": self.status or None,
            "node": self.node,
            "error_type": self.error_type,
            "by": self.started_by,
            "since": self.since,
            "until": self.until,
            "text": self.text,
            "where": self.where,
        }

    def find(self, ledger: "Ledger", as_of: datetime) -> "Found":
        """The runs that the filters find at that time. A search first indexes everything that was written.

        Raises InvalidRequest, WorkflowNotFound, StorageError.
        """
        if self.text is not None or self.where:
            with progress_bar("searching") as advance:
                ledger.search.catch_up(progress=advance)
        run_ids: list[str] = []
        behind: float | None = None
        after: str | None = None
        while True:
            page = ledger.history.runs(**self.arguments(), as_of=as_of, after=after, limit=_PAGE_SIZE)
            run_ids += (run.id for run in page)
            behind = furthest_behind(behind, page.behind)
            after = page.next
            if after is None:
                return Found(run_ids[::-1], behind)


class Found(NamedTuple):
    """Runs that filters found, oldest first; ``behind`` where the search for them may have missed some: see Page."""

    run_ids: list[str]
    behind: float | None

    def warn(self, session: Session) -> None:
        """Warn that some runs may be missing; the command then exits with 1."""
        warn_of_lag(self.behind)
        if self.behind:
            session.exit_code = 1
