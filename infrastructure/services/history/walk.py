"""Walking through a run in both directions: its events, its state at each of them, and what each one changed."""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from functools import lru_cache
from threading import Lock

from ....domain.errors import EventNotReadable, VersionNotFound
from ....domain.live import Unpicklable
from ....domain.ports import EventStore, RecordedEvent
from ....domain.run import FAILED, PAUSED, STEP_FAILED, FoldSegment, RunState
from ....domain.run.snapshot import Snapshot
from ....domain.values.names import check_run_id
from ....domain.values.point_in_time import parse_moment
from ....projections.comparison.events import StateChange, state_changes
from ...repositories.as_of import version_at, version_of_run
from ...repositories.runs import RunRepository

FAILURES = frozenset({STEP_FAILED, FAILED})
PAUSES = frozenset({PAUSED})

BLOCK = 32
"""Events read at once: a reader of one event soon reads its neighbours."""
CACHED_BLOCKS = 16
"""Blocks of events in memory, so that an event of any size costs memory only while its neighbourhood is read."""
SLICE = 2_000
"""Results read at once ahead of the reader: a read in between waits for no more than that."""


class RunWalk(Unpicklable):
    """A run, folded once; the state at any version is then there at once. May be shared between threads.

    It takes the memory of one snapshot of the run's head, all its results included, and little more for each event. The
    run may still continue: ``follow`` reads what was appended.
    """

    _send_instead = "send the id of the run and the store's URL, or the snapshots that are needed"

    def __init__(
        self,
        run_id: str,
        store: EventStore,
        runs: RunRepository,
        progress: Callable[[int], object] | None = None,
        upto: int | None = None,
    ) -> None:
        """Fold the run. ``progress`` is called now and then with the number of events folded.

        Raises RunNotFound, VersionNotFound, InvalidRequest.
        """
        check_run_id(run_id)
        if upto is not None:
            upto = version_of_run(store, run_id, upto)
        self.run_id = run_id
        self._store = store
        self._runs = runs
        self._upto = upto
        self._state = RunState(run_id)
        self._segments: list[FoldSegment] = []
        self._firsts = array("Q")
        """The version of each segment's first event."""
        self._head = 0
        self._following = Lock()
        self._block = lru_cache(CACHED_BLOCKS)(self._read_block)
        self.follow(progress)

    @property
    def head(self) -> int:
        """The version of the last event that was read."""
        return self._head

    def follow(self, progress: Callable[[int], object] | None = None) -> int:
        """Read what was appended to the run, and return the number of new events.

        ``progress`` is called now and then with the number of events folded. Raises EventNotReadable,
        StorageUnavailable, StorageCorrupt (events are missing).
        """
        with self._following:
            before = self._head
            for segment in self._runs.segments(self._state, self._upto):
                self._segments.append(segment)
                self._firsts.append(self._head + 1)
                self._head += len(segment.snapshots)  # last: readers may read everything up to the head meanwhile
                if progress is not None:
                    progress(self._head)
            return self._head - before

    def snapshot(self, version: int) -> Snapshot:
        """Return the state after ``version`` events.

        Raises VersionNotFound.
        """
        place = self._place(version)
        return self._segments[place].snapshots[version - self._firsts[place]]

    def event(self, version: int) -> RecordedEvent:
        """Return the event with this version.

        Raises VersionNotFound, EventNotReadable, StorageUnavailable.
        """
        self._check(version)
        first = version - (version - 1) % BLOCK
        try:
            return self._block(first, min(first + BLOCK - 1, self._head))[version - first]
        except EventNotReadable:  # a neighbour, perhaps
            return next(self._store.read(self.run_id, after=version - 1, upto=version))

    def events(self, start: int, stop: int) -> Iterator[RecordedEvent]:
        """Iterate over the events with the versions ``start`` to ``stop``, both included.

        Raises VersionNotFound, EventNotReadable.
        """
        self._check(start)
        self._check(stop)
        return self._store.read(self.run_id, after=start - 1, upto=stop)

    def changes(self, version: int) -> list[StateChange]:
        """Return what the event with this version changed in the state.

        Raises VersionNotFound, EventNotReadable.
        """
        after = self.snapshot(version)
        return state_changes(self.snapshot(version - 1) if version > 1 else None, after)

    def version_at(self, time: datetime) -> int:
        """Return the last version that was recorded by ``time``.

        Raises NothingAsOf, InvalidRequest (a naive datetime).
        """
        return version_at(self._store, self.run_id, parse_moment(None, time), self._head, f"run {self.run_id!r}")

    def next_of(self, types: Collection[str], version: int, *, backwards: bool = False) -> int | None:
        """Return the next version after ``version`` whose event is of one of these ``types``; None if there is none.

        ``backwards=True`` looks for the one before. Reads nothing from the store.
        """
        place = self._place(version)
        places = range(place - 1, -1, -1) if backwards else range(place + 1, len(self._segments))
        found = next((at for at in places if self._segments[at].type in types), None)
        return None if found is None else self._firsts[found]

    def beyond(self, version: int, *, backwards: bool = False) -> Iterator[RecordedEvent]:
        """Iterate over the events after ``version``, or with ``backwards=True`` those before it, nearest first.

        They are read a page at a time. Raises EventNotReadable.
        """
        if backwards:
            return self._store.read(self.run_id, upto=version - 1, backwards=True)
        return self._store.read(self.run_id, after=version, upto=self._head)

    def read_results(self) -> Iterator[int]:
        """Read the results that snapshots show, a slice at a time; yields how many versions have been read.

        The first read of a snapshot's context reads all results up to it. In a long run that takes as long as folding
        it, unless this was called before.
        """
        while True:
            head = self._head
            for version in (*range(SLICE, head, SLICE), head):
                len(self.snapshot(version).context)
                yield version
            if head == self._head:
                return

    def _place(self, version: int) -> int:
        self._check(version)
        return bisect_right(self._firsts, version) - 1

    def _check(self, version: int) -> None:
        if not 1 <= version <= self._head:
            raise VersionNotFound(version, self._head, f"run {self.run_id!r}")

    def _read_block(self, first: int, last: int) -> list[RecordedEvent]:
        return list(self._store.read(self.run_id, after=first - 1, upto=last))
