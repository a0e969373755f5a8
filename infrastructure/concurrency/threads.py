"""Thread pools for blocking work under async calls: one for executors, one for the store; asyncio's own is not used."""

from asyncio import wrap_future
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextvars import ContextVar, copy_context
from functools import partial
from itertools import count
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, Final, NamedTuple, ParamSpec, Protocol, TypeVar, cast

from ...domain.errors import StorageUnavailable
from .forking import ResetOnFork, handle_missed_fork, register_for_forks
from .slots import Slots, Work

_Params = ParamSpec("_Params")
_Result = TypeVar("_Result")

EXECUTOR_THREADS: Final = 32
"""Sync executors that run at once, unless ``open_ledger`` is given another number."""

STORE_THREADS: Final = 7
"""Of the ten connections to PostgreSQL each of these threads uses one, and the one that rebuilds the index a second.
One is left for the thread that commits for event loops, one for that of batches: so no thread holds a connection and
waits for another in vain."""


class ThreadPool(ResetOnFork):
    """At most ``size`` calls at once, and in their slots the calls that they start: see ``slots``.

    Threads are started when needed. They are daemons: a stuck one holds up neither ``close`` nor exit.
    """

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._size = size
        self._closed = False
        self._refusal: str | None = None
        self.after_fork_in_child()
        register_for_forks(self)

    def after_fork_in_child(self) -> None:
        self._numbers = count(1)
        self._lock = Lock()
        self._slots = Slots(self._size)
        self._queue: SimpleQueue[Call | None] = SimpleQueue()
        """For idle threads; None ends one."""
        self._idle = 0
        """Threads that wait, and for which nothing is in the queue yet."""

    async def run(
        self, function: Callable[_Params, _Result], /, *args: _Params.args, **kwargs: _Params.kwargs
    ) -> _Result:
        """Call the function in a thread, in the caller's context. If cancelled before it starts, it isn't called.

        Raises StorageUnavailable if no thread can be started, or the pool is closed.
        """
        return await wrap_future(self.submit(function, *args, **kwargs))

    def submit(
        self, function: Callable[_Params, _Result], /, *args: _Params.args, **kwargs: _Params.kwargs
    ) -> "Future[_Result]":
        """The same for a sync caller, which waits for the future."""
        return self.begin(function, *args, **kwargs).future

    def begin(self, function: Callable[_Params, _Result], /, *args: _Params.args, **kwargs: _Params.kwargs) -> "Call":
        """The same for a caller that may give it up before it ends."""
        handle_missed_fork()
        context = copy_context()
        call = Call(self, self._slots, _current.get(), partial(context.run, function, *args, **kwargs))
        context.run(_current.set, call)
        refusal = self._refusal
        if refusal is not None:
            call.refuse(refusal)
        elif call.try_start():
            _dispatch([call])
        else:
            call.future.add_done_callback(call.withdraw_if_cancelled)
            if self._refusal is not None and call.withdraw():  # the pool was closed a moment ago
                call.refuse(self._refusal)
        return call

    def close(self, refusal: str | None = None) -> None:
        """End each thread when it has nothing left to do. Doesn't wait for them: their work may take any time.

        With a ``refusal``, calls that haven't started never do, but raise StorageUnavailable with that message.
        """
        self._refusal = refusal
        if refusal is not None:
            for call in cast("list[Call]", self._slots.withdraw_all()):
                call.refuse(refusal)
        with self._lock:
            self._closed = True
            self._end_idle_threads()

    def __del__(self) -> None:
        self._end_idle_threads()  # it wasn't closed; busy threads refer to it, so all of them are idle

    def _end_idle_threads(self) -> None:
        for _ in range(self._idle):
            self._queue.put(None)
        self._idle = 0

    def execute(self, call: "Call") -> None:
        """Hand a call that may run to an idle thread or a new one. Raises RuntimeError if none can be started."""
        with self._lock:
            is_idle = self._idle > 0
            self._idle -= is_idle
        if not is_idle:
            name = f"{self._name}-{next(self._numbers)}"
            Thread(target=_serve, args=(self._queue,), name=name, daemon=True).start()
        self._queue.put(call)

    def keep_idle_thread(self, queue: "SimpleQueue[Call | None]") -> bool:
        """Whether a thread that has nothing left to do is to wait for more."""
        with self._lock:
            # Another queue: this is the only thread of a child that was forked during its call.
            kept = not self._closed and self._idle < self._size and self._queue is queue
            self._idle += kept
        return kept


class Call(Work):
    """A call that waits for a thread, and the future of its result."""

    __slots__ = ("_function", "future", "pool")

    def __init__(self, pool: ThreadPool, slots: Slots, parent: Work | None, function: Callable[[], Any]) -> None:
        super().__init__(slots, parent)
        self.pool = pool
        self.future: Future[Any] = Future()
        self._function = function

    def execute(self) -> Callable[[], object]:
        """Make the call. Returns a function that delivers the result to the future."""
        future, function = self.future, self._function
        del self._function, self  # an error keeps this frame alive, and must not keep itself alive through it
        try:
            if not future.set_running_or_notify_cancel():
                return _do_nothing
            return partial(future.set_result, function())
        except StopIteration as error:
            refused = RuntimeError(f"StopIteration was raised, which no coroutine can pass on: {error}")
            refused.__cause__ = error
            return partial(future.set_exception, refused)
        except BaseException as error:  # noqa: BLE001 - raised in the caller that waits
            return partial(future.set_exception, error)
        finally:
            del future, function

    def abandon(self) -> None:
        """No caller waits for it any more. It isn't made, or its slot is free for others while it goes on by itself."""
        if not self.future.cancel():
            _dispatch(cast("list[Call]", self.finish()))

    def refuse(self, reason: str) -> None:
        """Tell the caller that the call will never be made."""
        if self.future.set_running_or_notify_cancel():
            self.future.set_exception(StorageUnavailable(reason))

    def withdraw_if_cancelled(self, future: "Future[Any]") -> None:
        """No caller waits for the result any more."""
        if future.cancelled():
            self.withdraw()


_current: ContextVar[Call | None] = ContextVar("flowledger_work", default=None)
"""The call that this code runs in."""


def _serve(queue: "SimpleQueue[Call | None]") -> None:
    """The loop of a thread."""
    kept = True
    while kept and (call := queue.get()) is not None:
        while call is not None:
            pool = call.pool
            deliver = call.execute()
            following = cast("list[Call]", call.finish())
            call = next((other for other in following if other.pool is pool), None)
            kept = call is not None or pool.keep_idle_thread(queue)
            # Last, so that a caller that continues with the result finds the slot free, and this thread idle.
            deliver()
            _dispatch(other for other in following if other is not call)
            del pool, deliver, following  # an idle thread keeps nothing alive


def _dispatch(calls: "Iterable[Call]") -> None:
    """Execute all calls that may run."""
    left = deque(calls)
    while left:
        call = left.popleft()
        try:
            call.pool.execute(call)
        except RuntimeError as error:
            left.extend(cast("list[Call]", call.finish()))
            call.refuse(f"no thread can be started: {error}; the work that it was for has not begun")


def _do_nothing() -> None:
    """No caller waits for the result."""


class CallingThread:
    """Stands in for a pool where nothing blocks: calls at once, in the caller's thread."""

    async def run(
        self, function: Callable[_Params, _Result], /, *args: _Params.args, **kwargs: _Params.kwargs
    ) -> _Result:
        return function(*args, **kwargs)


class RunsInThread(Protocol):
    """Calls functions that block, for tasks."""

    async def run(
        self, function: Callable[_Params, _Result], /, *args: _Params.args, **kwargs: _Params.kwargs
    ) -> _Result:
        """Call the function, in the caller's context, and return what it returns."""
        ...


class Threads(NamedTuple):
    """The pools in which async calls run blocking work."""

    executors: ThreadPool
    store: RunsInThread


class HasThreads(Protocol):
    """An object with async methods."""

    @property
    def _threads(self) -> Threads: ...


def threads_of(owner: HasThreads) -> Threads:
    """The pools of an object; they are private to its users."""
    return owner._threads  # pyright: ignore[reportPrivateUsage]
