"""Reading a run for its page. Long ones are kept, read and folded, so that the next page of one reads what is new."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ....domain.errors import VersionNotFound
from ....domain.event_registry import EVENTS
from ....domain.run import STEP_FAILED
from ....domain.run.events import FAILED
from ....projections.run_view.course import Course, Follower
from ....projections.run_view.state_series import StateSeries
from ....projections.run_view.steps import Rounds, Step, steps_of
from ....projections.run_view.taken_edges import taken_edges
from ....projections.run_view.time_line import TimeLine, time_line

if TYPE_CHECKING:
    from ....domain.ports import RecordedEvent
    from ....domain.workflow.definition import WorkflowDefinition
    from ...ledger.ledger import Ledger
    from ...services.history.walk import RunWalk

SCRUBBED: Final = 500
"""Versions of a run whose states a page carries all; of a longer one it has the state that is shown."""
KEPT: Final = 4
"""Long runs that an app keeps, those looked at last. Each takes the memory of its results."""


class Landmark(NamedTuple):
    """An event that says more than that a step was done."""

    version: int
    type: str


@dataclass(frozen=True, slots=True)
class ReadRun:
    """All that a page needs to know of all events of a run, up to its head at the time."""

    walk: RunWalk
    head: int
    """The last version that was read: the walk may have gone on."""
    until: int | None
    """The moment that was given, until which what is open goes on; None: the run has ended."""
    course: Course
    time_line: TimeLine
    steps: tuple[Step | Rounds, ...]
    taken: Mapping[int, Sequence[int]]
    """By the number of an edge of the definition, the versions at which it was taken."""
    turns: tuple[int, ...]
    """The versions at which the status changed, the first one among them."""
    begun_by: str
    landmarks: tuple[Landmark, ...]
    drifted: tuple[tuple[int, Mapping[str, str]], ...]
    """At which versions the run said that code differs from what the workflow has, and how: source by node type."""
    failed_at: int | None
    """The version of the last event that tells of a failure."""
    series: Callable[[], StateSeries]
    """When each value changed. It is made when it is first asked for, and kept: of a long run it takes a while."""


class ReadRuns:
    """Reads runs, and keeps the long ones that were looked at last. May be shared between threads.

    What is kept is used only where the store still has the event that was read last; else the run is read anew.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[str, _Reading] = OrderedDict()

    def read(
        self,
        ledger: Ledger,
        run_id: str,
        definition: WorkflowDefinition | None,
        now: int | None,
        upto: int | None = None,
    ) -> ReadRun:
        """The run as it stands; ``definition`` is what it executes, None where that can't be read.

        ``now`` (microseconds since 1970) is until when it has gone on; None: it has ended. ``upto`` is the last version
        of one that can be read no further.

        Raises RunNotFound, EventNotReadable, StorageUnavailable.
        """
        if upto is not None:
            return _Reading(ledger.history.walk(run_id, upto=upto)).go_on(definition, now)
        with self._lock:
            reading = self._kept.get(run_id)
        if reading is None or not reading.is_stored():
            reading = _Reading(ledger.history.walk(run_id))
        found = reading.go_on(definition, now)
        with self._lock:
            if found.head > SCRUBBED:
                self._kept[run_id] = reading
                self._kept.move_to_end(run_id)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found


class _Reading:
    """A run as far as it was read."""

    def __init__(self, walk: RunWalk) -> None:
        self._walk = walk
        self._lock = Lock()
        self._follower = Follower()
        self._version = 0
        self._digest = self._begun_by = ""
        self._landmarks: list[Landmark] = []
        self._turns: list[int] = []
        self._status = ""
        self._drifted: list[tuple[int, Mapping[str, str]]] = []
        self._failed_at: int | None = None
        self._series = StateSeries()
        self._looked: ReadRun | None = None
        """What was made of it last: the parts of a page are asked for as of the moment of the page."""

    def is_stored(self) -> bool:
        """Whether the store has the last event that was read: not after a restore to a time before it."""
        with self._lock:
            return self._digest == next((event.digest for event in self._stored()), None)

    def _stored(self) -> Iterator[RecordedEvent]:
        try:
            return self._walk.events(self._version, self._version)
        except VersionNotFound:  # nothing was read yet
            return iter(())

    def go_on(self, definition: WorkflowDefinition | None, now: int | None) -> ReadRun:
        """Read what is new."""
        with self._lock:
            if self._version:
                self._walk.follow()
            head = self._walk.head
            if head > self._version:
                for event in self._walk.events(self._version + 1, head):
                    self._take(event)
            looked = self._looked
            if looked is None or (looked.head, looked.until) != (head, now):
                looked = self._looked = self._look(head, definition, now)
            return looked

    def _look(self, head: int, definition: WorkflowDefinition | None, now: int | None) -> ReadRun:
        course = self._follower.course(now)
        nodes, edges = ([], []) if definition is None else (definition.nodes, definition.edges)
        return ReadRun(
            self._walk,
            head,
            now,
            course,
            time_line(course, [node.id for node in nodes]),
            steps_of(course),
            taken_edges(course.executions, edges),
            tuple(self._turns),
            self._begun_by,
            tuple(self._landmarks),
            tuple(self._drifted),
            self._failed_at,
            self._whole_series,
        )

    def _whole_series(self) -> StateSeries:
        with self._lock:
            series, walk = self._series, self._walk
            for version in range(series.version + 1, self._version + 1):
                before = walk.snapshot(version - 1) if version > 1 else None
                series.take(before, walk.snapshot(version))
            return series

    def _take(self, event: RecordedEvent) -> None:
        self._follower.follow(event)
        type, data = event.type, event.data
        if event.version == 1:
            self._begun_by = event.by
        if event.version == 1 or type == STEP_FAILED or EVENTS[type].narrate is not None:
            self._landmarks.append(Landmark(event.version, type))
        if (status := self._walk.snapshot(event.version).status) != self._status:
            self._status = status
            self._turns.append(event.version)
        if "drifted" in data:
            self._drifted.append((event.version, data["drifted"]))
        if _tells_of_failure(type, data):
            self._failed_at = event.version
        self._version, self._digest = event.version, event.digest


def _tells_of_failure(type: str, data: Mapping[str, Any]) -> bool:
    return data.get("error") is not None or (type == FAILED and data.get("reason") is not None)
