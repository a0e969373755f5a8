"""An audit or a report that was filed is checked against a store, also in another one that its run was moved to."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl
from flowledger.domain.values.json_compare import json_digest
from flowledger.web import make_report

from ..storage.clusters import move, new_database, running_cluster

executors = fl.ExecutorRegistry()
WORKFLOW = {"nodes": [{"id": "a", "type": "a"}, {"id": "b", "type": "b"}], "edges": [{"source": "a", "target": "b"}]}


@executors.register("a")
def a(step: fl.StepContext) -> Any:
    return "taken over"


@executors.register("b")
def b(step: fl.StepContext) -> Any:
    if step.globals.get("fails"):
        raise ValueError("bad")
    return "done"


class Case:
    """A run that failed, and its retry that took over a result and succeeded, behind an earlier success."""

    def __init__(self, ledger: fl.Ledger) -> None:
        self.ledger = ledger
        ledger.workflows.save({"nodes": [{"id": "z", "type": "a"}]}, workflow_id="other")
        ledger.runs.start("other")
        ledger.workflows.save(WORKFLOW, workflow_id="w", by="ada")
        ledger.runs.start("w")
        self.failed = ledger.runs.start("w", globals={"fails": True}, by="ada").id
        self.retry = ledger.runs.retry(self.failed, from_node="b", by="bob").id

    def filed(self, run_id: str, **options: Any) -> dict[str, Any]:
        """What was filed of a run: as JSON, that was read again."""
        found: dict[str, Any] = json.loads(json.dumps(self.ledger.history.audit(run_id, **options).to_data()))
        return found


@pytest.fixture
def case() -> Iterator[Case]:
    with fl.open_ledger("memory:", executors) as ledger:
        yield Case(ledger)


def moved(case: Case, run_id: str, folder: Path) -> fl.Ledger:
    """Another store, to which the run was moved."""
    case.ledger.history.export(run_id, folder / "run.jsonl")
    ledger = fl.open_ledger("memory:", executors)
    ledger.history.import_(folder / "run.jsonl")
    return ledger


def test_an_audit_has_the_same_digest_in_a_store_that_its_run_was_moved_to(case: Case, tmp_path: Path) -> None:
    filed = case.filed(case.retry)
    with moved(case, case.retry, tmp_path) as other:
        there = other.history.audit(case.retry)
        check = other.evidence.check_audit(filed)
    positions = [record.last_position for record in there.provenance.streams]
    assert positions != [record["lastPosition"] for record in filed["provenance"]["streams"]]
    assert there.digest == filed["digest"]
    assert (check.ok, check.differences) == (True, ())
    assert check.uncompared == ("sinceSuccess: the last success before isn't in this store",)


def test_what_came_to_the_work_order_later_is_no_difference(case: Case, tmp_path: Path) -> None:
    """An audit of now tells of retries, which the run's own version doesn't know, and which an export leaves behind."""
    filed = case.filed(case.failed)
    assert len(filed["workOrder"]["runs"]) == 2
    assert filed["digest"] == case.filed(case.failed, version=filed["version"])["digest"]
    case.ledger.runs.retry(case.failed, again=True)
    assert case.ledger.evidence.check_audit(filed).differences == ()
    with moved(case, case.failed, tmp_path) as other:
        check = other.evidence.check_audit(filed)
    assert check.ok
    assert check.uncompared[1] == "workOrder.runs: this store has 1 of 2 events of the work order"


def test_an_audit_that_an_older_release_has_filed_is_checked(case: Case) -> None:
    """Its digest is over all of it."""
    filed = case.filed(case.retry)
    filed["digest"] = json_digest({name: value for name, value in filed.items() if name != "digest"})
    assert case.ledger.evidence.check_audit(filed).ok


@pytest.mark.parametrize(
    ("place", "name"), [("workOrder", "by"), ("sinceSuccess", "runId"), ("workflow", "message"), (None, "by")]
)
def test_a_value_that_was_changed_is_named_by_its_place(case: Case, place: str | None, name: str) -> None:
    filed = case.filed(case.retry)
    (filed if place is None else filed[place])[name] = "mallory"
    check = case.ledger.evidence.check_audit(json.dumps(filed))
    assert not check.ok
    (found,) = check.differences
    assert found.place == (f"/{name}" if place is None else f"/{place}/{name}")
    assert found.filed == "mallory"
    assert check.digest_fits == (place == "sinceSuccess")


def test_a_run_of_the_work_order_that_was_left_out_is_a_difference(case: Case) -> None:
    filed = case.filed(case.failed)
    del filed["workOrder"]["runs"][1]
    assert [each.place for each in case.ledger.evidence.check_audit(filed).differences] == ["/workOrder/runs"]


async def test_a_report_is_checked_by_its_digests(case: Case, tmp_path: Path) -> None:
    report = make_report(case.ledger, case.retry)
    (tmp_path / "run.html").write_bytes(report)
    with moved(case, case.retry, tmp_path) as other:
        for ledger in (case.ledger, other):
            check = await ledger.evidence.acheck_audit(tmp_path / "run.html")
            assert (check.kind, check.run_id, check.ok) == ("report", case.retry, True)
    reworded = case.ledger.evidence.check_audit(report.replace(b"bob", b"eve"))
    assert (reworded.ok, reworded.digest_fits, reworded.differences) == (False, False, ())


def test_a_report_of_another_history_than_the_stores_names_what_differs(case: Case) -> None:
    report = make_report(case.ledger, case.retry).decode()
    digest = case.ledger.history.audit(case.retry).digest
    check = case.ledger.evidence.check_audit(report.replace(digest, "f" * 64))
    assert [(each.place, each.stored) for each in check.differences] == [("audit", digest)]


@pytest.fixture
def public(case: Case, tmp_path: Path) -> str:
    """The line to check with; a checkpoint was signed."""
    line = case.ledger.evidence.keygen(tmp_path / "key", "example.com/case")
    case.ledger.evidence.checkpoint(tmp_path / "key")
    return line


def test_an_audit_carries_its_proof_and_the_digest_is_the_same(case: Case, public: str) -> None:
    filed = case.filed(case.retry, proof=True)
    assert filed["proof"].encode() == case.ledger.evidence.prove(case.retry)
    assert filed["digest"] == case.filed(case.retry)["digest"]
    assert case.ledger.evidence.check_audit(filed).proof_holds is None
    check = case.ledger.evidence.check_audit(filed, public)
    assert (check.ok, check.proof_holds) == (True, True)
    assert "as they were signed" in f"{check.proof}"


def test_a_proof_by_another_key_of_another_run_or_of_other_events_does_not_hold(
    case: Case, public: str, tmp_path: Path
) -> None:
    filed, other = case.filed(case.retry, proof=True), case.filed(case.failed, proof=True)
    stranger = case.ledger.evidence.keygen(tmp_path / "other", "example.com/other")
    (record,) = (one for one in filed["provenance"]["streams"] if one["stream"] == case.retry)
    forged = json.loads(json.dumps(filed).replace(record["digest"], "f" * 64))
    for document, key, message in (
        (filed, stranger, "isn't signed by the key"),
        (filed | {"proof": other["proof"]}, public, "it is a proof of run"),
        (forged, public, f"another event {record['lastVersion']} of stream"),
    ):
        check = case.ledger.evidence.check_audit(document, key)
        assert (check.ok, check.proof_holds) == (False, False)
        assert message in f"{check.proof}"


def test_a_proof_that_was_signed_before_the_run_ended_says_how_far_it_goes(case: Case, public: str) -> None:
    case.ledger.runs.set_metadata(case.retry, {"late": 1})
    filed = case.filed(case.retry, proof=True)
    check = case.ledger.evidence.check_audit(filed, public)
    assert check.ok
    assert f"when the run had {filed['version'] - 1} of {filed['version']} events" in f"{check.proof}"


def test_an_audit_is_not_given_a_proof_before_a_checkpoint_was_signed(case: Case) -> None:
    with pytest.raises(fl.InvalidRequest, match="no checkpoint was signed yet"):
        case.ledger.history.audit(case.retry, proof=True)


@pytest.mark.parametrize(
    "filed", ["[]", "{}", "<html>", "no JSON", {"runId": "x", "version": True}, 7], ids=lambda filed: str(filed)[:7]
)
def test_what_is_neither_an_audit_nor_a_report_is_refused(case: Case, filed: Any) -> None:
    with pytest.raises(fl.InvalidRequest):
        case.ledger.evidence.check_audit(filed)


@pytest.mark.exhaustive
def test_an_audit_has_the_same_digest_after_a_dump_and_its_restore_elsewhere() -> None:
    with running_cluster() as old, running_cluster() as new:
        source, target = new_database(old.get_uri()), new_database(new.get_uri())
        with fl.open_ledger(source, executors) as ledger:
            case = Case(ledger)
            filed, report = case.filed(case.retry), make_report(ledger, case.retry)
        move(old, source, target)
        with fl.open_ledger(target, executors) as restored:
            restored.runs.retry(case.failed, again=True)
            assert restored.history.audit(case.retry, version=filed["version"]).digest == filed["digest"]
            assert [restored.evidence.check_audit(one).ok for one in (filed, report)] == [True, True]
