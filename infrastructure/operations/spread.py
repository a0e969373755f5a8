"""Bulk work on the workers of an executor, in this process, in others or on other machines.

An executor is whatever has a ``submit`` that answers with a future, as those of concurrent.futures and Dask's Client
do. Runs go to it in chunks. Nobody can tell which run of a chunk ended the process of its worker, so a chunk that was
lost is repeated alone, then each of its runs alone, until the one that does it is known; the others never suffer.
"""

import pickle
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import BrokenExecutor, Executor
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, Final, Protocol, TypeVar, cast
from uuid import uuid4

from ...domain.errors import FlowledgerError, InvalidRequest, StorageUnavailable
from ...projections.bulk import BulkFailure
from .jobs import Job, do_or_report

LONE_TRIES: Final = 2
"""So often a run is repeated alone before it counts as the one that ends its worker: somebody else may have done it."""

_Done = TypeVar("_Done")


class Submits(Protocol):
    """What executors have in common: ``submit`` answers with a future, as in concurrent.futures."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Any: ...


AnyExecutor = Submits | Callable[[], Submits]
"""An executor of the caller's, or a function that makes one, which is then closed, and made anew where it breaks."""


@dataclass
class _Chunk:
    place: int
    """Of its first run among all."""
    run_ids: Sequence[str]
    lone_losses: int = 0
    is_alone: bool = False
    engine: int = 0
    """The number of the executor that it was given to."""
    future: Any = field(default=None, repr=False)


def spread(
    job: Job[_Done], run_ids: Sequence[str], executor: AnyExecutor, *, chunk: int, at_once: int
) -> Generator[_Done | BulkFailure]:
    """Do the job with all runs; yields what came of each, in their order.

    ``chunk`` runs are sent together, and ``at_once`` chunks are with the executor. Closing the generator cancels what
    hasn't begun. Raises InvalidRequest where the executor or its workers can't do it, StorageUnavailable; the message
    names the run at which a worker met it.
    """
    spreading = _Spreading(job, run_ids, chunk, at_once)
    engine = _Engine(executor)
    try:
        yield from spreading.run(engine)
    finally:
        for one in spreading.flying.values():
            one.future.cancel()
        engine.close()


class _Spreading:
    """The chunks of one job: those that wait, those that are with the executor, and those that were lost."""

    def __init__(self, job: Job[Any], run_ids: Sequence[str], chunk: int, at_once: int) -> None:
        self._job = check_picklable(job)
        self._count = len(run_ids)
        self._at_once = at_once
        self._waiting = deque(_Chunk(place, run_ids[place : place + chunk]) for place in range(0, len(run_ids), chunk))
        self._suspects: deque[_Chunk] = deque()
        self.flying: dict[str, _Chunk] = {}
        self._landed: SimpleQueue[str] = SimpleQueue()
        self._done: dict[int, Sequence[Any]] = {}
        self._next = 0

    def run(self, engine: "_Engine") -> Generator[Any]:
        while self._next < self._count:
            self._submit_all(engine)
            self._land(engine, self.flying.pop(self._landed.get()))
            while self._next in self._done:
                results = self._done.pop(self._next)
                self._next += len(results)
                yield from results

    def _submit_all(self, engine: "_Engine") -> None:
        if self._suspects:
            if not self.flying:
                self._submit(engine, self._suspects.popleft(), alone=True)
            return
        while self._waiting and len(self.flying) < self._at_once:
            self._submit(engine, self._waiting.popleft())

    def _submit(self, engine: "_Engine", chunk: _Chunk, *, alone: bool = False) -> None:
        # New for each attempt, as Dask answers a call that it knows already with the future that it has of it.
        token = uuid4().hex
        chunk.is_alone = alone
        chunk.engine = engine.number
        try:
            chunk.future = engine.submit(work_on, self._job, chunk.run_ids, token)
        except BrokenExecutor as error:
            chunk.future = _Failed(error)
        self.flying[token] = chunk
        chunk.future.add_done_callback(lambda _: self._landed.put(token))

    def _land(self, engine: "_Engine", chunk: _Chunk) -> None:
        try:
            outcome = chunk.future.result()
        except Exception as error:  # noqa: BLE001 - whatever an executor raises where it lost a call
            _refuse_what_no_worker_can_do(error)
            if isinstance(error, BrokenExecutor) and chunk.engine == engine.number:
                engine.renew(error, self._next, self._count)
            self._lose(chunk, f"{type(error).__name__}: {error}")
            return
        if isinstance(outcome, FlowledgerError):
            raise outcome
        self._done[chunk.place] = outcome

    def _lose(self, chunk: _Chunk, why: str) -> None:
        chunk.lone_losses += chunk.is_alone
        if len(chunk.run_ids) > 1 and chunk.lone_losses:
            singles = [_Chunk(chunk.place + place, [run_id]) for place, run_id in enumerate(chunk.run_ids)]
            self._suspects.extendleft(reversed(singles))
        elif chunk.lone_losses < LONE_TRIES:
            self._suspects.append(chunk)
        else:
            ended = f"its worker was lost {chunk.lone_losses} times while it worked on this run alone ({why})"
            self._done[chunk.place] = [BulkFailure(chunk.run_ids[0], "worker died", ended)]


class _Engine:
    """The executor: the caller's, or one that was made here."""

    def __init__(self, executor: AnyExecutor) -> None:
        is_executor = hasattr(executor, "submit") and not isinstance(executor, type)
        self._make: Callable[[], Any] | None = None if is_executor else cast("Callable[[], Any]", executor)
        if not is_executor and not callable(executor):
            raise InvalidRequest(
                f"an executor has a submit, as those of concurrent.futures and Dask's Client have, or is a function "
                f"that makes one; this is {type(executor).__name__}"
            )
        self.number = 0
        self._executor: Any = executor if self._make is None else self._made()

    def submit(self, *call: Any) -> Any:
        """Raises BrokenExecutor, and InvalidRequest for any other error of the executor."""
        try:
            future = self._executor.submit(*call)
        except BrokenExecutor:
            raise
        except Exception as error:
            raise InvalidRequest(f"the executor takes no work: {type(error).__name__}: {error}") from error
        if not hasattr(future, "add_done_callback"):
            raise InvalidRequest(
                f"submit of {type(self._executor).__name__} answers with {type(future).__name__}, which is no future"
            )
        return future

    def renew(self, error: Exception, done: int, count: int) -> None:
        """Make the executor anew. Raises InvalidRequest where that isn't ours to do."""
        if self._make is None:
            raise InvalidRequest(
                f"the executor is broken after {done:,} of {count:,} runs ({type(error).__name__}: {error}): give a "
                "function that makes one, such as functools.partial(ProcessPoolExecutor, 8), and it is made anew"
            ) from error
        self.close()
        self._executor = self._made()
        self.number += 1

    def _made(self) -> Any:
        """A new executor. Raises InvalidRequest where the caller's function makes none."""
        make = cast("Callable[[], Any]", self._make)
        try:
            made = make()
        except Exception as error:  # it is the caller's code
            raise InvalidRequest(f"the executor can't be made: {type(error).__name__}: {error}") from error
        if not hasattr(made, "submit"):
            raise InvalidRequest(f"what makes the executor returned {type(made).__name__}, which has no submit")
        return made

    def close(self) -> None:
        """Close the executor, if it was made here; what it still works on comes to its end."""
        if self._make is None:
            return
        if isinstance(self._executor, Executor):
            self._executor.shutdown(wait=False, cancel_futures=True)
        else:  # not by shutdown: a Dask Client would end the whole cluster
            close = getattr(self._executor, "close", None)
            if close is not None:
                close()


class _Failed:
    """The future of a call that was never taken."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def result(self) -> Any:
        raise self._error

    def add_done_callback(self, callback: Callable[[Any], object]) -> None:
        callback(self)

    def cancel(self) -> bool:
        return False


def work_on(job: bytes, run_ids: Sequence[str], token: str) -> Sequence[Any] | FlowledgerError:  # noqa: ARG001
    """What a worker does with a chunk: what came of each run, or the error that ends the whole job.

    ``token`` tells one attempt from another.
    """
    work: Job[Any] = pickle.loads(job)  # noqa: S301 - sent by the process that gives this one all its work
    done: list[Any] = []
    at = ""
    try:
        with work.open_ledger() as ledger:
            for run_id in run_ids:
                at = f"run {run_id}: "
                done.append(_do(work, ledger, run_id))
    except FlowledgerError as error:
        kind = StorageUnavailable if isinstance(error, StorageUnavailable) else InvalidRequest
        return kind(f"{at}{error}")
    return done


def _do(work: Job[Any], ledger: Any, run_id: str) -> Any:
    try:
        return do_or_report(work, ledger, run_id)
    except FlowledgerError:
        raise
    except Exception as error:  # noqa: BLE001 - nobody sees this process: what it says of the run is all there is
        return BulkFailure(run_id, "error", f"{type(error).__name__}: {error}")


def check_picklable(job: Job[Any]) -> bytes:
    """The job as it is sent. Raises InvalidRequest."""
    try:
        return pickle.dumps(job)
    except Exception as error:
        raise InvalidRequest(
            f"what is sent to workers must be picklable, such as globals made of plain values, and a key ring whose "
            f"reopen returns a function at the top of a module: {error}"
        ) from error


def _refuse_what_no_worker_can_do(error: Exception) -> None:
    """Raises InvalidRequest for errors that come from what was sent, and not from the loss of a worker."""
    for cause in (error, error.__cause__):
        if isinstance(cause, (ImportError, AttributeError, TypeError, pickle.PickleError)):
            raise InvalidRequest(
                f"the executor's workers can't do it: {type(cause).__name__}: {cause}; they need the same release of "
                "flowledger as this process"
            ) from error
