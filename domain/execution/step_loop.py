"""The step loop, sans-I/O: a generator that yields effects, which a runner carries out, sync or async."""

import sys
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

from ..errors import ExpressionError, InputInvalid, InvalidRequest
from ..ports import NewEvent
from ..run import STEP_FAILED, RunState, fail, is_running
from ..values.json import freeze
from ..values.names import check_name
from ..visible import quoted
from ..workflow.definition import Node
from .cancellation import Cancellation
from .executors import Executor, StepContext
from .failure_report import report_failure
from .plan import Plan
from .scoping import Globals, parse_globals
from .step import Executed, Outcome, Prepared, Raised, Returned, StepLimits, Taken, conclude, failure_of, prepare

STEP_LIMIT_REASON = "Step limit exceeded"


class Execute(NamedTuple):
    """Effect: run this executor; the runner answers with what came of it."""

    executor: Executor
    context: StepContext
    cancellation: Cancellation | None = None
    """That of the run: its async executors are cancelled when the run is cancelled or taken over."""
    timeout: float | None = None
    """Seconds, after which ``context.cancelled`` is set and the outcome is StepTimedOut."""
    seal: Sequence[str] = ()
    """Ids of the keys of the run's subjects, to whom also belongs what the step starts."""


class Append(NamedTuple):
    """Effect: make these events durable and fold them into the state, before anything else happens."""

    events: list[NewEvent]


class Recall(NamedTuple):
    """Effect: ask what may read the store, or write it; the runner answers with what ``find`` returns."""

    find: Callable[[], Any]


class Admit(NamedTuple):
    """Effect: wait until the step may begin. The runner answers with whether it may: not where the run is told to stop.

    ``ask`` says in how many seconds to ask again, 0.0: it may begin; it may read the store.
    """

    ask: Callable[[], float]
    cancellation: Cancellation


StepLoop = Generator[Execute | Append | Recall | Admit, Any, None]


class Turns(Protocol):
    """How many steps of a type may be under way at once, for one run."""

    def limits(self, executor: Executor) -> bool:
        """Whether its steps take turns."""
        ...

    def ask(self, executor: Executor) -> float:
        """In how many seconds to ask again whether the step may begin; 0.0: it may."""
        ...

    def leave(self) -> None:
        """The step is over, or is waited for no more."""
        ...


class EffectsRecord(Protocol):
    """What the executors of a work order have done to the world, for a run that doesn't do it again."""

    def covers(self, executor: Executor) -> bool:
        """Whether the record is asked before this executor is executed."""
        ...

    def find(self, state: RunState, node: Node) -> Taken | None:
        """What takes the place of the node's next step; None: it is executed."""
        ...


class CallSettings(NamedTuple):
    """The settings of one call."""

    by: str
    globals: Globals
    step_limit: int | None
    now: Callable[[], int]
    chance: Callable[[], float]
    """From 0 to 1, for the jitter of retries."""
    limits: StepLimits
    cancellation: Cancellation | None = None
    """Tells the run's steps to stop, from outside; None: nobody does."""
    stopwatch: Callable[[], int] | None = None
    """Nanoseconds by a clock that nobody sets, beside ``now``, which may be set during a step; None: there is none."""
    turns: Turns | None = None
    """Where limits of how many steps of a type are under way hold; None: none do."""


def call_settings(
    by: str,
    globals: Mapping[str, Any] | None,
    step_limit: int | None,
    now: Callable[[], int],
    chance: Callable[[], float],
    limits: StepLimits,
    stopwatch: Callable[[], int] | None = None,
) -> CallSettings:
    """Checked settings. Raises InvalidRequest for a bad step limit or actor, InvalidValue for one that isn't text."""
    if step_limit is not None and (type(step_limit) is not int or step_limit < 0):
        raise InvalidRequest(f"step_limit {quoted(step_limit)} is not a number of steps, 0 or more")
    check_actor(by)
    return CallSettings(by, parse_globals(globals), step_limit, now, chance, limits, None, stopwatch)


def check_actor(by: str, place: str = "by") -> None:
    """Raises InvalidRequest or InvalidValue for what can't be the name of an actor; ``place`` says what of."""
    if not isinstance(freeze(by, place, converts=False), str) or not by:
        raise InvalidRequest(f"{place} {quoted(by)}: an actor is text, not empty")
    check_name(by, place)


def step_loop(
    state: RunState, plan: Plan, settings: CallSettings, record: EffectsRecord | None = None, *, single: bool = False
) -> StepLoop:
    """Run steps while the state is active: all of them, or a single one.

    Steps that ``record`` covers are taken from it where it has them.
    """
    by, globals, step_limit, now, chance, limits, cancellation, stopwatch, turns = settings
    masker = globals.masker()
    globals = globals.observed_by(masker.add_answer)
    steps = 0
    while is_running(state) and state.current_node_id is not None:
        if step_limit is not None and steps >= step_limit:
            yield Append([fail(state, STEP_LIMIT_REASON, by, now())])
            return
        if cancellation is not None:
            cancellation.end_hold()  # a held run doesn't come here
        steps += 1
        planned = plan.nodes[state.current_node_id]
        timeout = planned.timeout
        cancelled = cancellation if timeout is None else Cancellation(cancellation)
        started_at = now()
        began = 0 if stopwatch is None else stopwatch()
        prepared: Prepared | None = None
        outcome: Outcome
        try:
            prepared = prepare(planned, state, globals, now, masker, cancelled)
        except (ExpressionError, InputInvalid) as error:
            outcome = Raised(error)
        else:
            taken: Taken | None = None
            if record is not None and record.covers(planned.executor):
                taken = yield Recall(partial(record.find, state, planned.node))
                started_at = now()  # looking is no part of the step
                began = 0 if stopwatch is None else stopwatch()
            if taken is None and turns is not None and cancellation is not None and turns.limits(planned.executor):
                begins = yield Admit(partial(turns.ask, planned.executor), cancellation)
                if not begins:
                    return
                started_at = now()  # waiting is no part of the step either
                began = 0 if stopwatch is None else stopwatch()
                outcome = yield Execute(planned.executor, prepared.context, cancellation, timeout, state.sealed_by)
                yield Recall(turns.leave)
            elif taken is None:
                outcome = yield Execute(planned.executor, prepared.context, cancellation, timeout, state.sealed_by)
            else:
                outcome = taken
        if timeout is not None and cancelled is not None:
            cancelled.detach()
        events = conclude(
            planned,
            state,
            prepared,
            outcome,
            by=by,
            started_at=started_at,
            finished_at=now(),
            took=None if stopwatch is None else (stopwatch() - began) // 1000,
            chance=chance(),
            globals=globals,
            masker=masker,
            limits=limits,
        )
        yield Append(events)
        if events[0].type == STEP_FAILED:
            cause = outcome.error if isinstance(outcome, Raised) else None
            report_failure(state, planned.node, events[0].data, cause, masker)
        if single:
            return


def refuse_recovery(state: RunState, plan: Plan) -> str | None:
    """Why a run whose worker died is not recovered once more, but fails; None where it is."""
    planned = plan.nodes.get(state.current_node_id or "")
    most = None if planned is None else planned.executor.max_recoveries
    if planned is None or most is None or state.recoveries < most:
        return None
    return (
        f"Node {planned.node.id!r} was recovered {state.recoveries} times and its worker died each time; "
        f"executor {planned.node.type!r} allows max_recoveries={most}"
    )


def run_executor(executor: Executor, context: StepContext, finish: Callable[[Awaitable[Any]], Executed]) -> Executed:
    """Run an executor to its end; ``finish`` says what comes of an awaitable. Whatever it raises is its outcome.

    Raises a shutdown: see ``shutdown``.
    """
    handled = sys.exception()
    try:
        value = executor.function(context)
        return finish(value) if hasattr(value, "__await__") else Returned(value)
    except BaseException as error:  # noqa: BLE001 - whatever an executor raises is recorded, also its own SystemExit
        return failure_of(error, handled)
