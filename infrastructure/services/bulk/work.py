"""Working on bulk actions: a few runs at a time, so that whoever works on one can stop, and another can go on."""

from collections.abc import Callable
from typing import Final
from uuid import uuid4

from ....domain.bulk import DIRECTORY, BulkDirectory, BulkState, ItemResult, closed, hand_back, progress, take
from ....domain.errors import ConcurrencyError
from ....domain.ports import ExpectedVersion, NewEvent, Write
from ....domain.values.ids import bulk_stream
from ...repositories.bulk import catch_up, load_bulk, load_directory
from ..runs.lease import LEASE
from ..runs.run_services import RunServices
from .items import do_item

LOT: Final = 20
"""Runs whose results are recorded by one event."""

LEASE_MICROS: Final = round(LEASE * 1_000_000)
"""Microseconds without a result after which somebody else goes on."""


class BulkWork:
    """The work of one process, or of one worker, on the bulk actions of a store."""

    def __init__(self, services: RunServices, by: str, is_stopping: Callable[[], bool] = lambda: False) -> None:
        """``by``: its name, for the log; while ``is_stopping`` says so, it breaks off between two runs."""
        self._services = services
        self._store = services.store
        self._by = by
        self._is_stopping = is_stopping
        self._driver = uuid4().hex
        self._directory: BulkDirectory | None = None
        self._states: dict[str, BulkState] = {}
        """Of those that are open."""

    def advance(self) -> bool:
        """Work on the next runs of the oldest bulk action that nobody else works on; False where there is none.

        Raises StorageError.
        """
        return any(self.advance_one(bulk_id) for bulk_id in self._open())

    def advance_one(self, bulk_id: str) -> bool:
        """Work on the next runs of one; False where nothing is left to do, or another process works on it.

        Raises BulkActionNotFound, StorageError.
        """
        state = self._state(bulk_id)
        if state.driver != self._driver and not self._take(state):
            return False
        if self._is_stopping() or not state.is_open:
            return False
        self._record(state, self._do_lot(state))
        return True

    def next_takeover(self) -> int | None:
        """When the next of the open ones could be taken over, in microseconds since 1970; None: nothing is open."""
        return min((self._state(bulk_id).recorded_at + LEASE_MICROS for bulk_id in self._open()), default=None)

    @property
    def has_some(self) -> bool:
        """Whether it works on any."""
        return any(state.driver == self._driver and state.is_open for state in self._states.values())

    def leave(self) -> None:
        """Let others go on at once with what this one works on. Raises StorageError."""
        for bulk_id in list(self._states):
            state = self._state(bulk_id)
            if state.driver == self._driver and state.is_open:
                self._append(state, hand_back(state, by=self._by, now=self._services.now()))

    def _open(self) -> list[str]:
        known = self._directory
        self._directory = load_directory(self._store, known)
        if self._directory is not known or not self._directory.open:
            self._states.clear()
        for bulk_id in self._states.keys() - self._directory.open.keys():
            del self._states[bulk_id]
        return list(self._directory.open)

    def _state(self, bulk_id: str) -> BulkState:
        """As it stands: what is new is read behind what is known."""
        state = self._states.get(bulk_id)
        if state is None:
            state = self._states[bulk_id] = load_bulk(self._store, bulk_id)
        elif self._store.head(bulk_stream(bulk_id)) != state.version:
            catch_up(self._store, state)
        return state

    def _take(self, state: BulkState) -> bool:
        """Whether this one works on it from now on: of two that begin at once, one is refused."""
        if not state.may_be_taken(self._services.now(), LEASE_MICROS):
            return False
        return self._append(state, take(state, self._driver, by=self._by, now=self._services.now()))

    def _do_lot(self, state: BulkState) -> list[ItemResult]:
        """The results of the next runs, until somebody stops it or takes over."""
        stream, results = bulk_stream(state.id), list[ItemResult]()
        for target in state.targets[state.done : state.done + LOT]:
            if self._is_stopping() or self._store.head(stream) != state.version:
                break
            results.append(do_item(self._services, state, target))
        return results

    def _record(self, state: BulkState, results: list[ItemResult]) -> None:
        """Store the results, also behind a stop; where another process has taken over, that one records them."""
        while results and state.driver == self._driver:
            event = progress(state, results, by=self._by, now=self._services.now())
            is_last = state.is_open and state.done + len(results) >= state.count
            if self._append(state, event, closes=is_last):
                return

    def _append(self, state: BulkState, event: NewEvent, *, closes: bool = False) -> bool:
        """Store an event, and read on; False where another one came first, which was read."""
        writes = [Write(bulk_stream(state.id), state.version, [event])]
        if closes:
            entry = closed(state.id, by=self._by, now=event.data["recorded_at"])
            writes.append(Write(DIRECTORY, ExpectedVersion.ANY, [entry]))
        try:
            self._store.append(*writes)
        except ConcurrencyError:
            catch_up(self._store, state)
            return False
        catch_up(self._store, state)
        return True
