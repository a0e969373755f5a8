"""While others write, retention keeps to a share of the time; alone it doesn't wait."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.services.retention import pace
from flowledger.infrastructure.storage.event_store import LedgerEventStore

from .shops import Shop, opened


class Time:
    """Goes on by a second whenever it is looked at, and by what is slept."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        self.now += 1
        return self.now

    def sleep(self, seconds: float) -> None:
        if seconds:
            self.slept.append(seconds)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(pace, "monotonic", time.monotonic)
    monkeypatch.setattr(pace, "sleep", time.sleep)
    return time


@pytest.fixture
def shop(durable_url: str, tmp_path: Path) -> Iterator[Shop]:
    with opened(durable_url, tmp_path) as shop:
        for _ in range(3):
            shop.order()
        shop.age()
        yield shop


def test_it_waits_in_proportion_to_its_last_step_if_others_have_appended_meanwhile(shop: Shop, time: Time) -> None:
    policy = fl.RetentionPolicy(everything=True)
    report = shop.ledger.retention.apply(policy, by="ops", progress=lambda _: shop.order(), pace=0.25)
    assert report.runs == 3
    assert time.slept[0] == pytest.approx(3)  # behind a second of work, which is to be a quarter of the time


@pytest.mark.parametrize(("others_write", "share"), [(False, 0.1), (True, 1)])
def test_it_never_waits_for_what_it_has_appended_itself_nor_at_full_pace(
    shop: Shop, time: Time, others_write: bool, share: float
) -> None:
    def write(_: float) -> None:
        if others_write:
            shop.order()

    assert shop.ledger.retention.apply(fl.RetentionPolicy(everything=True), "ops", None, write, pace=share).runs == 3
    assert time.slept == []


@pytest.mark.usefixtures("time")
def test_whoever_ends_it_does_not_wait_for_what_it_waits_for(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    about_to_wait = Event()

    def others_write(*_: object) -> int:
        about_to_wait.set()
        return 1_000_000

    monkeypatch.setattr(LedgerEventStore, "events_behind", others_write)
    with shop.ledger.retention.apply_regularly(fl.RetentionPolicy(everything=True), by="ops", pace=1e-9):
        assert about_to_wait.wait(60)
    assert len(shop.ledger.history.runs()) == 0


def test_what_is_no_share_of_the_time_is_refused(shop: Shop) -> None:
    everything = fl.RetentionPolicy(everything=True)
    shares: list[Any] = [0, -1, 1.5, float("nan"), float("inf"), True, "all", None]
    for share in shares:
        with pytest.raises(fl.InvalidRequest, match="share of the time"):
            shop.ledger.retention.apply(everything, by="ops", pace=share)
        with pytest.raises(fl.InvalidRequest, match="share of the time"):
            shop.ledger.retention.apply_regularly(everything, pace=share)
    assert len(shop.ledger.history.runs()) == 3
