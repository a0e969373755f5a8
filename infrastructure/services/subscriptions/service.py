"""Opening subscriptions, and looking after the names under which positions are kept."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal
from weakref import WeakSet

from ....domain.errors import EventNotReadable, InvalidRequest, NotFound, SubscriptionHeld
from ....domain.values.clock import moment
from ....domain.visible import quoted
from ....projections.subscriptions import SubscriptionStatus
from ...storage.recorder import LAST
from ...storage.subscription_table import KeptPlace, Place, SubscriptionTable
from .feed import Feed
from .follower import Follower
from .names import Held, Leases, check_subscription_name
from .subscription import AsyncSubscription, Source, Subscription, end_subscription

if TYPE_CHECKING:
    from ...storage.event_store import LedgerEventStore

After = int | Literal["now"]


class Subscriptions:
    """The subscriptions of one ledger."""

    def __init__(self, store: "LedgerEventStore", now: Callable[[], int]) -> None:
        self._store = store
        self._now = now
        self._source = Source(Feed(store), Leases(), store.threads)
        self._open: WeakSet[Subscription | AsyncSubscription] = WeakSet()

    def subscribe(self, after: After, name: str | None, *, catch_up: bool, lease: float) -> Subscription:
        """Begin to follow the log. Raises InvalidRequest, SubscriptionHeld, StoreReadOnly, StorageUnavailable."""
        begin = self._prepare(after, name, lease, None if catch_up else self._source.feed)
        subscription = Subscription(self._source, name, begin, catch_up=catch_up)
        self._open.add(subscription)
        return subscription

    def asubscribe(self, after: After, name: str | None, *, catch_up: bool, lease: float) -> AsyncSubscription:
        """The same, but it begins later. Raises InvalidRequest."""
        begin = self._prepare(after, name, lease, None if catch_up else self._source.feed)
        subscription = AsyncSubscription(self._source, name, begin, catch_up=catch_up)
        self._open.add(subscription)
        return subscription

    def list(self) -> list[SubscriptionStatus]:
        """All names, and how far each has come."""
        table = self._store.subscriptions
        return [] if table is None else [self._status(kept) for kept in table.all()]

    def move(self, name: str, after: After) -> None:
        """Let the next follower of a name begin elsewhere. Raises NotFound, SubscriptionHeld, InvalidRequest."""
        check_subscription_name(name)
        _check_after(after)
        table = self._table()
        place = self._place(after)
        if not table.move(name, place, self._now()):
            raise self._refusal(table, name)

    def forget(self, name: str) -> None:
        """Forget a name. Raises NotFound, SubscriptionHeld, InvalidRequest."""
        check_subscription_name(name)
        table = self._table()
        if not table.forget(name, self._now()):
            raise self._refusal(table, name)

    def close(self) -> None:
        """End all subscriptions."""
        for subscription in list(self._open):
            end_subscription(subscription)
        self._source.leases.give_back_dropped()
        self._source.leases.close()
        self._source.feed.close()

    def _prepare(
        self, after: After, name: str | None, lease: float, feed: Feed | None
    ) -> Callable[[], tuple[Follower, Held | None]]:
        _check_after(after)
        if isinstance(lease, bool) or not isinstance(lease, int | float) or not 0 < lease <= LONGEST_LEASE:
            raise InvalidRequest(f"lease {quoted(lease)} is not a number of seconds above 0, at most {LONGEST_LEASE}")
        if name is not None:
            check_subscription_name(name)
            self._table()
        return lambda: self._begin(after, name, max(1, int(lease * 1_000_000)), feed)

    def _begin(self, after: After, name: str | None, lease: int, feed: Feed | None) -> tuple[Follower, Held | None]:
        place = self._place(after)
        if name is None:
            return Follower(self._store, feed, place, None), None
        self._source.leases.give_back_dropped()
        held = Held(self._table(), name, lease, self._now)
        place = held.take(place)
        if place.stream is None and place.position > (head := self._store.last_position()):
            held.give_back()
            raise InvalidRequest(
                f"subscription {quoted(name)} was kept at position {place.position}, and the store ends at {head}: it "
                "has lost events, or is another one; move the subscription to where it is to begin"
            )
        self._source.leases.add(held)
        return Follower(self._store, feed, place, held), held

    def _place(self, after: After) -> Place:
        if after == "now":
            return Place(self._store.settled_position())
        if after and after > (head := self._store.last_position()):
            raise InvalidRequest(
                f"after={after}: the last event of the store is at position {head}; the position is that of another "
                "store, or this one has lost events"
            )
        return Place(after)

    def _status(self, kept: KeptPlace) -> SubscriptionStatus:
        behind, holder = self._store.events_behind(kept.place.position), kept.holder
        return SubscriptionStatus(
            name=kept.name,
            position=kept.place.position,
            behind=behind,
            waiting_since=self._recorded_at(kept.place.position),
            kept_at=moment(kept.kept_at),
            host=holder and holder.host,
            pid=holder and holder.pid,
            lease_until=None if holder is None else moment(kept.lease_until),
        )

    def _recorded_at(self, position: int) -> datetime | None:
        """When the event behind a position was recorded."""
        for row in self._store.log_batch(position, settled=False)[:1]:
            with suppress(EventNotReadable):
                return self._store.recorded(row).recorded_at
        return None

    def _table(self) -> SubscriptionTable:
        table = self._store.subscriptions
        if table is None:
            raise InvalidRequest(
                "a store of your own keeps no positions of subscriptions: keep event.position yourself, and give it as "
                "after= when you subscribe again"
            )
        return table

    def _refusal(self, table: SubscriptionTable, name: str) -> NotFound | SubscriptionHeld:
        for kept in table.all():
            if kept.name == name and kept.holder is not None:
                return SubscriptionHeld(name, kept.holder.host, kept.holder.pid, moment(kept.lease_until))
        return NotFound(f"no subscription {quoted(name)} in this store")


LONGEST_LEASE: Final = 86_400.0


def _check_after(after: object) -> None:
    if after != "now" and (type(after) is not int or not 0 <= after <= LAST):
        raise InvalidRequest(f'after {quoted(after)} is neither the position of an event, nor 0, nor "now"')
