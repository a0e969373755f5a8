"""Policies are applied while others start, retry, fork and hold: nothing is lost, and all that stays verifies."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

import flowledger as fl

from .shops import opened

ROUNDS = 12


@pytest.mark.exhaustive
def test_all_that_stays_verifies_whatever_others_do_meanwhile(durable_url: str, tmp_path: Path) -> None:
    chance = random.Random(71)
    with opened(durable_url, tmp_path) as shop:
        ledger, over = shop.ledger, Event()
        first = [shop.order(number) for number in range(60)]
        before = shop.sign()
        acknowledged: list[str] = []

        def start() -> None:
            acknowledged.append(shop.order("fine").id)

        def on_some(act: Callable[[str], object]) -> Callable[[], None]:
            def do() -> None:
                run = chance.choice([*first, *map(ledger.runs.get, acknowledged[-5:])])
                act(run.id)

            return do

        acts = (
            start,
            on_some(lambda run: ledger.runs.fork(run, 1, by="ann")),
            on_some(lambda run: ledger.runs.reproduce(run, by="ann")),
            on_some(lambda run: ledger.runs.set_metadata(run, {"seen": True}, by="ann")),
        )

        def write(act: Callable[[], None]) -> int:
            done = 0
            while not over.is_set():
                try:
                    act()
                    done += 1
                except (fl.NotFound, fl.Conflict, fl.IllegalTransition):
                    continue  # it went meanwhile, or somebody was faster
            return done

        with ThreadPoolExecutor(len(acts)) as pool:
            writing = [pool.submit(write, act) for act in acts]
            gone = 0
            try:
                for number in range(ROUNDS):
                    shop.clock.advance(days=1)
                    policy = fl.RetentionPolicy(timedelta(hours=1), keep_last=max(60 - 5 * number, 5))
                    gone += ledger.retention.apply(policy, by="ops", pace=1).runs  # they write all the time
                    shop.sign()
            finally:
                over.set()
            assert all(each.result() > 0 for each in writing)
        assert gone > 0
        shop.assert_sound(before, shop.sign())
        there = {row.id for row in ledger.history.runs(limit=1000)}
        removed = {stream.stream for stream in ledger._store.removals.all()}  # type: ignore[union-attr]
        assert all(run in there or run in removed for run in acknowledged[-500:])
        ledger.rebuild()
        shop.assert_sound(before, shop.sign())
