"""Validation of an export: each stream could have happened, the streams agree, and the run needs each of them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...domain.errors import IllegalTransition
from ...domain.run import STARTED, RunState
from ...domain.values.ids import workflow_stream
from ...domain.work_order import OPENED, RUN_ADDED, WorkOrderState
from ...domain.workflow import CREATED
from ..storage.recorder import EventRow
from ..storage.verify import Predecessor
from .format import Header
from .stream_validators import RunValidator, StreamValidator, WorkflowValidator, WorkOrderValidator

_BEGINNINGS = frozenset({STARTED, OPENED, CREATED})
"""The first event of each kind of stream."""


@dataclass(slots=True)
class UsedVersions:
    """The versions that runs of the file refer to in their first events, collected before validation."""

    run_versions: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    """Run → its versions at which other runs begin."""
    workflow_versions: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    def add(self, started: Mapping[str, Any]) -> None:
        """Collect from a first event; other data is ignored."""
        match started:
            case {"workflow_id": str(workflow_id), "workflow_version": int(version)}:
                self.workflow_versions[workflow_id].add(version)
            case _:
                pass
        match started.get("origin"):
            case {"run_id": str(run_id), "version": int(version)}:
                self.run_versions[run_id].add(version)
            case _:
                pass


@dataclass(slots=True)
class _Run:
    history: RunValidator
    started: Mapping[str, Any]
    """The keys of the first event that refer to other streams."""


class ExportValidator:
    """Takes the events of a file in order. Raises IllegalTransition, InvalidValue for one that can't have happened."""

    def __init__(self, header: Header, uses: UsedVersions) -> None:
        self.before = {stream: Predecessor(stream) for stream in header.streams}
        self._kind = header.kind
        self._run_id = header.id
        self._streams = header.streams
        self._uses = uses
        self._kinds: dict[str, str] = {}
        self._runs: dict[str, _Run] = {}
        self._work_orders: dict[str, WorkOrderValidator] = {}
        self._workflows: dict[str, WorkflowValidator] = {}

    def is_possible_type(self, row: EventRow) -> bool:
        """Whether an event of this type may have this place in its stream."""
        kind = row.type.partition(".")[0]
        if row.version == 1:
            self._kinds[row.stream] = kind
        is_named_so = row.stream.startswith(workflow_stream("")) == (kind == "workflow")
        is_first = (row.version == 1) == (row.type in _BEGINNINGS)
        return is_named_so and kind == self._kinds.get(row.stream) and is_first

    def take(self, row: EventRow, data: Mapping[str, Any]) -> None:
        """Apply the next event of a stream."""
        self._history(row, data).take(row.version, row.type, data)
        named = self._runs.get(data.get("run_id", "")) if row.type in (OPENED, RUN_ADDED) else None
        # Both are stored at once: with a run that has moved on a list would show an old state.
        if named is not None and named.history.state.version > (2 if data.get("kind") == "fork" else 1):
            raise IllegalTransition(f"it names run {data['run_id']!r}, which had gone on without it")

    def _history(self, row: EventRow, data: Mapping[str, Any]) -> StreamValidator:
        stream = row.stream
        if row.type == CREATED:
            workflow_id = data["workflow_id"]
            self._workflows[stream] = WorkflowValidator(workflow_id, self._uses.workflow_versions[workflow_id])
        elif row.type == OPENED:
            self._work_orders[stream] = WorkOrderValidator(WorkOrderState(stream))
        elif row.type == STARTED:
            self._runs[stream] = self._begun(stream, data)
        if stream in self._runs:
            return self._runs[stream].history
        return self._work_orders[stream] if stream in self._work_orders else self._workflows[stream]

    def _begun(self, run_id: str, data: Mapping[str, Any]) -> _Run:
        workflow_id, version = data["workflow_id"], data["workflow_version"]
        workflow = self._workflows.get(workflow_stream(workflow_id))
        if workflow is None or workflow.digests.get(version) != data["definition_digest"]:
            raise IllegalTransition(f"it runs a definition that version {version} of workflow {workflow_id!r} is not")
        history = RunValidator(RunState(run_id), self._uses.run_versions[run_id])
        history.begin(workflow.routes[version], self._past(run_id, data), data)
        kept = ("workflow_id", "workflow_version", "correlation_id", "origin")
        return _Run(history, {key: data[key] for key in kept if key in data})

    def _past(self, run_id: str, data: Mapping[str, Any]) -> RunState | None:
        origin = data.get("origin")
        if origin is None:
            if "edited" in data:
                raise IllegalTransition("only a fork has a result that was edited")
            _check_question(data, None)
            return None
        source = self._runs.get(origin["run_id"])
        if source is None or origin["run_id"] == run_id:
            raise IllegalTransition(f"it begins with run {origin['run_id']!r}, of which the file has nothing yet")
        if origin["version"] == 0:
            if origin["kind"] == "fork":
                raise IllegalTransition("a fork begins at a version of its source, which count from 1")
            _check_question(data, None)
            return None
        past = source.history.past.get(origin["version"])
        if past is None:
            raise IllegalTransition(f"run {origin['run_id']!r} has no version {origin['version']} yet")
        if "edited" in data and (origin["kind"] != "fork" or past.context.count == 0):
            raise IllegalTransition("only a fork that begins with results has one that was edited")
        _check_question(data, past)
        return past

    # --- at the end ---------------------------------------------------------------------------------------------------

    def faults(self) -> Iterator[str]:
        """The faults of the whole file, once every event was taken."""
        for stream, events in self._streams.items():
            if (version := self.before[stream].version) != events:
                yield f"the file has {version} of the {events} events of stream {stream!r}"
        if self._kind == "workflow":
            return  # it has one stream, and all of that
        if self._run_id not in self._runs:
            yield f"the first line says that {self._run_id!r} is a run, and it is none"
            return
        needed: set[str] = set()
        yield from self._gather(needed)
        for stream in self._streams:
            if stream not in needed:
                yield f"run {self._run_id!r} doesn't need stream {stream!r}, so no export of it holds it"
        for order_id, order in self._work_orders.items():
            if not order.ends_with_run:
                yield f"work order {order_id!r} goes on behind the last run that is needed of it"
        for stream, workflow in self._workflows.items():
            used = max(self._versions_used(workflow.workflow_id), default=0)
            if workflow.state.version > used:
                yield f"stream {stream!r} goes on behind version {used}, the last one that is needed"

    def _gather(self, needed: set[str]) -> Iterator[str]:
        """Collect the streams that the run needs, following references; yields their faults."""
        due = [(self._run_id, "the first line")]
        while due:
            run_id, named_by = due.pop()
            if run_id in needed:
                continue
            run = self._runs.get(run_id)
            if run is None:
                yield f"run {run_id!r} is missing, which {named_by!r} names"
                continue
            started, order_id = run.started, run.started["correlation_id"]
            needed |= {run_id, order_id, workflow_stream(started["workflow_id"])}
            order = self._work_orders.get(order_id)
            if order is None or order.named.get(run_id) not in _possible_kinds(started):
                yield f"work order {order_id!r} doesn't name run {run_id!r} as what it is"
                continue
            yield from self._disagreements(order, run)
            due += [(named, order_id) for named in order.named]
            due += [(started["origin"]["run_id"], run_id)] if "origin" in started else []
            due += [(source, run_id) for source in run.history.taken_from]

    def _disagreements(self, order: WorkOrderValidator, run: _Run) -> Iterator[str]:
        run_id, state = run.history.state.run_id, order.state
        if state.workflow_id != run.started["workflow_id"]:
            yield f"work order {state.id!r} is of another workflow than its run {run_id!r}"
        is_first = order.named[str(run_id)] == "first"
        can_tell = state.key is not None and not state.sealed_by  # both are sealed otherwise
        if is_first and can_tell and state.payload_digest != run.history.payload_digest:
            yield f"work order {state.id!r} was opened with another payload than its run {run_id!r} has"

    def _versions_used(self, workflow_id: str) -> Iterator[int]:
        yield from (
            run.started["workflow_version"] for run in self._runs.values() if run.started["workflow_id"] == workflow_id
        )
        for order in self._work_orders.values():
            yield from (version for rejected_by, version in order.rejected if rejected_by == workflow_id)


def _possible_kinds(started: Mapping[str, Any]) -> tuple[str, ...]:
    """The kinds under which a work order may name a run with this first event."""
    # A retry of a rejected work order has no source.
    return (started["origin"]["kind"],) if "origin" in started else ("first", "retry")


def _check_question(started: Mapping[str, Any], past: RunState | None) -> None:
    """Raises IllegalTransition for a run that asks again, or begins with an answer, where none of it was there."""
    kind = started.get("origin", {}).get("kind")
    if "asks_again" in started:
        had_asked = past is not None and (past.wait is not None or past.answer is not None)
        if kind != "fork" or "edited" in started or not had_asked:
            raise IllegalTransition("only a fork of what had asked, and was not edited, asks again")
    if "given_answer" in started and (kind != "retry" or past is None or "start_node_id" not in started):
        raise IllegalTransition("only a retry that begins at a node takes over an answer")
