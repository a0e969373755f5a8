"""Runs of subjects are replayed in other processes: the key ring is read there again, and is never sent."""

import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.storage.sealing.key_ring import LocalKeyRing

from . import subjects
from .subjects import REGISTRY, Absent, open_with, start

APP = f"{subjects.__name__}:REGISTRY"


def absent(file: Path) -> fl.KeyRing:
    return Absent(fl.KeyRing.from_file(file))


class Sent(Absent):
    """A service that other processes connect to by what it is given."""

    def __init__(self, ring: fl.KeyRing, connect: Callable[[], fl.KeyRing]) -> None:
        super().__init__(ring)
        self._connect = connect

    def reopen(self) -> Callable[[], fl.KeyRing]:
        return self._connect


def outcomes(ledger: fl.Ledger, run_ids: list[str], **options: Any) -> list[Any]:
    found = {outcome.run_id: outcome for outcome in ledger.replay_many(run_ids, APP, **options)}
    return [found[run_id] for run_id in run_ids]


@pytest.mark.parametrize("kind", ["file", "variable", "class"])
def test_a_key_ring_is_read_again_where_runs_are_replayed(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = fl.KeyRing.generate("ring.json")
    monkeypatch.setenv("RING", Path("ring.json").read_text())
    rings = {
        "file": made,
        "variable": fl.KeyRing.from_env("RING"),
        "class": Sent(made, partial(absent, tmp_path / "ring.json")),
    }
    with open_with(f"sqlite:///{tmp_path}/s.db", rings[kind], REGISTRY) as ledger:
        run_ids = [start(ledger).id, start(ledger, subject=None).id]
        with ThreadPoolExecutor(1) as pool:  # which is sent what other processes are
            assert [report.ok for report in outcomes(ledger, run_ids, executor=pool)] == [True, True]
    assert isinstance(made, LocalKeyRing)
    (key,) = made._keys.values()
    assert key not in pickle.dumps(rings[kind].reopen())


@pytest.mark.exhaustive
def test_processes_of_our_own_read_it_too(tmp_path: Path, ring: fl.KeyRing) -> None:
    with open_with(f"sqlite:///{tmp_path}/s.db", ring, REGISTRY) as ledger:
        run_ids = [start(ledger).id, start(ledger, subject=None).id]
        assert [report.ok for report in outcomes(ledger, run_ids, workers=1)] == [True, True]


def test_a_key_ring_that_can_not_be_made_elsewhere_is_refused_before_anything_begins(
    tmp_path: Path, ring: fl.KeyRing
) -> None:
    for given, words in (
        (Absent(ring), "Absent, can't be sent to other processes: give it a method reopen"),
        (Sent(ring, lambda: ring), "a key ring whose reopen returns a function at the top of a module"),
    ):
        with open_with(f"sqlite:///{tmp_path}/s.db", given, REGISTRY) as ledger:
            run = start(ledger)
            with ThreadPoolExecutor(1) as pool:
                for options in ({}, {"executor": pool}):
                    with pytest.raises(fl.InvalidRequest, match=words):
                        ledger.replay_many([run.id], APP, **options)  # type: ignore[arg-type]
                assert [*ledger.export_many([run.id], tmp_path / "out", executor=pool)]  # which needs no key


def test_what_can_not_be_opened_or_was_erased_says_nothing_of_the_others(tmp_path: Path, ring: fl.KeyRing) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    with open_with(url, ring, REGISTRY) as ledger, ThreadPoolExecutor(1) as pool:
        run_ids = [start(ledger).id, start(ledger, subject="customer:43").id, start(ledger, subject=None).id]
        ledger.erase("customer:42")
        erased, *others = outcomes(ledger, run_ids, executor=pool)
        assert [report.ok for report in others] == [True, True]
    with fl.open_ledger(url, REGISTRY) as ledger, ThreadPoolExecutor(1) as pool:
        _, closed, plain = outcomes(ledger, run_ids, executor=pool)
        assert plain.ok
    assert [(failure.kind, type(failure)) for failure in (erased, closed)] == [("unreadable", fl.BulkFailure)] * 2
    assert "belongs to a subject that was erased" in erased.message
    assert "open the ledger with keys=" in closed.message
