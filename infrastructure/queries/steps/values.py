"""Filters of steps by value: what an attempt got and gave, and what its run was given."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ....domain.errors import EventNotReadable, InvalidRequest
from ....domain.expressions.language import Allowance
from ....domain.run import STEP_COMPLETED
from ....projections.search import LEFT_OUT, MISFITS, document_of
from ....projections.steps.rows import StepRow
from ...storage.event_store import LedgerEventStore
from ...storage.recorder import EventRow
from ..search.filters import Filter, parse_filters

_OF_RUN: Final = ("payload", "metadata")

NAMES: Final = ("input", "output", "error", *_OF_RUN)
"""What filters see: of the attempt, and of its run."""

_EVENT = 10_000
"""Cost of reading an event from the log: ten microseconds."""


def step_filters(where: str | Sequence[str]) -> Sequence[Filter]:
    """Raises InvalidRequest, with the place, for a syntax error."""
    return parse_filters(where, NAMES)


class StepValues:
    """Evaluates filters on the events of steps, all on one allowance."""

    def __init__(self, store: LedgerEventStore, filters: Sequence[Filter]) -> None:
        self._store = store
        self._filters = filters
        self._reads_run = any(not one.roots.isdisjoint(_OF_RUN) for one in filters)
        self._allowance = Allowance()

    def matching(self, rows: Sequence[StepRow]) -> list[StepRow]:
        """Those for whose values every filter is true. Raises InvalidRequest when that costs too much."""
        documents = dict(self._documents(rows))
        return [row for row in rows if (found := documents.get(row.position)) is not None and self._meets(found)]

    def _meets(self, document: Mapping[str, Any]) -> bool:
        return all(one.matches(document, self._allowance) for one in self._filters)

    def _documents(self, rows: Sequence[StepRow]) -> Iterator[tuple[int, dict[str, Any]]]:
        """What filters see of each step, by its position. What can't be read meets none."""
        of_runs = self._of_runs(list({row.run_id for row in rows})) if self._reads_run else {}
        for event in self._store.rows_at([(row.run_id, row.version) for row in rows]):
            self._pay()
            try:
                yield event.position, {**of_runs.get(event.stream, {}), **self._of_step(event)}
            except (EventNotReadable, *MISFITS):
                continue

    def _of_step(self, event: EventRow) -> dict[str, Any]:
        data = self._store.opened_body(event)
        found: dict[str, Any] = {"input": data.get("input", {})}
        if (error := data.get("error")) is not None:
            found["error"] = {"type": error["type"], "message": error["message"]}
        elif event.type == STEP_COMPLETED:
            found["output"] = data.get("output")
        return found

    def _of_runs(self, run_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Payload and metadata of the runs, by run id."""
        found: dict[str, dict[str, Any]] = {}
        for run_id, entry in self._store.search.entries(run_ids).items():
            document: Mapping[str, Any] = entry.document
            if not document.get(LEFT_OUT, {}).keys().isdisjoint(_OF_RUN):
                try:
                    document = document_of(self._events(run_id))
                except (EventNotReadable, *MISFITS):
                    continue
            found[run_id] = {name: document[name] for name in _OF_RUN if name in document}
        return found

    def _events(self, run_id: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for event in self._store.read(run_id):
            self._pay()
            yield event.type, event.data

    def _pay(self) -> None:
        if not self._allowance.take(_EVENT):
            raise too_costly()


def too_costly() -> InvalidRequest:
    return InvalidRequest(
        "this list would have to look at too many steps one by one: narrow it down by workflow, node, status or time"
    )
