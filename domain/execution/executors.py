"""Executors: the functions that nodes run, what they are given and what they may return."""

import builtins
import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any, Final, NoReturn, TypeVar, cast

from pydantic import BaseModel

from ..errors import InvalidRequest, InvalidValue
from ..events.envelope import LogLine
from ..events.seal import current_seal
from ..live import Unpicklable
from ..masking import Masker
from ..run.context import Context, PlacedResult, Tally
from ..run.results import NodeResult
from ..run.waits import Answer
from ..values.json import PAUSE_KEY
from ..values.names import check_name
from ..visible import quoted
from ..workflow.definition import Node
from ..workflow.loops import Loop
from ..workflow.retry_policy import RetryPolicy
from ..workflow.timeout import why_no_timeout
from .cancellation import Cancellation, StepCancellation
from .step_log import StepLog, step_log

_F = TypeVar("_F", bound=Callable[..., Any])

InputSchema = type[BaseModel] | Mapping[str, Any]
"""What a node's data must look like: a pydantic model or a JSON Schema."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """An output, and which outgoing edge to follow (None: the edge without a handle)."""

    output: Any = None
    handle: str | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """Ask, and stop the run here until somebody answers; the same node then runs again, and sees ``step.answer``.

    ``answer`` is what the answers look like, a pydantic model or a JSON Schema: others are refused. ``until`` is the
    deadline, an aware datetime.
    """

    reason: str | None = None
    until: datetime | None = None
    answer: InputSchema | None = None


def asks_to_pause(value: dict[str, Any], data: Any, inputs: Iterable[Any]) -> bool:
    """Whether a dict with ``"__pause": True`` that an executor returned comes from the executor's own code.

    A key that is written in code is interned; one that came in as data isn't, whether a parser read it or ``freeze``
    did. So data that an executor passes on, copied or merged, is an output.

    Where the key is neither written in code nor part of the run's data, another process or host has made the dict, and
    it can't be known whether a pause is meant: a guess would skip an approval, or let a stranger hold up a run. Then
    InvalidValue is raised. ``inputs`` is what the run was given and has produced; ``data`` is that of the node, whose
    expressions may make such a dict. A text that only mentions the key makes none.
    """
    if any(key is PAUSE_KEY for key in value):
        return True
    given = chain(_parts(data), *map(_parts, inputs))
    if any(isinstance(part, Mapping) and part.get(PAUSE_KEY) is True for part in given):
        return False
    if any(isinstance(part, str) and PAUSE_KEY in part for part in _parts(data)):
        return False
    raise InvalidValue(
        f'output["{PAUSE_KEY}"]',
        "this dict was made elsewhere, not by the executor's code, and may mean a pause or be mere data: "
        "return fl.Pause(…) for the one, and take the key out for the other",
    )


def _parts(value: Any) -> Iterator[Any]:
    """A JSON value and all values inside of it."""
    pending = [value]
    while pending:
        value = pending.pop()
        yield value
        if isinstance(value, Mapping):
            pending += value.values()
        elif isinstance(value, list):
            pending += value


class GivenStep(Unpicklable):
    """A StepContext while it is made: the only time that its parts can be set."""

    __slots__ = (
        "_cancelled",
        "_log",
        "_loop",
        "_masker",
        "_now",
        "answer",
        "attempt",
        "context",
        "data",
        "globals",
        "input",
        "node",
        "payload",
        "recoveries",
        "run_id",
        "work_order_id",
        "workflow_id",
    )

    def __init__(
        self,
        node: Node,
        data: Any,
        model: Any,
        context: Mapping[str, Sequence[NodeResult]],
        payload: Any,
        answer: Answer | None,
        globals: Mapping[str, Any],
        attempt: int,
        recoveries: int,
        loop: Loop | None,
        run_id: str | None,
        workflow_id: str,
        work_order_id: str | None,
        now: Callable[[], int],
        masker: Masker,
        cancelled: Cancellation | None,
    ) -> None:
        self.node = node
        self.data = data
        """The node's data after expressions and validation."""
        self.input = model
        """``data`` as an instance of the executor's pydantic model; ``data`` itself if it has none."""
        self.context = context
        """Node id → the results of that node so far, oldest first, failures included."""
        self.payload = payload
        """What the run was started or resumed with, for the first step after that; None otherwise."""
        self.answer = answer
        """What this node's own wait was answered with; None until it has asked and somebody answered."""
        self.globals = globals
        """Values for this call alone, such as secrets. Never stored."""
        self.attempt = attempt
        """1 for the first execution of this visit; each failure that is retried adds one."""
        self.recoveries = recoveries
        """How often the worker of this step died, and another one took the run over."""
        self.run_id = run_id
        """The run's id; None when an engine runs without a store."""
        self.workflow_id = workflow_id
        self.work_order_id = work_order_id
        """The work order that the run belongs to; None when an engine runs without a store."""
        self._loop = loop
        self._now = now
        self._masker = masker
        self._log: StepLog | None = None
        self._cancelled: dict[str, Cancellation] = {} if cancelled is None else {_THE_ONE: cancelled}


_THE_ONE: Final = "the one"
"""Made when it is first asked for, which an executor and whoever tells it to stop may do at the same moment."""


class StepContext(GivenStep):
    """What an executor is given. Read-only, as is the JSON in it: copy what you want to alter."""

    _send_instead = "send what is needed of it, such as step.data, and log here what comes back"

    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"step.{name} can't be set: what a step is given is read-only")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"step.{name} can't be deleted: what a step is given is read-only")

    @property
    def runs(self) -> int:
        """Successes of this node since its loop was last entered from outside; 0 in a node that is in no loop."""
        return self._tally_in_loop().successes

    @property
    def visit(self) -> int:
        """The number of this visit, from 1 and since then; those that ended with an edge on failure count as well."""
        return self._tally_in_loop().visits + 1

    def _tally_in_loop(self) -> Tally:
        loop = self._loop
        return Tally(0, 0) if loop is None else cast("Context", self.context).tally_within(self.node.id, loop)

    @property
    def _work(self) -> int:
        """Which piece of work of the node this is in the whole run, from 1: each visit is another one."""
        return cast("Context", self.context).tally(self.node.id).visits + 1

    @property
    def failure(self) -> PlacedResult | None:
        """The failure whose edge led to this node; None where it was reached by a success, or first."""
        return cast("Context", self.context).failure_before(self.node.id)

    @property
    def cancelled(self) -> StepCancellation:
        """Tells an executor that takes long to stop: the run was cancelled, held or taken over, or its time is over."""
        there = self._cancelled.get(_THE_ONE)
        return self._cancelled.setdefault(_THE_ONE, Cancellation()) if there is None else there

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt of one step, another for every other step of every run.

        An engine without a store knows no run: there its steps have the same keys in every run of a workflow.
        """
        return f"{self.run_id or self.workflow_id}:{self.node.id}:{self._work}"

    @property
    def effect_key(self) -> str:
        """The same whenever this node does this piece of work for this work order, and never another's.

        So it is the same for each attempt and recovery, and for each retry, reproduction and fork of the run. Give it
        to whoever acts on the world, such as a bank, to have that done once. In a loop each visit is another piece.
        """
        return effect_key(self.work_order_id or self.workflow_id, self.node.id, self._work)

    @property
    def log(self) -> StepLog:
        """A logging.Logger whose lines are recorded with the step.

        The application's own logging gets them, too, unless the run belongs to a subject: its log would keep in plain
        what the store keeps encrypted. ``step.log.propagate = True`` is for who wants that.
        """
        if self._log is None:
            log = step_log(self._log_fields(), self._now, self._masker)
            log.propagate = not current_seal()
            object.__setattr__(self, "_log", log)
        return cast("StepLog", self._log)

    def _log_fields(self) -> dict[str, Any]:
        return {
            "run_id": self.run_id,
            "workflow_id": self.workflow_id,
            "node": self.node.id,
            "node_type": self.node.type,
            "attempt": self.attempt,
        }


def effect_key(work_order_id: str, node_id: str, number: int) -> str:
    """The key of a piece of work: the ``number``-th, from 1, that the node does for the work order."""
    return f"{work_order_id}:{node_id}:{number}"


def make_read_only(given: GivenStep) -> StepContext:
    """What a step is given, from here on read-only."""
    given.__class__ = StepContext  # any other way to make one takes twice as long, and this is done for each step
    return cast("StepContext", given)


def tell_to_stop(context: StepContext, reason: str) -> None:
    """Set ``step.cancelled``."""
    cast("Cancellation", context.cancelled).set(reason)


def end_log(context: StepContext) -> list[LogLine]:
    """The lines that the executor has logged. Those that it logs from here on are only passed on."""
    log = context._log  # pyright: ignore[reportPrivateUsage] - the executor sees the logger, and not what it holds
    return [] if log is None else log.end()


@dataclass(frozen=True, slots=True, eq=False)
class Executor:
    """A registered executor; equal only to itself."""

    type: str
    function: Callable[..., Any] = field(repr=False)  # a partial's shows what it binds
    retry: RetryPolicy | None
    input: InputSchema | None
    is_async: bool
    deterministic: bool
    """Whether equal inputs have equal outcomes. Where not, a replay takes the outcome from the record."""
    effects: bool
    """Whether it changes the world outside. Then a replay only executes it where it is named."""
    timeout: float | None
    """Seconds that one attempt may take; None: as long as it takes."""
    max_recoveries: int | None
    """How often a step whose worker died is tried again before the run fails; None: whenever it is asked for."""
    limit: int | None = None
    """How many of its steps may be under way at once, over all workers of a store; None: as many as there are."""

    @property
    def qualified_name(self) -> str:
        """``module.qualname`` of the function below decorators and partials, or of the class of a callable object."""
        function, _ = unwrap(self.function)
        return f"{getattr(function, '__module__', '?')}.{function.__qualname__}"


def unwrap(function: Callable[..., Any]) -> tuple[Any, list[functools.partial[Any]]]:
    """The function or class below decorators and partials; and the partials, outermost first."""
    partials: list[functools.partial[Any]] = []
    while True:
        function = inspect.unwrap(function)
        if not isinstance(function, functools.partial):
            return (function if inspect.isroutine(function) else type(function)), partials
        partials.append(function)
        function = function.func


def _why_not_called(function: Callable[..., Any]) -> str | None:
    """Why a call with one positional argument will fail; None where it won't, or where that can't be known."""
    try:
        # As it is called: what a decorator wraps may take more, which the decorator gives.
        signature = inspect.signature(function, follow_wrapped=False)
    except Exception:  # noqa: BLE001 - many builtins have none, and annotations are evaluated to read one
        return None
    try:
        signature.bind(None)
    except TypeError as error:
        return str(error)
    return None


def _is_schema(given: object) -> bool:
    """Whether it can be what ``input`` takes; whether a JSON Schema is a valid one shows where it is compiled."""
    is_model = isinstance(given, type) and issubclass(given, BaseModel)
    return given is None or is_model or isinstance(given, Mapping)


class ExecutorRegistry(Unpicklable):
    """Maps node types to the functions that execute them."""

    _send_instead = "import the module that registers the executors there"

    def __init__(self) -> None:
        self._executors: dict[str, Executor] = {}

    def register(
        self,
        type: str,
        *,
        retry: RetryPolicy | None = None,
        timeout: float | None = None,
        input: InputSchema | None = None,
        deterministic: bool = True,
        effects: bool = False,
        max_recoveries: int | None = None,
        limit: int | None = None,
    ) -> Callable[[_F], _F]:
        """Decorator: nodes of type ``type`` are executed by the function, sync or async, which takes a StepContext.

        ``retry`` is the retry policy of these nodes; without one a failure is final. ``input``, a pydantic model or a
        JSON Schema, is checked against the node's data, after expressions, before each execution.

        ``timeout``: seconds that one attempt may take. After that it has failed with StepTimedOut, which may be
        retried, and ``step.cancelled`` is set. An async executor is cancelled, and has five seconds to clean up. A sync
        one, which is called in a thread where it has a timeout, can't be stopped: what it returns later is dropped.

        ``deterministic`` and ``effects`` are for replays, which execute recorded steps again. With
        ``deterministic=False`` (it reads the clock, calls a service, rolls dice) the outcome is taken from the record
        instead. With ``effects=True`` (it books, sends, deletes) it is executed only if the replay names the type.
        Reproductions and forks don't execute such a one again either, unless they name it: they take what came of it
        from the record.

        ``max_recoveries``: a step that takes its process down is recovered so often and no more, then the run fails and
        says why; ``step.recoveries`` counts. None: as often as somebody proceeds with the run.

        ``limit``: how many of its steps may be under way at once, over all workers and processes that execute runs of
        one store. Others wait for their turn, those first that came first.

        Raises InvalidRequest (the type is taken, the function doesn't take one positional argument, another argument is
        none that fits), InvalidValue (the type has control characters).
        """

        def keep(function: _F) -> _F:
            if not callable(function) or not isinstance(type, str):
                raise InvalidRequest('register an executor with @registry.register("its type")')
            check_name(type, "executor type")
            if not isinstance(deterministic, bool) or not isinstance(effects, bool):
                raise InvalidRequest(f"executor type {quoted(type)}: deterministic and effects are True or False")
            if (fault := why_no_timeout(timeout)) is not None:
                raise InvalidRequest(f"executor type {quoted(type)}: {fault}")
            if not _is_schema(input):
                raise InvalidRequest(
                    f"executor type {quoted(type)}: input {quoted(input)} is neither a pydantic model nor a JSON Schema"
                )
            if not isinstance(retry, RetryPolicy | None):
                raise InvalidRequest(f"executor type {quoted(type)}: {quoted(retry)} is no RetryPolicy")
            if max_recoveries is not None and (builtins.type(max_recoveries) is not int or max_recoveries < 0):
                raise InvalidRequest(
                    f"executor type {quoted(type)}: max_recoveries {quoted(max_recoveries)} is not a number, 0 or more"
                )
            if limit is not None and (builtins.type(limit) is not int or limit < 1):
                raise InvalidRequest(
                    f"executor type {quoted(type)}: limit {quoted(limit)} is not a number of steps at once, 1 or more; "
                    "to execute none, hold the runs, or leave the type out of this process"
                )
            unfit = _why_not_called(function)
            if unfit is not None:
                raise InvalidRequest(
                    f"executor type {quoted(type)}: an executor is called with one argument, the StepContext, and "
                    f"{quoted(unwrap(function)[0].__qualname__)} can't be: {unfit}"
                )
            if type in self._executors:
                raise InvalidRequest(
                    f"executor type {quoted(type)} is registered already, by {self._executors[type].qualified_name}"
                )
            is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(function.__class__.__call__)
            self._executors[type] = Executor(
                type, function, retry, input, is_async, deterministic, effects, timeout, max_recoveries, limit
            )
            return function

        return keep

    def get(self, type: str) -> Executor | None:
        """Return the executor of the node type ``type``, or None."""
        return self._executors.get(type)

    def __contains__(self, type: object) -> bool:
        return type in self._executors

    def __iter__(self) -> Iterator[Executor]:
        return iter(self._executors.values())

    def __len__(self) -> int:
        return len(self._executors)
