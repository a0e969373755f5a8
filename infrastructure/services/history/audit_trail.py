"""The audit trail, a page at a time: the index says where the acts are, the events what they were."""

from datetime import datetime

from ....domain.errors import EventNotReadable, InvalidRequest, StorageCorrupt, StorageError
from ....domain.ports import EventStore
from ....domain.visible import quoted
from ....projections.index.query import Place
from ....projections.index.rows import ActRow
from ....projections.pagination import Page
from ....projections.runs.audit_trail import KINDS, Act, act_of, damaged_act
from ...queries.cursors import make_page, parse_cursor
from ...queries.index.reader import Index
from ...queries.listing import check_id, check_limit, check_text, check_time
from ...repositories.missing import missing_run


def load_trail(
    store: EventStore,
    index: Index,
    by: str | None,
    stream: str | None,
    since: datetime | None,
    until: datetime | None,
    kind: str | None,
    channel: str | None,
    after: str | None,
    limit: int,
) -> Page[Act]:
    """A page of acts, newest first. Raises InvalidRequest, RunNotFound."""
    check_limit(limit)
    filters = (
        check_text(by, "by"),
        check_id(stream, "stream"),
        check_time(since, "since"),
        check_time(until, "until"),
        _family(kind),
        check_text(channel, "channel"),
    )
    rows = index.acts(*filters, parse_cursor(after, filters), limit + 1)
    if not rows and after is None and stream is not None and store.head(stream) == 0:
        raise missing_run(store, stream)  # an empty trail would hide a mistyped id
    page = make_page(rows, limit, lambda row: Place(row.recorded_at, row.position), filters)
    try:
        acts = list(map(act_of, store.events_at([(row.stream, row.version) for row in page])))
    except _DAMAGED:
        acts = [_act_of(store, row) for row in page]
    return Page(tuple(acts), page.next)


def _family(kind: str | None) -> str | None:
    """What the types of events of a kind of acts begin with. Raises InvalidRequest."""
    if kind is None:
        return None
    if check_text(kind, "kind") not in KINDS:
        raise InvalidRequest(f"kind {quoted(kind)} is none of {', '.join(KINDS)}")
    return KINDS[kind]


_DAMAGED = (EventNotReadable, StorageCorrupt, LookupError, TypeError, ValueError, AttributeError)
"""The errors of an event that was changed, or whose body isn't that of an act."""


def _act_of(store: EventStore, row: ActRow) -> Act:
    """One act: where its event can't be read, what the index knows of it."""
    try:
        return act_of(store.events_at([(row.stream, row.version)])[0])
    except _DAMAGED as error:
        return damaged_act(row, str(error) if isinstance(error, StorageError) else f"its body is no {row.type!r}")
