"""What the page of a run shows of one version: what a move of the slider changes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol
from urllib.parse import quote_plus

from .....domain.ports import RecordedEvent
from .....domain.values.json_pointer import json_pointer
from .....projections.run_view.course import Course
from .....projections.run_view.steps import Rounds, Step
from .....projections.run_view.time_line import TimeLine
from ..read_runs import SCRUBBED, ReadRun
from ..rendering.graph import Picture
from ..rendering.json_view import JsonView
from .run_state import ShownState
from .run_step import SelectedStep

if TYPE_CHECKING:
    from datetime import datetime

NEAR: Final = 50
"""Events before and after the version that is shown, at least, where a run has too many to show all."""
WINDOW: Final = 4 * NEAR
"""Events that are shown then, at most: the same ones for all versions between two multiples of half as many."""


class KnownRun(Protocol):
    """What every part says of the run itself."""

    @property
    def id(self) -> str: ...
    @property
    def workflow_id(self) -> str: ...
    @property
    def workflow_version(self) -> int: ...
    @property
    def finished_at(self) -> datetime | None: ...


class Window(NamedTuple):
    """The events of a run that are shown around a version, by their versions."""

    first: int
    last: int


def window_at(version: int, head: int) -> Window:
    """All events, or of a long run those around a version. Versions that are near each other have the same."""
    if head <= SCRUBBED:
        return Window(1, head)
    first = (version - 1) // (2 * NEAR) * 2 * NEAR - NEAR + 1
    return Window(max(1, first), min(head, first + WINDOW - 1))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class RunVersion:
    """A run at one of its versions."""

    run: KnownRun
    version: int
    """The one that is shown."""
    asked: Mapping[str, str]
    """What the address asks for, by the names of its parameters."""
    address: Callable[..., str]
    """Of the run's page, with a query."""
    read: ReadRun
    picture: Picture | None
    """Of the graph; None where it is too large for one, or the workflow can't be read."""
    state: ShownState
    events: tuple[EventRow, ...]
    """Those of the window, or the one of the version that is shown."""
    selected: SelectedStep | None

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
    def attempts(self) -> int:
        """Executions, those left out that only asked."""
        return sum(done.outcome != "paused" for done in self.course.executions)

    @property
    def head(self) -> int:
        """The last version."""
        return self.read.head

    @property
    def at_head(self) -> bool:
        """Whether the last version is shown."""
        return self.version == self.head

    @property
    def event(self) -> EventRow:
        """The event of the version that is shown."""
        return self.events[self.version - self.events[0].event.version]

    @property
    def scrubs(self) -> bool:
        """Whether there is another version to be shown."""
        return self.head > 1

    @property
    def carries(self) -> bool:
        """Whether the page has what it takes to show any version; of a longer run a script asks for it."""
        return self.head <= SCRUBBED

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

    def to_versions(self) -> Callable[[int], str]:
        """Makes what ``at_version`` does of hundreds of versions."""
        return self._each_version(self.address)

    def to_steps(self) -> Callable[[str, int], str]:
        """Makes the address of this page with a step, by its node and version, of hundreds of them."""
        of_node = cache(lambda node_id: self._each_version(lambda **version: self.here(step=node_id, **version)))
        return lambda node_id, version: of_node(node_id)(version)

    def _each_version(self, address: Callable[..., str]) -> Callable[[int], str]:
        """Addresses that differ by their version, which stands at the end, as parameters are sorted."""
        at_zero, at_head = address(version=0).removesuffix("0"), address(version=None)
        return lambda version: at_head if version == self.head else f"{at_zero}{version}"

    def _each_value(self, prefix: str = "", **place: Any) -> Callable[[str], str]:
        """Addresses that differ by the value that is opened; behind it stands nothing but a version."""
        before, _, after = self.here(**place, value=_VALUE).rpartition(_VALUE)
        return lambda pointer: f"{before}{quote_plus(prefix + pointer)}{after}"

    @property
    def state_view(self) -> JsonView:
        """How the state is shown."""
        history = self.state.history
        return JsonView(
            url_of=self._each_value(),
            blamed=None if history is None else history.pointer,
            version=self.version,
            versions=None if self.state.series is None else self.state,
            changed=self.state.changed,
            added=self.state.added,
        )

    @property
    def input_view(self) -> JsonView:
        """How the input of the selected step is shown."""
        assert self.selected is not None  # noqa: S101 - else nothing is shown
        value = self.selected.value
        return JsonView(url_of=self._each_value(**self._selection()), blamed=None if value is None else value.pointer)

    @property
    def output_view(self) -> JsonView:
        """How the output of the selected step is shown; who set its values is told in the state."""
        if self.selected is None or self.selected.result is None:
            return JsonView()
        return JsonView(url_of=self._each_value(json_pointer(self.selected.result), **self._selection()))

    def _selection(self) -> dict[str, Any]:
        assert self.selected is not None  # noqa: S101
        done = self.selected.attempt
        return {"step": done.node_id, "attempt": done.attempt if self.selected.of > 1 else None}

    def log_line(self, number: int) -> str:
        """The permanent address of a line that the selected step logged."""
        return f"{self.here(**self._selection(), level=None, log=None)}#log-{number}"

    def near(self, steps: Sequence[Step | Rounds]) -> Sequence[Step | Rounds]:
        """Of many steps of a long run those of the events that are shown."""
        if self.head <= SCRUBBED or len(steps) <= WINDOW:
            return steps
        first, last = window_at(self.version, self.head)
        place = bisect_left(steps, first, key=_version_of)
        return steps[max(0, place - 1) : bisect_right(steps, last, key=_version_of)]

    def holds_selected(self, rounds: Rounds) -> bool:
        """Whether the selected step is in a folded loop."""
        if self.selected is None:
            return False
        version = self.selected.attempt.version
        place = bisect_left(rounds.steps, version, key=_version_of)
        return place < len(rounds.steps) and rounds.steps[place].execution.version == version


_VALUE: Final = "~"
"""Stands for a pointer: no version has it."""


def _version_of(step: Step | Rounds) -> int:
    return step.version if isinstance(step, Rounds) else step.execution.version
