"""Whatever tells what the events tell, and tells it otherwise, is named; a store that nobody touched is not accused."""

import tracemalloc
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

import flowledger as fl
from flowledger.domain.ports import NewEvent, Write
from flowledger.domain.run import FOLD_REVISION, RunState
from flowledger.infrastructure.ledger.ledger import Ledger
from flowledger.infrastructure.repositories.checkpoints import encode_checkpoint
from flowledger.infrastructure.repositories.runs import RunRepository
from flowledger.infrastructure.storage.codec import BODY, chain_digest, encode_event, id_of, initial_digest
from flowledger.infrastructure.verification import references
from flowledger.infrastructure.verification.tables import CHANGES, RUNS, SAVES, WORK_ORDERS, WORKFLOWS, Table
from flowledger.projections.steps.rows import FailureRow, StepRow

from .stories import EVENT, Story

TABLES = (RUNS, WORK_ORDERS, WORKFLOWS, SAVES, CHANGES)


@pytest.fixture
def story(store_url: str) -> Iterator[Story]:
    story = Story(store_url).tell()
    yield story
    story.close()


@pytest.fixture
def durable(durable_url: str) -> Iterator[Story]:
    story = Story(durable_url).tell()
    yield story
    story.close()


def test_an_untouched_store_is_content_and_all_of_it_was_looked_at(story: Story) -> None:
    report = story.ledger.verify(deep=True)
    assert report.findings == ()
    assert report.runs == len(story.runs)
    assert report.work_orders == len(story.ledger.history.work_orders())
    assert report.workflows == 3
    assert report.streams == report.runs + report.work_orders + report.workflows
    assert report.events == len(list(story.store.tail()))
    assert report.index_rows == sum(story.query(f"SELECT count(*) FROM {table.name}")[0][0] for table in TABLES)
    assert report.search_entries == len(story.runs)
    assert report.checkpoints > 5
    assert story.ledger.verify().search_entries is None


def test_a_store_that_is_empty_is_content(store_url: str) -> None:
    with fl.open_ledger(store_url) as ledger:
        report = ledger.verify(deep=True)
        assert (report.ok, report.events, report.index_rows) == (True, 0, 0)


def test_an_index_that_was_never_built_is_no_fault_and_is_said(durable: Story) -> None:
    durable.change("UPDATE flowledger_index SET revision = 0", "DELETE FROM flowledger_index_runs")
    report = durable.ledger.verify()
    assert (report.ok, report.index_rows) == (True, None)
    durable.ledger.rebuild()
    assert durable.ledger.verify().index_rows


# --- rows of the index ------------------------------------------------------------------------------------------------


def columns(table: Table) -> list[str]:
    told_elsewhere = {"last_status", "last_queued", "last_version", "last_started_at", "last_finished_at"}
    keys = {table.key, "version"} if table.has_versions else {table.key}
    return [name for name in table.columns if name not in told_elsewhere | keys]


COLUMNS = [(table, column) for table in TABLES for column in columns(table)]
FLAGS = {"queued", "held", "archived", "is_act"}
NUMBERS = {
    "version",
    "position",
    "started_at",
    "finished_at",
    "workflow_version",
    "opened_at",
    "saved_version",
    "taken_at",
    "recorded_at",
    "wait_version",
    "asked_at",
    "due_at",
    "live_version",
    "priority",
    "ready_at",
    "active_at",
}


@pytest.mark.parametrize(("table", "column"), COLUMNS, ids=lambda part: getattr(part, "name", part))
@pytest.mark.sampled(5)
def test_a_value_of_the_index_that_was_changed_is_found(story: Story, table: Table, column: str) -> None:
    ((key, *version),) = story.query(
        f"SELECT {table.key}{', version' if table.has_versions else ''} FROM {table.name} "
        f"WHERE {column} IS NOT NULL ORDER BY {table.key} LIMIT 1"
    ) or story.query(f"SELECT {table.key}{', version' if table.has_versions else ''} FROM {table.name} LIMIT 1")
    other = f"NOT {column}" if column in FLAGS else f"coalesce({column}, 0) + 1" if column in NUMBERS else "'forged'"
    where = f"{table.key} = '{key}'" + (f" AND version = {version[0]}" if version else "")
    story.change(f"UPDATE {table.name} SET {column} = {other} WHERE {where}")
    found = story.ledger.verify().findings
    assert (table.stream_of(key), "index") in {(finding.stream, finding.kind) for finding in found}
    assert any(column in finding.message and "`flowledger rebuild`" in finding.message for finding in found)
    story.ledger.rebuild()
    assert story.ledger.verify(deep=True).ok


@pytest.mark.parametrize("which", ["first", "last", "all"])
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_row_of_the_index_that_is_gone_is_found(story: Story, table: Table, which: str) -> None:
    edge = {
        "first": f"= (SELECT min({table.key}) FROM {table.name})",
        "all": "<> ''",
        "last": f"= (SELECT max({table.key}) FROM {table.name})",
    }[which]
    gone = {key for (key,) in story.query(f"SELECT {table.key} FROM {table.name} WHERE {table.key} {edge}")}
    story.change(f"DELETE FROM {table.name} WHERE {table.key} {edge}")
    found = story.ledger.verify().findings
    assert {finding.stream for finding in found if "no row" in finding.message} == {*map(table.stream_of, gone)}
    assert {finding.kind for finding in found} == {"index"}


@pytest.mark.parametrize("key", ["!", "7", "zzz", "\u00e4"])
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
@pytest.mark.sampled(4)
def test_a_row_of_the_index_without_a_stream_is_found(story: Story, table: Table, key: str) -> None:
    stored = [name for name in table.columns if not name.startswith("last_") or name == "last_run_id"]
    copied = ", ".join(f"'{key}'" if name == table.key else name for name in stored)
    first = f"(SELECT min({table.key}) FROM {table.name})"
    story.change(
        f"INSERT INTO {table.name} ({', '.join(stored)}) "
        f"SELECT {copied} FROM {table.name} WHERE {table.key} = {first}"
        + (" AND version = 1" if table.has_versions else "")
    )
    assert (table.stream_of(key), "index") in {(stream, kind) for stream, _, kind in story.found()}


@pytest.mark.parametrize("version", [2, 99])
@pytest.mark.parametrize("table", [SAVES, CHANGES], ids=lambda table: table.name)
def test_a_row_of_the_index_without_an_event_is_found(story: Story, table: Table, version: int) -> None:
    stream = "loop" if table is SAVES else story.runs["long"].id
    stored = ", ".join(name for name in table.columns if name != "version")
    story.change(
        f"INSERT INTO {table.name} (version, {stored}) SELECT {version}, {stored} FROM {table.name} "
        f"WHERE {table.key} = '{stream}' AND version = 1"
    )
    assert story.found() == [(table.stream_of(stream), version, "index")]


@pytest.mark.parametrize("key", ["NULL", "7", "x'616263'"])
def test_rows_whose_key_is_no_text_are_found_in_sqlite(tmp_path: Any, key: str) -> None:
    story = Story(f"sqlite:///{tmp_path / 's.db'}").tell()
    stored = ", ".join(name for name in RUNS.columns if name != "run_id")
    story.change(
        f"INSERT INTO flowledger_index_runs (run_id, {stored}) SELECT CAST({key} AS BLOB), {stored} "
        "FROM flowledger_index_runs LIMIT 1"
    )
    assert ("", 0, "index") in story.found()
    story.close()


# --- events that are gone ---------------------------------------------------------------------------------------------


def streams(story: Story) -> dict[str, int]:
    return dict(
        story.query("SELECT originator_id, max(originator_version) FROM flowledger_events GROUP BY originator_id")
    )


def test_the_newest_event_of_any_stream_that_is_gone_is_found(durable: Story) -> None:
    for stream, head in streams(durable).items():
        kept = durable.remove(f"originator_id = '{stream}' AND originator_version = {head}")
        assert durable.found(), kept
        durable.put_back(kept)
    assert durable.ledger.verify(deep=True).ok


def test_the_newest_events_of_a_run_behind_a_version_that_are_gone_are_found(durable: Story) -> None:
    run = durable.runs["resumed"]
    for version in range(1, durable.store.head(run.id)):
        kept = durable.remove(f"originator_id = '{run.id}' AND originator_version > {version}")
        assert (run.id, "index") in {(stream, kind) for stream, _, kind in durable.found()}
        durable.put_back(kept)


def test_any_stream_that_is_gone_is_found(durable: Story) -> None:
    for stream in streams(durable):
        kept = durable.remove(f"originator_id = '{stream}'")
        assert (stream, "index") in {(found[0], found[2]) for found in durable.found()}, kept
        durable.put_back(kept)


def without_rows(story: Story, stream: str) -> None:
    """As if the index had never heard of a stream."""
    with story._raw() as connection:
        for table in TABLES:
            connection.execute(f"DELETE FROM {table.name} WHERE {table.key} = '{table.key_of(stream)}'")


@pytest.mark.parametrize("waiting", [0, 3, references.MAX_PENDING])
def test_a_stream_that_is_gone_with_its_rows_is_found_by_what_others_say_of_it(
    durable: Story, waiting: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(references, "MAX_PENDING", waiting)
    durable.ledger.runs.start("loop", by="bob")
    named = {stream: head for stream, head in streams(durable).items() if is_named(durable, stream)}
    assert len(named) > 15
    for stream in named:
        kept = durable.remove(f"originator_id = '{stream}'")
        without_rows(durable, stream)
        named_by = [finding for finding in durable.ledger.verify().findings if finding.kind == "reference"]
        assert named_by, kept
        assert all(stream.removeprefix("workflow:") in finding.message for finding in named_by)
        durable.put_back(kept)
    durable.ledger.rebuild()
    assert durable.ledger.verify().ok


def is_named(story: Story, stream: str) -> bool:
    """All but work orders that were refused, and workflows that nobody ran."""
    (first,) = story.store.read(stream, upto=1)
    if first.type == "work_order.opened":
        return "run_id" in first.data
    return stream != "workflow:refused"


def test_each_reference_says_what_is_missing(durable: Story) -> None:
    runs = {name: run.id for name, run in durable.runs.items()}
    orders = {name: run.work_order_id for name, run in durable.runs.items()}

    def told_without(where: str) -> list[tuple[str, str]]:
        kept = durable.remove(where)
        found = [(stream, text) for stream, _, kind, text in durable.ledger.verify().findings if kind == "reference"]
        durable.put_back(kept)
        return found

    assert told_without(f"originator_id = '{runs['queued']}'") == [
        (orders["queued"], f"it names run {runs['queued']!r}, which isn't in the store")
    ]
    assert told_without(f"originator_id = '{orders['queued']}'") == [
        (runs["queued"], f"its work order {orders['queued']!r} isn't in the store")
    ]
    assert told_without(f"originator_id = '{orders['failed']}' AND originator_version = 2") == [
        (runs["retried"], f"its work order {orders['failed']!r} doesn't name it")
    ]
    source = f"begins with what there was at version 2 of run {runs['done']!r}, which isn't in the store"
    assert told_without(f"originator_id = '{runs['done']}' AND originator_version = 2") == [
        (runs["forked"], f"it {source}")
    ]
    (saved,) = told_without("originator_id = 'workflow:loop'")[:1]
    assert saved[1] == "it runs version 1 of workflow 'loop', which isn't in the store"


def test_a_run_that_changed_its_work_order_is_found(durable: Story) -> None:
    """All digests made anew, as who owns the database can: the work order still tells."""
    run = durable.runs["queued"]
    other = durable.runs["done"].work_order_id
    rewrite(durable, run.id, lambda body: body.replace(run.work_order_id.encode(), other.encode()))
    assert {(stream, kind) for stream, _, kind in durable.found()} >= {
        (run.id, "reference"),
        (run.work_order_id, "reference"),
    }


def test_another_definition_than_the_one_that_was_saved_is_found(durable: Story) -> None:
    run = durable.runs["queued"]
    version = durable.ledger.workflows.get("w")
    rewrite(durable, run.id, lambda body: body.replace(version.digest.encode(), b"0" * len(version.digest)))
    assert (run.id, 1, "reference") in durable.found()


def rewrite(story: Story, stream: str, change: Any) -> None:
    """The whole stream with other bodies and digests that fit."""
    rows = sorted(story.remove(f"originator_id = '{stream}'"), key=lambda row: row[1])
    digest, made = initial_digest(stream), []
    for _, version, type, state, position in rows:
        body = change(state[BODY:])
        digest = chain_digest(digest, id_of(state), type, body)
        made.append((stream, version, type, encode_event(id_of(state), digest, body), position))
    assert made != rows
    story.put_back(made)


def test_a_damaged_stream_is_named_by_its_events_alone(durable: Story) -> None:
    """Else each damaged event would be told again for every row that it made."""
    run = durable.runs["long"]
    (row,) = durable.remove(f"originator_id = '{run.id}' AND originator_version = 1")
    durable.put_back([(*row[:3], row[3].replace(b'"bob"', b'"eve"'), row[4])])
    assert durable.found() == [(run.id, 1, "changed")]


def test_events_of_no_stream_are_found_in_sqlite(tmp_path: Any) -> None:
    story = Story(f"sqlite:///{tmp_path / 's.db'}").tell()
    story.change(
        f"INSERT INTO flowledger_events ({EVENT}) SELECT x'00', 1, topic, state, 100000 FROM flowledger_events LIMIT 1"
    )
    assert story.found() == [("", 0, "unreadable")]
    story.close()


@pytest.mark.parametrize("which", ["queued", "done"])
def test_an_event_that_was_moved_to_another_position_is_found(durable: Story, which: str) -> None:
    """Beyond the end of the log, where a follower would meet it once more; nothing else of the stream says so."""
    run_id = durable.runs[which].id
    head = durable.store.head(run_id)
    (row,) = durable.remove(f"originator_id = '{run_id}' AND originator_version = {head}")
    with durable._raw() as connection:
        ((last,),) = connection.execute("SELECT max(notification_id) FROM flowledger_events").fetchall()
    durable.put_back([(*row[:4], last + 1)])
    assert (run_id, head, "index") in durable.found()


def test_an_event_that_somebody_inserted_past_us_is_found(durable: Story) -> None:
    """With a digest that fits: it made no rows."""
    run_id = durable.runs["done"].id
    version = durable.store.head(run_id) + 1
    body = b'{"recorded_at":4000000000000000,"by":"mallory","metadata":{"approved":true}}'
    digest = chain_digest(durable.store.link_at(run_id, version - 1)[9:], b"\1" * 8, "run.metadata_set", body)
    with durable._raw() as connection:
        ((last,),) = connection.execute("SELECT max(notification_id) FROM flowledger_events").fetchall()
    durable.put_back([(run_id, version, "run.metadata_set", encode_event(b"\1" * 8, digest, body), last + 1)])
    assert durable.found() == [(run_id, version, "time"), (run_id, version, "index"), (run_id, version, "index")]


# --- checkpoints ------------------------------------------------------------------------------------------------------


def test_every_checkpoint_that_was_changed_is_found(story: Story) -> None:
    run_id = story.runs["long"].id
    pages = dict(story.store.checkpoints.pages(run_id, None, FOLD_REVISION))
    assert list(pages) == [4, 8, 12, 16, 20]
    save = story.store.checkpoints.save
    for version, content in pages.items():
        for spoilt in (
            b"",
            b"x",
            content[:-1],
            content + b" ",
            bytes(40) + content[40:],
            pages[4 if version > 4 else 8],
        ):
            save(run_id, FOLD_REVISION, {version: spoilt})
            assert story.found() == [(run_id, version, "checkpoint")]
        save(run_id, FOLD_REVISION, {version: content})
    assert story.ledger.verify().ok


@pytest.mark.parametrize("which", ["long", "forked", "from a node", "retried"])
def test_a_checkpoint_that_was_made_as_we_make_them_and_says_otherwise_is_found(story: Story, which: str) -> None:
    run_id = story.runs[which].id
    states = RunRepository(story.store, story.store.checkpoints, None)
    head = story.store.head(run_id)
    since = RunState(run_id)
    digest = story.store.link_at(run_id, head)[9:]
    true = encode_checkpoint(run_id, digest, states.load(run_id, head), since)
    story.store.checkpoints.save(run_id, FOLD_REVISION, {head: true})
    assert story.ledger.verify().ok
    forged = states.load(run_id, head)
    forged.status = "paused"
    story.store.checkpoints.save(run_id, FOLD_REVISION, {head: encode_checkpoint(run_id, digest, forged, since)})
    assert story.found() == [(run_id, head, "checkpoint")]
    story.ledger.rebuild()
    assert story.ledger.verify().ok


def test_checkpoints_of_no_run_or_beyond_its_end_are_found_and_those_of_other_code_are_not_looked_at(
    story: Story,
) -> None:
    save = story.store.checkpoints.save
    order = story.runs["long"].work_order_id
    head = story.store.head(story.runs["long"].id)
    save("!", FOLD_REVISION, {1: b"x"})
    save("~", FOLD_REVISION, {3: b"x"})
    save(order, FOLD_REVISION, {1: b"x"})
    save(story.runs["long"].id, FOLD_REVISION, {head + 1: b"x"})
    save(story.runs["done"].id, FOLD_REVISION - 1, {1: b"x"})
    assert set(story.found()) == {
        ("!", 1, "checkpoint"),
        ("~", 3, "checkpoint"),
        (order, 1, "checkpoint"),
        (story.runs["long"].id, head + 1, "checkpoint"),
    }


def test_a_checkpoint_that_would_unpack_to_far_more_is_only_unpacked_as_far_as_it_must_be(story: Story) -> None:
    run_id = story.runs["long"].id
    bomb = bytes(32) + b"\1" + zlib.compress(b'{"after":0}\n' + bytes(50_000_000))
    story.store.checkpoints.save(run_id, FOLD_REVISION, {4: bomb})
    tracemalloc.start()
    assert story.found() == [(run_id, 4, "checkpoint")]
    assert tracemalloc.get_traced_memory()[1] < 5 * 50_000_000
    tracemalloc.stop()


# --- the search -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["words", "document", "position", "started_at", "gone", "more"])
def test_what_a_search_knows_otherwise_is_found_when_asked(story: Story, change: str) -> None:
    run_id = story.runs["done"].id
    is_postgres = story.store.recorder.dialect == "postgres"
    where = f"WHERE run_id = '{run_id}'"
    other = "'other'::tsvector" if is_postgres else "'other'"
    story.change(
        {
            "words": f"UPDATE flowledger_search SET words = {other} {where}",
            "document": f'UPDATE flowledger_search SET document = \'{{"payload": null, "output": {{}}}}\' {where}',
            "position": f"UPDATE flowledger_search SET position = 999999999 {where}",
            "started_at": f"UPDATE flowledger_search SET started_at = 7 {where}",
            "gone": f"DELETE FROM flowledger_search {where}",
            "more": "INSERT INTO flowledger_search (position, run_id, started_at, words, document) "
            f"SELECT 999999999, '~', started_at, words, document FROM flowledger_search {where}",
        }[change]
    )
    assert story.ledger.verify().ok
    assert story.found(deep=True) == [("~" if change == "more" else run_id, 1, "search")]
    story.ledger.search.rebuild()
    assert story.ledger.verify(deep=True).ok


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE flowledger_steps SET node_id = 'other' {where}",
        "UPDATE flowledger_steps SET workflow_version = 9 {where}",
        "DELETE FROM flowledger_steps {where}",
        "UPDATE flowledger_failures SET fingerprint = 7 {where}",
        "DELETE FROM flowledger_failures {where}",
    ],
)
def test_a_list_of_steps_that_says_otherwise_is_found_when_asked(story: Story, change: str) -> None:
    story.ledger.search.catch_up()
    run_id = story.ledger.history.failures()[0].example
    story.change(change.format(where=f"WHERE run_id = '{run_id}'"))
    assert story.ledger.verify().ok
    assert story.found(deep=True) == [(run_id, 1, "search")]
    story.ledger.search.rebuild()
    assert story.ledger.verify(deep=True).ok


@pytest.mark.parametrize("table", ["flowledger_steps", "flowledger_failures"])
def test_a_step_too_many_is_found_when_asked(story: Story, table: str) -> None:
    story.ledger.search.catch_up()
    columns = ", ".join((StepRow if table == "flowledger_steps" else FailureRow)._fields[1:])
    story.change(f"INSERT INTO {table} (position, {columns}) SELECT 1, {columns} FROM {table} LIMIT 1")
    assert story.found(deep=True) == [("", 1, "search")]


def test_a_search_that_is_behind_is_no_fault(story: Story) -> None:
    story.ledger.runs.start("w", payload={"do": "work"})
    story.ledger.runs.set_metadata(story.runs["done"].id, {"later": "word"}, by="eve")
    report = story.ledger.verify(deep=True)
    assert (report.ok, report.search_entries) == (True, len(story.runs))


@pytest.mark.parametrize(
    ("type", "key", "named"),
    [
        ("workflow.released", "version", 2),
        ("workflow.released", "version", 9),
        ("workflow.saved", "live_version", 2),
        ("workflow.saved", "restored_version", 9),
    ],
)
def test_a_version_that_is_named_and_is_no_save_is_found(type: str, key: str, named: int) -> None:
    with fl.open_ledger("memory:") as ledger:
        ledger.workflows.save({"nodes": [{"id": "a", "type": "t"}]}, workflow_id="w")
        ledger.workflows.archive("w")
        ledger.workflows.restore("w")
        saved, *_, last = (event.data for event in ledger.history.events("workflow:w"))
        body = {name: last[name] for name in ("recorded_at", "by", "workflow_id")}
        body |= {} if key == "version" else {name: saved[name] for name in saved.keys() - body.keys()}
        assert isinstance(ledger, Ledger)
        ledger._store.append(Write("workflow:w", 3, [NewEvent(type, {**body, key: named})]))
        (finding,) = (finding for finding in ledger.verify().findings if finding.kind == "reference")
        assert (finding.stream, finding.version) == ("workflow:w", 4)
        assert finding.message == f"its {key} names version {named}, which is no save"
