"""From when on a store's history is whole: what the records of removals say, asked anew where there is another one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from ...domain.errors import EventNotReadable
from ...domain.values.clock import moment
from ...projections.history_beginning import HistoryBeginning
from ...projections.pagination import Page

if TYPE_CHECKING:
    from ..storage.reader import EventReader

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Removals:
    """What a process knows of the records."""

    count: int
    """How many there are, which tells of new ones: none ever goes."""
    upto: int
    at: datetime | None
    """Since when history is whole. None: no event behind what was removed can be read."""
    records: tuple[Mapping[str, Any], ...]
    """What each begins with, the oldest first."""


class HistoryBeginnings:
    """Where nothing was removed it costs one look at an index, and else a count by another. What the records begin with
    a process reads once, and again when there is a new one, in one statement."""

    def __init__(self, store: "EventReader") -> None:
        self._store = store
        self._known = _Removals(0, 0, None, ())

    def find(self, workflow_id: str | None = None, since: datetime | None = None) -> HistoryBeginning | None:
        """What is missing of the runs of a workflow, or of all, from ``since`` on; None where nothing is."""
        removals = self._removals()
        if removals.at is None or (since is not None and since >= removals.at):
            return None
        about = [each for each in removals.records if workflow_id is None or _takes(each["policy"], workflow_id)]
        if not about:
            return None
        last, runs = about[-1], sum(each["run_count"] for each in about)
        return HistoryBeginning(removals.at, runs, moment(last["recorded_at"]), last["by"], last["policy"])

    def mark(
        self,
        page: Page[T],
        workflow_id: str | None,
        since: datetime | None,
        time_of: Callable[[T], datetime] | None = None,
    ) -> Page[T]:
        """The page, with what is missing of it. ``time_of`` an item, where the newest come first: older ones are on
        other pages."""
        if time_of is not None and page.next is not None:
            oldest = time_of(page[-1])
            since = oldest if since is None else max(since, oldest)
        begins = self.find(workflow_id, since)
        return page if begins is None else replace(page, begins=begins)

    def _removals(self) -> _Removals:
        table, known = self._store.removals, self._known
        upto = 0 if table is None else table.upto()
        if table is None or not upto:
            return known
        count = table.count()
        if (count, upto) != (known.count, known.upto):
            read = self._store.removal_beginnings()
            records = sorted((data for data in read if data["run_count"]), key=lambda data: data["recorded_at"])
            self._known = known = _Removals(count, upto, self._time_behind(upto), tuple(records))
        return known

    def _time_behind(self, position: int) -> datetime | None:
        """When the first event was recorded that is there behind a position, and can be read."""
        table = self._store.removals
        while table is not None and (found := table.first_behind(position)) is not None:
            stream, version, position = found
            try:
                return self._store.events_at([(stream, version)])[0].recorded_at
            except EventNotReadable:
                continue
        return None


def _takes(policy: Mapping[str, Any], workflow_id: str) -> bool:
    """Whether runs of the workflow may have gone under a policy."""
    return policy.get("workflow_id") in (None, workflow_id)
