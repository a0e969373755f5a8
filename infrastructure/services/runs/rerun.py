"""A new run made of an earlier one: what a retry, a reproduction or a fork runs, its first events, and its start."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, NamedTuple

from ....domain.errors import ConcurrencyError, InvalidRequest
from ....domain.execution.step import Refusal
from ....domain.execution.step_loop import CallSettings
from ....domain.ports import NewEvent, Write
from ....domain.rerun.visits import PastAnswer
from ....domain.run import EditedResult, Origin, RunState, continue_fork, evolve, is_running, start
from ....domain.run.events import RESUMED
from ....domain.run.waits import GivenAnswer
from ....domain.subjects import refuse_unreadable
from ....domain.values.clock import next_time
from ....domain.work_order import WorkOrderState, add_run
from ....projections.runs.run import Run
from ...execution.runner import PreparedCall
from ...execution.source_code import KnownCode
from ...new_id import new_id
from ...repositories.optimistic_retry import OptimisticRetry
from ...repositories.work_orders import find_work_order_and_run
from .answer import refuse_unfit
from .commands import PLAIN, Command, find_rerun, refuse_moved_on
from .effects import record_of
from .known_starts import Runnable
from .run_services import Executed, RunServices
from .start import Rejection, bound_to, find_refusal, record_rejection


@dataclass(frozen=True, slots=True)
class Rerun:
    """A run that may be added to a work order: decided, and not started yet."""

    work_order: WorkOrderState
    source_id: str | None
    """The run that is repeated; None for a rejected work order."""
    runnable: Runnable
    start_node_id: str | None
    """None: nothing is left to run."""
    payload: Any
    origin: Origin | None
    past: RunState | None = None
    """The origin's run at its version, where the new run begins with any of its results."""
    edited: EditedResult | None = None
    """What a fork puts in place of its last result."""
    asks_again: bool = False
    """Whether a fork visits its node anew, with this payload, as what was asked there has changed."""
    given_answer: GivenAnswer | None = None
    """Of an earlier run, with this payload, where the caller named it."""
    answers: Sequence[PastAnswer] = ()
    """What the node had been answered in the visit that is repeated."""

    @property
    def is_fork(self) -> bool:
        return self.origin is not None and self.origin["kind"] == "fork"

    @property
    def begins_active(self) -> bool:
        """Whether its first event leaves something to run."""
        if self.past is None or not self.is_fork:
            return True
        asks_anew = self.asks_again and self.past.held is None
        return self.start_node_id is not None and (self.edited is not None or asks_anew or is_running(self.past))


class RerunOptions(NamedTuple):
    """How a new run is started."""

    settings: CallSettings
    metadata: Mapping[str, Any]
    """Empty: a rejected work order keeps that of its start."""
    wait: bool
    """False: the run is queued."""
    run_id: str | None = None
    """None: a new id."""
    command: Command = PLAIN
    given_for: str | None = None
    """The id that the command was given for, of a run or of the work order."""
    effects: frozenset[str] = frozenset()
    """The types that a reproduction or fork executes although they act on the world."""
    reason: str | None = None


class Draft(NamedTuple):
    """The run that a rerun leads to, not stored yet."""

    state: RunState
    events: list[NewEvent]
    """That it started, and how a fork continues whose source wasn't active."""
    metadata: Mapping[str, Any]
    executes: bool
    """Whether the call that starts it also executes steps."""
    settings: CallSettings
    """Those of the call; with the ledger's globals where the input had to be judged, and the call gave none."""
    refused: Refusal | None
    """What keeps a rejected work order rejected. A run that is repeated is judged by its first step."""


def draft_rerun(services: RunServices, rerun: Rerun, options: RerunOptions) -> Draft:
    """Decide the first events of the run, and store nothing."""
    work_order, runnable = rerun.work_order, rerun.runnable
    refuse_unreadable(f"work order {work_order.id!r}", work_order.unreadable)
    settings, wait = options.settings, options.wait
    now = next_time(work_order.recorded_at, services.now())
    state = RunState(options.run_id or new_id(now))
    if rerun.past is not None and rerun.origin is not None:
        state.begin_with(rerun.past, rerun.origin)
    metadata = options.metadata or (work_order.rejected or {}).get("metadata", {})
    event = start(
        work_order.id,
        workflow_id=runnable.workflow_id,
        workflow_version=runnable.version,
        definition_digest=runnable.digest,
        start_node_id=rerun.start_node_id,
        code=services.code_now(runnable.plan.definition, _known_code(services, rerun)),
        payload=rerun.payload,
        metadata=metadata,
        by=settings.by,
        now=now,
        origin=rerun.origin,
        edited=rerun.edited,
        asks_again=rerun.asks_again,
        given_answer=rerun.given_answer,
        queued=not wait and rerun.begins_active,
        effects=options.effects,
        reason=options.reason,
        sealed_by=work_order.sealed_by,
    )
    events = [event, *_continue_fork(rerun, state, event, settings, wait=wait)]
    executes = wait and (rerun.begins_active or len(events) > 1)
    refused = None
    if rerun.source_id is None:
        if executes:
            settings = services.supply_globals(settings, state, events)
        refused = find_refusal(runnable, state, event, settings, wait=wait)
    return Draft(state, events, metadata, executes, settings, refused)


def start_rerun(services: RunServices, rerun: Rerun, options: RerunOptions) -> PreparedCall[Run]:
    """Start the run, in one commit with its entry in the work order.

    Raises ConcurrencyError when the work order has moved, WorkOrderRejected when it never had a run and its input is
    refused again, ExecutorMissing where it isn't left to another process.
    """
    work_order, runnable = rerun.work_order, rerun.runnable
    state, events, metadata, executes, settings, refused = draft_rerun(services, rerun, options)
    if executes:
        services.check_executors(runnable.plan, rerun.start_node_id, runnable.workflow_id, runnable.version)
        settings = services.supply_globals(settings, state, events)
        runnable.refuse_missing_globals(rerun.start_node_id, settings)
    if refused is not None:
        rejection = Rejection(runnable.version, refused, rerun.payload, metadata)
        raise record_rejection(services.store.append, work_order, rejection, settings, command=options.command)
    kind = "retry" if rerun.origin is None else rerun.origin["kind"]
    added = add_run(work_order, str(state.run_id), kind, by=settings.by, now=events[0].data["recorded_at"])
    given_for = {} if options.given_for == work_order.id else {"key_of": options.given_for}
    added = options.command.mark(added, **given_for)
    bound = bound_to(events[0], [str(state.run_id)])
    executed = Executed(runnable.plan, settings) if executes else None
    services.begin(state, events, Write(work_order.id, work_order.version, [added]), *bound, executed=executed)
    if not executes:
        return services.answer(state)
    record = None if rerun.origin is None else record_of(services.store, services.runs, rerun.origin, options.effects)
    return services.execute(state, runnable.plan, settings, record)


Plan = Callable[[WorkOrderState, str | None], Rerun]
"""Decides what a work order's run, or where it has none the work order itself, is repeated as."""


def repeat_once(services: RunServices, some_id: str, plan: Plan, options: RerunOptions) -> PreparedCall[Run]:
    """Start a new run of what ``some_id`` names; when the same command comes again, that run as it stands.

    Planned again where the work order gets another run first. Raises RunNotFound, RunMovedOn, VersionNotFound,
    IdempotencyConflict, WorkOrderRejected, and what ``plan`` raises.
    """
    command = options.command
    options = options._replace(given_for=some_id)
    attempts = OptimisticRetry()
    while True:
        work_order, run_id = find_work_order_and_run(services.store, some_id)
        found = find_rerun(services.runs, work_order, some_id, command)
        if found is not None:
            return found
        refuse_run_moved_on(services, work_order, run_id, command)
        try:
            return start_rerun(services, plan(work_order, run_id), options)
        except ConcurrencyError as error:
            if error.stream != work_order.id:
                raise
            attempts.check_progress(work_order.version, error)


def refuse_run_moved_on(
    services: RunServices, work_order: WorkOrderState, run_id: str | None, command: Command
) -> None:
    """Raises RunMovedOn or VersionNotFound where the run isn't at the version that the caller saw; InvalidRequest where
    there is none."""
    if command.expected_version is None:
        return
    if run_id is None:
        raise InvalidRequest(f"work order {work_order.id} was rejected: it has no run that could have a version")
    refuse_moved_on(services.store, run_id, services.store.head(run_id), command)


def _continue_fork(
    rerun: Rerun, state: RunState, started: NewEvent, settings: CallSettings, *, wait: bool
) -> Iterator[NewEvent]:
    """What follows a fork's first event, where its source wasn't active."""
    if rerun.is_fork:
        begun = copy(state)
        evolve(begun, *started)
        given = rerun.payload is not None and not rerun.asks_again
        event = continue_fork(begun, given=given, by=settings.by, now=begun.recorded_at, queued=not wait)
        if event is not None and event.type == RESUMED:
            refuse_unfit(begun, rerun.payload)
        yield from () if event is None else (event,)


def _known_code(services: RunServices, rerun: Rerun) -> KnownCode:
    """Code that needs no record: what was saved and, for a reproduction, is also what ran then."""
    saved = rerun.runnable.known_code
    if rerun.source_id is None or rerun.origin is None or rerun.origin["kind"] != "reproduction":
        return saved
    ran = services.runs.load(rerun.source_id)
    same = {type: digest for type, digest in saved.digests.items() if ran.code.get(type) == digest}
    return KnownCode(same, ran.distributions)
