"""The main job on real input: 123 webhook payloads through the triage, checked by a second fold at every version."""

import json
import lzma
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.interfaces.cli.demo.triage import DEFINITION, executors

from ...prepared import PreparedPython
from .naive import naive_snapshots

DELIVERIES = Path(__file__).parent / "data/github-webhooks.json.xz"
APP = "flowledger.demo:executors"


@dataclass
class Job:
    """All runs of the main job, ended, in a store that has been closed."""

    url: str
    first_statuses: Counter[str]
    """How the runs stood after their start."""
    decisions: dict[str, bool]
    """Run id → whether it was approved."""
    snapshots: dict[str, list[fl.Snapshot]]
    """Run id → the snapshot at every version, as read before the store was closed."""

    def ends(self) -> dict[str, fl.Snapshot]:
        return {run_id: versions[-1] for run_id, versions in self.snapshots.items()}


@pytest.mark.exhaustive
def test_every_version_of_every_run_is_what_a_naive_fold_says(
    durable_url: str, prepared_python: PreparedPython
) -> None:
    check(do_the_job(prepared_python, durable_url))


def do_the_job(python: PreparedPython, url: str) -> Job:
    groups = json.loads(lzma.decompress(DELIVERIES.read_bytes()))
    deliveries = [{"event": group["name"], "body": body} for group in groups for body in group["examples"]]
    with fl.open_ledger(url, executors) as ledger:
        ledger.workflows.save(DEFINITION, workflow_id="triage", by="test")
        started = [ledger.runs.start("triage", payload=delivery, by="webhook") for delivery in deliveries]
        runs = [ledger.runs.proceed(run.id, by="scheduler") if run.status == "error" else run for run in started]
    paused = [run.id for run in runs if run.status == "paused"]
    decisions = {run_id: index % 2 == 0 for index, run_id in enumerate(paused)}
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda decided: resume_elsewhere(python, url, *decided), decisions.items()))
    with fl.open_ledger(url, executors) as ledger:
        snapshots = {run.id: every_version(ledger, run.id) for run in runs}
    return Job(url, Counter(run.status for run in started), decisions, snapshots)


def resume_elsewhere(python: PreparedPython, url: str, run_id: str, approved: bool) -> None:
    command = ["run", "resume", run_id, "--payload", json.dumps({"approved": approved}), "--by", "reviewer", "--json"]
    environment = os.environ | {"FLOWLEDGER_STORE": url, "FLOWLEDGER_APP": APP}
    done = python.run(["-m", "flowledger", *command], cwd=Path.cwd(), env=environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["id"] == run_id


def every_version(ledger: fl.Ledger, run_id: str) -> list[fl.Snapshot]:
    head = ledger.history.snapshot(run_id).version
    return [ledger.history.snapshot(run_id, version) for version in range(1, head + 1)]


def check(job: Job) -> None:
    all_runs_complete_by_every_way_that_the_workflow_has(job)
    decisions_made_in_another_process_are_the_ones_that_count(job)
    a_failed_enrichment_is_tried_again_and_succeeds(job)
    the_loop_sees_every_label(job)
    with fl.open_ledger(job.url) as reopened:
        every_snapshot_equals_that_of_a_naive_fold(job, reopened)
        every_snapshot_is_the_same_in_the_reopened_store(job, reopened)
        assert reopened.verify().ok


def all_runs_complete_by_every_way_that_the_workflow_has(job: Job) -> None:
    assert len(job.snapshots) == 123
    assert {end.status for end in job.ends().values()} == {"completed"}
    assert {outcome(end) for end in job.ends().values()} == {"escalated", "declined", "filed", "ignored"}
    assert set(job.first_statuses) == {"completed", "paused", "error"}


def outcome(snapshot: fl.Snapshot) -> Any:
    (end,) = {"escalate", "decline", "file", "ignore"} & set(snapshot.context)
    return snapshot.context[end][-1].output["outcome"]


def decisions_made_in_another_process_are_the_ones_that_count(job: Job) -> None:
    assert set(job.decisions.values()) == {True, False}
    for run_id, approved in job.decisions.items():
        assert outcome(job.ends()[run_id]) == ("escalated" if approved else "declined")


def a_failed_enrichment_is_tried_again_and_succeeds(job: Job) -> None:
    errors = Counter(
        tuple(result.error for result in end.context["enrich"])
        for end in job.ends().values()
        if "enrich" in end.context
    )
    assert set(errors) == {(None,), ("ConnectionError: the directory did not answer", None)}
    assert errors.total() > 80
    assert min(errors.values()) > 20


def the_loop_sees_every_label(job: Job) -> None:
    for end in job.ends().values():
        if "enrich" in end.context:
            weighed = [result.output["label"] for result in end.context.get("weigh", [])]
            assert weighed == end.context["enrich"][-1].output["labels"]


def every_snapshot_equals_that_of_a_naive_fold(job: Job, ledger: fl.Ledger) -> None:
    for run_id, versions in job.snapshots.items():
        naive = list(naive_snapshots(ledger.history.events(run_id)))
        assert [snapshot.to_data() for snapshot in versions] == naive


def every_snapshot_is_the_same_in_the_reopened_store(job: Job, ledger: fl.Ledger) -> None:
    for run_id, versions in job.snapshots.items():
        assert every_version(ledger, run_id) == versions
        assert list(ledger.history.snapshots(run_id)) == versions
