"""An event that is in a store and can't be shown stops nothing: everything else goes on, and verify names it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

import flowledger as fl

from ..verification.stories import LINE, Story, executors
from .index import index_of
from .poison import BODIES, POISONS, plant, plant_behind


@pytest.fixture(params=["sqlite", "postgres"], scope="module")
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A story that each test poisons once more: what one poison does, others don't undo."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('poison') / 's.db'}"
    else:
        url = request.getfixturevalue("new_postgres_url")()
    story = Story(url).tell()
    yield story
    story.close()


@pytest.fixture
def poisoned(told: Story, request: pytest.FixtureRequest) -> Iterator[Story]:
    plant(told, request.param)
    yield told
    told.remove("originator_id IN ('poisoned-run', 'poisoned-order', 'workflow:poison')")
    told.ledger.rebuild()
    told.ledger.search.rebuild()


every_poison = pytest.mark.parametrize("poisoned", list(POISONS), indirect=True)


def everything(ledger: fl.Ledger) -> dict[str, Any]:
    """What lists, searches and trails say of what isn't poisoned."""
    history = ledger.history
    return {
        "runs": [run for run in history.runs() if run.id != "poisoned-run"],
        "active": [run for run in history.runs(status=["active", "paused"]) if run.id != "poisoned-run"],
        "then": [run for run in history.runs(as_of=datetime.now(UTC)) if run.id != "poisoned-run"],
        "orders": [order for order in history.work_orders() if order.id != "poisoned-order"],
        "workflows": [row for row in ledger.workflows.list(archived=True) if row.id in ("w", "loop", "refused")],
        "trail": [act for act in history.trail() if "poison" not in act.stream],
        "text": [run.id for run in history.runs(text="needle")],
        "text then": [run.id for run in history.runs(text="needle", as_of=datetime.now(UTC))],
        "a word of no index": [run.id for run in history.runs(text="a" * 300 + " needle")] or "none",
        "where then": [run.id for run in history.runs(where='payload.do == "work"', as_of=datetime.now(UTC))],
        "where": [run.id for run in history.runs(where='payload.do == "work"')],
        "steps": [step for step in history.steps() if step.run_id != "poisoned-run"],
        "failures": [group for group in history.failures(retried=True) if group.example != "poisoned-run"],
        "of the workflow": [run.id for run in history.runs(workflow_id="w")],
        "saved": [version.snapshot_id for version in ledger.workflows.versions("w")],
    }


@every_poison
def test_lists_searches_and_trails_say_of_all_else_what_they_said(poisoned: Story) -> None:
    ledger = poisoned.ledger
    before = everything(ledger)
    assert all(before.values())
    assert ledger.rebuild() > 0
    assert everything(ledger) == before
    assert ledger.search.rebuild().seconds == 0
    assert everything(ledger) == before
    assert ledger.search.lag().seconds == 0


@every_poison
def test_a_rebuild_makes_the_same_rows_twice_and_verify_names_each_poisoned_event(poisoned: Story) -> None:
    ledger = poisoned.ledger
    left_out: list[fl.EventNotReadable] = []
    ledger.rebuild(left_out=left_out.append)
    rows = index_of(ledger._store)
    ledger.rebuild()
    assert index_of(ledger._store) == rows
    ledger.search.rebuild()
    report = ledger.verify(deep=True)
    named = {finding.stream for finding in report.findings}
    assert named <= {stream for stream, _ in BODIES.values()}
    assert named
    assert {error.stream for error in left_out} <= named
    assert not [finding for finding in report.findings if finding.kind in ("index", "search", "checkpoint")]


@every_poison
def test_what_is_poisoned_is_shown_as_such_or_not_at_all(poisoned: Story) -> None:
    ledger = poisoned.ledger
    ledger.rebuild()
    for run in ledger.history.runs(limit=1_000):
        if run.id == "poisoned-run":
            assert run.status in ("active", "unreadable")
            assert str(run.started_at)
    for row in ledger.workflows.list():
        if row.id not in ("w", "loop"):
            list(map(str, ledger.workflows.versions(row.id) if row.id == "poison" else ()))
    for act in ledger.history.trail(limit=1_000):
        assert act.summary
        assert str(act.at)


@pytest.mark.parametrize("poison", list(POISONS))
def test_a_poisoned_event_behind_others_marks_its_run_and_no_other(told: Story, poison: str) -> None:
    ledger, run = told.ledger, told.runs["resumed"]
    keys = {"runs": "id", "active": "id", "then": "id", "orders": "id", "trail": "stream"}

    def others() -> dict[str, Any]:
        found = everything(ledger)
        for name, key in keys.items():
            found[name] = [row for row in found[name] if getattr(row, key) not in (run.id, run.work_order_id)]
        return {name: [row for row in rows if row != run.id] for name, rows in found.items()}

    ledger.rebuild()
    ledger.search.rebuild()
    before = others()
    plant_behind(told, poison, run.id, run.work_order_id)
    version = ledger._store.head(run.id)
    try:
        assert others() == before
        ledger.rebuild()
        ledger.search.rebuild()
        assert others() == before
        assert run.id in [row.id for row in ledger.history.runs(limit=1_000)]
        named = [(found.stream, found.version) for found in ledger.verify(deep=True).findings]
        assert (run.id, version) in named
        assert {stream for stream, _ in named} == {run.id}
    finally:
        told.remove(f"originator_id = '{run.id}' AND originator_version = {version}")
        ledger.rebuild()
        ledger.search.rebuild()


@pytest.mark.parametrize("poisoned", ["10^18 µs", "the year 9998", "no definition"], indirect=True)
def test_a_save_over_a_poisoned_one_is_dated_now_and_heals_the_workflow(poisoned: Story) -> None:
    with fl.open_ledger(poisoned.url, executors) as ledger:  # as another process, which remembers nothing of the store
        saved = ledger.workflows.save(LINE, workflow_id="poison", by="ada")
        assert abs((saved.taken_at - datetime.now(UTC)).total_seconds()) < 3_600
        assert saved.version == 2
        run = ledger.runs.start("poison", payload={"do": "work"}, by="bob")
        assert run.status == "completed"
        assert run.id in [row.id for row in ledger.history.runs()]
        assert len(list(map(str, ledger.workflows.versions("poison")))) == 2
    poisoned.remove(f"originator_id IN ('{run.id}', '{run.work_order_id}')")


def test_an_act_whose_event_was_damaged_is_marked_in_the_trail(told: Story) -> None:
    ledger = told.ledger
    ledger.runs.set_metadata(told.runs["queued"].id, {"note": 2}, by="zoe")
    head = ledger._store.head(told.runs["queued"].id)
    (kept,) = told.remove(f"originator_id = '{told.runs['queued'].id}' AND originator_version = {head}")
    told.put_back([(*kept[:3], bytes(kept[3])[:50], kept[4])])
    (act,) = ledger.history.trail(by="zoe")
    assert act.summary.startswith("can't be shown: ")
    assert (act.by, act.kind, act.subject) == ("zoe", "run", told.runs["queued"].id)
    assert len(ledger.history.trail()) > 5
    (row,) = [run for run in ledger.history.runs() if run.id == told.runs["queued"].id]
    assert row.status == "unreadable"
    told.remove(f"originator_id = '{told.runs['queued'].id}' AND originator_version = {head}")
    told.put_back([kept])


def test_an_odd_time_says_what_was_recorded() -> None:
    odd = fl.OddTime(10**18)
    assert (str(odd), f"{odd:%Y}", odd.micros) == ("1000000000000000000 µs since 1970",) * 2 + (10**18,)
    assert odd.astimezone(UTC) is odd
    assert fl.OddTime(-(10**18)) < datetime.now(UTC) < odd
    assert odd - odd == odd - odd.replace() == odd.replace() - odd
