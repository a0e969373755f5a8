"""What changes of a long run's page when the slider moves: a script asks for it, and puts it in place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from .....domain.errors import EventNotReadable
from ...presentation.documents import event_document
from ..read_runs import ReadRun
from .page import Page
from .query import check_names, text, whole
from .readable_run import as_far_as_it_reads, last_readable, workflow_seen
from .run import PARAMETERS, address_of, asked_of, event_rows, picture_of, step_link, version_of
from .run_state import NO_STATE, shown_state, state_data
from .run_step import select_step
from .run_version import RunVersion, Window, window_at

if TYPE_CHECKING:
    from .....domain.workflow import WorkflowSnapshot
    from ..requests import Call


@dataclass(frozen=True, slots=True)
class ShortRun:
    """What parts say of the run itself."""

    id: str
    workflow_id: str
    workflow_version: int
    finished_at: datetime | None


def load_state(call: Call) -> RunVersion:
    """The line of the version, its graph, its step and its state.

    The address is that of the page, with ``until``: up to when the time line goes of a run that hasn't ended.

    Raises RunNotFound, VersionNotFound, NothingAsOf, InvalidRequest, EventNotReadable.
    """
    return as_far_as_it_reads(call.part("run"), lambda damage: _load_state(call, damage))


def load_lists(call: Call) -> RunVersion:
    """The steps and events around the version; the address is as for ``load_state``, and what is raised, too."""
    return as_far_as_it_reads(call.part("run"), lambda damage: _load(call, damage)[0])


def _load_state(call: Call, damage: EventNotReadable | None) -> RunVersion:
    shown, workflow = _load(call, damage, only=True)
    node_id = None if shown.selected is None else shown.selected.attempt.node_id
    read, version = shown.read, shown.version
    return replace(
        shown,
        picture=picture_of(call.ledger, workflow, read, version, node_id, step_link(call)),
        state=shown_state(read, version, text(call.query, "value")),
    )


def _load(
    call: Call, damage: EventNotReadable | None, *, only: bool = False
) -> tuple[RunVersion, WorkflowSnapshot | None]:
    """The version without graph and state, with its workflow; ``only``: of the events it has that of the version."""
    check_names(call.query, _PARAMETERS)
    run_id, ledger = call.part("run"), call.ledger
    finished_at = None if damage else ledger.history.header(run_id).finished_at
    workflow = workflow_seen(ledger, run_id)
    until = whole(call.query, "until", 0) or None
    definition = None if workflow is None else workflow.definition
    read = call.read_runs.read(ledger, run_id, definition, until, last_readable(damage))
    version = version_of(call, read.head, damage)
    window = Window(version, version) if only else window_at(version, read.head)
    shown = RunVersion(
        run=_short(read, finished_at),
        version=version,
        asked=asked_of(call),
        address=address_of(call),
        read=read,
        picture=None,
        state=NO_STATE,
        events=event_rows(read, *window),
        selected=select_step(call.query, read, version, workflow),
    )
    return shown, workflow


def _short(read: ReadRun, finished_at: datetime | None) -> ShortRun:
    started = read.walk.event(1)
    return ShortRun(started.stream, started.data["workflow_id"], started.data["workflow_version"], finished_at)


def _state_document(part: RunVersion) -> dict[str, Any]:
    state, earlier = state_data(part.read.walk.snapshot(part.version), whole=part.carries)
    return {"runId": part.run.id, "shownVersion": part.version, "snapshot": state, "earlierResults": earlier}


def _lists_document(part: RunVersion) -> dict[str, Any]:
    events = [event_document(row.event) for row in part.events]
    return {"runId": part.run.id, "shownVersion": part.version, "events": events}


_PARAMETERS: Final = PARAMETERS | {"until"}

PAGES: Final = (
    Page("/runs/{run}/state", "run_state", "viewer", load_state, "run_state.html", _state_document, is_part=True),
    Page("/runs/{run}/lists", "run_lists", "viewer", load_lists, "run_lists.html", _lists_document, is_part=True),
)
