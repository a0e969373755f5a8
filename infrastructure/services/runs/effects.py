"""What the runs of a work order have done to the world, read from the store when a reproduction or fork comes to it."""

from collections.abc import Iterator, Mapping
from typing import Any

from ....domain.execution.executors import Executor
from ....domain.execution.step import Taken
from ....domain.execution.step_loop import EffectsRecord
from ....domain.ports import EventStore
from ....domain.rerun.effects import (
    Execution,
    RepeatedEffect,
    RunRecord,
    Work,
    current_work,
    is_done,
    not_recorded,
    repeated_effects,
    seen_answer,
    to_repeat,
    to_take,
)
from ....domain.run import STEP_FAILED, Origin, RunState
from ....domain.run.events import RecordedPlace
from ....domain.work_order import WorkOrderState
from ....domain.workflow.definition import Node
from ...repositories.as_of import event_at
from ...repositories.runs import RunRepository
from ...repositories.work_orders import load_started, load_work_order


def record_for(store: EventStore, runs: RunRepository, state: RunState) -> EffectsRecord | None:
    """The record that a run asks as it goes on; None where it does everything itself."""
    if state.origin is None or state.origin["kind"] not in ("reproduction", "fork"):
        return None
    named = frozenset(load_started(store, str(state.run_id)).get("effects", ()))
    return record_of(store, runs, state.origin, named)


def record_of(store: EventStore, runs: RunRepository, origin: Origin, named: frozenset[str]) -> EffectsRecord | None:
    """The record that a run with this origin asks, which executes the types ``named`` itself."""
    match origin["kind"]:
        case "reproduction":
            return ReproductionRecord(store, runs, origin["run_id"], named)
        case "fork":
            return ForkRecord(store, runs, origin["run_id"], named)
        case _:
            return None


class _Record:
    """Reads runs as far as they are on record when it is asked, each event once."""

    def __init__(self, store: EventStore, runs: RunRepository, source: str, named: frozenset[str]) -> None:
        self._store = store
        self._runs = runs
        self._source = source
        self._named = named
        self._records: dict[str, RunRecord] = {}

    def covers(self, executor: Executor) -> bool:
        """Whether the executor acts on the world, and wasn't named to do so once more."""
        return executor.effects and executor.type not in self._named

    def _executions(self, run_id: str, work: Work) -> list[Execution]:
        record = self._records.get(run_id)
        if record is None:
            record = self._records[run_id] = RunRecord(self._runs.load(run_id, 1))
        if to_repeat(record.executions(work)) is None:  # else nothing more comes of it
            record.follow(_events(self._store, run_id, record.version))
        return record.executions(work)

    def _taken(self, execution: Execution) -> Taken:
        data = event_at(self._store, execution.run_id, execution.version).data
        executed: RecordedPlace = {"run_id": execution.run_id, "version": execution.version}
        return Taken(execution.type, data, data.get("recorded", executed))


class ReproductionRecord(_Record):
    """A reproduction repeats what its source did: what isn't on record there isn't done in it either."""

    def find(self, state: RunState, node: Node) -> Taken:
        """What came of the node's work in the source; a failure of its own kind where nothing did."""
        found = to_repeat(self._executions(self._source, current_work(state, node.id)))
        if found is None:
            return not_recorded(self._source, node.id, node.type)
        return self._taken(found)


class ForkRecord(_Record):
    """A fork goes on with what nobody has tried yet: it takes what any run of its work order did, first its source."""

    def find(self, state: RunState, node: Node) -> Taken | None:
        """What came of the node's work; None: nobody has tried it, so it is executed."""
        work, answer = current_work(state, node.id), seen_answer(state)
        failed: Execution | None = None
        done: str | None = None
        for run_id in self._run_ids(state):
            executions = self._executions(run_id, work)
            found = to_take(executions, answer)
            if found is not None and found.type != STEP_FAILED:
                return self._taken(found)
            failed = failed or found
            done = done or (run_id if is_done(executions) else None)
        if failed is not None:
            return self._taken(failed)
        return None if done is None else not_recorded(done, node.id, node.type)

    def _run_ids(self, state: RunState) -> Iterator[str]:
        """The runs that may have done it, the likeliest first: the source, then the latest ones."""
        yield self._source
        order = load_work_order(self._store, str(state.work_order_id))
        for run_id in reversed([*order.reproductions, *order.forks, *order.runs]):
            if run_id not in (self._source, state.run_id):
                yield run_id


def repeated_by(
    store: EventStore, runs: RunRepository, order: WorkOrderState, types: Mapping[str, str], past: RunState | None
) -> tuple[RepeatedEffect, ...]:
    """What the work order's runs have done to the world in nodes of these types (node id → type).

    Without what the results say that a further run begins with, those of ``past``: that work isn't done again.
    """
    if not types:
        return ()
    begun = {} if past is None else {node_id: past.context.tally(node_id).visits for node_id in types}
    executions: list[tuple[Work, Execution]] = []
    for run_id in (*order.runs, *order.reproductions, *order.forks):
        record = RunRecord(runs.load(run_id, 1))
        record.follow(_events(store, run_id, record.version))
        executions += (each for each in record.all() if each[0].number > begun.get(each[0].node_id, 0))
    return repeated_effects(executions, types, order.id)


def _events(store: EventStore, run_id: str, after: int) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
    for rows, decoder in store.pages(run_id, after=after):
        yield from ((row[0], row[1], decoder.decode(row)) for row in rows)
