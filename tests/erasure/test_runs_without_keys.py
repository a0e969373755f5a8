"""A run whose values can't be read doesn't go on, and can be ended or held all the same: nothing of it needs a key."""

from pathlib import Path
from typing import Any

import pytest

import flowledger as fl
from flowledger.domain.ports import Write
from flowledger.domain.subjects import erase as erased_by
from flowledger.domain.values.ids import subject_stream
from flowledger.infrastructure.repositories.subjects import load_subject

from .subjects import WORD, Absent, executors, open_with, shown, start


def reopened(url: str, ring: fl.KeyRing, why: str) -> fl.Ledger:
    """The ledger where a key isn't at hand, for one of three reasons."""
    if why == "no ring":
        return fl.open_ledger(url, executors())
    away = Absent(ring)
    away.is_away = why == "away"
    ledger = fl.open_ledger(url, executors(), keys=away)
    if why == "lost":
        keys = ledger._store.subject_keys
        assert keys is not None
        for key in keys.table.all():
            keys.destroy(key)
    return ledger


@pytest.mark.parametrize("why", ["no ring", "away", "lost"])
def test_a_run_whose_key_is_not_at_hand_is_held_released_and_cancelled(
    why: str, durable_url: str, ring: fl.KeyRing, tmp_path: Path
) -> None:
    with open_with(durable_url, ring) as ledger:
        run_id = start(ledger, "questions").id
    with reopened(durable_url, ring, why) as ledger:
        runs: Any = ledger.runs
        for call in (
            lambda: runs.resume(run_id, payload=1),
            lambda: runs.fork(run_id, version=2),
            lambda: runs.set_metadata(run_id, {"a": 1}),
        ):
            with pytest.raises(fl.KeyMissing):
                call()
        assert runs.hold(run_id, by="ops").held.by == "ops"
        with pytest.raises(fl.KeyMissing, match="without a note, which would be sealed, too, it can be done now"):
            runs.release(run_id, note="go on")
        assert runs.release(run_id).held is None
        before = ledger.verify().events
        with pytest.raises(fl.KeyMissing, match="without a reason, which would be sealed, too, it can be done now"):
            runs.cancel(run_id, reason=WORD)
        assert ledger.verify().events == before
        assert runs.cancel(run_id, by="ops", idempotency_key="once").status == "cancelled"
        assert runs.cancel(run_id, by="ops", idempotency_key="once").version == runs.get(run_id).version
        with pytest.raises(fl.IllegalTransition):
            runs.cancel(run_id)
        assert [row.status for row in ledger.history.runs()] == ["cancelled"]
        assert ledger.verify(deep=True).findings == ()
        ledger.history.export(run_id, tmp_path / "run.jsonl")
        with fl.open_ledger("memory:") as other:
            other.history.import_(tmp_path / "run.jsonl")
            assert other.runs.get(run_id).status == "cancelled"
    if why != "lost":  # what was recorded before is there again
        with fl.open_ledger(durable_url, executors(), keys=ring) as ledger:
            assert WORD in shown(ledger, run_id)
            assert ledger.runs.get(run_id).status == "cancelled"
            assert ledger.runs.cancel(run_id, idempotency_key="once").status == "cancelled"


def test_a_run_of_an_erased_subject_that_is_still_open_is_cancelled_and_its_reason_is_kept_nowhere(
    ledger: fl.Ledger,
) -> None:
    run_id = start(ledger, "questions").id
    store = ledger._store
    keys = store.subject_keys
    assert keys is not None
    key = keys.table.find("customer:42")
    assert key is not None
    subject = load_subject(store, key.id)  # as where the process ends before it cancels them
    store.append(
        Write(
            subject_stream(key.id), subject.version, [erased_by(subject, 1, by="dpo", reason=None, now=store.clock())]
        )
    )
    keys.destroy(key)
    with pytest.raises(fl.Erased):
        ledger.runs.resume(run_id, payload=1)
    assert ledger.runs.cancel(run_id, reason=WORD).status == "cancelled"
    assert WORD not in shown(ledger, run_id)
    assert ledger.verify(deep=True).ok


def test_who_erases_one_of_several_subjects_needs_no_key_of_the_others(tmp_path: Path, ring: fl.KeyRing) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    both = ("customer:42", "customer:43")
    with open_with(url, ring) as ledger:
        run_ids = [start(ledger, "questions", subject=both).id for _ in range(2)]
    with fl.open_ledger(url, executors()) as ledger:
        keys = ledger._store.subject_keys
        assert keys is not None
        # The last of the keys goes first, so those before it aren't at hand.
        for key in sorted(keys.table.all(), reverse=True):
            ledger.erase(key.subject)
        assert {ledger.runs.get(run_id).status for run_id in run_ids} == {"cancelled"}
        assert "<erased" in shown(ledger, run_ids[0])
