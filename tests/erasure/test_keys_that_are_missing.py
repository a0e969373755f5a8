"""A key ring that is away, wrong, or lost: starts are refused and say what to do, reads say so, nothing is written."""

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl

from .subjects import WORD, Absent, executors, open_with, shown, start


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/store.db"


def test_while_a_key_service_is_away_starts_are_refused_and_reads_say_so(url: str, ring: fl.KeyRing) -> None:
    with open_with(url, Absent(ring)) as ledger:
        run = start(ledger, "questions")
    away = Absent(ring)
    away.is_away = True
    with fl.open_ledger(url, executors(), keys=away) as ledger:
        events = ledger.verify().events
        with pytest.raises(
            fl.KeyMissing, match=r"doesn't answer \(ConnectionError: no route to the vault\).*try again"
        ):
            start(ledger, subject="customer:43")
        with pytest.raises(fl.KeyMissing, match="try again when it does"):
            start(ledger)
        with pytest.raises(fl.KeyMissing, match="try again when it does"):
            ledger.runs.resume(run.id, payload=WORD)
        assert "<key ring away>" in shown(ledger, run.id)
        assert ledger.verify().events == events
        away.is_away = False
        assert ledger.runs.resume(run.id, payload=WORD).status == "completed"
        assert WORD in shown(ledger, run.id)


def test_without_a_key_ring_a_store_is_read_and_verified_and_runs_without_subjects_go_on(
    url: str, ring: fl.KeyRing
) -> None:
    with open_with(url, ring) as ledger:
        run = start(ledger, "questions")
    with fl.open_ledger(url, executors()) as ledger:
        assert ledger.verify(deep=True).ok
        assert "<no key ring>" in shown(ledger, run.id)
        assert ledger.runs.start("echoes", payload=1).status == "completed"
        with pytest.raises(fl.KeyMissing, match=r"open the ledger with keys=, or the command line with --keys FILE"):
            ledger.runs.resume(run.id, payload=1)
        with pytest.raises(fl.InvalidRequest, match=r"needs a key ring: open the ledger with keys="):
            start(ledger, subject="customer:43")
        assert ledger.erase("customer:42").values > 0  # to destroy a key nobody needs to read it
        assert "<erased" in shown(ledger, run.id)


def test_a_wrong_key_ring_opens_nothing_and_says_so(url: str, ring: fl.KeyRing, tmp_path: Path) -> None:
    with open_with(url, ring) as ledger:
        run = start(ledger)
    other = fl.KeyRing.generate(tmp_path / "other.json")  # its key has the same id
    with fl.open_ledger(url, executors(), keys=other) as ledger:
        assert "<key lost>" in shown(ledger, run.id)
        for call in (lambda: start(ledger), lambda: ledger.runs.fork(run.id, version=2)):
            with pytest.raises(fl.KeyMissing, match="restore the table flowledger_subject_keys, or the key ring"):
                call()
        assert ledger.verify().ok


def test_a_run_whose_key_is_lost_keeps_its_history(url: str, ring: fl.KeyRing) -> None:
    with open_with(url, ring) as ledger:
        run = start(ledger)
        keys = ledger._store.subject_keys
        assert keys is not None
        key = keys.table.find("customer:42")
        assert key is not None
        keys.destroy(key)
        assert "<key lost>" in shown(ledger, run.id)
        assert ledger.verify(deep=True).ok
        with pytest.raises(fl.KeyMissing, match="is lost"):
            ledger.history.replay(run.id)


def test_a_rotated_key_ring_reads_what_it_wrapped_before_and_wraps_anew(url: str, tmp_path: Path) -> None:
    old, new = (base64.b64encode(os.urandom(32)).decode() for _ in range(2))
    file = tmp_path / "rotated.json"

    def ring(current: str, **keys: str) -> fl.KeyRing:
        file.touch(0o600)
        file.write_text(json.dumps({"current": current, "keys": keys}))
        return fl.KeyRing.from_file(file)

    with open_with(url, ring("a", a=old)) as ledger:
        run = start(ledger)
    with fl.open_ledger(url, executors(), keys=ring("b", a=old, b=new)) as ledger:
        assert WORD in shown(ledger, run.id)
        assert ledger.rewrap_keys() == 1
        assert ledger.rewrap_keys() == 0
    with fl.open_ledger(url, executors(), keys=ring("b", b=new)) as ledger:
        assert WORD in shown(ledger, run.id)
    with fl.open_ledger(url, executors(), keys=ring("a", a=old)) as ledger:
        assert "<key lost>" in shown(ledger, run.id)


def test_a_key_ring_is_a_file_of_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "ring.json"
    fl.KeyRing.generate(file)
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(fl.InvalidRequest):
        fl.KeyRing.generate(file)  # the one that is there may be needed
    file.chmod(0o640)
    with pytest.raises(fl.InvalidRequest, match=r"can be read by others \(mode 0640\): chmod 600 it"):
        fl.KeyRing.from_file(file)
    with pytest.raises(fl.InvalidRequest, match=r"can't be read: No such file or directory; make one with"):
        fl.KeyRing.from_file(tmp_path / "none.json")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"current": "1", "keys": {"1": "c2hvcnQ="}}',
        '{"current": "2", "keys": {"1": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}',
        '{"current": "1", "keys": {"1": 7}}',
        '{"current": ["1"], "keys": {}}',
    ],
)
def test_what_is_no_key_ring_is_said_without_showing_it(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RING", text)
    with pytest.raises(fl.InvalidRequest, match="isn't one: it must be JSON like") as told:
        fl.KeyRing.from_env("RING")
    assert "c2hv" not in str(told.value)


def test_a_key_ring_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str) -> None:
    fl.KeyRing.generate(tmp_path / "ring.json")
    monkeypatch.setenv("RING", (tmp_path / "ring.json").read_text())
    with open_with(url, fl.KeyRing.from_env("RING")) as ledger:
        assert WORD in shown(ledger, start(ledger).id)
    with pytest.raises(fl.InvalidRequest, match="no variable 'OTHER'"):
        fl.KeyRing.from_env("OTHER")


@pytest.mark.parametrize("name", [None, 7, b"ring.json", ["ring.json"]])
def test_what_names_no_key_ring_is_refused(name: Any) -> None:
    for read in (fl.KeyRing.from_file, fl.KeyRing.from_env, fl.KeyRing.generate):
        with pytest.raises(fl.InvalidRequest, match=r"is neither text nor a Path|no variable"):
            read(name)


def test_what_is_sealed_opens_in_its_own_place_alone(ring: fl.KeyRing) -> None:
    from flowledger.infrastructure.storage.sealing.subject_keys import Reading

    with open_with("memory:", ring) as ledger:
        run, other = start(ledger), start(ledger)
        store = ledger._store
        keys = store.subject_keys
        assert keys is not None
        second, third = list(store.rows(run.id))[1:3]
        reading: Reading = keys.reading()
        assert WORD in repr(reading.decode(run.id, 2, second.type, second.encoded or b""))
        for stream, version, type in (
            (run.id, 3, second.type),
            (other.id, 2, second.type),
            (run.id, 2, "run.step_failed"),
        ):
            with pytest.raises(fl.EventNotReadable, match="was changed or moved, or is under another key"):
                reading.decode(stream, version, type, second.encoded or b"")
        assert third.version == 3


def test_something_else_than_a_key_ring_is_refused() -> None:
    with pytest.raises(fl.InvalidRequest, match=r"are no KeyRing: give fl\.KeyRing\.from_file"):
        fl.open_ledger("memory:", keys={"1": b"x"})  # type: ignore[arg-type]
