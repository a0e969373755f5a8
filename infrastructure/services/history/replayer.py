"""Replaying recorded steps: a whole run executed again, and the context that one step was given."""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any

from ....domain.errors import ExpressionError, InputInvalid, InvalidRequest, StorageCorrupt
from ....domain.execution.executors import ExecutorRegistry, StepContext
from ....domain.execution.plan import Plan
from ....domain.execution.scoping import NONE_GIVEN, Globals
from ....domain.execution.step import StepLimits, make_context, prepare
from ....domain.execution.step_loop import CallSettings, call_settings
from ....domain.ports import EventStore, NewEvent, RecordedEvent
from ....domain.rerun.effects import named_types
from ....domain.run import RunState
from ....domain.subjects import refuse_unreadable
from ....domain.values.json import freeze
from ....domain.values.point_in_time import parse_moment
from ....domain.workflow import WorkflowSnapshot
from ....projections.replay.report import ReplayReport
from ....projections.runs.attempts import is_execution
from ....projections.runs.run import run_of
from ...execution.runner import PreparedCall
from ...repositories.as_of import event_at, version_at
from ...repositories.missing import missing_run
from ...repositories.runs import RunRepository
from ...repositories.workflows import WorkflowRepository
from ..runs.call_globals import LedgerGlobals
from ..workflows.plan_cache import PlanCache
from .replay import AbsentGlobals, Replay, Tried, choose_scope


class Replayer:
    """Prepares replays: reads what they need, and appends nothing."""

    def __init__(
        self,
        store: EventStore,
        runs: RunRepository,
        workflows: WorkflowRepository,
        executors: ExecutorRegistry | None,
        now: Callable[[], int],
        limits: StepLimits,
        globals: LedgerGlobals,
    ) -> None:
        self._store = store
        self._runs = runs
        self._workflows = workflows
        self._executors = executors
        self._plans = PlanCache(executors)
        self._now = now
        self._limits = limits
        self._globals = globals

    def replay(
        self,
        run_id: str,
        verify: bool,
        effects: Collection[str],
        globals: Mapping[str, Any] | None,
        ignore_code: bool,
        against: int | str | None,
    ) -> PreparedCall[ReplayReport]:
        """The replay of all steps that are recorded of a run by now."""
        scope = choose_scope(self._executors or (), verify, named_types(effects, self._executors or ()), ignore_code)
        if verify and self._executors is None:
            raise InvalidRequest(
                "this ledger was opened without executors, so nothing can be executed: verify=False checks the record"
            )
        settings = self._settings(globals)
        if verify:
            settings = self._globals.supply(settings, lambda: run_of(self._runs.load(run_id)))
        absent = AbsentGlobals() if settings.globals is NONE_GIVEN else None
        if absent is not None:
            settings = settings._replace(globals=Globals(MappingProxyType(absent)))
        state, pages = self._runs.begin_fold(run_id)
        read = list(pages)  # at once: the steps may be awaited on an event loop, which must not read the store
        started = read[0].decoder.decode(read[0].rows[0])
        refuse_unreadable(f"run {run_id!r}", started.get("unreadable"))
        saved = self._workflows.get(started["workflow_id"], started["workflow_version"])
        other = None if against is None else self._workflows.get(saved.workflow_id, against)
        plan = self._plan_of(other or saved)
        tried = None if other is None else Tried(other, saved)
        replay = Replay(state, read, plan, saved.code, scope, settings, absent, tried)
        return PreparedCall((replay.cycle(), _NoCommit()), replay.report)

    def context_at(self, run_id: str, version: int, globals: Mapping[str, Any] | None) -> StepContext:
        """The context that the executor of a recorded step was given."""
        step = self._read_step(run_id, version)
        node_id = step.data["node_id"]
        state = self._runs.load(run_id, step.version - 1)
        refuse_unreadable(state.label, state.unreadable)
        plan = self._plan(state.workflow_id, state.workflow_version)
        planned = plan.nodes.get(node_id)
        settings = self._settings(globals)
        if planned is None or (globals is None and planned.template.reads_globals):
            return self._recorded_context(step, state, plan, settings)
        masker = settings.globals.masker()
        try:
            return prepare(planned, state, settings.globals, settings.now, masker).context
        except (ExpressionError, InputInvalid) as error:
            raise InvalidRequest(
                f"version {step.version} of run {run_id!r}: the executor of node {node_id!r} was not called, or "
                f"would not be now, as its input can't be made: {masker.text(str(error))}"
            ) from None  # whose text isn't masked

    def _recorded_context(
        self, step: RecordedEvent, state: RunState, plan: Plan, settings: CallSettings
    ) -> StepContext:
        """The context from the record alone: values from globals are masked."""
        node = next((node for node in plan.definition.nodes if node.id == step.data["node_id"]), None)
        if node is None:
            raise StorageCorrupt(
                f"version {step.version} of run {step.stream!r} is a step of node {step.data['node_id']!r}, "
                f"which version {state.workflow_version} of workflow {state.workflow_id!r} doesn't have"
            )
        data = freeze(step.data.get("input", {}), "input")
        model, planned = data, plan.nodes.get(node.id)
        if planned is not None and planned.validator is not None:
            with suppress(InputInvalid):  # a mask may not be what the schema asks for
                model = planned.validator.validate(data, node.id).model
        payload, globals = freeze(state.payload, "payload"), settings.globals.for_executor(node)
        loop, masker = plan.loops.around(node.id), settings.globals.masker()
        return make_context(node, loop, state, data, model, payload, globals, settings.now, masker)

    def _read_step(self, run_id: str, version: int) -> RecordedEvent:
        """The event that recorded a step. Raises RunNotFound, VersionNotFound, InvalidRequest where it is another."""
        head = self._store.head(run_id)
        if head == 0:
            raise missing_run(self._store, run_id)
        event = event_at(
            self._store, run_id, version_at(self._store, run_id, parse_moment(version, None), head, f"run {run_id!r}")
        )
        if is_execution(event.type, event.data):
            return event
        later = self._store.read(run_id, after=event.version)
        following = next((step.version for step in later if is_execution(step.type, step.data)), None)
        hint = "there is none after it" if following is None else f"the next one is version {following}"
        raise InvalidRequest(f"version {event.version} of run {run_id!r} is a {event.type!r}, no step: {hint}")

    def _plan(self, workflow_id: str, version: int) -> Plan:
        return self._plan_of(self._workflows.get(workflow_id, version))

    def _plan_of(self, saved: WorkflowSnapshot) -> Plan:
        return self._plans.get(saved.workflow_id, saved.version, saved.digest, lambda: saved.definition)

    def _settings(self, globals: Mapping[str, Any] | None) -> CallSettings:
        return call_settings("replay", globals, None, self._now, _no_jitter, self._limits)


def _no_jitter() -> float:
    """A replay schedules no retry."""
    return 0.5


class _NoCommit:
    """A replay appends no events: its step loop asks for executors only."""

    def __call__(self, events: list[NewEvent]) -> None:
        raise NotImplementedError

    async def acommit(self, events: list[NewEvent]) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is held back."""
