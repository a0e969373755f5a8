"""What holds in the end, whatever happened: each promise by its name. A broken one is an AssertionError."""

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from flowledger.domain.ports import RecordedEvent
from flowledger.domain.run import CLAIMS
from flowledger.infrastructure.queries.index.rebuild import LogWalk
from flowledger.infrastructure.repositories.runs import RunRepository
from flowledger.infrastructure.storage.index_writer import for_rebuild
from flowledger.infrastructure.storage.verify import verify

from ..storage.index import index_of
from .journal import Writer
from .scheduler import SECOND
from .world import World


class Log(NamedTuple):
    """The whole log, as the store has it."""

    rows: list[Any]
    streams: dict[str, list[RecordedEvent]]

    def runs(self) -> dict[str, list[RecordedEvent]]:
        return {stream: events for stream, events in self.streams.items() if events[0].type == "run.started"}


def read_log(world: World) -> Log:
    rows = list(world.store.log_batch(0))
    streams: dict[str, list[RecordedEvent]] = {}
    for event in world.store.tail():
        streams.setdefault(event.stream, []).append(event)
    return Log(rows, streams)


def no_thread_ended_by_accident(world: World, log: Log) -> None:
    assert world.scheduler.accidents == [], world.scheduler.accidents[0]


def versions_have_no_gaps(world: World, log: Log) -> None:
    for stream, events in log.streams.items():
        versions = [event.version for event in events]
        assert versions == list(range(1, len(versions) + 1)), f"{stream} has {versions}"


def what_was_acknowledged_is_stored(world: World, log: Log) -> None:
    by_position = {event.position: event for events in log.streams.values() for event in events}
    for position, stream, event in world.journal.acknowledged:
        stored = by_position.get(position)
        assert stored is not None, f"{event.type} of {stream} at position {position} is gone"
        found = (stored.stream, stored.type, stored.data)
        assert found == (stream, event.type, dict(event.data)), f"position {position} holds another event"


def nothing_is_acknowledged_twice(world: World, log: Log) -> None:
    counts = Counter(position for position, _, _ in world.journal.acknowledged)
    assert not [position for position, count in counts.items() if count > 1]


def verify_finds_nothing(world: World, log: Log) -> None:
    findings = verify(world.store).findings
    assert findings == (), findings


def every_run_ends_or_waits(world: World, log: Log) -> None:
    repository = RunRepository(world.store, world.store.checkpoints, None)
    for run_id in log.runs():
        state = repository.load(run_id)
        stands = state.held is not None or state.run_status in ("completed", "failed", "cancelled", "paused")
        assert stands, f"{run_id} is {state.run_status}"


def what_is_due_is_claimed_in_time(world: World, log: Log) -> None:
    """Once all goes well, and where there is room: a stall may have to end, a lease to run out, a worker to start.

    Where the clock was set back, it must first show again when a run was queued, or until when a lease was.
    """
    if world.concurrency * len(world.workers) < 4:
        return
    for run_id, events in log.runs().items():
        due: int | None = None
        for event in events:
            at = world.journal.times[run_id, event.version]
            if event.type in CLAIMS and due is not None:
                late, latest = at - max(due, world.quiet_since), world.latest + world.set_back_by
                assert late <= latest, f"{run_id} was due for {late / SECOND:.1f} s before {event.version}"
            due = _due_behind(world, event, at, due)


def _due_behind(world: World, event: RecordedEvent, at: int, due: int | None) -> int | None:
    """Since when it may be taken, by the scheduler's time. None: it is executed, held, or waits for people alone."""
    data = event.data
    if event.type == "run.metadata_set":
        return due
    if event.type in ("run.started", "run.released"):
        return at if "queued" in data["after"] and data["after"]["status"] == "active" else None
    planned = {"run.step_failed": "retry_at", "run.paused": "until"}.get(event.type)
    time = None if planned is None else data.get(planned)
    return None if time is None else time - world.clock_offset  # which stays, once all goes well


def outcomes_come_from_the_holder(world: World, log: Log) -> None:
    for run_id, events in log.runs().items():
        holder = None
        for event in events:
            writer = _holder(world.journal.writers[run_id, event.version])
            if event.type in CLAIMS:
                holder = writer
            elif "node_id" in event.data:
                assert writer == holder, f"{event.type} {event.version} of {run_id} is by {writer}, held by {holder}"


def _holder(writer: Writer) -> tuple[str, int]:
    """A worker claims with one thread and executes with others; a call does both in its own."""
    return writer.process, writer.task if writer.process.startswith("web") else 0


def whoever_lost_a_run_begins_at_most_one_more_step(world: World, log: Log) -> None:
    """A hold that is released before it came to a step boundary is none."""
    stopped: dict[tuple[str, int], list[range]] = {}
    claims: dict[tuple[str, tuple[str, int]], list[int]] = {}
    for run_id, events in log.runs().items():
        claimed, since = 0, 0
        for event in events:
            if event.type in CLAIMS:
                if claimed:
                    stopped.setdefault((run_id, claimed), []).append(range(since or event.version, FOR_EVER))
                claimed, since = event.version, 0
                holder = _holder(world.journal.writers[run_id, event.version])
                claims.setdefault((run_id, holder), []).append(claimed)
            elif event.type in ("run.held", "run.cancelled") and claimed:
                since = since or event.version
            elif event.type == "run.released" and since:
                stopped.setdefault((run_id, claimed), []).append(range(since, event.version))
                since = 0
        if since:
            stopped.setdefault((run_id, claimed), []).append(range(since, FOR_EVER))
    late: Counter[tuple[str, int, range]] = Counter()
    for each in world.watch.executions:
        held_by = _holder(Writer(each.process, each.task))
        mine = [version for version in claims.get((each.run_id, held_by), ()) if version <= each.head]
        assert mine, f"{each.process} executed {each.node_id} of {each.run_id}, which it never claimed"
        late.update(
            (each.run_id, mine[-1], span) for span in stopped.get((each.run_id, mine[-1]), ()) if each.head in span
        )
    assert max(late.values(), default=0) <= 1, f"more than the step in flight: {late.most_common(1)}"


FOR_EVER = 2**31


def a_held_run_takes_no_claim_and_no_second_outcome(world: World, log: Log) -> None:
    for run_id, events in log.runs().items():
        held, outcomes = False, 0
        for event in events:
            if event.type == "run.held":
                held, outcomes = True, 0
            elif event.type in ("run.released", "run.cancelled"):
                held = False
            elif held and event.type in CLAIMS:
                raise AssertionError(f"{run_id} was claimed at {event.version} while it was held")
            elif held and "node_id" in event.data:
                outcomes += 1
                assert outcomes == 1, f"{run_id} went on at {event.version} while it was held"


def every_outcome_was_executed_and_each_piece_of_work_is_done_once(world: World, log: Log) -> None:
    for run_id, events in log.runs().items():
        done: set[str] = set()
        for event in events:
            if "node_id" not in event.data or "recorded" in event.data or _is_not_executed(event):
                continue
            executed = world.journal.executions[run_id, event.version]
            assert executed is not None, f"{event.type} {event.version} of {run_id} was never executed"
            made = (executed.run_id, executed.node_id, executed.attempt)
            assert made == (run_id, event.data["node_id"], event.data.get("attempt", 1)), f"{run_id}, {event.version}"
            if event.type == "run.step_completed":
                assert executed.key not in done, f"{executed.key} is done twice"
                done.add(executed.key)


def _is_not_executed(event: RecordedEvent) -> bool:
    """Whether it is a failure that comes from preparing a step, or from looking for its effect on record."""
    return event.type == "run.step_failed" and event.data["error"]["type"] not in ("RuntimeError", "NonRetryable")


def what_was_done_to_the_world_is_not_done_again_by_a_branch(world: World, log: Log) -> None:
    """A fork or reproduction takes what was on record before it began."""
    runs = log.runs()
    done: dict[str, tuple[int, str]] = {}
    for run_id, events in runs.items():
        for event in events:
            executed = world.journal.executions[run_id, event.version]
            if event.type == "run.step_completed" and executed is not None and "recorded" not in event.data:
                place = (event.position, run_id)
                done[executed.effect_key] = min(done.get(executed.effect_key, place), place)
    for effect in world.watch.effects:
        events = runs[effect.run_id]
        kind = events[0].data.get("origin", {}).get("kind")
        if kind not in ("fork", "reproduction"):
            continue
        began = events[0].position
        position, run_id = done.get(effect.effect_key, (began, effect.run_id))
        assert run_id == effect.run_id or position > began, f"{effect.run_id} repeats what {run_id} did"


def no_act_is_done_more_often_than_it_was_taken(world: World, log: Log) -> None:
    """Not counting those that were refused; where the answer was lost it may have been taken."""
    counts = Counter(act for events in log.runs().values() for event in events if (act := _act_of(event)) is not None)
    for act, count in counts.items():
        taken = world.watch.sent[act]
        assert count <= taken, f"act {act} is on record {count} times, and was taken {taken} times at most"


def _act_of(event: RecordedEvent) -> tuple[str, int] | None:
    """The client, and the number of its act, that the event comes from."""
    data = event.data
    if event.type in ("run.held", "run.cancelled", "run.released"):
        return event.by, int(data["reason" if "reason" in data else "note"])
    if event.type == "run.metadata_set":
        return event.by, data["metadata"]["n"]
    if event.type == "run.started" and "origin" not in data:
        return event.by, data["payload"]["n"]
    if event.type == "run.resumed" and "timed_out" not in data:
        return event.by, data["payload"]["n"]
    return None


def no_delivery_counts_twice(world: World, log: Log) -> None:
    keys = Counter(
        (event.data.get("key_of", stream), event.data["key"])
        for stream, events in log.streams.items()
        for event in events
        if "key" in event.data
    )
    assert set(keys.values()) <= {1}, keys.most_common(1)


def no_question_is_answered_twice(world: World, log: Log) -> None:
    for run_id, events in log.runs().items():
        waits = Counter(event.data["wait"] for event in events if event.type == "run.resumed" and "wait" in event.data)
        assert set(waits.values()) <= {1}, f"{run_id}: {waits}"


def answers_reached_what_they_were_given_for(world: World, log: Log) -> None:
    assert world.watch.wrong == [], world.watch.wrong[0]
    for run_id, wait, payload in world.watch.acknowledged_answers:
        given = [event.data for event in log.streams[run_id] if event.type == "run.resumed"]
        taken = [data for data in given if data.get("payload") == payload]
        assert taken, f"the answer {payload} to {run_id} was acknowledged, and is nowhere"
        assert wait is None or f"{run_id}:{taken[0]['wait']}" == wait, f"{payload} answered {taken[0]['wait']}"


def the_index_is_what_a_rebuild_makes(world: World, log: Log) -> None:
    """Its tables aren't swapped in, which on SQLite costs as much as a sixth of all else that a seed does."""
    with world.store.recorder.index_rebuild() as new:
        LogWalk(world.store.recorder, new).catch_up(settled=True)
        assert index_of(world.store, named=for_rebuild) == index_of(world.store)


Promise = Callable[[World, Log], None]

PROMISES: tuple[Promise, ...] = (
    no_thread_ended_by_accident,
    versions_have_no_gaps,
    what_was_acknowledged_is_stored,
    nothing_is_acknowledged_twice,
    verify_finds_nothing,
    every_run_ends_or_waits,
    what_is_due_is_claimed_in_time,
    outcomes_come_from_the_holder,
    whoever_lost_a_run_begins_at_most_one_more_step,
    a_held_run_takes_no_claim_and_no_second_outcome,
    every_outcome_was_executed_and_each_piece_of_work_is_done_once,
    what_was_done_to_the_world_is_not_done_again_by_a_branch,
    no_act_is_done_more_often_than_it_was_taken,
    no_delivery_counts_twice,
    no_question_is_answered_twice,
    answers_reached_what_they_were_given_for,
    the_index_is_what_a_rebuild_makes,
)
