"""What the use cases of ``ledger.runs`` share: the store, versions ready to run, the clock, the commits of a run."""

from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from random import random
from typing import Any, NamedTuple

from ....domain.errors import ConcurrencyError, InvalidRequest
from ....domain.execution.executors import ExecutorRegistry
from ....domain.execution.missing import refuse_missing_executors
from ....domain.execution.plan import Plan
from ....domain.execution.step import StepLimits
from ....domain.execution.step_loop import (
    CallSettings,
    StepLoop,
    call_settings,
    check_actor,
    refuse_recovery,
    step_loop,
)
from ....domain.ports import EventStore, NewEvent, Write
from ....domain.rerun.effects import named_types
from ....domain.rerun.fork import Edit, edit_of
from ....domain.run import RECOVERED, RunState, evolve, fail
from ....domain.run.events import CLAIMED
from ....domain.values.json import freeze
from ....domain.visible import quoted
from ....domain.workflow import JobCode
from ....domain.workflow.definition import WorkflowDefinition
from ....projections.runs.run import Run, run_of
from ...concurrency.threads import Threads
from ...execution.batching import Batch, BatchCommitter, Timer
from ...execution.committer import Committer, append_next
from ...execution.runner import Commit, PreparedCall
from ...execution.source_code import KnownCode, changed_types, code_now, known_code
from ...repositories.optimistic_retry import OptimisticRetry
from ...repositories.runs import RunRepository
from ...repositories.workflows import WorkflowRepository
from ..workflows.plan_cache import PlanCache
from .call_globals import LedgerGlobals, refuse_missing
from .commands import PLAIN, Command, is_answered, refuse_moved_on
from .effects import record_for


class Runnable(NamedTuple):
    """One version of a workflow, joined with this ledger's executors."""

    workflow_id: str
    version: int
    digest: str
    saved_code: Mapping[str, JobCode]
    """By node type, as it was at the save."""
    plan: Plan

    @property
    def known_code(self) -> KnownCode:
        """The code that was saved."""
        return known_code(self.saved_code)

    def refuse_missing_globals(self, node_id: str | None, settings: CallSettings) -> None:
        """Raises GlobalsMissing where a run of it that goes on at this node may come to one that reads others."""
        refuse_missing(self.plan, (self.workflow_id, self.version), node_id, settings.globals)


class RunServices:
    """Shared by the use cases of ``ledger.runs``."""

    def __init__(
        self,
        store: EventStore,
        runs: RunRepository,
        workflows: WorkflowRepository,
        executors: ExecutorRegistry | None,
        now: Callable[[], int],
        limits: StepLimits,
        threads: Threads,
        globals: LedgerGlobals,
        batch: Batch | None = None,
    ) -> None:
        self.store = store
        self.runs = runs
        self.workflows = workflows
        self.now = now
        self.threads = threads
        self._executors = executors
        self._plans = PlanCache(executors)
        self._limits = limits
        self._batch = batch
        self._globals = globals
        self._timer = Timer()
        self._executes = True

    def within(
        self, store: EventStore, runs: RunRepository, workflows: WorkflowRepository, threads: Threads
    ) -> "RunServices":
        """The same on a store inside a transaction of the caller's: with the same plans, and it executes nothing."""
        inside = copy(self)
        inside.store, inside.runs, inside.workflows, inside.threads = store, runs, workflows, threads
        inside._executes = False
        return inside

    def close(self) -> None:
        """Store the events that still wait for a batch to fill."""
        self._timer.close()

    # --- arguments ----------------------------------------------------------------------------------------------------

    def settings(self, by: str, globals: Mapping[str, Any] | None, step_limit: int | None) -> CallSettings:
        """The settings of one call. Raises InvalidRequest."""
        return call_settings(by, globals, step_limit, self.now, random, self._limits)

    def supply_globals(self, settings: CallSettings, state: RunState, events: Sequence[NewEvent] = ()) -> CallSettings:
        """The settings of a call that is about to execute a run's steps, with globals. They come from the ledger where
        the caller gave none: by the run as it stands, or, where it isn't stored yet, as it will begin with ``events``.
        """
        return self._globals.supply(settings, lambda: run_of(_after(state, events)))

    def freeze(self, value: Any, name: str) -> Any:
        """The value as JSON. Raises InvalidValue."""
        return freeze(value, name, self._limits.max_value_bytes)

    def edit(self, output: Any) -> Edit:
        """An output, or a StepResult, that replaces a recorded one. Raises InvalidValue."""
        return edit_of(output, self._limits.max_value_bytes)

    def freeze_metadata(self, metadata: Mapping[str, Any]) -> Any:
        """The metadata as a JSON object. Raises InvalidRequest, InvalidValue."""
        if not isinstance(metadata, Mapping):
            raise InvalidRequest(f"metadata {quoted(metadata)} is not an object")
        return self.freeze(metadata, "metadata")

    def effects(self, types: Collection[str]) -> frozenset[str]:
        """The types that a new run executes although they have effects. Raises InvalidRequest."""
        return named_types(types, self._executors)

    # --- versions -----------------------------------------------------------------------------------------------------

    def load_to_start(self, workflow_id: str, version: int | str | None = None) -> Runnable:
        """The version that a new run of the workflow uses: by default the live one.

        Raises WorkflowNotFound, VersionNotFound, IllegalTransition (archived).
        """
        saved = self.workflows.load_save_to_start(workflow_id, version)
        digest = saved.data["digest"]
        plan = self._plan(workflow_id, saved.version, digest)
        return Runnable(workflow_id, saved.version, digest, saved.data["code"], plan)

    def load_version(self, workflow_id: str, version: int | str) -> Runnable:
        """Any version, also of an archived workflow. Raises VersionNotFound."""
        saved = self.workflows.get(workflow_id, version)
        plan = self._plan(workflow_id, saved.version, saved.digest)
        return Runnable(workflow_id, saved.version, saved.digest, saved.code, plan)

    def check_executors(self, plan: Plan, node_id: str | None, workflow_id: str, version: int) -> None:
        """Raises where this process can't run on from a node (None: nothing is left to run): ExecutorMissing where it
        lacks some executors, InvalidRequest where it has none at all, or is inside a transaction of the caller's."""
        if node_id is None:
            return
        if not self._executes:
            raise InvalidRequest(_EXECUTES_NOTHING)
        if self._executors is None:
            raise InvalidRequest(
                "this ledger was opened without executors, so it can read, save and queue but not run workflows"
            )
        refuse_missing_executors(plan, node_id, workflow_id, version)

    def code_now(self, definition: WorkflowDefinition, known: KnownCode) -> dict[str, Any]:
        """What a run's event records of the code that will run, with the source of what isn't known."""
        return code_now(definition, self._executors, known)

    def changed_types(
        self, definition: WorkflowDefinition, known: KnownCode, sources: Mapping[str, str]
    ) -> frozenset[str]:
        """The node types whose code isn't the known one any more; ``sources`` of that by its digests."""
        return changed_types(definition, self._executors, known, sources)

    # --- runs ---------------------------------------------------------------------------------------------------------

    def begin(self, state: RunState, events: list[NewEvent], work_order: Write) -> None:
        """Store a run's first events and its entry in the work order, all or none. Raises ConcurrencyError."""
        append_next(self.store, state, events, work_order)

    def command(self, run_id: str, by: str, decide: Callable[[RunState], NewEvent], command: Command = PLAIN) -> Run:
        """An operator's command: decided again for as long as other writers append first.

        Raises RunMovedOn, VersionNotFound, IdempotencyConflict, and what ``decide`` raises.
        """
        check_actor(by)
        attempts = OptimisticRetry()
        while True:
            state = self.runs.load(run_id)
            if is_answered(self.store, state, command):
                return run_of(state)
            refuse_moved_on(self.store, run_id, state.version, command)
            event = command.mark(decide(state))
            try:
                append_next(self.store, state, [event])
            except ConcurrencyError as error:
                attempts.check_progress(state.version, error)
                continue
            return run_of(state)

    def claim(self, state: RunState, event: NewEvent | None, settings: CallSettings) -> PreparedCall[Run]:
        """Claim a run by an append: of two callers, one is refused with ConcurrencyError.

        A run whose step was recovered too often isn't claimed: it fails.
        """
        if event is None:
            return self.execution(state, None)
        if not self._executes:
            return self._queue(state, event)
        plan = self._plan(state.workflow_id, state.workflow_version, state.definition_digest)
        if event.type == RECOVERED and (reason := refuse_recovery(state, plan)) is not None:
            failed = fail(state, reason, settings.by, self.now())
            key = {name: event.data[name] for name in ("key", "request") if name in event.data}
            append_next(self.store, state, [NewEvent(failed.type, {**failed.data, **key})])
            return self.execution(state, None)
        self.check_executors(plan, state.current_node_id, state.workflow_id, state.workflow_version)
        code = self.code_now(plan.definition, KnownCode(state.code, state.distributions))
        if "drifted" in code:
            event = NewEvent(event.type, {**event.data, **code})
        settings = self.supply_globals(settings, state)
        refuse_missing(plan, (state.workflow_id, state.workflow_version), state.current_node_id, settings.globals)
        Committer(self.store, state, self.threads)([event])
        record = record_for(self.store, self.runs, state)
        return self.execution(state, step_loop(state, plan, settings, record))

    def _queue(self, state: RunState, event: NewEvent) -> PreparedCall[Run]:
        """Leave the run to whoever executes it, where it isn't already."""
        if event.type == RECOVERED:
            raise InvalidRequest(_EXECUTES_NOTHING)
        if event.type != CLAIMED:
            append_next(self.store, state, [NewEvent(event.type, {**event.data, "queued": True})])
        return self.execution(state, None)

    def execution(self, state: RunState, steps: StepLoop | None) -> PreparedCall[Run]:
        """The steps to execute, if any, and the run afterwards."""
        hint = f"run {state.run_id} was interrupted in a step; continue it with: run proceed {state.run_id}"
        return PreparedCall(None if steps is None else (steps, self._commit(state)), lambda: run_of(state), hint)

    def _plan(self, workflow_id: str, version: int, digest: str) -> Plan:
        """The version that was saved with this digest, joined with this ledger's executors.

        Raises EventsLost where the store holds another save as that version.
        """
        return self._plans.get(
            workflow_id, version, digest, lambda: self.workflows.definition(workflow_id, version, digest)
        )

    def _commit(self, state: RunState) -> Commit:
        if self._batch is None:
            return Committer(self.store, state, self.threads)
        return BatchCommitter(self.store, self.runs.load, state, self._batch, self._timer, self.threads)


_EXECUTES_NOTHING = (
    "no step is executed inside a transaction of yours, as each step's event must be durable before the next begins: "
    "queue the run (start it with wait=False), commit, and let a worker execute it, or proceed with it afterwards"
)


def _after(state: RunState, events: Sequence[NewEvent]) -> RunState:
    begun = copy(state) if events else state
    for event in events:
        evolve(begun, *event)
    return begun
