"""What the use cases of ``ledger.runs`` share: the store, versions ready to run, the clock, the commits of a run."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from functools import partial
from random import random
from time import monotonic_ns
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ....domain.errors import ConcurrencyError, InvalidRequest
from ....domain.events.seal import current_seal
from ....domain.execution import cancellation
from ....domain.execution.executors import ExecutorRegistry
from ....domain.execution.missing import refuse_missing_executors
from ....domain.execution.plan import Plan
from ....domain.execution.step import StepLimits
from ....domain.execution.step_loop import (
    CallSettings,
    EffectsRecord,
    call_settings,
    check_actor,
    refuse_recovery,
    step_loop,
)
from ....domain.ports import Guard, GuardingStore, NewEvent, Write
from ....domain.rerun.effects import named_types
from ....domain.rerun.fork import Edit, edit_of
from ....domain.run import CLAIMS, RECOVERED, RunState, evolve, fail
from ....domain.run.events import CANCELLED, CLAIMED, HELD, RELEASED
from ....domain.run.trigger import check_trigger
from ....domain.subjects import GLOBALS, refuse_unreadable, refuse_unsealable
from ....domain.values.clock import SteadyClock
from ....domain.values.json import freeze
from ....domain.visible import quoted
from ....domain.workflow.definition import WorkflowDefinition
from ....projections.runs.run import Run, run_of
from ...concurrency.threads import Threads
from ...execution.batching import Batch, BatchCommitter, Timer
from ...execution.committer import Append, Committer, append_next
from ...execution.runner import Commit, PreparedCall
from ...execution.source_code import KnownCode, changed_types, code_now
from ...repositories.optimistic_retry import OptimisticRetry
from ...repositories.runs import RunRepository
from ...repositories.workflows import LIVE, WorkflowRepository
from ..workflows.plan_cache import PlanCache
from .call_globals import LedgerGlobals, describe_given, refuse_missing
from .commands import PLAIN, Command, is_answered, refuse_moved_on
from .custody import Custody
from .effects import record_for
from .executions import Executions
from .known_starts import KnownStarts, Runnable
from .slots import Turns
from .waiting import RunReader

if TYPE_CHECKING:
    from ...storage.sealing.subject_keys import SubjectKeys
    from ...telemetry.observer import Observer


class Claim(NamedTuple):
    """A run as it stands, and the event with which it is claimed: or ended, where it was recovered too often."""

    state: RunState
    event: NewEvent
    plan: Plan
    settings: CallSettings
    due_at: int | None
    """When it came due, in microseconds since 1970."""


class Executed(NamedTuple):
    """With what a call executes the steps of a run that it begins."""

    plan: Plan
    settings: CallSettings


class RunServices:
    """Shared by the use cases of ``ledger.runs``."""

    def __init__(
        self,
        store: GuardingStore,
        runs: RunRepository,
        workflows: WorkflowRepository,
        executors: ExecutorRegistry | None,
        now: Callable[[], int],
        limits: StepLimits,
        threads: Threads,
        globals: LedgerGlobals,
        executions: Executions,
        reader: RunReader,
        custody: Custody | None = None,
        batch: Batch | None = None,
        observer: "Observer | None" = None,
        subject_keys: "SubjectKeys | None" = None,
    ) -> None:
        """``custody`` is that of the process whose calls execute runs; None: nobody else could take them."""
        self.store = store if observer is None else observer.watch(store)
        self.runs = runs
        self.workflows = workflows
        self.now = now
        self._stopwatch = monotonic_ns if isinstance(now, SteadyClock) else None  # a caller's clock times steps as well
        self.threads = threads
        self._reader = reader
        self.executions = executions
        self.custody = custody
        self.executors = executors
        self._plans = PlanCache(executors)
        self._known_starts = KnownStarts()
        self._limits = limits
        self._batch = batch
        self._globals = globals
        self._timer = Timer()
        self._observer = observer
        self._subject_keys = subject_keys
        self._executes = True

    def within(
        self, store: GuardingStore, runs: RunRepository, workflows: WorkflowRepository, threads: Threads
    ) -> "RunServices":
        """The same on a store inside a transaction of the caller's: with the same plans, and it executes nothing."""
        inside = copy(self)
        inside.store, inside.runs, inside.workflows, inside.threads = store, runs, workflows, threads
        inside._executes = False
        # Who executes a run is told when it is committed: by the store.
        inside.executions, inside.custody = Executions(), None
        return inside

    def close(self) -> None:
        """Store the events that still wait for a batch to fill; leave to others what is executed yet; refuse those who
        wait for runs."""
        self._timer.close()
        if self.custody is not None:
            self.custody.close()
        self._reader.close()

    @property
    def reader(self) -> RunReader:
        """Waits for runs. Raises InvalidRequest inside a transaction of the caller's."""
        if not self._executes:
            raise InvalidRequest("nobody goes on with a run of your transaction before its commit: wait afterwards")
        return self._reader

    def with_custody(self, custody: Custody) -> "RunServices":
        """The same, in whose calls a worker executes runs."""
        services = copy(self)
        services.custody = custody
        return services

    # --- arguments ----------------------------------------------------------------------------------------------------

    def settings(self, by: str, globals: Mapping[str, Any] | None, step_limit: int | None) -> CallSettings:
        """The settings of one call. Raises InvalidRequest."""
        return call_settings(by, globals, step_limit, self.now, random, self._limits, self._stopwatch)

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

    def freeze_trigger(self, trigger: Mapping[str, Any]) -> Any:
        """The trigger as a JSON object. Raises InvalidRequest, InvalidValue."""
        if not isinstance(trigger, Mapping):
            raise InvalidRequest(f"trigger {quoted(trigger)} is not an object with a kind")
        frozen = self.freeze(trigger, "trigger")
        check_trigger(frozen)
        return frozen

    def effects(self, types: Collection[str]) -> frozenset[str]:
        """The types that a new run executes although they have effects. Raises InvalidRequest."""
        return named_types(types, self.executors)

    def seal_for(self, subjects: str | Sequence[str] | None) -> list[str]:
        """Ids of the keys under which a run for these subjects is sealed: also for those of the step that starts it.

        Raises InvalidRequest, InvalidValue, Erased, KeyMissing.
        """
        if not (subjects is None or isinstance(subjects, str | list | tuple)):
            raise InvalidRequest(f"subject {quoted(subjects)} is neither text nor a list of texts")
        named = () if subjects is None else (subjects,) if isinstance(subjects, str) else tuple(subjects)
        if GLOBALS in named:
            raise InvalidRequest(f"subject {GLOBALS!r} is what the fingerprints of globals belong to: name another one")
        inherited = current_seal()
        if not (named or inherited):
            return []
        if self._subject_keys is None:
            raise InvalidRequest("this store has no place for the keys of subjects: use SQLite or PostgreSQL")
        self._subject_keys.check(inherited, "the run whose step starts this one")
        return sorted({*inherited, *self._subject_keys.ids_of(named, self.now())})

    # --- versions -----------------------------------------------------------------------------------------------------

    def load_to_start(self, workflow_id: str, version: int | str | None = None) -> Runnable:
        """The version that a new run of the workflow uses, by default the live one, and on which condition.

        Raises WorkflowNotFound, VersionNotFound, IllegalTransition (archived).
        """
        saved, last = self.workflows.load_save_to_start(workflow_id, version)
        digest = saved.data["digest"]
        plan = self._plan(workflow_id, saved.version, digest)
        guard = Guard(last.stream, last.version, last.digest) if self.store.can_guard else None
        runnable = Runnable(workflow_id, saved.version, digest, saved.data["code"], plan, guard)
        if _is_live(version) and guard is not None:
            self._known_starts.remember(runnable)
        return runnable

    def recall_to_start(self, workflow_id: str, version: int | str | None = None) -> Runnable | None:
        """What ``load_to_start`` returned last, which may be outdated; None: it must be read."""
        if not (_is_live(version) and isinstance(workflow_id, str) and self.store.can_guard):
            return None
        return self._known_starts.get(workflow_id)

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
        if self.executors is None:
            raise InvalidRequest(
                "this ledger was opened without executors, so it can read, save and queue but not run workflows"
            )
        refuse_missing_executors(plan, node_id, workflow_id, version)

    def code_now(self, definition: WorkflowDefinition, known: KnownCode) -> dict[str, Any]:
        """What a run's event records of the code that will run, with the source of what isn't known."""
        return code_now(definition, self.executors, known)

    def changed_types(
        self, definition: WorkflowDefinition, known: KnownCode, sources: Mapping[str, str]
    ) -> frozenset[str]:
        """The node types whose code isn't the known one any more; ``sources`` of that by its digests."""
        return changed_types(definition, self.executors, known, sources)

    # --- runs ---------------------------------------------------------------------------------------------------------

    def append_on(self, guard: Guard | None) -> Append:
        """What appends on this condition, or on none."""
        return self.store.append if guard is None else partial(self.store.append_while, guard)

    def begin(
        self,
        state: RunState,
        events: list[NewEvent],
        work_order: Write,
        *others: Write,
        executed: "Executed | None",
        guard: Guard | None = None,
    ) -> None:
        """Store a run's first events, its entry in the work order, and what else is to be stored, all or none.

        Raises ConcurrencyError.

        ``executed``: with what this call goes on to execute its steps, where it does. ``guard``: a condition, which may
        be refused with ConcurrencyError or EventsLost.
        """
        observer, append = self._observer, self.append_on(guard)
        if observer is not None:
            events = [observer.mark_start(events[0]), *events[1:]]
        if executed is not None:
            with self.claiming([state]):
                events = [self.own(event, *executed) for event in events]
                append_next(append, state, events, work_order, *others)
        else:
            append_next(append, state, events, work_order, *others)
        if observer is not None:
            observer.begin(state)

    def own(self, event: NewEvent, plan: Plan, settings: CallSettings) -> NewEvent:
        """The event with which this process claims a run, saying so, and which globals the run's nodes are given."""
        if self.custody is None or event.type not in CLAIMS:
            return event
        now = event.data["recorded_at"]
        given = settings.globals.given_to(plan.definition.nodes)
        told = describe_given(given, self._subject_keys, now)
        return NewEvent(event.type, {**event.data, **self.custody.claim(now), **told})

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
            refuse_unsealable(state.label, state.unreadable, event.data)
            try:
                append_next(self.store.append, state, [event])
            except ConcurrencyError as error:
                attempts.check_progress(state.version, error)
                continue
            if event.type in _STOPS:
                self.executions.tell(run_id, _STOPS[event.type])
            elif event.type == RELEASED:
                self.executions.end_hold(run_id)
            if self._observer is not None and self._executes and event.type == CANCELLED:
                self._observer.end(state)
            return run_of(state)

    def claim(self, state: RunState, event: NewEvent | None, settings: CallSettings) -> PreparedCall[Run]:
        """Claim a run by an append: of two callers, one is refused with ConcurrencyError.

        A run whose step was recovered too often isn't claimed: it fails.
        """
        if event is None:
            return self.answer(state)
        if not self._executes:
            return self._queue(state, event)
        claim = self.prepare_claim(state, event, settings)
        with self.claiming([state]):
            Committer(self.store, state, self.threads)([claim.event])
        return self.go_on(claim)

    def claiming(self, states: Sequence[RunState]) -> AbstractContextManager[object]:
        """Where the claims of these runs are stored: whatever comes of it, none is left with nobody to execute it."""
        return nullcontext() if self.custody is None else self.custody.claiming([str(state.run_id) for state in states])

    def prepare_claim(self, state: RunState, event: NewEvent, settings: CallSettings) -> "Claim":
        """Decide the event with which this process claims a run; store nothing.

        Raises ExecutorMissing, GlobalsMissing, and what supplies the globals raises.
        """
        refuse_unreadable(state.label, state.unreadable)
        plan = self._plan(state.workflow_id, state.workflow_version, state.definition_digest)
        if event.type == RECOVERED and "handed_back" not in event.data:
            reason = refuse_recovery(state, plan)
            if reason is not None:
                failed = fail(state, reason, settings.by, self.now())
                key = {name: event.data[name] for name in ("key", "request") if name in event.data}
                return Claim(state, NewEvent(failed.type, {**failed.data, **key}), plan, settings, None)
        self.check_executors(plan, state.current_node_id, state.workflow_id, state.workflow_version)
        code = self.code_now(plan.definition, KnownCode(state.code, state.distributions))
        if "drifted" in code:
            event = NewEvent(event.type, {**event.data, **code})
        settings = self.supply_globals(settings, state)
        refuse_missing(plan, (state.workflow_id, state.workflow_version), state.current_node_id, settings.globals)
        due_at = state.recorded_at if state.queued and state.due_at is None else state.due_at
        return Claim(state, self.own(event, plan, settings), plan, settings, due_at)

    def _queue(self, state: RunState, event: NewEvent) -> PreparedCall[Run]:
        """Leave the run to whoever executes it, where it isn't already."""
        if event.type == RECOVERED:
            raise InvalidRequest(_EXECUTES_NOTHING)
        if event.type != CLAIMED:
            append_next(self.store.append, state, [NewEvent(event.type, {**event.data, "queued": True})])
        return self.answer(state)

    def go_on(self, claim: "Claim") -> PreparedCall[Run]:
        """Execute the run, after its claim is stored."""
        state, event, plan, settings, due_at = claim
        if event.type not in CLAIMS:
            if self._observer is not None:
                self._observer.end(state)
            return self.answer(state)
        if self._observer is not None:
            self._observer.claim(event, due_at)
        try:
            record = record_for(self.store, self.runs, state)
        except BaseException:
            if self.custody is not None:
                self.custody.give_up(str(state.run_id), handed_back=True)
            raise
        return self.execute(state, plan, settings, record)

    def answer(self, state: RunState) -> PreparedCall[Run]:
        """The run as it stands, of which nothing is executed."""
        return PreparedCall(None, lambda: run_of(state))

    def execute(
        self, state: RunState, plan: Plan, settings: CallSettings, record: EffectsRecord | None = None
    ) -> PreparedCall[Run]:
        """The steps to execute of a run that this process has claimed, and the run afterwards."""
        on_close: Callable[[], object] = _do_nothing
        refuse_late: Callable[[], object] = _do_nothing
        turns: Turns | None = None
        if (custody := self.custody) is not None:
            execution = custody.begin(state)
            turns = Turns(custody.slots, str(state.run_id))
            settings = settings._replace(cancellation=execution.cancellation, turns=turns)
            on_close, refuse_late = partial(custody.end, execution, state, turns), execution.refuse_late
        hint = f"run {state.run_id} was interrupted in a step; continue it with: run proceed {state.run_id}"
        commit = self._commit(state, on_close, refuse_late)
        work = (step_loop(state, plan, settings, record), commit)
        if self._observer is not None:
            work = self._observer.execute(state, *work)

        def result() -> Run:
            if turns is not None and turns.broke_off:
                return run_of(self.runs.load(str(state.run_id)))  # what stopped it is known to the store alone
            return run_of(state)

        return PreparedCall(work, result, hint)

    def _plan(self, workflow_id: str, version: int, digest: str) -> Plan:
        """The version that was saved with this digest, joined with this ledger's executors.

        Raises EventsLost where the store holds another save as that version.
        """
        return self._plans.get(
            workflow_id, version, digest, lambda: self.workflows.definition(workflow_id, version, digest)
        )

    def _commit(self, state: RunState, *hooks: Callable[[], object]) -> Commit:
        """``hooks``: what to call at the end, and before each commit."""
        if self._batch is None:
            return Committer(self.store, state, self.threads, *hooks)
        return BatchCommitter(self.store, self.runs.load, state, self._batch, self._timer, self.threads, *hooks)


_STOPS: Final = {CANCELLED: cancellation.CANCELLED, HELD: cancellation.HELD}
"""What the step under way is told when an operator's event meets it."""


def _is_live(version: int | str | None) -> bool:
    """Whether that names the version that runs start with."""
    return version is None or version == LIVE


def _do_nothing() -> None:
    """Nobody else could take the run."""


_EXECUTES_NOTHING = (
    "no step is executed inside a transaction of yours, as each step's event must be durable before the next begins: "
    "queue the run (start it with wait=False), commit, and let a worker execute it, or proceed with it afterwards"
)


def _after(state: RunState, events: Sequence[NewEvent]) -> RunState:
    begun = copy(state) if events else state
    for event in events:
        evolve(begun, *event)
    return begun
