"""What holds in the end, whatever happened: each promise by its name. A broken one is an AssertionError."""

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from flowledger.domain.ports import RecordedEvent
from flowledger.domain.run import CLAIMS
from flowledger.infrastructure.queries.index.rebuild import rebuild_index
from flowledger.infrastructure.storage.verify import verify

from ..storage.index import index_of
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
    for run_id in log.runs():
        run = world.web.processes[0].ledger.runs.get(run_id)
        stands = run.held is not None or run.status in ("completed", "failed", "cancelled", "paused")
        assert stands, f"{run_id} is {run.status}"


def outcomes_come_from_the_holder(world: World, log: Log) -> None:
    for run_id, events in log.runs().items():
        holder = None
        for event in events:
            writer = world.journal.writers[run_id, event.version]
            if event.type in CLAIMS:
                holder = writer
            elif "node_id" in event.data:
                assert writer == holder, f"{event.type} {event.version} of {run_id} is by {writer}, held by {holder}"


def whoever_lost_a_run_begins_at_most_one_more_step(world: World, log: Log) -> None:
    ends: dict[tuple[str, int], int] = {}
    claims: dict[tuple[str, int], list[int]] = {}
    for run_id, events in log.runs().items():
        claimed = None
        for event in events:
            if event.type in CLAIMS:
                if claimed is not None:
                    ends.setdefault((run_id, claimed), event.version)
                claimed = event.version
                claims.setdefault((run_id, world.journal.writers[run_id, event.version].task), []).append(claimed)
            elif event.type in ("run.held", "run.cancelled") and claimed is not None:
                ends.setdefault((run_id, claimed), event.version)
    late: Counter[tuple[str, int]] = Counter()
    for each in world.watch.executions:
        mine = [version for version in claims.get((each.run_id, each.task), ()) if version <= each.head]
        assert mine, f"{each.process} executed {each.node_id} of {each.run_id}, which it never claimed"
        end = ends.get((each.run_id, mine[-1]))
        late[each.run_id, mine[-1]] += end is not None and each.head >= end
    assert max(late.values(), default=0) <= 1, f"more than the step in flight: {late.most_common(1)}"


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


def each_step_is_done_once(world: World, log: Log) -> None:
    for run_id, events in log.runs().items():
        done = [event.data["node_id"] for event in events if event.type == "run.step_completed"]
        kinds = Counter(done)
        snapshot = world.web.processes[0].ledger.history.snapshot(run_id)
        for node, results in snapshot.context.items():
            assert kinds[node] <= len(results), f"{node} of {run_id}"


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
    kept = index_of(world.store)
    rebuild_index(world.store)
    assert index_of(world.store) == kept


Promise = Callable[[World, Log], None]

PROMISES: tuple[Promise, ...] = (
    versions_have_no_gaps,
    what_was_acknowledged_is_stored,
    nothing_is_acknowledged_twice,
    verify_finds_nothing,
    every_run_ends_or_waits,
    outcomes_come_from_the_holder,
    whoever_lost_a_run_begins_at_most_one_more_step,
    a_held_run_takes_no_claim_and_no_second_outcome,
    each_step_is_done_once,
    no_delivery_counts_twice,
    no_question_is_answered_twice,
    answers_reached_what_they_were_given_for,
    the_index_is_what_a_rebuild_makes,
)
