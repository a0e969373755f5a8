"""A page of the cache counts only where this process folded the very same: no forged one is ever served."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from copy import copy
from typing import Any

import psycopg
import pytest

import flowledger as fl
from flowledger.domain.run import FOLD_REVISION
from flowledger.infrastructure.repositories.checkpoints import TrustedCheckpoints, encode_checkpoint
from flowledger.infrastructure.repositories.runs import RunRepository
from flowledger.projections.runs.run import fold

from .test_migrations import run_sql

EVERY = 5
STEPS = 30

executors = fl.ExecutorRegistry()


@executors.register("count")
def count(step: fl.StepContext) -> Any:
    return fl.StepResult({"n": step.runs, "amount": 100}, handle="again" if step.runs < STEPS else "done")


@executors.register("ask")
def ask(step: fl.StepContext) -> Any:
    return step.payload if step.payload is not None else fl.Pause("go on?")


@executors.register("sum")
def add_up(step: fl.StepContext) -> Any:
    return [sum(result.output["amount"] for result in step.context["c"]), step.data]


DEFINITION = {
    "nodes": [
        {"id": "c", "type": "count"},
        {"id": "p", "type": "ask"},
        {"id": "s", "type": "sum", "data": "{{ nodes.c.all[4].data.amount }}"},
    ],
    "edges": [
        {"source": "c", "target": "c", "sourceHandle": "again"},
        {"source": "c", "target": "p", "sourceHandle": "done"},
        {"source": "p", "target": "s"},
    ],
    "start": "c",
}
TRUTH = [(STEPS + 1) * 100, 100]


@pytest.fixture
def ledger(durable_url: str) -> Iterator[fl.Ledger]:
    with opened(durable_url) as ledger:
        ledger.workflows.save(DEFINITION, workflow_id="w", by="ada")
        yield ledger


def opened(url: str) -> fl.Ledger:
    return fl.open_ledger(url, executors, checkpoint_every=EVERY)


def stored(ledger: fl.Ledger, run_id: str) -> dict[int, bytes]:
    return dict(ledger._store.checkpoints.pages(run_id, None, FOLD_REVISION))


def put(ledger: fl.Ledger, run_id: str, pages: dict[int, bytes]) -> None:
    ledger._store.checkpoints.save(run_id, FOLD_REVISION, pages)


# --- forgeries, each with all digests as they should be ---------------------------------------------------------------


def altered(ledger: fl.Ledger, run_id: str, change: Callable[[Any], None]) -> dict[int, bytes]:
    """The pages of a run as somebody makes them who has the code and changes what it says."""
    store = ledger._store
    states = RunRepository(store, store.checkpoints, None)
    forged: dict[int, bytes] = {}
    since = states.load(run_id, 1)
    since.version = 0
    for version in range(EVERY, store.head(run_id) + 1, EVERY):
        state = states.load(run_id, version)
        change(state)
        header = store.link_at(run_id, version)
        assert header is not None
        forged[version] = encode_checkpoint(run_id, header[9:], state, since if version > EVERY else fresh(run_id))
        since = state
    return forged


def fresh(run_id: str) -> Any:
    from flowledger.domain.run import RunState

    return RunState(run_id)


def dearer(state: Any) -> None:
    for place in range(state.context.count):
        entry = dict(state.context.history[place])
        entry["output"] = {**entry["output"], "amount": 999}
        state.context.history._log[place] = entry


def ended(state: Any) -> None:
    state.status, state.current_node_id = "completed", None


def annotated(state: Any) -> None:
    state.metadata = {"approved": True}


def swapped(state: Any) -> None:
    log = state.context.history._log
    log[:2] = [{**log[1], "output": {"n": 7, "amount": 1}}, log[0]] if len(log) > 1 else log[:2]


def of_another_run(ledger: fl.Ledger, run_id: str) -> dict[int, bytes]:
    other = ledger.runs.start("w").id
    ledger.history.snapshot(other)
    return stored(ledger, other)


def of_another_version(ledger: fl.Ledger, run_id: str) -> dict[int, bytes]:
    ledger.history.snapshot(run_id)
    pages = stored(ledger, run_id)
    return dict(zip(pages, reversed(pages.values()), strict=True))


def of_the_version_before(ledger: fl.Ledger, run_id: str) -> dict[int, bytes]:
    ledger.history.snapshot(run_id)
    pages = stored(ledger, run_id)
    return {version + EVERY: content for version, content in pages.items()}


def changed(by: Callable[[Any], None]) -> Callable[[fl.Ledger, str], dict[int, bytes]]:
    return lambda ledger, run_id: altered(ledger, run_id, by)


FORGERIES: dict[str, Callable[[fl.Ledger, str], dict[int, bytes]]] = {
    "other outputs": changed(dearer),
    "another status": changed(ended),
    "other metadata": changed(annotated),
    "swapped results": changed(swapped),
    "another run's": of_another_run,
    "other versions'": of_another_version,
    "earlier versions'": of_the_version_before,
}


@pytest.mark.parametrize("who", ["a new process", "the process that knows the true ones"])
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_page_is_served_to_nobody(ledger: fl.Ledger, durable_url: str, forgery: str, who: str) -> None:
    run = ledger.runs.start("w", by="ada")
    whole = [snapshot.to_json() for snapshot in ledger.history.snapshots(run.id)]
    forged = FORGERIES[forgery](ledger, run.id)
    assert forged
    with opened(durable_url) as reader:
        if who == "the process that knows the true ones":
            reader.history.snapshot(run.id)
            assert stored(reader, run.id) != forged

        def forge() -> None:
            put(ledger, run.id, forged)

        for version in (run.version, EVERY, EVERY + 2, run.version - 1):
            forge()
            assert reader.history.snapshot(run.id, version).to_json() == whole[version - 1]
        forge()
        assert reader.runs.get(run.id).snapshot.to_json() == whole[-1]
        forge()
        fork = reader.runs.fork(run.id, version=run.version, payload="go on", by="bob")
        assert fork.snapshot.context["s"][0].output == TRUTH
        forge()
        assert reader.history.audit(run.id) == ledger.history.audit(run.id)
        forge()
        done = reader.runs.resume(run.id, payload="go on", by="bob")
        assert done.snapshot.context["s"][0].output == TRUTH
        forge()
        retried = reader.runs.retry(run.id, from_node="s", by="bob")
        assert retried.snapshot.context["s"][0].output == TRUTH


def test_a_page_that_this_process_made_is_used(ledger: fl.Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ledger.runs.start("w")
    expected = ledger.history.snapshot(run.id).to_json()
    read: list[int] = []
    pages = type(ledger._store).pages

    def watch(store: Any, stream: str, *, after: int = 0, upto: int | None = None) -> Any:
        read.append(after)
        return pages(store, stream, after=after, upto=upto)

    monkeypatch.setattr(type(ledger._store), "pages", watch)
    assert ledger.history.snapshot(run.id).to_json() == expected
    assert read == [run.version - run.version % EVERY]


# --- events that went, or were damaged --------------------------------------------------------------------------------


def cut(url: str, run_id: str, behind: int) -> None:
    """As a restore of an older backup does."""
    if "sqlite" in url:
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
            connection.execute("DROP TRIGGER IF EXISTS flowledger_events_refuse_delete")
    else:
        run_sql(url, "ALTER TABLE flowledger_events DISABLE TRIGGER ALL")
    run_sql(url, f"DELETE FROM flowledger_events WHERE originator_id = '{run_id}' AND originator_version > {behind}")


@pytest.mark.parametrize("behind", [EVERY - 1, EVERY, 2 * EVERY - 1, 12])
def test_a_page_of_events_that_were_lost_and_replaced_is_not_used(
    ledger: fl.Ledger, durable_url: str, behind: int
) -> None:
    run = ledger.runs.start("w")
    with opened(durable_url) as reader:
        assert reader.history.snapshot(run.id).status == "paused"
        cut(durable_url, run.id, behind)
        assert reader.history.snapshot(run.id).version == behind
        with opened(durable_url) as writer:
            writer.runs.cancel(run.id, by="ops", reason="restored")
            for note in range(run.version):
                writer.runs.set_metadata(run.id, {"note": note}, by="ops")
            expected = [snapshot.to_json() for snapshot in writer.history.snapshots(run.id)]
        found = [reader.history.snapshot(run.id, version).to_json() for version in range(1, len(expected) + 1)]
        assert found == expected
        assert reader.history.snapshot(run.id).to_json() == expected[-1]
        assert [reader.history.snapshot(run.id, version).to_json() for version in range(1, len(expected) + 1)] == found


@pytest.mark.parametrize("version", [1, 3, EVERY, EVERY + 1, 12])
def test_no_page_is_made_of_a_damaged_event_so_its_repair_is_seen(
    ledger: fl.Ledger, durable_url: str, version: int, caplog: pytest.LogCaptureFixture
) -> None:
    run = ledger.runs.start("w", metadata={"amount": 100})
    expected = ledger.history.snapshot(run.id).to_json()
    ledger._store.checkpoints.clear()
    state = ledger._store.recorder.encoded(run.id, version)
    assert state is not None
    with opened(durable_url) as reader:
        overwrite(durable_url, run.id, version, state.replace(b"100", b"999"))
        assert b"999" in reader.history.snapshot(run.id).to_json()
        assert list(stored(reader, run.id)) == list(range(EVERY, version, EVERY))
        assert f"event {version} of run '{run.id}' isn't as it was written" in caplog.text
        overwrite(durable_url, run.id, version, state)
        assert reader.history.snapshot(run.id).to_json() == expected
        assert len(stored(reader, run.id)) == run.version // EVERY


def test_no_page_is_made_of_a_damaged_source(ledger: fl.Ledger, durable_url: str) -> None:
    run = ledger.runs.start("w", metadata={"amount": 100})
    fork = ledger.runs.fork(run.id, version=3, by="bob")
    expected = ledger.history.snapshot(fork.id).to_json()
    ledger._store.checkpoints.clear()
    state = ledger._store.recorder.encoded(run.id, 1)
    assert state is not None
    with opened(durable_url) as reader:
        overwrite(durable_url, run.id, 1, state.replace(b"100", b"999"))
        assert b"999" in reader.history.snapshot(fork.id).to_json()
        assert stored(reader, fork.id) == {}
        overwrite(durable_url, run.id, 1, state)
        assert reader.history.snapshot(fork.id).to_json() == expected
        assert stored(reader, fork.id)


def overwrite(url: str, stream: str, version: int, state: bytes) -> None:
    where = f"WHERE originator_id = '{stream}' AND originator_version = {version}"
    if "sqlite" in url:
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
            connection.execute("DROP TRIGGER IF EXISTS flowledger_events_refuse_update")
            connection.execute(f"UPDATE flowledger_events SET state = ? {where}", (state,))
    else:
        with psycopg.connect(url) as connection:
            connection.execute("ALTER TABLE flowledger_events DISABLE TRIGGER ALL")
            connection.execute(f"UPDATE flowledger_events SET state = %s {where}".encode(), (state,))


# --- what it costs ----------------------------------------------------------------------------------------------------


def test_pages_that_another_process_left_are_not_written_again(ledger: fl.Ledger, durable_url: str) -> None:
    run = ledger.runs.start("w")
    ledger.history.snapshot(run.id)
    places = {
        "sqlite": "SELECT version, rowid FROM flowledger_checkpoints ORDER BY version",
        "postgres": "SELECT version, ctid::text FROM flowledger_checkpoints ORDER BY version",
    }
    recorder = ledger._store.recorder
    before = recorder.query(places[recorder.dialect], {})
    size = recorder.query("SELECT count(*) FROM flowledger_checkpoints", {})
    with opened(durable_url) as other:
        other.history.snapshot(run.id)
    assert recorder.query(places[recorder.dialect], {}) == before
    assert recorder.query("SELECT count(*) FROM flowledger_checkpoints", {}) == size


def test_a_process_vouches_for_the_pages_that_it_used_last() -> None:
    vouched = TrustedCheckpoints(10)
    for run in "abcd":
        vouched.add(run, {version: bytes([version]) for version in (5, 10, 15)})
        vouched.of("a", None)
    assert vouched.of("b", None) == {}
    assert vouched.of("a", 12) == {5: b"\5", 10: b"\n"}
    assert vouched.of("d", None)
    vouched.add("long", dict.fromkeys(range(20), b""))
    assert len(vouched.of("long", None)) == 20
    assert vouched.of("a", None) == {}


def test_the_copies_that_a_page_is_made_of_share_no_state(ledger: fl.Ledger) -> None:
    run = ledger.runs.start("w")
    state = RunRepository(ledger._store, ledger._store.checkpoints, None).load(run.id, 3)
    before = copy(state)
    fold(state, ledger._store.pages(run.id, after=3))
    assert (before.version, before.context.count) == (3, 2)
