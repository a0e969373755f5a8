"""Where history begins: every list that reaches back to what was removed says so, and no other."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl

from .shops import Shop, opened

ENDED = fl.RetentionPolicy(older_than=timedelta(days=90), status=("completed", "failed"))


@pytest.fixture
def shop(durable_url: str, tmp_path: Path) -> Iterator[Shop]:
    with opened(durable_url, tmp_path) as shop:
        yield shop


@pytest.fixture
def cut(shop: Shop) -> Shop:
    """Three orders went, and two that are younger stay."""
    for payload in ("fine", "fail", "fine"):
        shop.order(payload)
    shop.age()
    shop.order("fail")
    shop.order("young")
    shop.ledger.retention.apply(ENDED, by="ops", reason="as agreed")
    return shop


LISTS: dict[str, Callable[..., Any]] = {
    "runs": lambda history, **asked: history.runs(**asked),
    "search": lambda history, **asked: history.runs(text="young", **asked),
    "work orders": lambda history, **asked: history.work_orders(**asked),
    "steps": lambda history, **asked: history.steps(**asked),
    "failures": lambda history, **asked: history.failures(**asked),
    "counts": lambda history, **asked: history.counts("status", **asked),
    "trail": lambda history, **asked: history.trail(**asked),
    "timings": lambda history, **asked: history.timings("shop", **asked),
}


def test_each_list_says_what_was_removed_of_it_unless_it_reaches_back_no_further(cut: Shop) -> None:
    begins = cut.ledger.retention.begins()
    assert begins is not None
    assert (begins.runs, begins.by) == (3, "ops")
    assert begins.policy_in_words == "completed or failed, older than 90 days"
    oldest = min(run.started_at for run in cut.ledger.history.runs())
    assert cut.clock() - timedelta(days=90) < begins.at <= oldest
    assert begins.removed_at >= begins.at
    for name, listed in LISTS.items():
        assert listed(cut.ledger.history).begins == begins, name
        assert listed(cut.ledger.history, since=begins.at).begins is None, name
        assert listed(cut.ledger.history, since=begins.at - timedelta(seconds=1)).begins == begins, name


def test_a_page_whose_oldest_row_is_young_lacks_nothing(cut: Shop) -> None:
    first = cut.ledger.history.runs(limit=1)
    assert (len(first), first.begins) == (1, None)
    assert cut.ledger.history.runs(limit=1, after=first.next).begins is not None
    assert cut.ledger.history.runs(limit=1, sort="duration").begins is not None


def test_a_list_as_of_before_the_beginning_says_that_there_were_more_runs(cut: Shop) -> None:
    then = cut.clock() - timedelta(days=95)
    page = cut.ledger.history.runs(as_of=then)
    assert not page.items
    assert page.begins == cut.ledger.retention.begins()


def test_what_never_goes_is_whole(cut: Shop) -> None:
    history = cut.ledger.history
    for page in (
        history.runs(status="paused"),
        history.runs(held=True),
        history.work_orders(state="running"),
        history.trail(kind="workflow"),
        history.trail(stream="workflow:shop"),
        history.waits(),
    ):
        assert page.begins is None


def test_of_a_policy_for_another_workflow_nothing_is_said(shop: Shop) -> None:
    shop.ledger.workflows.save({"nodes": [{"id": "ship", "type": "ship"}]}, workflow_id="other", by="ada")
    shop.order()
    shop.age()
    shop.ledger.runs.start("other", by="ada")
    shop.ledger.retention.apply(fl.RetentionPolicy(timedelta(days=90), workflow_id="shop"), by="ops")
    begins = shop.ledger.retention.begins("shop")
    assert begins is not None
    assert begins.policy_in_words == "completed, older than 90 days, of workflow shop"
    assert shop.ledger.retention.begins("other") is None
    assert shop.ledger.history.runs("other").begins is None
    assert shop.ledger.history.runs().begins == begins


def test_another_removal_is_known_at_once_and_a_store_without_any_says_nothing(shop: Shop) -> None:
    for payload in ("fine", "fail"):
        shop.order(payload)
    assert [listed(shop.ledger.history).begins for listed in LISTS.values()] == [None] * len(LISTS)
    shop.age()
    for status, runs in (("completed", 1), ("failed", 2)):
        policy = fl.RetentionPolicy(timedelta(days=90), (status,))
        shop.clock.advance(seconds=1)
        shop.ledger.retention.apply(policy, by=f"for {status}", reason="x" * 2000)
        begins = shop.ledger.history.runs().begins
        assert begins is not None
        assert (begins.runs, begins.by) == (runs, f"for {status}")
