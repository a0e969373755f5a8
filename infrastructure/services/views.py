"""Filters saved under a name, in the store: what one saves, all see."""

from collections.abc import Callable

from ...domain import views as domain
from ...domain.errors import ConcurrencyError
from ...domain.execution.step_loop import check_actor
from ...domain.ports import EventStore, ExpectedVersion, NewEvent, Write
from ...domain.views import VIEWS, View, Views, evolve_views
from ..repositories.optimistic_retry import OptimisticRetry


class SavedViews:
    """Those of one store. Methods raise StorageUnavailable, and those that write StoreReadOnly."""

    def __init__(self, store: EventStore, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now

    def list(self) -> list[View]:
        """All, by their names."""
        return sorted(self._load().views.values(), key=lambda view: view.name.casefold())

    def save(self, name: str, query: str, *, by: str) -> None:
        """Save filters under a name that is free. Raises InvalidRequest, InvalidValue."""
        self._append(by, lambda state: domain.save(state, name, query, by=by, now=self._now()))

    def rename(self, name: str, to: str, *, by: str) -> None:
        """Give them another name, which is free. Raises NotFound, InvalidRequest, InvalidValue."""
        self._append(by, lambda state: domain.rename(state, name, to, by=by, now=self._now()))

    def delete(self, name: str, *, by: str) -> None:
        """Take them off the list. Raises NotFound."""
        self._append(by, lambda state: domain.delete(state, name, by=by, now=self._now()))

    def _append(self, by: str, decide: Callable[[Views], NewEvent]) -> None:
        check_actor(by)
        attempts = OptimisticRetry()
        while True:
            state = self._load()
            expected = state.version or ExpectedVersion.NO_STREAM
            try:
                self._store.append(Write(VIEWS, expected, [decide(state)]))
            except ConcurrencyError as error:
                attempts.check_progress(state.version, error)
            else:
                return

    def _load(self) -> Views:
        state = Views()
        for event in self._store.read(VIEWS):
            evolve_views(state, event.type, event.data)
        return state
