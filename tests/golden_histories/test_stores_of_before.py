"""A store and the folder of a definition, written before the code moved into rooms: every answer is as before."""

import json
import lzma
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl

from .record import anywhere

BEFORE = Path(__file__).parent / "before_the_rooms"
ANSWERS: dict[str, Any] = json.loads((BEFORE / "answers.json").read_text("utf-8"))


@pytest.fixture
def url(tmp_path: Path) -> str:
    (tmp_path / "store.db").write_bytes(lzma.decompress((BEFORE / "store.db.xz").read_bytes()))
    return f"sqlite:///{tmp_path / 'store.db'}"


def test_every_version_of_every_run_reads_as_it_did(url: str) -> None:
    with fl.open_ledger(url) as ledger:
        assert ledger.verify(deep=True).findings == ()
        assert [run.id for run in ledger.history.runs(limit=100)] == [run["id"] for run in ANSWERS["runs"]]
        for before in ANSWERS["runs"]:
            run = ledger.runs.get(before["id"])
            assert (run.status, run.version) == (before["status"], before["version"])
            snapshots = [ledger.history.snapshot(run.id, version=version) for version in range(1, run.version + 1)]
            assert [json.loads(snapshot.to_json()) for snapshot in snapshots] == before["snapshots"]
            assert [[event.type, event.digest] for event in ledger.history.events(run.id)] == before["events"]
            # Then the digest was over all that an audit says, also over what depends on the store.
            filed = ledger.history.audit(run.id).to_data() | {"digest": before["audit"]}
            assert ledger.evidence.check_audit(filed).ok


def test_the_trail_and_searches_answer_as_they_did(url: str) -> None:
    with fl.open_ledger(url) as ledger:
        trail = [[act.by, act.type, act.summary] for act in ledger.history.trail(limit=200)]
        assert trail == ANSWERS["trail"]
        assert [run.id for run in ledger.history.runs(text="gold")] == ANSWERS["found"]
        assert [run.id for run in ledger.history.runs(where=("payload.what=gold",))] == ANSWERS["filtered"]
        ledger.rebuild()
        assert ledger.verify(deep=True).findings == ()


def test_a_run_that_was_paused_then_goes_on(url: str) -> None:
    with fl.open_ledger(url, anywhere()) as ledger:
        run = ledger.runs.resume(ANSWERS["paused"], payload={"approved": True}, by="bob")
        assert run.status == "completed"
        assert ledger.verify(deep=True).findings == ()


def test_what_waited_then_is_listed(url: str) -> None:
    with fl.open_ledger(url) as ledger:
        waits = {wait.id: (wait.run_id, wait.reason, wait.asked_at) for wait in ledger.history.waits(limit=1000)}
        asked = {wait.id: (run.id, wait.reason, wait.asked_at) for run in _paused(ledger) for wait in run.waits}
        assert waits == asked
        assert ANSWERS["paused"] in {run_id for run_id, *_ in asked.values()}
        ledger.rebuild()
        assert {wait.id for wait in ledger.history.waits(limit=1000)} == asked.keys()


def _paused(ledger: fl.Ledger) -> list[fl.Run]:
    return [ledger.runs.get(run.id) for run in ledger.history.runs(status="paused", limit=1000)]


def test_a_folder_that_was_written_then_is_the_same_definition(url: str) -> None:
    definition = fl.read_definition(BEFORE / "definition")
    with fl.open_ledger(url, anywhere()) as ledger:
        assert definition.digest == ledger.workflows.get("branch").digest
