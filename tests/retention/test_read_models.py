"""A page of the log that was read before its runs were removed leaves nothing of them in the read models made of it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.queries.tree import removed
from flowledger.infrastructure.services.retention import policy_act, removal
from flowledger.infrastructure.storage.postgres import search as postgres_search

from .shops import Shop, opened

ALL = fl.RetentionPolicy(everything=True, status=("completed", "failed"))


@pytest.fixture
def shop(durable_url: str, tmp_path: Path) -> Iterator[Shop]:
    with opened(durable_url, tmp_path) as shop:
        yield shop


def before_it(monkeypatch: pytest.MonkeyPatch, owner: object, name: str, act: Callable[[], object]) -> None:
    """Let something happen once, before a function goes on."""
    function, first = getattr(owner, name), iter([act])

    def acting(*args: Any, **more: Any) -> Any:
        for act in first:
            act()
        return function(*args, **more)

    monkeypatch.setattr(owner, name, acting)


def assert_nothing_is_left(shop: Shop) -> None:
    shop.ledger.search.catch_up()
    history = shop.ledger.history
    assert not history.runs(text="quince")
    assert not history.steps()
    assert not history.failures()
    shop.assert_sound()


@pytest.mark.parametrize("keeps", ["search", "tree"])
def test_runs_that_are_removed_between_a_page_and_its_commit_leave_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, keeps: str
) -> None:
    shop.order("quince")
    before = shop.sign()
    shop.order("fail")
    table = getattr(shop.ledger._store, keeps)
    before_it(monkeypatch, table, "save", lambda: shop.ledger.retention.apply(ALL, by="ops"))
    {"search": shop.ledger.search.catch_up, "tree": shop.sign}[keeps]()
    assert shop.ledger.retention.removals()
    assert_nothing_is_left(shop)
    shop.assert_sound(before, shop.sign())


def test_a_search_that_is_about_to_commit_is_waited_for(
    new_postgres_store: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried, remove = Event(), removal.remove

    def removing(*args: Any) -> Any:
        try:
            return remove(*args)
        finally:
            tried.set()  # it is done, or has given way to who writes, and tries again

    with opened(new_postgres_store(), tmp_path) as shop, ThreadPoolExecutor(1) as pool:
        shop.order("quince")
        shop.order("fail")
        monkeypatch.setattr(removal, "remove", removing)
        applied: list[Any] = []

        def begin_to_remove() -> None:
            applied.append(pool.submit(shop.ledger.retention.apply, ALL, "ops"))
            assert tried.wait(20)

        before_it(monkeypatch, postgres_search, "_save_steps", begin_to_remove)
        shop.ledger.search.catch_up()
        assert applied[0].result().runs == 2
        assert_nothing_is_left(shop)


def test_few_records_of_removals_are_in_memory_at_once(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(6):
        shop.order()
    before = shop.sign()
    shop.age()
    monkeypatch.setattr(policy_act, "EVENTS_AT_ONCE", 1)
    shop.ledger.retention.apply(fl.RetentionPolicy(everything=True), by="ops")
    leaves_in = removed.leaves_in
    open_now, peak, read = 0, 0, 0

    def counted(record: fl.RecordedEvent) -> Iterator[Any]:
        nonlocal open_now, peak, read
        open_now, read = open_now + 1, read + 1
        peak = max(peak, open_now)
        try:
            yield from leaves_in(record)
        finally:
            open_now -= 1

    monkeypatch.setattr(removed, "leaves_in", counted)
    assert shop.ledger.evidence.check(before).findings == ()
    assert read >= 2 * 6  # each to see where it begins, and again when that comes
    assert peak <= 2
