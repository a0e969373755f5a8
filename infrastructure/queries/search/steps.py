"""The steps and failures in a page of the log, as rows of their lists."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ....domain.errors import EventNotReadable
from ....domain.run import STARTED
from ....projections.search import MISFITS
from ....projections.steps.rows import RanVersion, StepRows, add_event, is_listed, ran_version

if TYPE_CHECKING:
    from ...storage.reader import EventReader
    from ...storage.recorder import EventRow


class StepCollector:
    """Takes the readable events of a page, in order. What a run executes says its first event."""

    def __init__(self, store: "EventReader", page: "Sequence[EventRow]") -> None:
        self._store = store
        self.rows = StepRows([], [])
        begun = {row.stream for row in page if row.type == STARTED}
        others = {row.stream for row in page if is_listed(row.type) and isinstance(row.stream, str)} - begun
        self._ran = dict(self._look_up(sorted(others)))

    def add(self, row: "EventRow", data: Mapping[str, Any]) -> None:
        """Take the next event. One of a run whose first event can't be read is left out. Raises one of MISFITS."""
        if row.type == STARTED:
            self._ran[row.stream] = ran_version(data)
        elif is_listed(row.type) and (ran := self._ran.get(row.stream)) is not None:
            add_event(self.rows, (row.stream, row.version, row.position), row.type, data, ran)

    def _look_up(self, runs: Sequence[str]) -> "list[tuple[str, RanVersion]]":
        found: list[tuple[str, RanVersion]] = []
        for row in self._store.rows_at([(run_id, 1) for run_id in runs]) if runs else ():
            try:
                found.append((row.stream, ran_version(self._first(row))))
            except (EventNotReadable, *MISFITS):
                continue  # the search says so of the run, at its first event
        return found

    def _first(self, row: "EventRow") -> Mapping[str, Any]:
        """Of a large event only the beginning is read, where that is enough."""
        if row.encoded is None:
            start = self._store.beginning(row.stream, 1)
            if start is not None and "workflow_version" in start.data:
                return start.data
        return self._store.body(row)
