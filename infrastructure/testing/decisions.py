"""Tests of decisions as given, when, then: events, a command, and the events or the refusal that follow."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ...domain.errors import FlowledgerError, InvalidRequest
from ...domain.ports import NewEvent, RecordedEvent
from ...domain.run import RunState
from ...domain.run import evolve as evolve_run
from ...domain.values.ids import workflow_stream
from ...domain.work_order import WorkOrderState
from ...domain.work_order import evolve as evolve_order
from ...domain.workflow import WorkflowState
from ...domain.workflow import evolve as evolve_workflow

Command = Callable[[Any], NewEvent | Iterable[NewEvent] | None]
"""Takes the state of a run, work order or workflow, and answers with what is to be recorded; or refuses."""

_APART = 1_000
"""Microseconds between given events without a time of their own."""


def given(*events: NewEvent | RecordedEvent, stream: str | None = None) -> "Given":
    """What has happened to one run, work order or workflow; at least its first event.

    Events may be recorded ones, such as ``ledger.history.events(run_id)``. New ones need no ``recorded_at`` and ``by``:
    they get a time a millisecond after the one before, and the actor ``ada``. ``stream`` is the id of new ones.

    Raises InvalidRequest where there are none, or of several kinds.
    """
    kinds = sorted({event.type.partition(".")[0] for event in events})
    if len(kinds) != 1 or kinds[0] not in _STATES:
        raise InvalidRequest(f"given are the events of one run, one work order or one workflow, not of {kinds}")
    named = events[0].stream if isinstance(events[0], RecordedEvent) else stream
    state: Any = _STATES[kinds[0]](named or kinds[0])
    for version, (type, data) in enumerate(_recorded(events), 1):
        _evolve(state, version, type, data)
    return Given(state)


class Given:
    """``state`` is what the given events lead to."""

    def __init__(self, state: Any) -> None:
        self.state = state

    def when(self, command: Command) -> "Decision":
        """Ask for something: ``when(lambda run: pause(run, "lunch", "ada", now))``."""
        try:
            answer = command(self.state)
        except FlowledgerError as refusal:
            return Decision([], refusal)
        if answer is None or isinstance(answer, NewEvent):
            return Decision([] if answer is None else [answer], None)
        return Decision(list(answer), None)


class Decision:
    """What was decided."""

    def __init__(self, events: list[NewEvent], refusal: FlowledgerError | None) -> None:
        self._events = events
        self._refusal = refusal

    def then(self, *events: NewEvent) -> None:
        """These events follow, in this order, and no others. What they don't say of their data may be anything.

        Raises AssertionError; a refusal is raised as it is.
        """
        if self._refusal is not None:
            raise self._refusal
        types = [event.type for event in self._events]
        _check(types == [event.type for event in events], f"then follows {types}, not {[e.type for e in events]}")
        for expected, event in zip(events, self._events, strict=True):
            said = {key: event.data.get(key) for key in expected.data}
            _check(said == expected.data, f"{event.type} says {said}, not {dict(expected.data)}")

    def then_nothing(self) -> None:
        """Nothing follows, and nothing is refused. Raises AssertionError; a refusal is raised as it is."""
        self.then()

    def then_refused(self, kind: type[FlowledgerError], match: str = "") -> None:
        """It is refused, with a message in which the pattern ``match`` is found. Raises AssertionError."""
        _check(isinstance(self._refusal, kind), f"it is {self._refusal!r}, not {kind.__name__}: {self._events}")
        _check(re.search(match, str(self._refusal)) is not None, f"{match!r} is not found in {str(self._refusal)!r}")


_STATES: Mapping[str, Callable[[str], Any]] = {
    "run": RunState,
    "work_order": WorkOrderState,
    "workflow": lambda stream: WorkflowState(stream.removeprefix(workflow_stream(""))),
}


def _evolve(state: Any, version: int, type: str, data: Mapping[str, Any]) -> None:
    match state:
        case RunState():
            evolve_run(state, type, data)
        case WorkOrderState():
            evolve_order(state, type, data)
        case _:
            evolve_workflow(state, version, type, data)


def _recorded(events: Iterable[NewEvent | RecordedEvent]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    at = 0
    for event in events:
        data: dict[str, Any] = {"recorded_at": at + _APART, "by": "ada", **event.data}
        at = data["recorded_at"]
        yield event.type, data


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)
