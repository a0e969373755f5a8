"""Notifications, which only the eventsourcing library asks for: its projections and followers read the log by them."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from eventsourcing.persistence import ApplicationRecorder, Notification, Subscription

from ..recorder import LAST, LedgerRecorder, QueryingRecorder
from .subscription import PollingSubscription


class PollingNotifications(LedgerRecorder):
    """A recorder whose subscriptions poll the log."""

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        """The notifications after position ``gt``, as they come; use it as a context manager."""
        return PollingSubscription(self, gt, topics)


class QueriedNotifications(QueryingRecorder, PollingNotifications):
    """Selects notifications by the named query ``notifications``."""

    @abstractmethod
    def types_parameter(self, topics: Sequence[str]) -> Any:
        """The query's parameter that restricts it to some types of events; none given: all types."""

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        rows = self.fetch(
            "notifications",
            start=0 if start is None else start + (not inclusive_of_start),
            stop=LAST if stop is None else stop,
            types=self.types_parameter(topics),
            limit=limit,
        )
        return [Notification(stream, version, type, state, position) for stream, version, position, type, state in rows]
