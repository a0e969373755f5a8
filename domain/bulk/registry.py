"""The registry of the events of a bulk action, what each does to its state, and the fold that follows it."""

from typing import Final

from ..events.registry import Body, EventEntry, Registry, register
from ..events.words import because, describe_reason
from ..ports import RecordedEvent
from .decisions import why_not_stop
from .events import (
    LEFT,
    PROGRESSED,
    REQUESTED,
    STOPPED,
    TAKEN,
    TARGETED,
    BulkLeft,
    BulkProgressed,
    BulkRequested,
    BulkStopped,
    BulkTaken,
    BulkTargeted,
)
from .state import BulkState

# --- what each does ---------------------------------------------------------------------------------------------------


def on_requested(state: BulkState, data: Body) -> None:
    state.act, state.by, state.requested_at = data["act"], data["by"], data["recorded_at"]
    state.count, state.from_node, state.reason = data["count"], data.get("from_node"), data.get("reason")
    state.selection, state.key, state.request = data.get("selection"), data.get("key"), data.get("request")


def on_targeted(state: BulkState, data: Body) -> None:
    state.targets += data["runs"]


def on_taken(state: BulkState, data: Body) -> None:
    state.driver = data["driver"]


def on_progressed(state: BulkState, data: Body) -> None:
    results = data["results"]
    state.results += results
    state.result_times += [data["recorded_at"]] * len(results)
    state.outcomes.update(result["outcome"] for result in results)


def on_left(state: BulkState, _: Body) -> None:
    state.driver = None


def on_stopped(state: BulkState, data: Body) -> None:
    state.stopped_by, state.stopped_at, state.stop_reason = data["by"], data["recorded_at"], data.get("reason")


# --- when it may follow -----------------------------------------------------------------------------------------------


def why_not_request(state: BulkState) -> str | None:
    return None if state.version == 0 else "a bulk action is requested once"


def why_not_target(state: BulkState) -> str | None:
    return None if len(state.targets) < state.count and not state.results else "all of its runs are named"


def why_not_work(state: BulkState) -> str | None:
    return None if state.done < state.count else "all of its runs have a result"


# --- in words ---------------------------------------------------------------------------------------------------------


def describe_request(data: Body) -> str:
    runs = f"{data['count']:,} {'run' if data['count'] == 1 else 'runs'}"
    where = f" from {data['from_node']}" if "from_node" in data else ""
    return f"{data['act']} {runs}{where}{because(data.get('reason'))}"


def narrate_request(event: RecordedEvent) -> str:
    return f"asked to {describe_request(event.data)}, as bulk action {event.stream.partition(':')[2]}"


def narrate_stop(event: RecordedEvent) -> str:
    return f"stopped bulk action {event.stream.partition(':')[2]}{because(event.data.get('reason'))}"


def describe_targets(data: Body) -> str:
    return f"{len(data['runs']):,} runs"


def describe_results(data: Body) -> str:
    outcomes = [result["outcome"] for result in data["results"]]
    return ", ".join(f"{outcomes.count(one):,} {one}" for one in dict.fromkeys(outcomes))


def describe_nothing(_: Body) -> str:
    return ""


BULK_EVENTS: Final[Registry] = register(
    EventEntry(
        name=REQUESTED,
        schema=BulkRequested,
        aggregate="bulk",
        evolve=on_requested,
        why_not=why_not_request,
        index="act",
        describe=describe_request,
        narrate=narrate_request,
        sign="»",
        tone="start",
    ),
    EventEntry(
        name=TARGETED,
        schema=BulkTargeted,
        aggregate="bulk",
        evolve=on_targeted,
        why_not=why_not_target,
        index="none",
        describe=describe_targets,
        narrate=None,
        sign="·",
        tone="quiet",
    ),
    EventEntry(
        name=TAKEN,
        schema=BulkTaken,
        aggregate="bulk",
        evolve=on_taken,
        why_not=why_not_work,
        index="none",
        describe=describe_nothing,
        narrate=None,
        sign="·",
        tone="quiet",
    ),
    EventEntry(
        name=PROGRESSED,
        schema=BulkProgressed,
        aggregate="bulk",
        evolve=on_progressed,
        why_not=why_not_work,
        index="none",
        describe=describe_results,
        narrate=None,
        sign="·",
        tone="quiet",
    ),
    EventEntry(
        name=LEFT,
        schema=BulkLeft,
        aggregate="bulk",
        evolve=on_left,
        why_not=why_not_work,
        index="none",
        describe=describe_nothing,
        narrate=None,
        sign="·",
        tone="quiet",
    ),
    EventEntry(
        name=STOPPED,
        schema=BulkStopped,
        aggregate="bulk",
        evolve=on_stopped,
        why_not=why_not_stop,
        index="act",
        describe=describe_reason,
        narrate=narrate_stop,
        sign="■",
        tone="end",
    ),
)


def evolve(state: BulkState, type: str, data: Body) -> None:
    """Fold one event into the state. Raises KeyError for an event that is none of a bulk action."""
    BULK_EVENTS[type].evolve(state, data)
    state.recorded_at = data["recorded_at"]
    state.version += 1
