"""What the page of a run shows, and the words for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .....domain.errors import EventNotReadable
from .....domain.run.snapshot import Snapshot
from .....projections.retention import PlacedHold
from .....projections.run_view.time_line import Row
from .....projections.runs.run import Run
from .....projections.runs.summary import RunSummary
from ..read_runs import Landmark
from ..rendering.versions import ShownVersion
from ..rendering.words import count, duration
from .acts.buttons import ActLink
from .copy_as import CopyAs
from .run_failure import Failure
from .run_version import RunVersion

MARKS: Final = 200
"""Marks of the slider, at most."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark of the slider."""

    version: int
    x: float
    """Percent."""
    icon: str | None
    """None: a stroke, as of any step."""
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPage(RunVersion):
    """All of a run, at one of its versions."""

    run: Run
    """As it stands."""
    ways: CopyAs
    chip: ShownVersion | None
    """None where the workflow's save can't be read."""
    latest: int | None
    """The latest version of the workflow."""
    snapshot: Snapshot
    """At the version that is shown."""
    failure: Failure | None
    good: RunSummary | None
    """The last run of the same version that completed."""
    acts: Sequence[ActLink]
    """What whoever reads the page may do with the run, what is most wanted first."""
    legal_holds: Sequence[PlacedHold] = ()
    """What keeps it from retention and erasure: holds on it, on a subject of its, on its work order."""
    damage: EventNotReadable | None = None
    """Why the run is shown no further than to its head here: the event behind it can't be read."""

    @property
    def marks(self) -> list[Mark]:
        """The marks of the slider: one a version, of a long run those that say more than a step does."""
        shown = [Landmark(row.event.version, row.event.type) for row in self.events]
        telling = shown if self.head <= MARKS else self.read.landmarks
        across = max(1, self.head - 1)
        return [Mark(at, round((at - 1) * 100 / across, 2), *_look(type)) for at, type in telling[:MARKS]]

    @property
    def for_script(self) -> dict[str, Any]:
        """What the slider needs besides: where the status changes, where each version is on the time line, and which
        value is opened.

        Of a long run a script asks for that, too, as of the moment of the page.
        """
        axis = (
            [round(self.time_line.cursor(version), 2) for version in range(1, self.head + 1)] if self.carries else None
        )
        return {"axis": axis, "turns": self.read.turns, "until": self.read.until, "value": self.asked.get("value")}

    @property
    def kinds(self) -> frozenset[str]:
        """What the time line has, for its key."""
        outcomes = {done.outcome for done in self.course.executions} - {"paused"}
        delays = {"delay" for row in self.time_line.rows if row.delays}
        return frozenset(outcomes | delays | {stretch.kind for stretch in self.course.stretches})

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
