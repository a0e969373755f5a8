"""Validation of single streams of an export, event by event: whether decisions could have produced them."""

from bisect import bisect_left
from collections.abc import Collection, Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Protocol

from ...domain.errors import IllegalTransition, InvalidValue
from ...domain.events.registry import check_may_follow
from ...domain.run import METADATA_SET, STARTED, RunState, after_of, evolve, is_plain_step
from ...domain.run.context import Context
from ...domain.run.fold import is_running
from ...domain.run.legality import Legality
from ...domain.run.results import Entry, ResultLog, is_caught
from ...domain.values.json_compare import json_digest
from ...domain.values.used_keys import find_key
from ...domain.work_order import OPENED, REJECTED, RUN_ADDED, WORK_ORDER_EVENTS, WorkOrderState
from ...domain.work_order import evolve as evolve_order
from ...domain.workflow import RELEASED, SAVES, WORKFLOW_EVENTS, WorkflowState, snapshot_ids
from ...domain.workflow import evolve as evolve_workflow
from ...domain.workflow.definition import STORED, WorkflowDefinition
from ...domain.workflow.routes import NodeRoutes, routes_of

_CANDIDATES = 100
"""Snapshot ids that are tried for one save; practically all."""


class StreamValidator(Protocol):
    """A stream up to the last event read."""

    def take(self, version: int, type: str, data: Mapping[str, Any]) -> None:
        """Apply the next event. Raises IllegalTransition or InvalidValue for one that can't have been decided."""


@dataclass(slots=True)
class WorkflowValidator:
    """A workflow, with the versions that runs of the file use."""

    workflow_id: str
    used: Collection[int]
    digests: dict[int, str] = field(default_factory=dict[int, str])
    routes: dict[int, Mapping[str, NodeRoutes]] = field(default_factory=dict[int, Mapping[str, NodeRoutes]])
    """For the versions that are used."""
    state: WorkflowState = field(init=False)
    """Without definitions and code."""

    def __post_init__(self) -> None:
        self.state = WorkflowState(self.workflow_id)

    def take(self, version: int, type: str, data: Mapping[str, Any]) -> None:
        check_may_follow(WORKFLOW_EVENTS, self.state, type)
        self._check_versions(type, data)
        evolve_workflow(self.state, version, type, {key: data[key] for key in data.keys() - _LARGE})
        if type in SAVES:
            candidates = snapshot_ids(self.workflow_id, version, data["digest"])
            if not any(data["snapshot_id"] == next(candidates) for _ in range(_CANDIDATES)):
                raise InvalidValue("snapshot_id", f"{data['snapshot_id']!r} doesn't stand for this save")
            self.digests[version] = data["digest"]
            if version in self.used:
                definition = WorkflowDefinition.model_validate(data["definition"], context=STORED)
                self.routes[version] = routes_of(definition)

    def _check_versions(self, type: str, data: Mapping[str, Any]) -> None:
        """Raises InvalidValue where an event names a version that can't be the one that it means."""
        if data.get("unchanged"):
            if data["version"] != self.state.live_version:
                raise InvalidValue("version", f"nothing changed, and version {self.state.live_version} was live")
        elif type == RELEASED and data["version"] not in self.digests:
            raise InvalidValue("version", f"version {data['version']} is no save that was released")
        if data.get("restored_version") not in (None, *self.digests):
            raise InvalidValue("restored_version", f"version {data['restored_version']} is no save that came back")
        if data.get("live_version", self.state.live_version) != self.state.live_version:
            said = data["live_version"]
            raise InvalidValue("live_version", f"it says {said}, and version {self.state.live_version} was live")


@dataclass(slots=True)
class RunValidator:
    """A run, folded without the outputs of its steps."""

    state: RunState
    kept: Collection[int]
    """Versions at which other runs begin."""
    past: dict[int, RunState] = field(default_factory=dict[int, RunState])
    payload_digest: str = ""
    taken_from: set[str] = field(default_factory=set[str])
    """The runs whose outcomes it has taken."""
    _legality: Legality = field(default_factory=lambda: Legality({}))

    def begin(self, routes: Mapping[str, NodeRoutes], past: RunState | None, data: Mapping[str, Any]) -> None:
        """Prepare for the first event: the definition that the run uses, and the state of its source."""
        self._legality = Legality(routes)
        self.state.context = Context(_Attempts(), 0)
        self.payload_digest = json_digest(data["adopted"] if "adopted" in data else data.get("payload"))
        if past is not None:
            self.state.begin_with(_branch(past), data["origin"])

    def take(self, version: int, type: str, data: Mapping[str, Any]) -> None:
        state = self.state
        if state.version and data.get("correlation_id") != state.work_order_id:
            raise InvalidValue("correlation_id", f"its run belongs to work order {state.work_order_id!r}")
        self._legality.check(state, type, data)
        if "recorded" in data:
            if state.origin is None or state.origin["kind"] not in ("reproduction", "fork"):
                raise IllegalTransition("only a reproduction or a fork takes outcomes from the record")
            self.taken_from.add(data["recorded"]["run_id"])
        if "key" in data and find_key(state.keys, data["key"]) is not None:
            raise IllegalTransition("its idempotency key was used before on this run")
        event = {key: value for key, value in data.items() if key not in _LARGE}
        if type == METADATA_SET:
            event["metadata"] = {}
        if type == STARTED and "edited" in data:
            event["edited"] = {key: value for key, value in data["edited"].items() if key != "output"}
        said = event.pop("after", None)
        # For a step that leads to the next one only an event that is stored with others contains it.
        may_be_silent = is_running(state) and is_plain_step(type, event)
        evolve(state, type, event)
        if "adopted" in event:
            state.context = _reduced(state.context)
        if said is not None or not may_be_silent:
            _check_after(state, said)
        self._legality.went_on(state, type, data)
        if version in self.kept:
            self.past[version] = _branch(state)


_LARGE = frozenset({"definition", "payload", "metadata", "input", "output", "logs", "code", "distributions", "drifted"})
"""Keys that no other event depends on."""


def _check_after(state: RunState, said: Mapping[str, Any] | None) -> None:
    """Where an event says that it leaves the run must be where the run stands behind it: lists show it."""
    expected: Mapping[str, Any] = after_of(state)
    if said is not None and not _SAID_SINCE & said.keys():
        expected = {key: value for key, value in expected.items() if key not in _SAID_SINCE}
    if said is None or expected not in (said, {**said, "queued": True}):
        raise InvalidValue("after", f"it says {said}, and the run stands at {expected}")


def _branch(state: RunState) -> RunState:
    branch, context = copy(state), state.context
    branch.context = Context(_Attempts(context.history, context.count), context.count)
    return branch


def _reduced(context: Context) -> Context:
    """The same of the results in an adopted snapshot."""
    attempts = _Attempts()
    attempts.pruned = context.history.pruned
    for place in range(context.count):
        attempts.extend(place, context.history[place])
    return Context(attempts, context.count)


class _Attempts(ResultLog):
    """Results reduced to how often each node has failed since it was last left, which gives the next attempt.

    Kept only where that changes, and shared with branches: memory grows neither with steps nor with forks.
    """

    __slots__ = ("_changed", "_results", "_source", "_upto")

    def __init__(self, source: ResultLog | None = None, upto: int = 0) -> None:
        """Start with the first ``upto`` results of a source."""
        super().__init__()
        self._source = source if isinstance(source, _Attempts) else None
        self._upto = upto
        self.pruned = None if source is None else source.pruned
        self._changed: dict[str, list[int]] = {}
        """Node → the places of those results that differ from the one before."""
        self._results: dict[int, Entry] = {}

    def extend(self, count: int, entry: Entry) -> ResultLog:
        node_id = entry["node_id"]
        is_to_be_retried = "error" in entry and not is_caught(entry)
        result = {"attempt": entry.get("attempt", 1), "error": True} if is_to_be_retried else _SUCCESS
        before = self.places(node_id, count)
        pruned = self.pruned
        is_counted_anew = pruned is not None and node_id == pruned.node_id and before and before[0] < pruned.kept
        if not before or is_counted_anew or self[before[0]] != result:
            self._changed.setdefault(node_id, []).append(count)
            self._results[count] = result
        return self

    def branch(self, count: int) -> ResultLog:
        return _Attempts(self, count)

    def places(self, node_id: str, count: int) -> tuple[int, ...]:
        history, upto = self, count
        while True:
            changed = history._changed.get(node_id, ())
            if at := bisect_left(changed, upto):
                return (changed[at - 1],)
            if history._source is None:
                return ()
            history, upto = history._source, min(upto, history._upto)

    def __getitem__(self, place: int) -> Entry:
        history = self
        while place not in history._results and history._source is not None:
            history = history._source
        return history._results[place]


_SUCCESS: Entry = {}


@dataclass(slots=True)
class WorkOrderValidator:
    """A work order: the runs that it names, and their kinds."""

    state: WorkOrderState
    named: dict[str, str] = field(default_factory=dict[str, str])
    """Run → how it came to the work order: ``first``, or the kind of repetition."""
    rejected: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    """The workflow and version that refused an input."""
    ends_with_run: bool = False
    """Whether its last event names a run."""

    def take(self, version: int, type: str, data: Mapping[str, Any]) -> None:  # noqa: ARG002 - as of the others
        check_may_follow(WORK_ORDER_EVENTS, self.state, type)
        if type == REJECTED:
            self.rejected.append((data["workflow_id"], data["workflow_version"]))
        run_id = data.get("run_id")
        if run_id is not None:
            if run_id in self.named:
                raise IllegalTransition(f"it names run {run_id!r} again")
            self.named[run_id] = "first" if type == OPENED else data["kind"]
        elif type == RUN_ADDED:
            raise IllegalTransition("it names no run")
        self.ends_with_run = run_id is not None
        if type != OPENED and "key" in data:
            self._check_key(data)
        evolve_order(self.state, type, {key: value for key, value in data.items() if key != "payload"})

    def _check_key(self, data: Mapping[str, Any]) -> None:
        given_for = data.get("key_of", self.state.id)
        if given_for != self.state.id and given_for not in self.named:
            raise InvalidValue("key_of", f"{given_for!r} is no run that the work order has")
        if (given_for, data["key"]) in self.state.keys:
            raise IllegalTransition("its idempotency key was used before for what it was given for")


_SAID_SINCE = frozenset({"asked_version", "asked_at", "due_at", "until"})
"""What older releases didn't say."""
