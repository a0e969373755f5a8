"""The trail of actors, page by page: the index knows where their acts are, the streams what they were."""

from datetime import datetime

from ...domain.ports import EventStore
from ...projections.pages import Page
from ...projections.run_query import Place
from ...projections.trail import Act, act_of
from ..index.reader import Index
from .cursors import cursor, place_at
from .lists import check_limit, checked_id, checked_text, checked_time


def trail(
    store: EventStore, index: Index, by: str | None, stream: str | None, since: datetime | None,
    until: datetime | None, after: str | None, limit: int,
) -> Page[Act]:  # fmt: skip
    """A page of acts, newest first. Raises InvalidRequest."""
    check_limit(limit)
    asked = (
        checked_text(by, "by"),
        checked_id(stream, "stream"),
        checked_time(since, "since"),
        checked_time(until, "until"),
    )
    rows = index.acts(*asked, place_at(after, asked), limit + 1)
    last = rows[limit - 1] if len(rows) > limit else None
    following = None if last is None else cursor(Place(last.recorded_at, last.position), asked)
    events = store.events_at([(row.stream, row.version) for row in rows[:limit]])
    return Page(tuple(map(act_of, events)), following)
