"""The registry of the events of a work order, what each does to its state, and the fold that follows it."""

from typing import Final

from ..events.registry import Body, EventEntry, Registry, register
from ..events.words import because, describe_reason
from ..ports import RecordedEvent
from ..values.used_keys import UsedKey
from .events import OPENED, REJECTED, RUN_ADDED, WorkOrderOpened, WorkOrderRejected, WorkOrderRunAdded
from .state import KeyedRun, RunEntry, WorkOrderState

# --- what each does ---------------------------------------------------------------------------------------------------


def on_opened(work_order: WorkOrderState, data: Body) -> None:
    work_order.workflow_id, work_order.by, work_order.opened_at = data["workflow_id"], data["by"], data["recorded_at"]
    work_order.sealed_by, work_order.unreadable = data.get("sealed_by", ()), data.get("unreadable")
    work_order.key, work_order.payload_digest = data.get("key"), data.get("payload_digest")
    if "run_id" in data:
        work_order.runs.append(data["run_id"])
        work_order.entries[data["run_id"]] = RunEntry("first", data["by"], data["recorded_at"])


def on_rejected(work_order: WorkOrderState, data: Body) -> None:
    work_order.rejected = data
    _keep_key(work_order, data)


def on_run_added(work_order: WorkOrderState, data: Body) -> None:
    work_order.entries[data["run_id"]] = RunEntry(data["kind"], data["by"], data["recorded_at"])
    _keep_key(work_order, data)
    if data["kind"] == "retry":
        work_order.runs.append(data["run_id"])
        work_order.rejected = None
    elif data["kind"] == "reproduction":
        work_order.reproductions.append(data["run_id"])
    else:
        work_order.forks.append(data["run_id"])


def _keep_key(work_order: WorkOrderState, data: Body) -> None:
    """Note the key of the command that made the event, where it had one."""
    if "key" in data:
        used = UsedKey(data["request"], work_order.version + 1, data["by"], data["recorded_at"])
        given_for = data.get("key_of", work_order.id)
        work_order.keys[given_for, data["key"]] = KeyedRun(used, data.get("run_id"))


# --- when it may follow -----------------------------------------------------------------------------------------------


def why_not_open(work_order: WorkOrderState) -> str | None:
    return None if work_order.version == 0 else "a work order is opened once"


def why_not_reject(work_order: WorkOrderState) -> str | None:
    return None if work_order.last_run_id is None else "a work order that has a run is not rejected any more"


def why_not_add_run(_: WorkOrderState) -> str | None:
    return None


# --- in words ---------------------------------------------------------------------------------------------------------


def describe_opening(data: Body) -> str:
    return f"first run {data['run_id']}" if "run_id" in data else ""


def describe_run(data: Body) -> str:
    return f"{data['kind']} {data['run_id']}"


def narrate_rejection(event: RecordedEvent) -> str:
    data = event.data
    return f"had work order {event.stream} of {data['workflow_id']!r} rejected{because(data['reason'])}"


WORK_ORDER_EVENTS: Final[Registry] = register(
    EventEntry(
        name=OPENED,
        schema=WorkOrderOpened,
        aggregate="work_order",
        evolve=on_opened,
        why_not=why_not_open,
        index="work order opened",
        describe=describe_opening,
        narrate=None,
        sign="·",
        tone="quiet",
    ),
    EventEntry(
        name=REJECTED,
        schema=WorkOrderRejected,
        aggregate="work_order",
        evolve=on_rejected,
        why_not=why_not_reject,
        index="work order rejected",
        describe=describe_reason,
        narrate=narrate_rejection,
        sign="·",
        tone="quiet",
    ),
    EventEntry(
        name=RUN_ADDED,
        schema=WorkOrderRunAdded,
        aggregate="work_order",
        evolve=on_run_added,
        why_not=why_not_add_run,
        index="run added",
        describe=describe_run,
        narrate=None,
        sign="·",
        tone="quiet",
    ),
)


def evolve(work_order: WorkOrderState, type: str, data: Body) -> None:
    """Fold one event into the state. Raises KeyError for an event that is none of a work order."""
    WORK_ORDER_EVENTS[type].evolve(work_order, data)
    work_order.recorded_at = data["recorded_at"]
    work_order.version += 1
