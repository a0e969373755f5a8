"""The index is a read model for lists: one row a run, work order and workflow. Pure: from events to changes of rows.

A plain step, one that leads to the next, changes no row, so it costs no second write. Every other event does.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any, Final, NamedTuple

from ...domain.errors import EventNotReadable
from ...domain.event_registry import EVENTS, is_act
from ...domain.events.registry import IndexEffect
from ...domain.run import METADATA_SET, PAUSED, STARTED, STEP_COMPLETED, STEP_FAILED
from ...domain.status import ENDED, UNREADABLE, work_order_status
from ...domain.values.clock import EARLIEST, LATEST
from ...domain.values.ids import workflow_stream
from ...domain.work_order import OPENED
from .columns import count_column, id_column, key, optional_key, rank_column, row_time, text_column

INDEX_REVISION = 4
"""Raise it with every change to the rows that events make: an index of another revision is not read, but rebuilt."""


class PlacedEvent(NamedTuple):
    """An event with its place in the log, or in the commit that stores it."""

    place: int
    stream: str
    version: int
    type: str
    data: Mapping[str, Any]


RowValues = dict[str, Any]


@dataclass(slots=True)
class IndexChanges:
    """What events change in the tables: rows to insert and rows to update, each at most once."""

    runs: dict[str, RowValues] = field(default_factory=dict)
    moves: dict[str, RowValues] = field(default_factory=dict)
    """Of runs that are in the table."""
    touches: dict[str, RowValues] = field(default_factory=dict)
    """Of runs that are in the table and stay where they are: when something was noted about them."""
    orders: dict[str, RowValues] = field(default_factory=dict)
    order_moves: dict[str, list[RowValues]] = field(default_factory=dict)
    """By work order. Where ``if_last`` names a run, that must still be the last one that counts."""
    changes: list[RowValues] = field(default_factory=list)
    workflows: dict[str, RowValues] = field(default_factory=dict)
    workflow_moves: dict[str, RowValues] = field(default_factory=dict)
    """Of workflows that are in the table; a column that is None stays as it is."""
    saves: list[RowValues] = field(default_factory=list)

    def tables(self) -> dict[str, list[RowValues]]:
        """The rows by name, where there are any."""
        found = {
            "runs": list(self.runs.values()),
            "moves": list(self.moves.values()),
            "touches": list(self.touches.values()),
            "orders": list(self.orders.values()),
            "order_moves": list(chain.from_iterable(self.order_moves.values())),
            "changes": self.changes,
            "workflows": list(self.workflows.values()),
            "workflow_moves": list(self.workflow_moves.values()),
            "saves": self.saves,
        }
        return {name: rows for name, rows in found.items() if rows}


def is_indexed(type: str, data: Mapping[str, Any]) -> bool:
    """Whether the event changes a row."""
    if type == STEP_COMPLETED:
        return "after" in data
    return type in _CHANGE


def changes_of(events: "list[PlacedEvent]", changes: IndexChanges | None = None) -> IndexChanges:
    """What these events, in order, do to the index, after those that did ``changes``, which grow in place.

    Raises EventNotReadable for a body that isn't one of its type.
    """
    changes = IndexChanges() if changes is None else changes
    for event in events:
        try:
            _CHANGE[event.type](changes, event)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            reason = f"its body is not that of a {event.type!r} ({error!r})"
            raise EventNotReadable(event.stream, event.version, reason) from error
    return changes


def changes_of_readable(
    events: "list[PlacedEvent]", tell_of: Callable[[EventNotReadable], object] = lambda _: None
) -> tuple[int, IndexChanges]:
    """What the events that can be read do to the index, and how many those are; ``tell_of`` is told the others.

    An event without data is one that was told already.
    """
    if all(event.data for event in events):
        with suppress(EventNotReadable):  # which one it is, each has to tell by itself
            return len(events), changes_of(events)
    changes, moving = IndexChanges(), 0
    for event in events:
        try:
            if event.data:
                changes_of([event])  # so that half an event moves no row
                changes_of([event], changes)
        except EventNotReadable as error:
            tell_of(error)
            event = event._replace(data={})
        moving += bool(event.data) or _add_unreadable(changes, event)
    return moving, changes


def _add_unreadable(changes: IndexChanges, event: PlacedEvent) -> bool:
    """A row for a run or work order whose first event can't be read, so that lists show that it is there.

    Nothing is known of it but its id and what later events say, and it comes last in every list. False for any other
    event.
    """
    if event.version != 1 or event.type not in (STARTED, OPENED):
        return False
    nothing = {"workflow_id": "", "actor": "", "place": event.place}
    if event.type == STARTED:
        changes.runs[event.stream] = nothing | {
            "run_id": event.stream,
            "work_order_id": "",
            "workflow_version": 0,
            "started_at": EARLIEST,
            "origin": None,
            "source": None,
            "queued": False,
            "version": event.version,
            "status": UNREADABLE,
            "node_id": None,
            "error_type": None,
            "finished_at": None,
            "owner": None,
            "priority": 0,
            "ready_at": None,
            "active_at": EARLIEST,
            **_WAITS_FOR_NOTHING,
        }
    else:
        changes.orders[event.stream] = nothing | {
            "work_order_id": event.stream,
            "opened_at": EARLIEST,
            "last_run_id": None,
            "state": UNREADABLE,
            "reason": None,
            "finished_at": None,
        }
    return True


# --- runs -------------------------------------------------------------------------------------------------------------


def _started(changes: IndexChanges, event: PlacedEvent) -> None:
    data = event.data
    origin = data.get("origin") or {}
    changes.runs[event.stream] = {
        "run_id": event.stream,
        "work_order_id": id_column(data.get("correlation_id", "")),
        "workflow_id": id_column(data["workflow_id"]),
        "workflow_version": count_column(data["workflow_version"]),
        "started_at": row_time(data["recorded_at"]),
        "place": event.place,
        "actor": key(data["by"]),
        "origin": "adoption" if "adopted" in data else optional_key(origin.get("kind")),
        "source": optional_key(origin.get("run_id")),
        "priority": rank_column(data.get("priority", 0)),
        **_moved_to(event),
    }
    _count_from_start(changes.runs[event.stream])
    _note(changes, event)


def _on_run_moved(changes: IndexChanges, event: PlacedEvent) -> None:
    to = _moved_to(event)
    changes.touches.pop(event.stream, None)
    run = changes.runs.get(event.stream) or changes.moves.setdefault(event.stream, {"run_id": event.stream})
    run |= to
    _count_from_start(run)
    _move_work_order(changes, event, to)
    _note(changes, event)


def _noted(changes: IndexChanges, event: PlacedEvent) -> None:
    noted_at = row_time(event.data["recorded_at"])
    run = changes.runs.get(event.stream) or changes.moves.get(event.stream)
    if run is None:
        run = changes.touches.setdefault(event.stream, {"run_id": event.stream, "active_at": noted_at})
    run["active_at"] = max(run["active_at"], noted_at)
    _note(changes, event)


def _count_from_start(run: RowValues) -> None:
    """The same is said of rows that are in the table: no run ends before it began, whatever its events say. One that
    is queued may be taken since it began, unless its events say when."""
    if "started_at" not in run:
        return
    if run["finished_at"] is not None:
        run["finished_at"] = max(run["started_at"], run["finished_at"])
    if run["ready_at"] is None and run["queued"] and not run["held"]:
        run["ready_at"] = run["started_at"]


def _moved_to(event: PlacedEvent) -> RowValues:
    after = event.data["after"]
    status = after["status"]
    work_order_status(status)  # raises KeyError for any other
    failed = event.type == STEP_FAILED and status in ("error", "failed")
    finished_at = after.get("finished_at")
    return {
        "version": event.version,
        "status": status,
        "node_id": None if after["status"] == "active" else optional_key(after.get("node_id")),
        "error_type": key(event.data["error"]["type"]) if failed else None,
        "finished_at": None if finished_at is None else row_time(finished_at),
        # Nobody takes a run that was cancelled before a worker came to it.
        "queued": status not in ENDED and ("queued" in after or "queued" in event.data),
        "owner": optional_key(after.get("owner")),
        "active_at": _active_at(event),
        **_waits_as(event),
    }


def _active_at(event: PlacedEvent) -> int:
    """When the run's last event was recorded. That a run is executed now counts as later than any time: its plain steps
    write nothing here."""
    recorded_at = row_time(event.data["recorded_at"])
    after = event.data["after"]
    is_queued = "queued" in after or "queued" in event.data
    return LATEST if after["status"] == "active" and not is_queued else recorded_at


def _waits_as(event: PlacedEvent) -> RowValues:
    """What the run waits for behind the event."""
    data, after = event.data, event.data["after"]
    status = after["status"]
    if status == "active" and "due_at" in after:  # it is queued for later
        begins_at = row_time(after["due_at"])
        return _WAITS_FOR_NOTHING | {"due_at": begins_at, "ready_at": begins_at}
    if status not in ("paused", "error"):
        return _WAITS_FOR_NOTHING
    asked_version, asked_at, held = after.get("asked_version"), after.get("asked_at"), "held" in after
    due_at = after.get("due_at", after.get("until"))
    if status == "error" and due_at is None:
        due_at = data.get("retry_at")  # older releases said nothing of it behind the event
    elif status == "paused" and asked_version is None and not held:  # nor who asked
        if event.type == STARTED or (event.type == PAUSED and "node_id" in data):
            asked_version, asked_at, due_at = event.version, data["recorded_at"], data.get("until")
        else:
            held = True
    return {
        "wait_version": None if asked_version is None else count_column(asked_version),
        "asked_at": None if asked_at is None else row_time(asked_at),
        "due_at": None if due_at is None else row_time(due_at),
        "ready_at": None if due_at is None or held else row_time(due_at),
        "held": held,
    }


_WAITS_FOR_NOTHING: Final[RowValues] = {
    "wait_version": None,
    "asked_at": None,
    "due_at": None,
    "ready_at": None,
    "held": False,
}


# --- work orders ------------------------------------------------------------------------------------------------------


def _opened(changes: IndexChanges, event: PlacedEvent) -> None:
    run_id = optional_key(event.data.get("run_id"))
    changes.orders[event.stream] = {
        "work_order_id": event.stream,
        "workflow_id": id_column(event.data["workflow_id"]),
        "opened_at": row_time(event.data["recorded_at"]),
        "place": event.place,
        "actor": key(event.data["by"]),
        "last_run_id": run_id,
        "state": _state_with(changes, run_id),
        "reason": None,
        "finished_at": _end_with(changes, run_id),
    }


def _run_added(changes: IndexChanges, event: PlacedEvent) -> None:
    if event.data["kind"] != "retry":
        return
    run_id = key(event.data["run_id"])
    to = {"last_run_id": run_id, "state": _state_with(changes, run_id), "reason": None}
    _set_work_order(changes, event, to | {"finished_at": _end_with(changes, run_id)})


def _rejected(changes: IndexChanges, event: PlacedEvent) -> None:
    to = {"last_run_id": None, "state": "rejected", "reason": text_column(event.data["reason"])}
    _set_work_order(changes, event, to | {"finished_at": row_time(event.data["recorded_at"])})
    _note(changes, event)


def _set_work_order(changes: IndexChanges, event: PlacedEvent, to: RowValues) -> None:
    work_order = changes.orders.get(event.stream)
    if work_order is not None:
        work_order |= to
    else:  # whatever its runs did before
        changes.order_moves[event.stream] = [{"work_order_id": event.stream, "if_last": None, **to}]


def _move_work_order(changes: IndexChanges, event: PlacedEvent, run: RowValues) -> None:
    """State and end of a work order follow its last run. Which that is, a row says, here or in the table."""
    work_order_id = event.data.get("correlation_id")
    if work_order_id is None:
        return
    work_order = changes.orders.get(work_order_id)
    known = changes.order_moves.setdefault(work_order_id, []) if work_order is None else [work_order]
    to = {"state": work_order_status(run["status"]), "finished_at": run["finished_at"]}
    for row in known:
        if row["last_run_id"] == event.stream:
            row |= to
            return
    if all(row.get("if_last") for row in known):
        run_id = event.stream
        known.append({"work_order_id": work_order_id, "if_last": run_id, "last_run_id": run_id, "reason": None, **to})


def _end_with(changes: IndexChanges, run_id: str | None) -> int | None:
    run = changes.runs.get(run_id or "")
    return None if run is None else run["finished_at"]


def _state_with(changes: IndexChanges, run_id: str | None) -> str:
    run = changes.runs.get(run_id or "")
    if run is not None and run["status"] == UNREADABLE:
        return UNREADABLE
    return "pending" if run is None else work_order_status(run["status"], queued=run["queued"])


# --- workflows --------------------------------------------------------------------------------------------------------


def _workflow_of(event: PlacedEvent) -> str:
    """Raises ValueError where the event speaks of another workflow than its stream is: that row isn't its own."""
    workflow_id = id_column(event.data["workflow_id"])
    if workflow_stream(workflow_id) != event.stream:
        raise ValueError(f"workflow {workflow_id!r} has another stream")
    return workflow_id


def _saved(changes: IndexChanges, event: PlacedEvent) -> None:
    data = event.data
    workflow_id = _workflow_of(event)
    save: RowValues = {
        "workflow_id": workflow_id,
        "version": event.version,
        "snapshot_id": id_column(data["snapshot_id"]),
        "actor": key(data["by"]),
        "taken_at": row_time(data["recorded_at"]),
        "message": text_column(data.get("message")),
        "digest": id_column(data["digest"]),
    }
    named = text_column(data.get("name"))
    changes.saves.append(save)
    changes.workflow_moves.pop(workflow_id, None)
    changes.workflows[workflow_id] = save | {
        "saved_version": event.version,
        "live_version": count_column(data.get("live_version", event.version)),
        "name": named,
        "archived": False,
    }
    _note(changes, event)


def _archived(changes: IndexChanges, event: PlacedEvent, *, archived: bool = True) -> None:
    _move_workflow(changes, event, {"archived": archived})


def _released(changes: IndexChanges, event: PlacedEvent) -> None:
    _move_workflow(changes, event, {"live_version": count_column(event.data["version"])})


def _move_workflow(changes: IndexChanges, event: PlacedEvent, to: RowValues) -> None:
    workflow_id = _workflow_of(event)
    row = changes.workflows.get(workflow_id)
    if row is None:
        kept = {"workflow_id": workflow_id, "archived": None, "live_version": None}
        row = changes.workflow_moves.setdefault(workflow_id, kept)
    row |= {"version": event.version, **to}
    _note(changes, event)


# --- every kind -------------------------------------------------------------------------------------------------------


def _note(changes: IndexChanges, event: PlacedEvent) -> None:
    """What was done, when and by whom; for a run also where that left it, so that any past moment can be asked for."""
    data = event.data
    stands = _moved_to(event) if "after" in data and event.type != METADATA_SET else {}
    changes.changes.append(
        {
            "stream": event.stream,
            "version": event.version,
            "place": event.place,
            "recorded_at": row_time(data["recorded_at"]),
            "actor": key(data["by"]),
            "type": event.type,
            "is_act": is_act(event.type, data),
            "status": stands.get("status"),
            "node_id": stands.get("node_id"),
            "error_type": stands.get("error_type"),
            "channel": channel if (channel := data.get("channel")) is None else key(channel),
        }
    )


_EFFECTS: Final[Mapping[IndexEffect, Callable[[IndexChanges, PlacedEvent], None]]] = {
    "noted": _noted,
    "act": _note,
    "run started": _started,
    "run moved": _on_run_moved,
    "work order opened": _opened,
    "work order rejected": _rejected,
    "run added": _run_added,
    "workflow saved": _saved,
    "workflow archived": _archived,
    "workflow restored": partial(_archived, archived=False),
    "workflow released": _released,
}

_CHANGE: Final = {name: _EFFECTS[entry.index] for name, entry in EVENTS.items() if entry.index != "none"}
