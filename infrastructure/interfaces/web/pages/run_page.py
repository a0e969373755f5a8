"""What the page of a run shows, and the words for it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .....domain.errors import EventNotReadable
from .....domain.ports import RecordedEvent
from .....domain.run.snapshot import Snapshot
from .....domain.values.json_pointer import json_pointer
from .....domain.workflow import WorkflowSnapshot
from .....projections.run_view.course import Course
from .....projections.run_view.steps import Rounds, Step
from .....projections.run_view.time_line import Row, TimeLine
from .....projections.runs.run import Run
from .....projections.runs.summary import RunSummary
from ..read_runs import SCRUBBED, Landmark, ReadRun
from ..rendering.graph import Picture
from ..rendering.json_view import JsonView
from ..rendering.versions import ShownVersion
from ..rendering.words import count, duration
from .acts.buttons import ActLink
from .copy_as import CopyAs
from .run_failure import Failure
from .run_state import ShownState
from .run_step import SelectedStep

AROUND: Final = 100
"""Events before and after the version that is shown, where a run has too many to show all."""
MARKS: Final = 200
"""Marks of the slider, at most."""


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event in the list of all."""

    event: RecordedEvent
    what: str

    @property
    def node_id(self) -> str:
        """The node that it is about; empty where it is about none."""
        node_id: str = self.event.data.get("node_id", "")
        return node_id


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark of the slider."""

    version: int
    x: float
    """Percent."""
    icon: str | None
    """None: a stroke, as of any step."""
    tone: str


@dataclass(frozen=True, slots=True)
class RunPage:
    """A run at one of its versions."""

    run: Run
    """As it stands."""
    version: int
    """The one that is shown."""
    asked: Mapping[str, str]
    """What the address asks for, by the names of its parameters."""
    address: Callable[..., str]
    """Of this page, with a query."""
    ways: CopyAs
    chip: ShownVersion | None
    """None where the workflow's save can't be read."""
    workflow: WorkflowSnapshot | None
    latest: int | None
    """The latest version of the workflow."""
    picture: Picture | None
    """Of the graph; None where it is too large for one, or the workflow can't be read."""
    read: ReadRun
    events: tuple[EventRow, ...]
    """All, or of a long run those around the version that is shown."""
    state: ShownState
    snapshot: Snapshot
    """At the version that is shown."""
    selected: SelectedStep | None
    failure: Failure | None
    good: RunSummary | None
    """The last run of the same version that completed."""
    acts: Sequence[ActLink]
    """What whoever reads the page may do with the run, what is most wanted first."""
    damage: EventNotReadable | None = None
    """Why the run is shown no further than to its head here: the event behind it can't be read."""

    @property
    def course(self) -> Course:
        """What happened when."""
        return self.read.course

    @property
    def time_line(self) -> TimeLine:
        """The same along an axis."""
        return self.read.time_line

    @property
    def steps(self) -> tuple[Step | Rounds, ...]:
        """The same as a list."""
        return self.read.steps

    @property
    def head(self) -> int:
        """The last version."""
        return self.read.head

    @property
    def event(self) -> EventRow:
        """The event of the version that is shown."""
        return self.events[self.version - self.events[0].event.version]

    @property
    def at_head(self) -> bool:
        """Whether the last version is shown."""
        return self.version == self.head

    @property
    def scrubs(self) -> bool:
        """Whether the page carries what it takes to show any version without loading it."""
        return 1 < self.head <= SCRUBBED

    def here(self, **changes: Any) -> str:
        """The address of this page with other parameters; None takes one away. Closes what is open of a value."""
        kept = {name: value for name, value in self.asked.items() if name not in ("value", "at")}
        return self.address(**{**kept, **changes})

    def at_version(self, version: int) -> str:
        """The address of the run at a version; the head is what is shown without one."""
        return self.address(version=self.as_asked(version))

    def as_asked(self, version: int) -> int | None:
        """A version as an address has it."""
        return None if version == self.head else version

    @property
    def state_view(self) -> JsonView:
        """How the state is shown."""
        history = self.state.history
        return JsonView(
            url_of=lambda pointer: self.here(value=pointer),
            blamed=None if history is None else history.pointer,
            version=self.version,
            versions=self.state,
            changed=self.state.changed,
            added=self.state.added,
        )

    @property
    def input_view(self) -> JsonView:
        """How the input of the selected step is shown."""
        assert self.selected is not None  # noqa: S101 - else nothing is shown
        value, step = self.selected.value, self._selection()
        return JsonView(
            url_of=lambda pointer: self.here(**step, value=pointer), blamed=None if value is None else value.pointer
        )

    @property
    def output_view(self) -> JsonView:
        """How the output of the selected step is shown; who set its values is told in the state."""
        if self.selected is None or self.selected.result is None:
            return JsonView()
        place, step = json_pointer(self.selected.result), self._selection()
        return JsonView(url_of=lambda pointer: self.here(**step, value=place + pointer))

    def _selection(self) -> dict[str, Any]:
        assert self.selected is not None  # noqa: S101
        done = self.selected.attempt
        return {"step": done.node_id, "attempt": done.attempt if self.selected.of > 1 else None}

    def log_line(self, number: int) -> str:
        """The permanent address of a line that the selected step logged."""
        return f"{self.here(**self._selection(), level=None, log=None)}#log-{number}"

    def near(self, steps: Sequence[Step | Rounds]) -> Sequence[Step | Rounds]:
        """Of the steps of a long run those around the version that is shown."""
        if self.head <= SCRUBBED or len(steps) <= 2 * AROUND:
            return steps
        versions = [step.version if isinstance(step, Rounds) else step.execution.version for step in steps]
        place = bisect_right(versions, self.version)
        first = max(0, min(place - AROUND, len(steps) - 2 * AROUND))
        return steps[first : first + 2 * AROUND]

    @property
    def marks(self) -> list[Mark]:
        """The marks of the slider: one a version, of a long run those that say more than a step does."""
        shown = [Landmark(row.event.version, row.event.type) for row in self.events]
        telling = shown if self.head <= MARKS else self.read.landmarks
        across = max(1, self.head - 1)
        return [Mark(at, round((at - 1) * 100 / across, 2), *_look(type)) for at, type in telling[:MARKS]]

    @property
    def for_script(self) -> dict[str, Any]:
        """What the slider needs besides: where each version is on the time line, and where the status changes."""
        statuses = {} if self.state.series is None else self.state.series.leaves
        return {
            "axis": [round(self.time_line.cursor(version), 2) for version in range(1, self.head + 1)],
            "turns": [version for version, _ in statuses.get(("status",), ())],
        }

    @property
    def kinds(self) -> frozenset[str]:
        """What the time line has, for its key."""
        outcomes = {done.outcome for done in self.course.executions} - {"paused"}
        delays = {"delay" for row in self.time_line.rows if row.delays}
        return frozenset(outcomes | delays | {stretch.kind for stretch in self.course.stretches})

    @property
    def attempts(self) -> int:
        """Executions, those left out that only asked."""
        return sum(done.outcome != "paused" for done in self.course.executions)

    @property
    def failed(self) -> int:
        """Executions that failed."""
        return sum(done.outcome == "failed" for done in self.course.executions)

    def stretched(self, kind: str) -> int:
        """Microseconds that the run waited for answers, or was held."""
        return sum(stretch.end - stretch.start for stretch in self.course.stretches if stretch.kind == kind)

    @property
    def alike_versions(self) -> str:
        """On which versions of the workflow the failure was seen."""
        group = None if self.failure is None else self.failure.alike
        numbers = [str(version.value) for version in group.versions] if group is not None else []
        if not numbers:
            return "no version known"
        if len(numbers) == 1:
            return f"all on version {numbers[0]}"
        return f"all on versions {', '.join(numbers[:-1])} and {numbers[-1]}"

    @staticmethod
    def row_said(row: Row) -> str:
        """What a row of the time line shows, for those who don't see it."""
        if not row.version:
            return "not reached"
        said = [count(row.attempts, "attempt")] if row.attempts else []
        if row.failed:
            said.append(f"{row.failed:,} failed")
        if row.within:
            said.append("a loop, folded")
        for kind, word in (("paused", "waited"), ("held", "held")):
            if lasted := row.waited(kind):
                said.append(f"{word} {duration(lasted / 1_000)}")
        return ", ".join(said)

    def holds_selected(self, rounds: Rounds) -> bool:
        """Whether the selected step is in a folded loop."""
        if self.selected is None:
            return False
        return any(step.execution.version == self.selected.attempt.version for step in rounds.steps)


_MARKS: Final[Mapping[str, tuple[str, str]]] = {
    "run.step_failed": ("failed", "failed"),
    "run.failed": ("failed", "failed"),
    "run.retried": ("retry", "error"),
    "run.recovered": ("retry", "error"),
    "run.paused": ("paused", "paused"),
    "run.held": ("held", "held"),
    "run.released": ("play", "none"),
    "run.resumed": ("person", "completed"),
    "run.cancelled": ("cancelled", "cancelled"),
}
"""Icon and tone of an event that says more than that a step was done."""


def _look(type: str) -> tuple[str | None, str]:
    return _MARKS.get(type, (None, "none"))
