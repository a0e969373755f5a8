"""Which runs a command is about: the filters of a history query, and the runs that they find."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from ...presentation.inputs import read_moment, read_workflow_at
from ...presentation.search_lag import furthest_behind, tell_behind
from .progress import progress_bar
from .session import Session

if TYPE_CHECKING:
    from ....ledger.ledger import Ledger

StartedBy = Annotated[str | None, typer.Option("--started-by", metavar="WHO", help="Who started them.")]

_A_PAGE = 1_000


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

    def find(self, ledger: "Ledger", as_of: datetime) -> "Found":
        """The runs that the filters find at that time. A search takes in first all that was written.

        Raises InvalidRequest, WorkflowNotFound, StorageError.
        """
        if self.text is not None or self.where:
            with progress_bar("searching") as tell:
                ledger.search.catch_up(progress=tell)
        run_ids: list[str] = []
        behind: float | None = None
        after: str | None = None
        while True:
            page = ledger.history.runs(
                self.workflow_id, self.version, status=self.status or None, node=self.node, error_type=self.error_type,
                by=self.started_by, since=self.since, until=self.until, text=self.text, where=self.where,
                as_of=as_of, after=after, limit=_A_PAGE,
            )  # fmt: skip
            run_ids += (run.id for run in page)
            behind = furthest_behind(behind, page.behind)
            after = page.next
            if after is None:
                return Found(run_ids[::-1], behind)


class Found(NamedTuple):
    """Runs that filters found, oldest first; ``behind`` where the search for them may have missed some: see Page."""

    run_ids: list[str]
    behind: float | None

    def tell(self, session: Session) -> None:
        """Tell people that some may be missing; the command then doesn't end as if all was well."""
        tell_behind(self.behind)
        if self.behind:
            session.exit_code = 1


def selection(
    workflow: str | None, status: list[str] | None, node: str | None, error_type: str | None,
    started_by: str | None, since: str | None, until: str | None, text: str | None, where: list[str] | None,
) -> Selection:  # fmt: skip
    """The filters as they were typed. Raises InvalidRequest for what is no time."""
    return Selection(
        *read_workflow_at(workflow), tuple(status or ()), node, error_type, started_by,
        read_moment(since, "--since"), read_moment(until, "--until"), text, tuple(where or ()),
    )  # fmt: skip
