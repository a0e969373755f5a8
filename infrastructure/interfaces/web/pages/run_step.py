"""The step of a run that its page shows whole: what went in, what came out, its logs, its code, what it changed."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from textwrap import dedent
from typing import TYPE_CHECKING

from markupsafe import Markup

from .....domain.errors import InvalidRequest
from .....domain.values.json_pointer import Path, json_pointer
from .....domain.visible import quoted
from .....domain.workflow import WorkflowSnapshot
from .....domain.workflow.definition import Node
from .....projections.comparison.events import StateChange, state_changes
from .....projections.run_view.course import Execution
from .....projections.run_view.json_tree import Member, json_tree
from .....projections.run_view.state_series import ABSENT
from .....projections.run_view.value_history import Reading, readings
from .....projections.runs.attempts import Attempt, attempts
from .....projections.runs.logs import LEVELS, Level, NumberedLine, matching_lines
from ..rendering.code import python_lines
from .query import one_of, text, whole
from .run_state import ValueHistory, history_of, path_of

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams

    from ..read_runs import ReadRun


@dataclass(frozen=True, slots=True)
class InputHistory:
    """Where a value of the input came from."""

    pointer: str
    """In the input."""
    readings: tuple[Reading, ...]
    """The expressions that made it; none: the definition says it as it is."""
    sources: tuple[ValueHistory, ...]
    """Who set what they read."""

    @property
    def name(self) -> str:
        """The last part of its place."""
        return self.pointer.rpartition("/")[2] or "input"


@dataclass(frozen=True, slots=True)
class Code:
    """The code behind a step."""

    name: str
    """Qualified name of the executor."""
    source: str
    line: int | None
    """The one that failed, counted from 1."""
    saved: bool
    """Whether it is as the workflow's version has it; else the run said that it differs."""

    @property
    def lines(self) -> Sequence[Markup]:
        """The lines of the source, their words told apart."""
        return python_lines(dedent(self.source))


@dataclass(frozen=True, slots=True)
class SelectedStep:
    """One attempt, whole."""

    attempt: Attempt
    node: Node | None
    """As the version of the workflow has it; None where that can't be read."""
    of: int
    """How many attempts the node has had at this visit."""
    result: Path | None
    """Where its result stands in the state; None for one that asked."""
    input: Member
    output: Member | None
    code: Code | None
    logs: tuple[NumberedLine, ...]
    """Those that the address asks for."""
    level: Level
    search: str
    changes: tuple[StateChange, ...]
    value: InputHistory | None


def select_step(
    query: QueryParams, read: ReadRun, version: int, workflow: WorkflowSnapshot | None
) -> SelectedStep | None:
    """The step that the address names, or else the one of the version that is shown; None where none has run yet.

    Raises InvalidRequest for a node that hasn't run, or an attempt that it hasn't had.
    """
    chosen = _choose(query, read.course.executions, version)
    if chosen is None:
        return None
    done = _attempt(read, chosen)
    level: Level = one_of(query, "level", LEVELS, "debug")
    return whole_step(done, read, workflow, level, text(query, "log") or "", text(query, "value"))


def whole_step(
    done: Attempt,
    read: ReadRun,
    workflow: WorkflowSnapshot | None,
    level: Level = "debug",
    search: str = "",
    pointer: str | None = None,
) -> SelectedStep:
    """An attempt, with all that is known of it.

    Of its logs the lines from a level on that have a text in them. ``pointer`` names the value of its input of which it
    is told where it came from; nothing is where it leads nowhere.
    """
    walk = read.walk
    known = {node.id: node for node in workflow.definition.nodes} if workflow else {}
    node = known.get(done.node_id)
    snapshot, before = walk.snapshot(done.version), walk.snapshot(done.version - 1)
    results = snapshot.context.get(done.node_id, ())
    return SelectedStep(
        attempt=done,
        node=node,
        of=_attempts_of(read.course.executions, done),
        result=None if done.outcome == "paused" else ("context", done.node_id, len(results) - 1),
        input=json_tree(done.input, ("input",)),
        output=json_tree(done.output, ("output",)) if done.outcome == "completed" else None,
        code=_code(done, node, workflow, read.drifted),
        logs=tuple(matching_lines(done.logs, level, search)),
        level=level,
        search=search,
        changes=tuple(state_changes(before, snapshot)),
        value=_input_history(pointer, done, node, read) if pointer and pointer.startswith("/input") else None,
    )


def _choose(query: QueryParams, executions: Sequence[Execution], version: int) -> Execution | None:
    if (node_id := text(query, "step")) is not None:
        executions = [done for done in executions if done.node_id == node_id]
        if attempt := whole(query, "attempt", 0):
            executions = [done for done in executions if done.attempt == attempt]
        if not executions:
            which = f"attempt {attempt} of {quoted(node_id)}" if attempt else f"step {quoted(node_id)}"
            raise InvalidRequest(f"this run hasn't executed {which}")
    by_then = bisect_right(executions, version, key=lambda done: done.version)
    return executions[by_then - 1] if by_then else executions[0] if executions and node_id is not None else None


def _attempt(read: ReadRun, chosen: Execution) -> Attempt:
    """The execution, whole. Since when it was due is told by what came after the one before it."""
    executions = read.course.executions
    place = bisect_left(executions, chosen.version, key=lambda done: done.version)
    begin = executions[place - 1].version if place else 1
    *_, attempt = attempts(read.walk.events(begin, chosen.version))
    return attempt


def _attempts_of(executions: Sequence[Execution], done: Attempt) -> int:
    """How many attempts the node has had at this visit."""
    place = bisect_left(executions, done.version, key=lambda other: other.version)
    last = executions[place]
    for other in islice(executions, place + 1, None):
        if last.outcome == "completed" or other.node_id != done.node_id or other.attempt < last.attempt:
            break
        last = other
    return last.attempt


def _code(
    done: Attempt,
    node: Node | None,
    workflow: WorkflowSnapshot | None,
    drifted_at: Sequence[tuple[int, Mapping[str, str]]],
) -> Code | None:
    """The code that ran: what the run said of it, or else what the workflow's version has."""
    if node is None or workflow is None:
        return None
    known = workflow.code.get(node.type)
    drifted = None
    for version, sources in drifted_at:
        if version <= done.version:
            drifted = sources.get(node.type, drifted)
    source = drifted or (None if known is None else known.get("source"))
    if source is None:
        return None
    line = None if done.error is None else failing_line(source, done.error.get("traceback", ""))
    return Code(node.type if known is None else known["name"], source, line, drifted is None)


_FRAME = re.compile(r'^  File "[^\n]*", line \d+, in [^\n]*\n    ([^\n]+)$', re.MULTILINE)


def failing_line(source: str, traceback: str) -> int | None:
    """The line of a source at which the deepest frame of a traceback stood that is in it; None where it isn't told."""
    lines = [line.strip() for line in source.splitlines()]
    for frame in reversed(_FRAME.findall(traceback)):
        if lines.count(frame.strip()) == 1:
            return lines.index(frame.strip()) + 1
    return None


def refuse_unknown_input(pointer: str | None, selected: SelectedStep | None) -> None:
    """Raises InvalidRequest for a value of the input of a step that isn't there."""
    if pointer and pointer.startswith("/input") and selected is not None and selected.value is None:
        raise InvalidRequest(f"value {quoted(pointer)} isn't in the input of {quoted(selected.attempt.node_id)}")


def _input_history(pointer: str, done: Attempt, node: Node | None, read: ReadRun) -> InputHistory | None:
    (_, *inside), value = path_of({"input": done.input}, pointer)
    path = tuple(inside)
    if value is ABSENT:
        return None
    before = read.walk.snapshot(done.version - 1)
    found = readings(node.data, path, before.context) if node is not None else ()
    sources = tuple(
        history
        for reading in found
        for source in reading.sources
        if (history := _source(source, read, done.version - 1)) is not None
    )
    return InputHistory(pointer, found, sources)


def _source(path: Path, read: ReadRun, version: int) -> ValueHistory | None:
    try:
        return history_of(read, json_pointer(path), version)
    except InvalidRequest:  # a field that is made on reading, which is no part of the state
        return None
