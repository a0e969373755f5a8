"""An audit says everything about a run, exactly, and the same for ever."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

import flowledger as fl
from flowledger.domain.values.json_compare import json_digest
from flowledger.projections.audit.filed import lasting

from .stopwatch import NOON, Stopwatch, after

DEFINITION = {
    "nodes": [
        {"id": "fetch", "type": "fetch", "data": {"url": "{{ payload.url }}"}},
        {"id": "score", "type": "score", "data": {"text": "{{ nodes.fetch.output.text }}"}},
        {"id": "review", "type": "review"},
    ],
    "edges": [
        {"source": "fetch", "target": "score"},
        {"source": "score", "target": "review", "sourceHandle": "unsure"},
    ],
}

URL = {"url": "x"}


def score(step: fl.StepContext) -> fl.StepResult:
    return fl.StepResult({"value": 0.5}, handle="unsure")


class Office:
    """One store, a stopwatch, and a workflow whose first node fails once and whose last one asks a person."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.clock = Stopwatch()
        self.seen: list[fl.RunAudit] = []
        self.ledger = self.open(score)
        self.ledger.workflows.save(DEFINITION, workflow_id="triage", by="ada", message="first draft")

    def open(self, scoring) -> fl.Ledger:
        executors = fl.ExecutorRegistry()
        executors.register("fetch", retry=fl.RetryPolicy(max_retries=1, interval=2))(self.fetch)
        executors.register("score")(scoring)
        executors.register("review")(self.review)
        return fl.open_ledger(self.url, executors, self.clock)

    def fetch(self, step: fl.StepContext):
        self.clock.passes(30)
        if step.attempt == 1:
            raise TimeoutError("too slow")
        step.log.warning("it took %d attempts", step.attempt)
        return {"text": "hello"}

    def review(self, step: fl.StepContext):
        self.clock.passes(1.5)
        return step.payload or fl.Pause("a person must look")

    def remember(self, run_id: str) -> None:
        """What an audit says at this moment."""
        self.seen.append(self.ledger.history.audit(run_id))

    def whole_story(self) -> str:
        """A failure, a retry, an operator's pause and a node's, each with who ended it."""
        runs = self.ledger.runs
        run_id = runs.start("triage", payload={"url": "x"}, by="webhook", metadata={"team": "a"}, wait=False).id
        self.remember(run_id)
        self.clock.passes(10)
        runs.proceed(run_id, by="worker")
        self.remember(run_id)
        self.clock.passes(2_500)
        runs.proceed(run_id, by="timer", step_limit=10)
        self.remember(run_id)
        self.clock.passes(60_000)
        runs.set_metadata(run_id, {"team": None, "seen": True}, by="bob")
        self.remember(run_id)
        runs.resume(run_id, payload={"approved": True}, by="bob")
        self.remember(run_id)
        return run_id


@pytest.fixture
def office(store_url: str) -> Iterator[Office]:
    office = Office(store_url)
    yield office
    office.ledger.close()


def test_an_audit_says_who_what_and_when(office: Office) -> None:
    run_id = office.whole_story()
    audit = office.ledger.history.audit(run_id)
    saved = office.ledger.workflows.get("triage")
    assert (audit.run_id, audit.version, audit.status, audit.by) == (run_id, 10, "completed", "webhook")
    assert (audit.started_at, audit.finished_at) == (NOON, after(62_573))
    assert audit.execution_time == 63
    assert audit.input == {"url": "x"}
    assert audit.metadata == {"seen": True}
    assert (audit.workflow.workflow_id, audit.workflow.version) == ("triage", 1)
    assert (audit.workflow.by, audit.workflow.message) == ("ada", "first draft")
    assert (audit.workflow.digest, audit.workflow.snapshot_id) == (saved.digest, saved.snapshot_id)
    assert audit.workflow.definition == saved.definition.to_data()


def test_an_audit_has_each_attempt_with_its_values_and_times(office: Office) -> None:
    audit = office.ledger.history.audit(office.whole_story())
    told = [
        (step.version, step.node_id, step.attempt, step.outcome, step.by, step.execution_time, step.waiting_time)
        for step in audit.attempts
    ]
    assert told == [
        (3, "fetch", 1, "failed", "worker", 30, 10),
        (5, "fetch", 2, "completed", "timer", 30, 500),
        (6, "score", 1, "completed", "timer", 0, 0),
        (7, "review", 1, "paused", "timer", 1.5, 0),
        (10, "review", 1, "completed", "bob", 1.5, 0),
    ]
    failed, fetched, scored, paused, reviewed = audit.attempts
    assert failed.error is not None
    assert (failed.error["type"], failed.error["message"]) == ("TimeoutError", "too slow")
    assert "in fetch" in failed.error["traceback"]
    assert failed.retry_at == after(2_040)
    assert (failed.input, failed.output) == ({"url": "x"}, None)
    assert [(line.at, line.level, line.message) for line in fetched.logs] == [
        (after(2_570), "WARNING", "it took 2 attempts")
    ]
    assert (fetched.output, fetched.next_node_id, fetched.started_at) == ({"text": "hello"}, "score", after(2_540))
    assert (scored.input, scored.handle) == ({"text": "hello"}, "unsure")
    assert (paused.reason, paused.output) == ("a person must look", None)
    assert (reviewed.output, reviewed.next_node_id) == ({"approved": True}, None)


def test_an_audit_tells_who_ended_each_pause_and_with_what(office: Office) -> None:
    audit = office.ledger.history.audit(office.whole_story())
    (pause,) = audit.pauses
    assert (pause.node_id, pause.reason, pause.by, pause.outcome) == (
        "review",
        "a person must look",
        "timer",
        "resumed",
    )
    assert (pause.ended_by, pause.payload, pause.duration) == ("bob", {"approved": True}, 60_000)
    assert [(act.type, act.by) for act in audit.interventions] == [
        ("run.claimed", "worker"),
        ("run.retried", "timer"),
        ("run.metadata_set", "bob"),
        ("run.resumed", "bob"),
    ]
    assert audit.interventions[2].metadata == {"team": None, "seen": True}


def test_an_operators_pause_and_cancellation_are_told_with_their_reasons(office: Office) -> None:
    run_id = office.ledger.runs.start("triage", wait=False).id
    office.ledger.runs.hold(run_id, by="ops", reason="maintenance")
    office.clock.passes(5)
    office.ledger.runs.cancel(run_id, by="eve", reason="not needed")
    audit = office.ledger.history.audit(run_id)
    assert (audit.status, audit.attempts) == ("cancelled", ())
    (pause,) = audit.pauses
    assert (pause.node_id, pause.by, pause.reason) == (None, "ops", "maintenance")
    assert (pause.outcome, pause.ended_by, pause.duration) == ("cancelled", "eve", 5)
    assert [(act.type, act.by, act.reason) for act in audit.interventions] == [
        ("run.held", "ops", "maintenance"),
        ("run.cancelled", "eve", "not needed"),
    ]


def test_an_audit_at_a_version_is_what_an_audit_said_then(office: Office) -> None:
    run_id = office.whole_story()
    office.ledger.workflows.save(DEFINITION | {"start": "score"}, workflow_id="triage", by="eve")
    versions = [audit.version for audit in office.seen]
    assert versions == [1, 3, 7, 8, 10]
    for then in office.seen:
        again = office.ledger.history.audit(run_id, version=then.version)
        assert again == then
        assert again.digest == then.digest
    assert len({audit.digest for audit in office.seen}) == len(versions)
    assert office.ledger.history.audit(run_id, at=after(3_000)) == office.seen[2]


def test_the_json_of_an_audit_is_whole_and_carries_its_own_digest(office: Office) -> None:
    audit = office.ledger.history.audit(office.whole_story())
    data = json.loads(json.dumps(audit.to_data()))
    assert data == audit.to_data()
    assert data["attempts"][1]["output"] == {"text": "hello"}
    assert data["startedAt"] == "2025-05-04T12:00:00+00:00"
    assert data["digest"] == audit.digest == json_digest(lasting(data))
    changed = replace(audit, input={"url": "y"})
    assert changed.digest != audit.digest


def test_the_provenance_names_each_stream_and_its_last_digest(office: Office) -> None:
    run_id = office.whole_story()
    audit = office.ledger.history.audit(run_id)
    run, order, workflow = audit.provenance.streams
    for record in (run, order, workflow):
        events = list(office.ledger.history.events(record.stream))
        assert (record.first_version, record.last_version, record.events) == (1, len(events), len(events))
        assert (record.first_position, record.last_position) == (events[0].position, events[-1].position)
        assert record.digest == events[-1].digest
    assert (run.stream, order.stream) == (run_id, audit.work_order.work_order_id)
    assert workflow.stream == "workflow:triage"
    assert (run.checked, order.checked, workflow.checked) == (True, True, False)
    assert audit.provenance.ok
    assert [(run.run_id, run.kind, run.status) for run in audit.work_order.runs] == [(run_id, "first", "completed")]


def test_code_that_was_deployed_meanwhile_is_told_with_both_sources(durable_url: str) -> None:
    office = Office(durable_url)
    run_id = office.ledger.runs.start("triage", payload={"url": "x"}).id
    office.ledger.close()

    def scoring(step: fl.StepContext) -> fl.StepResult:
        return fl.StepResult("another model", handle="unsure")

    with office.open(scoring) as ledger:
        ledger.runs.proceed(run_id)
        audit = ledger.history.audit(run_id)
    before, now = (used for used in audit.code if used.node_type == "score")
    assert before.saved is not None
    assert (before.drifted, before.since_event, before.digest) == (False, 1, before.saved["digest"])
    assert (now.drifted, now.since_event, now.saved) == (True, 3, before.saved)
    assert now.difference is not None
    assert '-    return fl.StepResult({"value": 0.5}, handle="unsure")' in now.difference
    assert '+        return fl.StepResult("another model", handle="unsure")' in now.difference
    assert "drifted since version 1: score" in str(audit)


def test_an_audit_says_what_changed_since_the_last_success(office: Office) -> None:
    first = office.whole_story()
    assert office.ledger.history.audit(first).since_success is None
    office.clock.passes(1)
    again = office.ledger.runs.start("triage", by="webhook").id
    same = office.ledger.history.audit(again).since_success
    assert same is not None
    assert (same.run_id, same.workflow_version, same.changes) == (first, 1, None)
    assert same.finished_at == after(62_573)
    changed = json.loads(json.dumps(DEFINITION))
    changed["nodes"][1]["data"]["model"] = "large"
    office.ledger.workflows.save(changed, workflow_id="triage", by="eve", message="the large model")
    office.clock.passes(1)
    run = office.ledger.runs.start("triage", by="webhook")
    audit = office.ledger.history.audit(run.id)
    since = audit.since_success
    assert since is not None
    assert (since.run_id, since.workflow_version, since.other_code) == (first, 1, ())
    assert since.changes is not None
    (node,) = since.changes["nodes"]["changed"]
    assert (node["id"], node["changes"][0]["after"]) == ("score", "large")
    assert "~ node 'score'" in since.summary
    assert f"since the last success (run {first})" in str(audit)


def test_a_success_that_came_later_is_none_of_before(office: Office) -> None:
    """Neither is what ended after the run had begun, or a run that has failed."""
    office.ledger.runs.cancel(office.ledger.runs.start("triage", payload=URL).id)
    slow = office.ledger.runs.start("triage", payload=URL)
    office.clock.passes(2_000)
    office.ledger.runs.proceed(slow.id)
    office.clock.passes(1)
    run = office.ledger.runs.start("triage", wait=False)
    office.clock.passes(1)
    assert office.ledger.runs.resume(slow.id, payload="fine").status == "completed"
    office.whole_story()
    assert office.ledger.history.audit(run.id).since_success is None
    office.clock.passes(1)
    later = office.ledger.history.audit(office.ledger.runs.start("triage", payload=URL).id)
    assert later.since_success is not None


def test_a_change_of_a_stored_event_is_named(tmp_path: Path) -> None:
    office = Office(f"sqlite:///{tmp_path / 'ledger.db'}")
    run_id = office.whole_story()
    office.ledger.close()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as database, database:
        database.execute("DROP TRIGGER flowledger_events_refuse_update")
        where = "WHERE originator_id = ? AND originator_version = 5"
        (state,) = database.execute(f"SELECT state FROM flowledger_events {where}", [run_id]).fetchone()
        database.execute(f"UPDATE flowledger_events SET state = ? {where}", [state.replace(b"hello", b"jello"), run_id])
    with fl.open_ledger(office.url) as ledger:
        audit = ledger.history.audit(run_id)
        assert not audit.provenance.ok
        assert [(finding.stream, finding.version, finding.kind) for finding in audit.provenance.findings] == [
            (run_id, 5, "changed")
        ]
        (finding,) = audit.to_data()["provenance"]["findings"]
        assert (finding["version"], finding["kind"]) == (5, "changed")
        assert f"event 5 of {run_id} is not as it was written" in str(audit)
        assert ledger.history.audit(run_id, version=4).provenance.ok


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_change_of_the_save_that_ran_is_named(tmp_path: Path, version: int) -> None:
    office = Office(f"sqlite:///{tmp_path / 'ledger.db'}")
    for name in ("second", "third")[: version - 1]:
        office.ledger.workflows.save(DEFINITION, workflow_id="triage", by="eve", name=name)
    run_id = office.whole_story()
    office.ledger.workflows.save(DEFINITION | {"start": "score"}, workflow_id="triage", by="eve")
    assert office.ledger.history.audit(run_id).provenance.ok
    office.ledger.close()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as database, database:
        database.execute("DROP TRIGGER flowledger_events_refuse_update")
        where = "WHERE originator_id = 'workflow:triage' AND originator_version = ?"
        (state,) = database.execute(f"SELECT state FROM flowledger_events {where}", [version]).fetchone()
        forged = state.replace(b"payload.url", b"payload.lru")
        assert forged != state
        database.execute(f"UPDATE flowledger_events SET state = ? {where}", [forged, version])
    with fl.open_ledger(office.url) as ledger:
        audit = ledger.history.audit(run_id)
        assert audit.workflow.version == version
        assert [(finding.stream, finding.version, finding.kind) for finding in audit.provenance.findings] == [
            ("workflow:triage", version, "changed")
        ]


def test_a_handle_that_no_edge_takes_is_no_end(store_url: str) -> None:
    executors = fl.ExecutorRegistry()
    executors.register("lost")(lambda step: fl.StepResult(1, handle="astray"))
    nodes = [{"id": "a", "type": "lost"}, {"id": "b", "type": "lost"}]
    with fl.open_ledger(store_url, executors) as ledger:
        ledger.workflows.save(
            {"nodes": nodes, "edges": [{"source": "a", "target": "b", "sourceHandle": "home"}]}, workflow_id="w"
        )
        audit = ledger.history.audit(ledger.runs.start("w").id)
    (attempt,) = audit.attempts
    assert (audit.status, attempt.outcome, attempt.next_node_id, attempt.unrouted) == (
        "failed",
        "completed",
        None,
        True,
    )
    (failure,) = audit.interventions
    assert failure.type == "run.failed"
    assert "'astray', which no edge takes" in str(failure.reason)


def test_only_runs_have_audits(office: Office) -> None:
    run_id = office.whole_story()
    history = office.ledger.history
    order = history.audit(run_id).work_order.work_order_id
    for stream in ("unheard of", order, "workflow:triage"):
        with pytest.raises(fl.RunNotFound):
            history.audit(stream)
    for version in (0, 11):
        with pytest.raises(fl.VersionNotFound, match="its versions are 1 to 10"):
            history.audit(run_id, version=version)
    with pytest.raises(fl.NothingAsOf):
        history.audit(run_id, at=after(-1))
    with pytest.raises(fl.InvalidRequest):
        history.audit(run_id, version=1, at=NOON)


def test_an_audit_of_a_retry_tells_what_it_did_itself_and_what_it_reused(office: Office) -> None:
    first = office.whole_story()
    office.clock.passes(1)
    then = office.ledger.history.audit(first)
    retry = office.ledger.runs.retry(first, from_node="score", by="eve")
    audit = office.ledger.history.audit(retry.id)
    assert audit.origin is not None
    assert (audit.origin.kind, audit.origin.run_id) == ("retry", first)
    assert [(result.node_id, result.attempt, result.error, result.output) for result in audit.origin.reused] == [
        ("fetch", 1, "TimeoutError: too slow", None),
        ("fetch", 2, None, {"text": "hello"}),
    ]
    assert [(result.run_id, result.version) for result in audit.origin.reused] == [(first, 3), (first, 5)]
    assert [attempt.node_id for attempt in audit.attempts] == ["score", "review"]
    assert (audit.input, audit.payload, audit.status) == (URL, None, "paused")
    _, _, source, _ = audit.provenance.streams
    assert (source.stream, source.last_version, source.checked) == (first, audit.origin.version, True)
    assert [(run.run_id, run.kind, run.by, run.status) for run in audit.work_order.runs] == [
        (first, "first", "webhook", "completed"),
        (retry.id, "retry", "eve", "paused"),
    ]
    # What was added later is none of what was known then.
    assert len(office.ledger.history.audit(first).work_order.runs) == 2
    assert office.ledger.history.audit(first, version=then.version) == then
    assert office.ledger.history.audit(retry.id, version=1).work_order.runs[1].status == "active"


async def test_the_async_twin_says_the_same(office: Office) -> None:
    run_id = office.whole_story()
    assert await office.ledger.history.aaudit(run_id) == office.ledger.history.audit(run_id)
