"""Which globals a run was given is on record by name and keyed fingerprint, once a claim, and never a value."""

import re
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl

SECRET = "".join(("sk-live", "-Zwetschge"))
"""In one piece it stands in no file, as the source of executors is stored, too."""

executors = fl.ExecutorRegistry()


@executors.register("call")
def call(step: fl.StepContext) -> Any:
    return "done" if step.answer or not step.input.get("asks") else fl.Pause("ok?")


@pytest.fixture
def ring(tmp_path: Path) -> fl.KeyRing:
    return fl.KeyRing.generate(tmp_path / "ring.json")


def open_store(url: str, ring: fl.KeyRing | None, *, asks: bool = False) -> fl.Ledger:
    ledger = fl.open_ledger(url, executors, keys=ring)
    data = {"token": "{{ globals.token }}", "asks": asks}
    ledger.workflows.save({"nodes": [{"id": "call", "type": "call", "data": data}]}, workflow_id="w")
    return ledger


def given(audit: fl.RunAudit) -> dict[str, str | None]:
    return {one.name: one.fingerprint for claim in audit.claims for one in claim.globals}


def test_an_audit_tells_which_globals_had_other_values_since_the_last_success(store_url: str, ring: fl.KeyRing) -> None:
    with open_store(store_url, ring) as ledger:
        same: dict[str, Any] = {"region": "eu", "client": object()}
        ledger.runs.start("w", globals={"token": SECRET, **same, "old": 1})
        run = ledger.runs.start("w", globals={"token": SECRET + "-2", **same})
        audit = ledger.history.audit(run.id)
        assert audit.since_success is not None
        assert audit.since_success.other_globals == ("old", "token")
        assert audit.since_success.unknown_globals == ("client",)
        assert "globals had other values: 'old', 'token'" in audit.since_success.summary
        assert "Zwetschge" not in f"{audit.to_data()}{audit!r}{audit}{list(ledger.history.events(run.id))}"
        client, region, token = audit.claims[0].globals
        assert client.fingerprint is None
        assert client.why_none == "its value has no form as JSON, text or bytes"
        assert re.fullmatch("[0-9a-f]{16}", f"{region.fingerprint}")
        assert token.key_id == region.key_id is not None


def test_it_is_on_record_once_a_claim_and_not_once_a_step(ring: fl.KeyRing) -> None:
    with open_store("memory:", ring, asks=True) as ledger:
        run = ledger.runs.start("w", globals={"token": SECRET})
        ledger.runs.resume(run.id, globals={"token": SECRET + "-2"})
        events = list(ledger.history.events(run.id))
        first, second = ledger.history.audit(run.id).claims
    assert [event.type for event in events if "globals" in event.data] == ["run.started", "run.resumed"]
    assert len(events) == 4
    assert first.globals[0].fingerprint != second.globals[0].fingerprint


def test_a_worker_that_brings_the_globals_says_which(ring: fl.KeyRing) -> None:
    with fl.open_ledger("memory:", executors, keys=ring, globals={"token": SECRET}) as ledger:
        ledger.workflows.save({"nodes": [{"id": "call", "type": "call"}]}, workflow_id="w")
        run = ledger.runs.start("w", wait=False)
        with ledger.worker() as worker:
            ledger.runs.wait_for(run.id, timeout=60)
            worker.stop()
        assert [event.type for event in ledger.history.events(run.id) if "globals" in event.data] == ["run.claimed"]


def test_two_processes_have_one_key_and_who_has_erased_it_another(tmp_path: Path, ring: fl.KeyRing) -> None:
    url = f"sqlite:///{tmp_path / 's.db'}"
    with open_store(url, ring) as ledger, fl.open_ledger(url, executors, keys=ring) as other:
        one, two = (each.runs.start("w", globals={"token": SECRET}) for each in (ledger, other))
        before = given(ledger.history.audit(one.id))
        assert before == given(ledger.history.audit(two.id)) != {"token": None}
        report = ledger.erase("flowledger:globals", by="ops", reason="a new key")
        assert (report.runs, report.places[0].place) == ((), "fingerprints of globals")
        three = ledger.history.audit(ledger.runs.start("w", globals={"token": SECRET}).id)
        assert given(three) != before
        assert three.since_success is not None
        assert (three.since_success.other_globals, three.since_success.unknown_globals) == ((), ("token",))


def test_without_a_key_ring_names_are_kept_alone_and_the_audit_says_why() -> None:
    with open_store("memory:", None) as ledger:
        run = ledger.runs.start("w", globals={"token": SECRET})
        (told,) = ledger.history.audit(run.id).claims[0].globals
        why = "the ledger had no key ring, so there was no key for fingerprints"
        assert told == fl.AuditedGlobal("token", None, None, why)


class Away(fl.KeyRing):
    """A key management service that doesn't answer."""

    asked = 0

    def wrap(self, key: bytes, context: str) -> bytes:
        self.asked += 1
        raise ConnectionError("no answer")

    def unwrap(self, wrapped: bytes, context: str) -> bytes:
        raise NotImplementedError


def test_a_key_ring_that_does_not_answer_holds_up_no_run_and_is_not_asked_for_each() -> None:
    ring = Away()
    with open_store("memory:", ring) as ledger:
        runs = [ledger.runs.start("w", globals={"token": SECRET}) for _ in range(3)]
        (told,) = ledger.history.audit(runs[2].id).claims[0].globals
    assert told.why_none == "the key ring didn't answer, so there was no key for fingerprints"
    assert ring.asked == 1


def test_a_global_that_no_node_is_given_is_not_on_record(ring: fl.KeyRing) -> None:
    with open_store("memory:", ring) as ledger:
        scoped = {"token": fl.Scoped(SECRET, types=("call",)), "other": fl.Scoped(SECRET, types=("charge",))}
        assert [*given(ledger.history.audit(ledger.runs.start("w", globals=scoped).id))] == ["token"]


def test_of_the_run_of_a_subject_they_are_sealed(ring: fl.KeyRing) -> None:
    with open_store("memory:", ring) as ledger:
        run = ledger.runs.start("w", globals={"token": SECRET}, subject="customer:42")
        assert [*given(ledger.history.audit(run.id))] == ["token"]
        ledger.erase("customer:42", by="dpo")
        assert given(ledger.history.audit(run.id)) == {}


def test_no_run_is_started_for_the_subject_of_the_key(ring: fl.KeyRing) -> None:
    with open_store("memory:", ring) as ledger, pytest.raises(fl.InvalidRequest, match="fingerprints of globals"):
        ledger.runs.start("w", globals={"token": SECRET}, subject="flowledger:globals")
