"""What a subject's runs have recorded is encrypted, and gone when the subject is erased; all else stays as it is."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl

from .subjects import WORD, executors, files_with, open_with, server_files_with, shown, start


def test_what_a_run_of_a_subject_recorded_reads_erased_and_verifies(ledger: fl.Ledger) -> None:
    run = start(ledger, metadata={"note": WORD}, idempotency_key="k")
    question, failed = start(ledger, "questions"), start(ledger, "failures")
    ledger.runs.resume(question.id, payload=WORD, by="ops")
    ledger.runs.set_metadata(run.id, {"more": WORD})
    ledger.runs.cancel(start(ledger, "questions").id, reason=WORD)
    fork = ledger.runs.fork(run.id, version=2, output=WORD)
    again = ledger.runs.retry(failed.id, by="ops")
    other = start(ledger, subject="customer:7")
    mine = [run.id, question.id, failed.id, fork.id, again.id]
    assert all(WORD in shown(ledger, run_id) for run_id in [*mine, other.id])

    report = ledger.erase("customer:42", by="dpo", reason="asked for it")

    assert {found.run_id for found in report.runs} >= set(mine)
    assert report.values > 20
    assert report.erased_at is not None
    marker = f"<erased {report.erased_at.date()}>"
    for run_id in mine:
        assert WORD not in shown(ledger, run_id)
        assert marker in shown(ledger, run_id)
    assert WORD in shown(ledger, other.id)
    assert ledger.verify(deep=True).ok
    ledger.rebuild()
    assert ledger.verify(deep=True).ok
    (act,) = ledger.history.trail(kind="subject").items
    assert act.by == "dpo"
    assert "asked for it" in act.summary
    assert "customer" not in act.summary


def test_nothing_of_a_subject_stands_in_plain_in_the_files_of_a_store(
    tmp_path: Path, ring: fl.KeyRing, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with open_with(f"sqlite:///{tmp_path}/store.db", ring) as ledger:
        run = start(ledger, metadata={"note": WORD})
        start(ledger, "failures")
        start(ledger, "questions")
        ledger.history.runs(text=WORD)
        list(ledger.history.steps().items)
        ledger.history.export(run.id, tmp_path / "run.jsonl")
        ledger.backup(tmp_path / "copy.db")
        assert files_with(WORD, tmp_path) == []  # nor was it ever
        assert files_with("customer:42", tmp_path) != []
        wrapped = ledger._store.subject_keys.table.find("customer:42").wrapped  # type: ignore[union-attr]
        ledger.erase("customer:42")
        assert files_with("customer:42", tmp_path) == []
        assert not [file for file in tmp_path.iterdir() if wrapped[-32:] in file.read_bytes()]
        assert (tmp_path / "store.db-wal").stat().st_size == 0
    assert files_with(WORD, tmp_path) == []
    assert WORD not in caplog.text
    assert "sealed, as the run belongs to a subject" in caplog.text


def test_nothing_of_a_subject_stands_in_the_files_of_a_server(
    new_postgres_url: Any, postgres_url: str, ring: fl.KeyRing, tmp_path: Path
) -> None:
    with open_with(new_postgres_url(), ring) as ledger:
        run = start(ledger, metadata={"note": WORD}, subject="customer:Zaunkönig")
        start(ledger, "failures")
        ledger.history.runs(text=WORD)
        ledger.history.export(run.id, tmp_path / "run.jsonl")
        assert list(server_files_with(WORD.encode(), postgres_url)) == []
        wrapped = ledger._store.subject_keys.table.find("customer:Zaunkönig").wrapped[-32:]  # type: ignore[union-attr]
        assert [file for file in server_files_with(wrapped, postgres_url) if "/base/" in file]
        ledger.erase("customer:Zaunkönig")
        assert not [file for file in server_files_with(wrapped, postgres_url) if "/base/" in file]
        assert not [file for file in server_files_with("Zaunkönig".encode(), postgres_url) if "/base/" in file]
        assert ledger.verify().ok
    assert files_with(WORD, tmp_path) == []


def test_every_other_process_sees_the_erasure_with_its_next_read(store_url: str, ring: fl.KeyRing) -> None:
    if store_url == "memory:":
        pytest.skip("a store in memory is of one process")
    with open_with(store_url, ring) as ledger, fl.open_ledger(store_url, executors(), keys=ring) as other:
        run = start(ledger)
        assert WORD in shown(other, run.id)
        ledger.erase("customer:42")
        assert WORD not in shown(other, run.id)
        with pytest.raises(fl.Erased, match="belongs to a subject that was erased"):
            other.runs.fork(run.id, version=2)


def test_nothing_is_executed_with_what_was_erased(memory_ledger: fl.Ledger) -> None:
    ledger = memory_ledger
    run, failed, question = start(ledger), start(ledger, "failures"), start(ledger, "questions", idempotency_key="q")
    report = ledger.erase("customer:42", by="dpo")
    assert [found.run_id for found in report.runs if found.cancelled] == [question.id]
    assert ledger.runs.get(question.id).status == "cancelled"
    for call in (
        lambda: ledger.history.replay(run.id),
        lambda: ledger.runs.retry(failed.id),
        lambda: ledger.runs.reproduce(run.id),
        lambda: ledger.runs.fork(run.id, version=2),
        lambda: start(ledger, "questions", subject=None, idempotency_key="q"),
    ):
        with pytest.raises(fl.Erased, match="start a new run with new input"):
            call()
    events = len(list(ledger.history.events(run.id)))
    ledger.runs.set_metadata(run.id, {"late": WORD})
    assert len(list(ledger.history.events(run.id))) == events + 1
    assert WORD not in shown(ledger, run.id)
    assert ledger.verify().ok


def test_a_dry_run_lists_every_place_and_does_nothing(memory_ledger: fl.Ledger) -> None:
    ledger = memory_ledger
    run = start(ledger)
    fork = ledger.runs.fork(run.id, version=2)
    report = ledger.erase("customer:42", dry_run=True)
    assert (report.dry_run, report.erased_at) == (True, None)
    assert [(found.run_id, found.kind) for found in report.runs] == [(run.id, "first"), (fork.id, "fork")]
    told = {place.place: place.done for place in report.places}
    assert told["forks and retries"] == "1 forks among these runs lose what their sources lose"
    assert WORD in shown(ledger, run.id)
    assert not ledger.history.trail(kind="subject").items


def test_erasing_one_of_several_subjects_erases(memory_ledger: fl.Ledger) -> None:
    both = start(memory_ledger, subject=["customer:1", "customer:2"])
    only = start(memory_ledger, subject="customer:1")
    memory_ledger.erase("customer:2")
    assert WORD not in shown(memory_ledger, both.id)
    assert WORD in shown(memory_ledger, only.id)


def test_a_subject_that_comes_back_has_a_new_key(memory_ledger: fl.Ledger) -> None:
    before = start(memory_ledger)
    memory_ledger.erase("customer:42")
    after = start(memory_ledger)
    assert WORD in shown(memory_ledger, after.id)
    assert WORD not in shown(memory_ledger, before.id)


def test_who_is_no_subject_is_said(memory_ledger: fl.Ledger) -> None:
    start(memory_ledger)
    with pytest.raises(fl.SubjectNotFound, match="no run was started for it, or it was erased before"):
        memory_ledger.erase("customer:43")
    memory_ledger.erase("customer:42")
    with pytest.raises(fl.SubjectNotFound):
        memory_ledger.erase("customer:42")


@pytest.mark.parametrize("subject", ["", "x" * 1025, ["customer:42", ""]])
def test_a_subject_that_names_nobody_is_refused(memory_ledger: fl.Ledger, subject: str | list[str]) -> None:
    with pytest.raises(fl.InvalidRequest, match="a subject has 1 to 1,024 characters"):
        memory_ledger.runs.start("w", payload=1, subject=subject)
    assert len(memory_ledger.history.runs()) == 0


def test_runs_that_a_step_starts_belong_to_its_subject(ring: fl.KeyRing) -> None:
    registry = executors()

    @registry.register("parent")
    def parent(step: fl.StepContext) -> Any:
        return ledger.runs.start("echoes", payload=step.payload).id

    @registry.register("async parent")
    async def async_parent(step: fl.StepContext) -> Any:
        return (await ledger.runs.astart("echoes", payload=step.payload)).id

    node = {"id": "p", "type": "parent"}
    with open_with("memory:", ring, registry) as ledger:
        for type in ("parent", "async parent"):
            ledger.workflows.save(
                fl.WorkflowDefinition.model_validate({"nodes": [node | {"type": type}]}), workflow_id=type
            )
        children = [start(ledger, "parent").snapshot.context["p"][-1].output]
        run = asyncio.run(ledger.runs.astart("async parent", payload={"name": WORD}, subject="customer:42"))
        children.append(run.snapshot.context["p"][-1].output)
        unrelated = ledger.runs.start("echoes", payload=WORD)
        asyncio.run(ledger.aerase("customer:42"))
        assert all(WORD not in shown(ledger, child) for child in children)
        assert WORD in shown(ledger, unrelated.id)


def test_a_table_of_keys_that_comes_back_opens_nothing(tmp_path: Path, ring: fl.KeyRing) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    with open_with(url, ring) as ledger:
        run = start(ledger)
        table = ledger._store.subject_keys.table  # type: ignore[union-attr]
        kept = table.find("customer:42")
        ledger.erase("customer:42")
        table.add(kept)
    with open_with(url, ring) as ledger:
        assert WORD not in shown(ledger, run.id)
        assert "<erased" in shown(ledger, run.id)


def test_a_backup_leaves_the_keys_out_unless_they_are_asked_for(tmp_path: Path, ring: fl.KeyRing) -> None:
    with open_with(f"sqlite:///{tmp_path}/store.db", ring) as ledger:
        run = start(ledger)
        ledger.backup(tmp_path / "without.db")
        ledger.backup(tmp_path / "with.db", subject_keys=True)
    for name, sign in (("without", "<key lost>"), ("with", WORD)):
        with open_with(f"sqlite:///{tmp_path}/{name}.db", ring) as ledger:
            assert sign in shown(ledger, run.id)
            assert ledger.verify(deep=True).ok


def test_an_export_of_a_sealed_run_is_imported_without_its_values(tmp_path: Path, memory_ledger: fl.Ledger) -> None:
    run = start(memory_ledger, idempotency_key="k")
    fork = memory_ledger.runs.fork(run.id, version=2, output=WORD)
    memory_ledger.history.export(fork.id, tmp_path / "run.jsonl")
    assert files_with(WORD, tmp_path) == []
    with fl.open_ledger("memory:", executors()) as other:
        other.history.import_(tmp_path / "run.jsonl")
        assert other.verify(deep=True).ok
        assert "<key lost>" in shown(other, fork.id)
        other.history.export(fork.id, tmp_path / "again.jsonl")
    assert (tmp_path / "run.jsonl").read_bytes() == (tmp_path / "again.jsonl").read_bytes()


def test_an_erasure_is_repeated_where_it_was_cut_short(
    memory_ledger: fl.Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(memory_ledger, "questions")
    keys = memory_ledger._store.subject_keys
    assert keys is not None
    with monkeypatch.context() as patch:
        patch.setattr(keys.table, "destroy", _away)
        with pytest.raises(fl.StorageUnavailable):
            memory_ledger.erase("customer:42", by="dpo")
    report = memory_ledger.erase("customer:42", by="dpo")
    assert len(memory_ledger.history.trail(kind="subject").items) == 1
    assert WORD not in shown(memory_ledger, report.runs[0].run_id)


def _away(*_: object) -> None:
    raise fl.StorageUnavailable("the disk is full")
