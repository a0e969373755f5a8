"""Bulk work goes to any executor, comes back in order, and names the run that ends a worker."""

from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl

from .conftest import Shop

processes = partial(ProcessPoolExecutor, 2, get_context("spawn"))


class Waiting:
    """An executor that keeps what it is given."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.futures: list[Future[Any]] = []

    def submit(self, *call: Any) -> Future[Any]:
        self.calls.append(call)
        self.futures.append(Future())
        return self.futures[-1]


def numbers(reports: list[Any]) -> list[tuple[str, bool]]:
    return [(report.run_id, report.ok) for report in reports]


@pytest.mark.parametrize("shop", ["sqlite", pytest.param("postgres", marks=pytest.mark.exhaustive)], indirect=True)
def test_all_runs_are_answered_in_their_order(shop: Shop) -> None:
    alone = [shop.ledger.history.replay(run_id) for run_id in shop.run_ids]
    for chunk in (1, 5, 100):
        with ThreadPoolExecutor(2) as pool:
            assert list(shop.ledger.replay_many(shop.run_ids, shop.app, executor=pool, chunk=chunk)) == alone
    made = partial(ThreadPoolExecutor, 2)
    assert list(shop.ledger.replay_many(shop.run_ids, shop.app, executor=made)) == alone


async def test_async_callers_have_it_too(shop: Shop) -> None:
    with ThreadPoolExecutor(2) as pool:
        replayed = [report async for report in shop.ledger.areplay_many(shop.run_ids, shop.app, executor=pool)]
    assert numbers(replayed) == [(run_id, True) for run_id in shop.run_ids]


@pytest.mark.exhaustive
def test_a_run_that_ends_its_worker_is_named_and_the_others_are_answered(shop: Shop) -> None:
    (shop.home / "dies").write_text("7")
    replayed = list(shop.ledger.replay_many(shop.run_ids, shop.app, executor=processes, chunk=3))
    assert [outcome.run_id for outcome in replayed] == shop.run_ids
    (failed,) = [outcome for outcome in replayed if isinstance(outcome, fl.BulkFailure)]
    assert (failed.run_id, failed.kind) == (shop.run_ids[7], "worker died")
    assert "BrokenProcessPool" in failed.message
    assert all(outcome.ok for outcome in replayed if isinstance(outcome, fl.ReplayReport))


@pytest.mark.exhaustive
def test_a_worker_that_dies_once_costs_nobody_an_answer(shop: Shop) -> None:
    (shop.home / "dies-once").write_text("7")
    replayed = list(shop.ledger.replay_many(shop.run_ids, shop.app, executor=processes, chunk=3))
    assert numbers(replayed) == [(run_id, True) for run_id in shop.run_ids]
    assert not (shop.home / "dies-once").exists()


@pytest.mark.exhaustive
def test_a_broken_executor_of_the_callers_can_not_be_made_anew(shop: Shop) -> None:
    (shop.home / "dies").write_text("0")
    with processes() as pool, pytest.raises(fl.InvalidRequest, match=r"broken after 0 of 12 runs.*function that makes"):
        list(shop.ledger.replay_many(shop.run_ids, shop.app, executor=pool))


def test_what_can_not_be_read_says_nothing_of_the_others(shop: Shop) -> None:
    with ThreadPoolExecutor(2) as pool:
        there, missing = shop.ledger.replay_many([shop.run_ids[0], "nobody"], shop.app, executor=pool)
    assert isinstance(there, fl.ReplayReport)
    assert there.ok
    assert isinstance(missing, fl.BulkFailure)
    assert (missing.run_id, missing.kind) == ("nobody", "unreadable")
    assert "no run 'nobody'" in missing.message


def test_an_error_that_ends_the_work_names_its_run(shop: Shop) -> None:
    told = rf"run {shop.run_ids[0]}: .*neither a whole number"
    with ThreadPoolExecutor(1) as pool, pytest.raises(fl.InvalidRequest, match=told):
        list(shop.ledger.replay_many(shop.run_ids, shop.app, executor=pool, against=1.5))  # type: ignore[arg-type]


def test_what_is_sent_is_small_and_closing_cancels_what_has_not_begun(shop: Shop) -> None:
    executor = Waiting()
    replayed = shop.ledger.replay_many(shop.run_ids, shop.app, executor=executor, chunk=2, at_once=3)
    with closing(replayed), ThreadPoolExecutor(1) as caller:  # type: ignore[type-var]  # it is a generator
        first = caller.submit(next, replayed)
        while len(executor.calls) < 3:
            assert not first.done()
        function, *arguments = executor.calls[0]
        executor.futures[0].set_result(function(*arguments))
        assert first.result().run_id == shop.run_ids[0]
    assert len(executor.calls) == 3  # a second one is yielded before more is sent
    assert [future.cancelled() for future in executor.futures] == [False, True, True]
    assert len({token for *_, token in executor.calls}) == 3
    assert all(len(job) < 2_000 and len(ids) == 2 for _, job, ids, _ in executor.calls)


def test_what_makes_no_sense_is_refused_before_anything_is_sent(shop: Shop) -> None:
    executor, many = Waiting(), shop.ledger.replay_many
    for wrong, message in (
        (lambda: many(shop.run_ids[0], shop.app, executor=executor), "give a list of run ids"),
        (lambda: many([7], shop.app, executor=executor), "a run id is text"),  # type: ignore[list-item]
        (lambda: many(shop.run_ids, "nowhere", executor=executor), "not of the form module:registry"),
        (lambda: many(shop.run_ids, f"{shop.module}:ghost", executor=executor), "no 'ghost'"),
        (lambda: many(shop.run_ids, shop.app, executor=executor, effects=["ghost"]), "no executor is registered"),
        (lambda: many(shop.run_ids, shop.app, executor=executor, chunk=0), "chunk 0 is not a number"),
        (lambda: many(shop.run_ids, shop.app, executor=executor, at_once=True), "at_once True is not a number"),
        (lambda: many(shop.run_ids, shop.app, workers=0), "workers 0 is not a number"),
        (lambda: many(shop.run_ids, shop.app, executor=executor, workers=2), "an executor has its own"),
        (lambda: list(many(shop.run_ids, shop.app, executor=3)), "this is int"),  # type: ignore[arg-type]
        (lambda: list(many(shop.run_ids, shop.app, executor=executor, globals={"f": lambda: 1})), "must be picklable"),
    ):
        with pytest.raises(fl.InvalidRequest, match=message):
            wrong()
    assert executor.calls == []
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(fl.InvalidRequest, match="takes no work: RuntimeError"):
        list(many(shop.run_ids, shop.app, executor=pool))


def test_a_store_that_only_this_process_has_is_refused(shop: Shop) -> None:
    with fl.open_ledger("memory:") as ledger, pytest.raises(fl.InvalidRequest, match="memory: is in this one alone"):
        ledger.replay_many([], shop.app)


def test_many_runs_are_exported_as_one_is(shop: Shop, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        reports = list(shop.ledger.export_many(shop.run_ids[:3], tmp_path / "all", executor=pool, chunk=2))
    for run_id, report in zip(shop.run_ids, reports, strict=False):
        assert report == shop.ledger.history.export(run_id, tmp_path / "one.jsonl.zst")
        assert (tmp_path / "all" / f"{run_id}.jsonl.zst").read_bytes() == (tmp_path / "one.jsonl.zst").read_bytes()
    assert len(list((tmp_path / "all").iterdir())) == 3
