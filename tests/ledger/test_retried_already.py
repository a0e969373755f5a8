"""What was retried already, or has succeeded since, is retried once more only where somebody says that it is meant."""

from collections.abc import Iterator
from typing import Any

import pytest

import flowledger as fl

from .desk import overtaken_desk


class Bank:
    """A ledger whose one node fails for as long as the bank is closed."""

    def __init__(self, url: str) -> None:
        self.is_open = False
        self.paid: list[str] = []
        executors = fl.ExecutorRegistry()
        executors.register("pay", effects=True)(self.pay)
        self.ledger = fl.open_ledger(url, executors)
        self.runs = self.ledger.runs
        self.ledger.workflows.save({"nodes": [{"id": "pay", "type": "pay"}]}, workflow_id="w", by="ada")

    def pay(self, step: fl.StepContext) -> Any:
        self.paid.append(str(step.run_id))
        if not self.is_open:
            raise fl.NonRetryable("closed")


@pytest.fixture
def bank(store_url: str) -> Iterator[Bank]:
    bank = Bank(store_url)
    yield bank
    bank.ledger.close()


@pytest.fixture
def memory_bank() -> Iterator[Bank]:
    bank = Bank("memory:")
    yield bank
    bank.ledger.close()


def refused(bank: Bank, some_id: str) -> fl.AlreadyRetried:
    """The refusal of a retry; nothing was written or executed, and the preview says the same."""
    before = bank.ledger.verify().events, len(bank.paid)
    with pytest.raises(fl.AlreadyRetried) as error:
        bank.runs.retry(some_id, by="bob")
    preview = bank.runs.retry(some_id, preview=True)
    assert preview.retried == str(error.value)
    assert preview.to_data()["retried"] == preview.retried
    assert f"refused unless again is given: {preview.retried}" in str(preview)
    assert (bank.ledger.verify().events, len(bank.paid)) == before
    return error.value


def test_a_run_that_was_retried_is_refused_and_says_by_whom_and_as_what(bank: Bank) -> None:
    failed = bank.runs.start("w", by="shop")
    second = bank.runs.retry(failed.id, by="ann")
    error = refused(bank, failed.id)
    assert (error.run_id, error.work_order_id, error.last_run_id) == (failed.id, failed.work_order_id, second.id)
    assert (error.status, error.by, error.at) == ("failed", "ann", second.started_at)
    assert isinstance(error, fl.IllegalTransition)
    third = bank.runs.retry(second.id, by="bob")
    assert refused(bank, failed.id).last_run_id == refused(bank, second.id).last_run_id == third.id
    assert bank.runs.retry(failed.id, again=True, by="eve").origin == fl.RunOrigin("retry", failed.id, 0)


def test_a_work_order_that_has_succeeded_since_is_refused_by_either_name(bank: Bank) -> None:
    failed = bank.runs.start("w", by="shop")
    bank.is_open = True
    done = bank.runs.retry(failed.id, by="ann")
    for some_id in (failed.id, failed.work_order_id):
        error = refused(bank, some_id)
        assert (error.status, error.last_run_id, error.by) == ("completed", done.id, "ann")
        assert "has succeeded" in str(error)
    assert bank.runs.retry(failed.work_order_id, again=True).status == "completed"


def test_a_run_that_succeeded_itself_may_be_retried_by_its_own_id_once(memory_bank: Bank) -> None:
    memory_bank.is_open = True
    done = memory_bank.runs.start("w", by="shop")
    assert memory_bank.runs.retry(done.id, by="ann").status == "completed"
    assert refused(memory_bank, done.id).by == "ann"


@pytest.mark.parametrize("branch", ["fork", "reproduce"])
def test_of_forks_and_reproductions_it_counts_what_their_work_order_did_since(memory_bank: Bank, branch: str) -> None:
    failed = memory_bank.runs.start("w", by="shop")
    beside = getattr(memory_bank.runs, branch)(failed.id, by="ann")
    assert memory_bank.runs.retry(failed.id, preview=True).retried is None, "no retry of it was made"
    memory_bank.runs.retry(failed.id, by="bob")
    assert refused(memory_bank, beside.id).by == "bob"


def test_what_has_not_ended_is_told_so_also_with_again(memory_bank: Bank) -> None:
    failed = memory_bank.runs.start("w", by="shop")
    queued = memory_bank.runs.retry(failed.id, by="ann", wait=False)
    for preview in (False, True):
        with pytest.raises(fl.AlreadyRetried, match=f"{queued.id}.*ann.*is active.*; go on with that run"):
            memory_bank.runs.retry(failed.id, preview=preview)
    with pytest.raises(fl.IllegalTransition, match="is running"):
        memory_bank.runs.retry(failed.id, again=True)
    memory_bank.runs.hold(queued.id, by="ops")
    with pytest.raises(fl.IllegalTransition, match="is held: release it or cancel it first"):
        memory_bank.runs.retry(queued.id)


def test_a_retry_that_is_overtaken_by_another_one_is_told() -> None:
    desk, store = overtaken_desk()
    failed = desk.runs.start("fail", by="shop")
    store.before_append = lambda: desk.runs.retry(failed.id, by="ann")
    with pytest.raises(fl.AlreadyRetried) as error:
        desk.runs.retry(failed.id, by="bob")
    assert error.value.by == "ann"
    assert len(desk.runs.work_order(failed.work_order_id).runs) == 2


def test_a_retry_that_is_overtaken_by_a_reproduction_goes_through() -> None:
    desk, store = overtaken_desk()
    failed = desk.runs.start("fail", by="shop")
    store.before_append = lambda: desk.runs.reproduce(failed.id, by="ann")
    assert desk.runs.retry(failed.id, by="bob").origin == fl.RunOrigin("retry", failed.id, 0)


def test_a_bulk_retry_keeps_its_rule(memory_bank: Bank) -> None:
    failed = memory_bank.runs.start("w", by="shop")
    second = memory_bank.runs.retry(failed.id)
    (item,) = memory_bank.runs.retry_all([failed.id])
    assert item.outcome == "skipped"
    (item,) = memory_bank.runs.retry_all([second.id])
    assert item.outcome == "retried"


def test_a_key_is_answered_though_the_run_was_retried(memory_bank: Bank) -> None:
    failed = memory_bank.runs.start("w", by="shop")
    second = memory_bank.runs.retry(failed.id, idempotency_key="k", by="ann")
    memory_bank.runs.retry(second.id, by="bob")
    assert memory_bank.runs.retry(failed.id, idempotency_key="k") == second
