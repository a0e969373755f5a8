"""The list of open waits: its filters, its pages, and what is asked, which stands in the events."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from ...domain.errors import FlowledgerError, StorageUnavailable
from ...domain.run import PAUSED
from ...domain.run.waits import OpenWait, open_wait
from ...projections.index.query import Place, WaitQuery
from ...projections.index.rows import WaitRow
from ...projections.pagination import Page
from ...projections.runs.open_waits import WaitSummary, wait_summary
from ..storage.event_store import LedgerEventStore
from .cursors import make_page, parse_cursor
from .index.reader import Index
from .listing import check_id, check_limit, check_text, check_time, check_workflow

InheritedWait = Callable[[str, int], OpenWait | None]
"""What a run waits for at a version, folded: of a fork, whose own events don't say what its source asked."""


def wait_query(workflow_id: str | None, node: str | None, due_before: datetime | None) -> WaitQuery:
    """Check the filters. Raises InvalidRequest."""
    return WaitQuery(
        check_id(workflow_id, "workflow_id"), check_text(node, "node"), check_time(due_before, "due_before")
    )


def waits_page(
    store: LedgerEventStore, index: Index, query: WaitQuery, after: str | None, limit: int, inherited: InheritedWait
) -> Page[WaitSummary]:
    """A page of open waits, those first that were asked first. Raises InvalidRequest, WorkflowNotFound."""
    check_limit(limit)
    rows = index.waits(replace(query, behind=parse_cursor(after, query)), limit + 1)
    if not rows and after is None and query.workflow_id is not None:
        check_workflow(index, query.workflow_id, None)
    page = make_page(rows, limit, lambda row: Place(row.asked_at, row.position), query)
    return Page(tuple(_summaries(store, page.items, inherited)), page.next)


def _summaries(store: LedgerEventStore, rows: Sequence[WaitRow], inherited: InheritedWait) -> Iterator[WaitSummary]:
    """The rows with what is asked. A question that can't be read isn't listed."""
    events = {event.stream: event for event in store.rows_at([(row.run_id, row.wait_version) for row in rows])}
    for row in rows:
        event = events.get(row.run_id)
        try:
            if event is not None and event.type == PAUSED:
                asked: OpenWait | None = open_wait(store.opened_body(event), event.version)
            else:
                asked = inherited(row.run_id, row.wait_version)
            if asked is not None:
                yield wait_summary(row, asked)
        except StorageUnavailable:
            raise
        except (FlowledgerError, LookupError, TypeError, ValueError, OverflowError):
            continue  # its body isn't that of a pause; verify says so, and the others are listed
