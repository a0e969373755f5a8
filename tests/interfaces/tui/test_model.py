"""The walk without a screen: the state at any version, what each event changed, and the ways from one to another."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.interfaces.tui.find import find_version, mentions, takes_handle
from flowledger.infrastructure.services.history.walk import BLOCK, FAILURES, PAUSES
from flowledger.projections.comparison.events import state_changes

from ...properties.test_a_damaged_log import damage
from .story import BEGAN, ledger_at, loop, order

LONG = 1_500
"""Steps: more than a page of rows, so that most of them are folded unread."""


@pytest.fixture
def ledger(store_url: str) -> Iterator[fl.Ledger]:
    with ledger_at(store_url) as opened:
        yield opened


def applied(document: Any, patch: list[dict[str, Any]]) -> Any:
    """A JSON Patch of additions, replacements and removals, applied by the letter of RFC 6902."""
    document = deepcopy(document)
    for operation in patch:
        *above, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        target = document
        for part in above:
            target = target[int(part)] if isinstance(target, list) else target[part]
        if isinstance(target, list):
            assert operation["op"] == "add"
            target.insert(int(last), deepcopy(operation["value"]))
            continue
        assert (last in target) == (operation["op"] != "add")
        if operation["op"] == "remove":
            del target[last]
        else:
            target[last] = deepcopy(operation["value"])
    return document


# --- states -----------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_the_state_at_every_version_is_that_of_the_history_in_whatever_order_it_is_looked_at(
    ledger: fl.Ledger,
) -> None:
    run_id = order(ledger)
    walk = ledger.history.walk(run_id)
    versions = list(range(1, walk.head + 1)) * 2
    random.Random(5).shuffle(versions)
    for version in versions:
        assert walk.snapshot(version) == ledger.history.snapshot(run_id, version)


@pytest.mark.parametrize("checkpoint_every", [None, 100])
def test_so_it_is_in_a_long_run_whose_steps_are_folded_unread(tmp_path: Path, checkpoint_every: int | None) -> None:
    url = f"sqlite:///{tmp_path / 'long.db'}"
    with ledger_at(url) as ledger:
        run_id = loop(ledger, LONG)
    with fl.open_ledger(url, checkpoint_every=checkpoint_every) as ledger:
        walk = ledger.history.walk(run_id)
        assert walk.head == LONG + 2
        for version in (LONG + 2, 1, 2, 999, 1_000, 1_001, 1_002, LONG + 1, 700):
            assert walk.snapshot(version) == ledger.history.snapshot(run_id, version)
            assert walk.event(version).version == version


def test_results_can_be_read_ahead_and_change_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowledger.infrastructure.services.history.walk.SLICE", 400)
    with ledger_at(f"sqlite:///{tmp_path / 'long.db'}") as ledger:
        walk = ledger.history.walk(loop(ledger, LONG))
        assert list(walk.read_results()) == [400, 800, 1_200, LONG + 2]
        assert walk.snapshot(700) == ledger.history.snapshot(walk.run_id, 700)


@pytest.mark.parametrize("version", [0, -1, 11, 2**40])
def test_a_version_that_is_not_there_is_refused_and_those_that_are_there_are_named(
    ledger: fl.Ledger, version: int
) -> None:
    walk = ledger.history.walk(order(ledger))
    for look in (walk.snapshot, walk.event, walk.changes, lambda start: walk.events(start, 10)):
        with pytest.raises(fl.VersionNotFound, match=r"its versions are 1 to 10$"):
            look(version)


def test_what_is_no_run_is_refused(ledger: fl.Ledger) -> None:
    order(ledger)
    for stream in ("nobody", "workflow:orders"):
        with pytest.raises(fl.RunNotFound):
            ledger.history.walk(stream)
        with pytest.raises(fl.RunNotFound):
            ledger.history.walk(stream, upto=1)


def test_a_walk_up_to_a_version_ends_there(ledger: fl.Ledger) -> None:
    run_id = order(ledger)
    assert ledger.history.walk(run_id, upto=4).snapshot(4) == ledger.history.snapshot(run_id, 4)
    assert ledger.history.walk(run_id, upto=4).head == 4
    for version in (0, 11):
        with pytest.raises(fl.VersionNotFound):
            ledger.history.walk(run_id, upto=version)
    with pytest.raises(fl.InvalidRequest, match="not a whole number"):
        ledger.history.walk(run_id, upto="4")  # type: ignore[arg-type]


async def test_the_async_twin_walks_as_well(ledger: fl.Ledger) -> None:
    walk = await ledger.history.awalk(order(ledger))
    assert walk.head == 10


# --- changes ----------------------------------------------------------------------------------------------------------


def test_the_changes_of_each_event_take_the_state_before_it_to_the_state_after_it(ledger: fl.Ledger) -> None:
    run_id = order(ledger)
    ledger.runs.set_metadata(run_id, {"priority": None, "a/b~c": [1]}, by="ops")
    ledger.runs.set_metadata(run_id, {"a/b~c": [True]}, by="ops")
    walk = ledger.history.walk(run_id)
    state: Any = {}
    for version in range(1, walk.head + 1):
        state = applied(state, [change.to_data() for change in walk.changes(version)])
        expected = ledger.history.snapshot(run_id, version).to_data()
        assert state == expected
        assert state["version"] == version
    assert walk.changes(12)[-1].value == [True]


def test_changes_say_only_what_changed(ledger: fl.Ledger) -> None:
    walk = ledger.history.walk(order(ledger))
    changed = {version: [(change.op, change.pointer) for change in walk.changes(version)] for version in (3, 7)}
    assert changed[3] == [
        ("add", "/context/charge"),
        ("replace", "/status"),
        ("replace", "/version"),
        ("replace", "/lastStartedAt"),
        ("replace", "/totalExecutionTime"),
        ("add", "/metadata/pausedReason"),
        ("add", "/retryState"),
    ]
    assert changed[7] == [("replace", "/version"), ("add", "/metadata/priority")]
    (again, *_) = walk.changes(5)
    assert (again.op, again.path, again.value["output"]) == ("add", ("context", "charge", 1), {"charged": 1999})


def test_a_run_that_reuses_results_begins_with_them(ledger: fl.Ledger) -> None:
    run_id = order(ledger)
    repeated = ledger.runs.retry(run_id, from_node="ship", by="bob").id
    walk = ledger.history.walk(repeated)
    begun = applied({}, [change.to_data() for change in walk.changes(1)])
    assert begun == ledger.history.snapshot(repeated, 1).to_data()
    assert set(begun["context"]) >= {"read", "charge", "review"}


def test_any_two_states_of_a_run_can_be_compared(ledger: fl.Ledger) -> None:
    walk = ledger.history.walk(order(ledger))
    for earlier in range(1, walk.head):
        for later in range(earlier + 1, walk.head + 1):
            before, after = walk.snapshot(earlier), walk.snapshot(later)
            patch = [change.to_data() for change in state_changes(before, after)]
            assert applied(before.to_data(), patch) == after.to_data()


# --- ways -------------------------------------------------------------------------------------------------------------


def test_failures_and_pauses_are_found_in_both_directions(ledger: fl.Ledger) -> None:
    walk = ledger.history.walk(order(ledger))
    failures, pauses = [3, 10], [6]
    types = [walk.event(version).type for version in range(1, 11)]
    assert [at for at, type in enumerate(types, 1) if type in FAILURES] == failures
    assert [at for at, type in enumerate(types, 1) if type in PAUSES] == pauses
    for version in range(1, 11):
        for kind, places in ((FAILURES, failures), (PAUSES, pauses)):
            assert walk.next_of(kind, version) == min((at for at in places if at > version), default=None)
            assert walk.next_of(kind, version, backwards=True) == max(
                (at for at in places if at < version), default=None
            )


def test_a_failure_behind_many_steps_is_found(tmp_path: Path) -> None:
    with ledger_at(f"sqlite:///{tmp_path / 'long.db'}") as ledger:
        run_id = loop(ledger, LONG)
        walk = ledger.history.walk(run_id)
        assert walk.next_of(FAILURES, 1) is None
        assert walk.next_of({"run.started"}, LONG, backwards=True) == 1


def test_texts_and_handles_are_found_in_both_directions(ledger: fl.Ledger) -> None:
    walk = ledger.history.walk(order(ledger))

    def first(fits: Any, version: int, backwards: bool = False) -> int | None:
        return next((event.version for event in walk.beyond(version, backwards=backwards) if fits(event)), None)

    assert first(takes_handle, 1) == 5
    assert first(takes_handle, 5) == 9
    assert first(takes_handle, 9, True) == 5
    assert first(takes_handle, 9) is None
    assert first(lambda event: mentions(event, "THE BANK"), 1) == 3
    assert first(lambda event: mentions(event, "part-3"), 1) == 2
    assert first(lambda event: mentions(event, "1999"), 1) == 5
    assert first(lambda event: mentions(event, "true"), 1) == 8
    assert first(lambda event: mentions(event, "order 17 read"), 1) == 2
    assert first(lambda event: mentions(event, "part-3"), 10, True) == 2
    assert first(lambda event: mentions(event, "part-5"), 1) is None
    assert [event.version for event in walk.beyond(8)] == [9, 10]
    assert [event.version for event in walk.beyond(3, backwards=True)] == [2, 1]
    assert list(walk.beyond(1, backwards=True)) == []


def test_a_version_is_asked_for_by_number_or_time(ledger: fl.Ledger) -> None:
    walk = ledger.history.walk(order(ledger))
    fourth = walk.event(4).recorded_at
    assert find_version(walk, ":4") == find_version(walk, "@4") == find_version(walk, " 4 ") == 4
    assert find_version(walk, f"@{fourth.isoformat()}") == 4
    assert find_version(walk, (fourth - timedelta(microseconds=1)).isoformat()) == 3
    assert find_version(walk, "2026-01-02T03:05") == 10  # UTC where no offset is named
    with pytest.raises(fl.NothingAsOf, match="it began at 2026-01-02T03:04"):
        find_version(walk, BEGAN.isoformat())
    with pytest.raises(fl.VersionNotFound, match="has no version 11: its versions are 1 to 10"):
        find_version(walk, "11")
    with pytest.raises(fl.InvalidRequest, match=r"'noon' is neither a version \(1 to 10\) nor a time"):
        find_version(walk, "noon")


# --- a run that goes on, and one that was damaged ---------------------------------------------------------------------


def test_a_run_that_goes_on_is_followed_and_what_was_seen_stays(ledger: fl.Ledger) -> None:
    run_id = order(ledger)
    walk = ledger.history.walk(run_id)
    seen = [walk.snapshot(version) for version in range(1, 11)]
    assert walk.event(10).type == "run.step_failed"
    assert walk.follow() == 0
    for note in range(BLOCK):
        ledger.runs.set_metadata(run_id, {"note": note}, by="ops")
        assert walk.follow() == 1
        assert walk.event(walk.head).data["metadata"] == {"note": note}
        assert walk.snapshot(walk.head) == ledger.history.snapshot(run_id)
    assert walk.head == 10 + BLOCK
    assert [walk.snapshot(version) for version in range(1, 11)] == seen


def test_a_long_run_that_goes_on_is_followed(tmp_path: Path) -> None:
    with ledger_at(f"sqlite:///{tmp_path / 'long.db'}") as ledger:
        ledger.workflows.save(
            {
                "nodes": [{"id": "ask", "type": "review"}, {"id": "back", "type": "read"}],
                "edges": [
                    {"source": "ask", "target": "back", "sourceHandle": "yes"},
                    {"source": "back", "target": "ask"},
                ],
                "start": "ask",
            },
            workflow_id="w",
        )
        run_id = ledger.runs.start("w", by="ada").id
        walk = ledger.history.walk(run_id)
        for answer in range(60):
            ledger.runs.resume(run_id, payload={"answer": answer}, by="bob")
            walk.follow()
        assert walk.head == 2 + 60 * 4
        for version in (1, 2, 3, 100, 101, 102, 103, walk.head):
            assert walk.snapshot(version) == ledger.history.snapshot(run_id, version)


def test_an_event_that_cannot_be_read_is_told_and_its_neighbours_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "damaged.db"
    with ledger_at(f"sqlite:///{path}") as ledger:
        run_id = loop(ledger, LONG)
    with closing(sqlite3.connect(path)) as connection:
        (state,) = connection.execute(
            "SELECT state FROM flowledger_events WHERE originator_id = ? AND originator_version = 500", (run_id,)
        ).fetchone()
    broken = state.replace(b'"counted"', b'"count\x00d"')
    damage(
        path,
        "UPDATE flowledger_events SET state = ? WHERE originator_id = ? AND originator_version = 500",
        broken,
        run_id,
    )
    with fl.open_ledger(f"sqlite:///{path}") as ledger:
        walk = ledger.history.walk(run_id)
        for look in (walk.event, walk.changes):
            with pytest.raises(fl.EventNotReadable):
                look(500)
            assert look(499)
        assert walk.event(501).version == 501
        with pytest.raises(fl.EventNotReadable):
            list(walk.read_results())
