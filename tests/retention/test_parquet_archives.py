"""Runs are written as rows before they go: all of them are there, as they were recorded, and none of a subject."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

import flowledger as fl
from flowledger.infrastructure.services.retention import parquet_archive
from flowledger.infrastructure.storage.removal_table import RemovalTable

from .shops import Shop, executors, opened
from .test_read_models import before_it


@executors.register("secret")
def show(step: fl.StepContext) -> Any:
    return {"shown": len(step.data["token"])}


@pytest.fixture
def shop(durable_url: str, tmp_path: Path) -> Iterator[Shop]:
    with opened(durable_url, tmp_path, fl.KeyRing.generate(tmp_path / "ring.json")) as shop:
        yield shop


def as_parquet(folder: Path) -> fl.RetentionPolicy:
    return fl.RetentionPolicy(
        timedelta(days=90), ("completed", "failed"), archive=folder / "archive", archive_format="parquet"
    )


def rows(folder: Path, kind: str) -> list[dict[str, Any]]:
    files = sorted((folder / "archive" / kind).iterdir())
    return [row for file in files for row in parquet.read_table(file).to_pylist()]


def test_runs_and_their_steps_are_rows_before_they_go(shop: Shop, tmp_path: Path) -> None:
    first, failed = shop.order({"goods": 3}), shop.order("fail")
    again = shop.ledger.runs.retry(failed.id, by="ann")
    runs = [first, shop.ledger.runs.get(failed.id), shop.ledger.runs.get(again.id)]
    steps = list(shop.ledger.history.steps())
    shop.age()
    before = shop.sign()

    report = shop.ledger.retention.apply(as_parquet(tmp_path), by="ops")

    assert report.runs == 3
    of_runs, of_steps = rows(tmp_path, "runs"), rows(tmp_path, "steps")
    assert {row["id"]: (row["status"], row["events"], row["by"]) for row in of_runs} == {
        run.id: (run.status, run.version, "ann" if run.id == again.id else "ada") for run in runs
    }
    assert {
        (row["run_id"], row["version"]): (row["node_id"], row["status"], row["error_type"]) for row in of_steps
    } == {(step.run_id, step.version): (step.node_id, step.status, step.error_type) for step in steps}
    assert next(row["payload"] for row in of_runs if row["id"] == first.id) == '{"goods": 3}'
    assert next(row["output"] for row in of_steps if row["run_id"] == first.id) == '{"checked": {"goods": 3}}'
    (record,) = shop.ledger.history.events(f"retention:{report.removal_id}")
    assert record.data["policy"]["archive_format"] == "parquet"
    assert sorted(record.data["archived"]) == [f"{kind}/{report.removal_id}-0001.parquet" for kind in ("runs", "steps")]
    with pytest.raises(fl.RunRemoved, match="its archive is in"):
        shop.ledger.runs.get(first.id)
    shop.assert_sound(before)


def test_runs_of_a_subject_stay_and_a_preview_says_so(shop: Shop, tmp_path: Path) -> None:
    of_subject, free = shop.order("plum", subject="customer:1"), shop.order("pear")
    shop.age()
    policy = as_parquet(tmp_path)
    for report in (shop.ledger.retention.preview(policy), shop.ledger.retention.apply(policy, by="ops")):
        assert report.runs == 1
        assert [(each.reason, each.runs, each.example) for each in report.kept] == [
            ("sealed", 1, of_subject.work_order_id)
        ]
    assert [row["id"] for row in rows(tmp_path, "runs")] == [free.id]
    shop.ledger.erase("customer:1", by="dpo")
    assert shop.ledger.retention.preview(policy).runs == 0
    assert shop.ledger.retention.apply(fl.RetentionPolicy(timedelta(days=90)), by="ops").runs == 1


def test_secrets_are_masked_in_rows_too(tmp_path: Path) -> None:
    with opened(f"sqlite:///{tmp_path / 'store.db'}", tmp_path) as shop:
        nodes = [{"id": "show", "type": "secret", "data": {"token": "{{ globals.token }}"}}]
        shop.ledger.workflows.save({"nodes": nodes}, workflow_id="secretive")
        shop.ledger.runs.start("secretive", globals={"token": "hunter2-hunter2"})
        shop.age()
        assert shop.ledger.retention.apply(as_parquet(tmp_path), by="ops").runs == 1
        (row,) = rows(tmp_path, "steps")
        assert (row["output"], "hunter2" in str(row), "token" in row["input"]) == ('{"shown": 15}', False, True)


def test_rows_that_arent_what_the_store_holds_keep_the_runs(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = shop.order()
    shop.age()
    write = parquet_archive.write_rows
    monkeypatch.setattr(parquet_archive, "write_rows", lambda path, kind, rows: write(path, kind, list(rows)[1:]))
    with pytest.raises(fl.StorageCorrupt, match="nothing of them was removed"):
        shop.ledger.retention.apply(as_parquet(tmp_path), by="ops")
    assert shop.runs() == {run.id}


@pytest.mark.parametrize("format", ["export", "parquet"])
def test_what_happens_behind_its_archive_keeps_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: Any
) -> None:
    with opened(f"sqlite:///{tmp_path / 'store.db'}", tmp_path) as shop:
        run = shop.order()
        shop.age()
        policy = fl.RetentionPolicy(timedelta(days=90), archive=tmp_path / "archive", archive_format=format)
        before_it(
            monkeypatch,
            RemovalTable,
            "digests_of",
            lambda: shop.ledger.runs.set_metadata(run.id, {"seen": True}, by="ann"),
        )
        report = shop.ledger.retention.apply(policy, by="ops")
        assert (report.runs, [each.reason for each in report.kept]) == (0, ["changed"])
        assert shop.runs() == {run.id}


def test_a_format_without_a_folder_and_one_that_there_isnt_are_refused() -> None:
    with pytest.raises(fl.InvalidRequest, match="name its folder, too"):
        fl.RetentionPolicy(archive_format="parquet")
    with pytest.raises(fl.InvalidRequest, match="neither export nor parquet"):
        fl.RetentionPolicy(archive=Path("a"), archive_format="csv")  # type: ignore[arg-type]
