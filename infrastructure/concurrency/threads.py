"""Threads for what blocks, under async calls: a pool for executors, another for the store, none shared with asyncio."""

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
from .forking import ForksAnew, follow_forks, notice_fork
from .places import Places, Turn

_Params = ParamSpec("_Params")
_Result = TypeVar("_Result")

EXECUTOR_THREADS: Final = 32
"""Sync executors that run at once, unless whoever opens the ledger says otherwise."""

STORE_THREADS: Final = 7
"""Of the ten connections to PostgreSQL each has one, and the one that rebuilds the index a second. One is left for the
thread that commits for event loops, one for that of batches: so nobody holds one and waits for another in vain."""


class ThreadPool(ForksAnew):
    """At most ``size`` pieces of work at once, and what they begin in their places: see ``places``.

    Threads begin when they are needed. They are daemons: one that is stuck keeps neither ``close`` nor the process.
    """

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._size = size
        self._closed = False
        self._refusal: str | None = None
        self.after_fork_in_child()
        follow_forks(self)

    def after_fork_in_child(self) -> None:
        self._numbers = count(1)
        self._lock = Lock()
        self._places = Places(self._size)
        self._handed: SimpleQueue[_Work | None] = SimpleQueue()
        """For threads that are idle; None: end."""
        self._idle = 0
        """Threads that wait for something, and that nothing was handed to yet."""

    async def run(
        self, function: Callable[_Params, _Result], /, *args: _Params.args, **kwargs: _Params.kwargs
    ) -> _Result:
        """Call the function in a thread, in the caller's context. Cancelled before it began, it is never called.

        Raises StorageUnavailable where no thread can be started, or the pool is closed.
        """
        return await wrap_future(self.submit(function, *args, **kwargs))

    def submit(
        self, function: Callable[_Params, _Result], /, *args: _Params.args, **kwargs: _Params.kwargs
    ) -> "Future[_Result]":
        """The same for a thread, which waits for the result."""
        notice_fork()
        context = copy_context()
        work = _Work(self, self._places, _current.get(), partial(context.run, function, *args, **kwargs))
        context.run(_current.set, work)
        refusal = self._refusal
        if refusal is not None:
            work.refuse(refusal)
        elif work.ask():
            _hand_over([work])
        else:
            work.future.add_done_callback(work.leave_if_cancelled)
            if self._refusal is not None and work.leave():  # it was closed a moment ago
                work.refuse(self._refusal)
        return work.future

    def close(self, refusal: str | None = None) -> None:
        """End each thread when it has nothing left to do. Waits for none: nobody knows how long their work takes.

        With a ``refusal``, what hasn't begun never does, but raises StorageUnavailable.
        """
        self._refusal = refusal
        if refusal is not None:
            for work in cast("list[_Work]", self._places.dismiss()):
                work.refuse(refusal)
        with self._lock:
            self._closed = True
            self._end_the_idle()

    def __del__(self) -> None:
        self._end_the_idle()  # nobody closed it; threads at work hold on to it, so all of them are idle

    def _end_the_idle(self) -> None:
        for _ in range(self._idle):
            self._handed.put(None)
        self._idle = 0

    def take(self, work: "_Work") -> None:
        """Have work executed that may be, by an idle thread or a new one. Raises RuntimeError where none can begin."""
        with self._lock:
            is_idle = self._idle > 0
            self._idle -= is_idle
        if not is_idle:
            name = f"{self._name}-{next(self._numbers)}"
            Thread(target=_serve, args=(self._handed,), name=name, daemon=True).start()
        self._handed.put(work)

    def stays(self, handed: "SimpleQueue[_Work | None]") -> bool:
        """Whether a thread that has nothing left to do is to wait for more."""
        with self._lock:
            # Another queue: this is the only thread of a child that was forked in the middle of its work.
            stays = not self._closed and self._idle < self._size and self._handed is handed
            self._idle += stays
        return stays


class _Work(Turn):
    """A call that waits for a thread, and whoever waits for its result."""

    __slots__ = ("_call", "future", "pool")

    def __init__(self, pool: ThreadPool, places: Places, begun_by: Turn | None, call: Callable[[], Any]) -> None:
        super().__init__(places, begun_by)
        self.pool = pool
        self.future: Future[Any] = Future()
        self._call = call

    def execute(self) -> Callable[[], object]:
        """Make the call. Returns what tells the result to whoever waits for it."""
        future, call = self.future, self._call
        del self._call, self  # an error keeps this frame alive, and must not keep itself alive through it
        try:
            if not future.set_running_or_notify_cancel():
                return _nothing
            return partial(future.set_result, call())
        except StopIteration as error:
            refused = RuntimeError(f"StopIteration was raised, which no coroutine can pass on: {error}")
            refused.__cause__ = error
            return partial(future.set_exception, refused)
        except BaseException as error:  # noqa: BLE001 - raised in whoever waits
            return partial(future.set_exception, error)
        finally:
            del future, call

    def refuse(self, reason: str) -> None:
        """Tell whoever waits that it will never be executed."""
        if self.future.set_running_or_notify_cancel():
            self.future.set_exception(StorageUnavailable(reason))

    def leave_if_cancelled(self, future: "Future[Any]") -> None:
        """Nobody waits for the result any more."""
        if future.cancelled():
            self.leave()


_current: ContextVar[_Work | None] = ContextVar("flowledger_work", default=None)
"""The work that this is done in the course of."""


def _serve(handed: "SimpleQueue[_Work | None]") -> None:
    """The life of a thread."""
    stays = True
    while stays and (work := handed.get()) is not None:
        while work is not None:
            pool = work.pool
            answer = work.execute()
            following = cast("list[_Work]", work.end())
            work = next((other for other in following if other.pool is pool), None)
            stays = work is not None or pool.stays(handed)
            # Last, so that who goes on with the answer finds the place free, and this thread idle.
            answer()
            _hand_over(other for other in following if other is not work)
            del pool, answer, following  # what is idle keeps nothing alive


def _hand_over(works: "Iterable[_Work]") -> None:
    """Have all executed that may be."""
    left = deque(works)
    while left:
        work = left.popleft()
        try:
            work.pool.take(work)
        except RuntimeError as error:
            left.extend(cast("list[_Work]", work.end()))
            work.refuse(f"no thread can be started: {error}; the work that it was for has not begun")


def _nothing() -> None:
    """Nobody waits for the result."""


class Here:
    """Takes the place of a pool where nothing blocks: calls at once."""

    async def run(
        self, function: Callable[_Params, _Result], /, *args: _Params.args, **kwargs: _Params.kwargs
    ) -> _Result:
        return function(*args, **kwargs)


class Threads(NamedTuple):
    """Where async calls have done what blocks."""

    executors: ThreadPool
    store: ThreadPool | Here


class Threaded(Protocol):
    """What has async methods."""

    @property
    def _threads(self) -> Threads: ...


def threads_of(owner: Threaded) -> Threads:
    """The threads of an object whose users needn't see them."""
    return owner._threads  # pyright: ignore[reportPrivateUsage]
