"""The steps of a run in a few words each: attempts at a node that follow one another are one line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .....domain.ports import RecordedEvent
from .....domain.run.events import PAUSED, RESUMED, STEP_COMPLETED
from .....domain.values.clock import moment
from .....projections.runs.attempts import finish_time, is_execution, milliseconds


@dataclass(frozen=True, slots=True)
class StepLine:
    """What a node did, all its attempts of one visit together."""

    node_id: str
    version: int
    """Of the event of its last attempt."""
    status: str
    """``completed``, ``failed``, ``error`` (a retry is due), ``paused``."""
    attempts: int
    says: str
    """What came of it: ``→ score-risk``, ``KeyError: 'express'``."""
    finished_at: datetime
    took: float
    """Milliseconds from when its first attempt began until its last one ended."""


def step_lines(events: Iterable[RecordedEvent]) -> Iterator[StepLine]:
    """The steps of a run, in order; its events are read as they are needed."""
    visit: list[RecordedEvent] = []
    for event in events:
        if event.type == RESUMED and visit and visit[-1].type == PAUSED:
            visit.append(event)
        if not is_execution(event.type, event.data):
            continue
        if visit and not _continues(visit, event):
            yield _line(visit)
            visit = []
        visit.append(event)
    if visit:
        yield _line(visit)


def _continues(visit: list[RecordedEvent], event: RecordedEvent) -> bool:
    """Whether an execution belongs to the visit of the node before it: a later attempt, or what came of an answer."""
    last = visit[-1]
    if visit[0].data["node_id"] != event.data["node_id"]:
        return False
    return last.type == RESUMED or event.data.get("attempt", 1) > last.data.get("attempt", 1)


def _line(visit: list[RecordedEvent]) -> StepLine:
    executions = [event for event in visit if event.type != RESUMED]
    last = executions[-1]
    began, ended = executions[0].data["started_at"], finish_time(last.data)
    return StepLine(
        last.data["node_id"],
        last.version,
        _status(last),
        len(executions) - sum(event.type == PAUSED for event in executions[:-1]),
        _says(executions),
        moment(ended),
        milliseconds(ended - began),
    )


def _status(event: RecordedEvent) -> str:
    if event.type == STEP_COMPLETED:
        return "completed"
    if event.type == PAUSED:
        return "paused"
    return "error" if "retry_at" in event.data else "failed"


def _says(executions: list[RecordedEvent]) -> str:
    *before, last = executions
    failed = [event.data["error"]["type"] for event in before if "error" in event.data]
    outcome = _outcome(last.data)
    if not failed:
        return outcome
    times = "" if len(failed) == 1 else " twice" if len(failed) == 2 else f" {len(failed)} times"
    return f"{failed[-1]}{times}, then {outcome}"


def _outcome(data: Any) -> str:
    if "error" in data and "next_node_id" not in data:
        return f"{data['error']['type']}: {data['error']['message']}"
    if "reason" in data and "output" not in data:
        return str(data["reason"])
    way = f"by “{data['handle']}” " if data.get("handle") is not None else ""
    return f"{way}→ {data.get('next_node_id') or 'end'}"
