"""Timings from the log: the index lists the runs, and their events are read one run at a time."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ....domain.errors import InvalidRequest
from ....domain.ports import EventStore
from ....domain.values.ids import workflow_stream
from ....domain.visible import quoted
from ....projections.index.query import RunQuery
from ....projections.index.rows import RunRow
from ....projections.runs.timings import Timings, TimingsFold
from ...queries.index.reader import Index
from ...queries.index.runs import place_in
from ...repositories.as_of import event_at

_PAGE_SIZE = 500


def measure_timings(
    store: EventStore,
    index: Index,
    query: RunQuery,
    by: str,
    repeated: bool,
    progress: Callable[[int], object] | None,
) -> Timings:
    """The timings of a workflow's runs; with ``repeated``, reproductions and forks count as well.

    Raises InvalidRequest, WorkflowNotFound.
    """
    workflow_id = query.workflow_id
    workflow = index.workflow(workflow_id) if workflow_id is not None else None
    if workflow is None:
        raise index.missing_workflow(str(workflow_id))
    if by not in ("version", "day"):
        raise InvalidRequest(f'by {quoted(by)} is neither "version" nor "day"')
    fold = TimingsFold(workflow.workflow_id, "version" if by == "version" else "day")
    for row in _runs(index, query):
        if repeated or row.origin in (None, "retry", "adoption"):
            fold.add(row.workflow_version, _events(store, row.run_id))
            if progress is not None:
                progress(fold.runs)

    def load_save(version: int) -> Mapping[str, Any]:
        return event_at(store, workflow_stream(workflow.workflow_id), version).data

    nodes = load_save(workflow.saved_version)["definition"]["nodes"]
    return fold.timings([node["id"] for node in nodes], load_save)


def _events(store: EventStore, run_id: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for page in store.pages(run_id):
        for row in page.rows:
            yield row[1], page.decoder.decode(row)


def _runs(index: Index, query: RunQuery) -> Iterator[RunRow]:
    """All runs that the query finds, newest first, a page at a time."""
    while rows := index.runs(query, _PAGE_SIZE):
        yield from rows
        query = replace(query, before=place_in(rows[-1], query))
