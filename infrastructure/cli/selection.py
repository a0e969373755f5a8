"""Which runs a command is about: the filters of a history query, and the runs that they find."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated

import typer

from ..doors.history import History
from .inputs import read_moment, read_workflow_at

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

    def run_ids(self, history: History, as_of: datetime) -> list[str]:
        """The runs that the filters found at that time, oldest first. Raises InvalidRequest, WorkflowNotFound."""
        return list(self._newest_first(history, as_of))[::-1]

    def _newest_first(self, history: History, as_of: datetime) -> Iterator[str]:
        after: str | None = None
        while True:
            page = history.runs(
                self.workflow_id, self.version, status=self.status or None, node=self.node, error_type=self.error_type,
                by=self.started_by, since=self.since, until=self.until, text=self.text, where=self.where,
                as_of=as_of, after=after, limit=_A_PAGE,
            )  # fmt: skip
            yield from (run.id for run in page.items)
            after = page.next
            if after is None:
                return


def selection(
    workflow: str | None, status: list[str] | None, node: str | None, error_type: str | None,
    started_by: str | None, since: str | None, until: str | None, text: str | None, where: list[str] | None,
) -> Selection:  # fmt: skip
    """The filters as they were typed. Raises InvalidRequest for what is no time."""
    return Selection(
        *read_workflow_at(workflow), tuple(status or ()), node, error_type, started_by,
        read_moment(since, "--since"), read_moment(until, "--until"), text, tuple(where or ()),
    )  # fmt: skip
