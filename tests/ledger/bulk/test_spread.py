"""The law of spreading: each run is answered once, in order, whatever workers are lost; only who ends them fails."""

import random
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import flowledger as fl
from flowledger.infrastructure.operations.spread import spread


class Echo:
    """A job that answers with the run id."""

    def open_ledger(self) -> AbstractContextManager[Any]:
        return nullcontext()

    def do(self, _: object, run_id: str) -> str:
        return run_id


class Fails(Echo):
    def do(self, _: object, run_id: str) -> str:
        raise ZeroDivisionError(run_id)


class LosesWorkers:
    """Executes a call at once, or loses it: where a run ends its worker, and at random, but no lone run twice."""

    def __init__(self, poison: set[str], unlucky: set[str], chance: random.Random, error: type[Exception]) -> None:
        self.poison = poison
        self.chance = chance
        self.error = error
        self.unlucky = unlucky

    def submit(self, function: Any, job: bytes, run_ids: list[str], token: str) -> Future[Any]:
        future: Future[Any] = Future()
        is_lost = self.chance.random() < 0.3 and self.unlucky.isdisjoint(run_ids)
        if is_lost and len(run_ids) == 1:
            self.unlucky.update(run_ids)
        if is_lost or not self.poison.isdisjoint(run_ids):
            future.set_exception(self.error("gone"))
        else:
            future.set_result(function(job, run_ids, token))
        return future


@pytest.mark.parametrize("error", [BrokenProcessPool, OSError])
@given(
    count=st.integers(0, 20),
    poison=st.sets(st.integers(0, 19)),
    chunk=st.integers(1, 6),
    at_once=st.integers(1, 5),
    seed=st.integers(0, 1_000),
)
def test_each_run_is_answered_once_and_only_those_that_end_workers_fail(
    error: type[Exception], count: int, poison: set[int], chunk: int, at_once: int, seed: int
) -> None:
    run_ids, deadly = [f"r{number}" for number in range(count)], {f"r{number}" for number in poison}
    unlucky, chance = set[str](), random.Random(seed)
    answers = list(
        spread(Echo(), run_ids, lambda: LosesWorkers(deadly, unlucky, chance, error), chunk=chunk, at_once=at_once)
    )
    assert [answer if isinstance(answer, str) else answer.run_id for answer in answers] == run_ids
    failed = [answer for answer in answers if isinstance(answer, fl.BulkFailure)]
    assert {failure.run_id for failure in failed} == deadly.intersection(run_ids)
    assert all("gone" in failure.message for failure in failed)


@pytest.mark.parametrize("error", [ModuleNotFoundError("No module named 'shop'"), TypeError("can't pickle")])
def test_what_no_worker_can_do_is_refused_at_once(error: Exception) -> None:
    class Refusing:
        def submit(self, *_: Any) -> Future[Any]:
            future: Future[Any] = Future()
            future.set_exception(error)
            return future

    with pytest.raises(fl.InvalidRequest, match="workers can't do it"):
        list(spread(Echo(), ["a", "b"], Refusing(), chunk=1, at_once=1))


def test_a_submit_that_gives_no_future_is_refused() -> None:
    class Silent:
        def submit(self, *_: Any) -> None:
            return None

    with pytest.raises(fl.InvalidRequest, match="NoneType, which is no future"):
        list(spread(Echo(), ["a"], Silent(), chunk=1, at_once=1))


def test_a_failure_of_the_work_itself_is_told_of_its_run() -> None:
    class AtOnce:
        def submit(self, function: Any, *arguments: Any) -> Future[Any]:
            future: Future[Any] = Future()
            future.set_result(function(*arguments))
            return future

    (failure,) = spread(Fails(), ["a"], AtOnce(), chunk=1, at_once=1)
    assert failure == fl.BulkFailure("a", "error", "ZeroDivisionError: a")
