"""Databases let streams go that are recorded as removed, whole; nothing else, and nothing under their names again."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

import flowledger as fl

from .shops import Shop, opened

RECORD = (
    "INSERT INTO flowledger_removed (stream, events, last_position, removal, removal_version) "
    "VALUES ('{run}', {events}, 1, 'retention:x', 1)"
)
DELETE = "DELETE FROM flowledger_events WHERE originator_id = '{run}'"
REFUSED = {
    "without a record": [DELETE],
    "of which a part is recorded": [RECORD.replace("{events}", "1"), DELETE],
    "but for others that aren't recorded": [RECORD, "DELETE FROM flowledger_events"],
}


@contextmanager
def connected(url: str) -> Iterator[Any]:
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
            yield connection
    else:
        with psycopg.connect(url) as connection:
            yield connection


def as_owner(url: str, run: fl.Run, statements: Sequence[str]) -> None:
    with connected(url) as connection:
        for statement in statements:
            connection.execute(statement.format(run=run.id, events=run.version))


@pytest.fixture
def shop(durable_url: str, tmp_path: Path) -> Iterator[Shop]:
    with opened(durable_url, tmp_path) as shop:
        yield shop


@pytest.mark.parametrize("statements", REFUSED.values(), ids=list(REFUSED))
def test_a_stream_that_isnt_recorded_as_removed_cant_be_deleted(
    shop: Shop, durable_url: str, statements: list[str]
) -> None:
    run = shop.order()
    with pytest.raises((sqlite3.IntegrityError, psycopg.errors.RestrictViolation), match="history is read-only"):
        as_owner(durable_url, run, statements)
    shop.assert_sound()


def test_on_postgres_no_part_of_a_stream_can_be_deleted(new_postgres_url: Callable[[], str], tmp_path: Path) -> None:
    url = new_postgres_url()
    with opened(url, tmp_path) as shop:
        run = shop.order()
        with pytest.raises(psycopg.errors.RestrictViolation, match="history is read-only"):
            as_owner(url, run, [RECORD, f"{DELETE} AND originator_version > 1"])
        shop.assert_sound()


def test_who_deletes_by_hand_is_found_by_verify_and_by_a_checkpoint(shop: Shop, durable_url: str) -> None:
    """Somebody who owns the database can write the record of a removal into its table, but not into the log."""
    run = shop.order()
    before = shop.sign()
    as_owner(durable_url, run, [RECORD, DELETE])
    found = {(each.stream, each.kind) for each in shop.ledger.verify().findings}
    assert (run.id, "removed") in found
    told = shop.ledger.evidence.check(before).findings
    assert [(each.stream, each.kind) for each in told] == [(run.id, "removed")]


def test_a_removal_that_somebody_made_up_is_told_as_one(shop: Shop) -> None:
    """Whoever may remove can say any name: that something went, when and how much of it, nobody can hide."""
    shop.order()
    before = shop.sign()
    shop.ledger.retention.apply(fl.RetentionPolicy(everything=True), by="nobody")
    report = shop.ledger.evidence.check(before)
    assert report.findings == ()
    assert [(each.by, each.runs, each.archive) for each in report.removed] == [("nobody", 1, None)]


def test_what_is_left_of_a_removed_stream_is_found(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with opened(url, tmp_path) as shop:
        run = shop.order()
        of_run = "SELECT * FROM flowledger_events WHERE originator_id = ?"
        with connected(url) as connection:
            copy = connection.execute(of_run, [run.id]).fetchall()
        shop.ledger.retention.apply(fl.RetentionPolicy(everything=True), by="ops")
        with connected(url) as connection:
            connection.execute("DROP TRIGGER flowledger_events_refuse_removed")
            connection.executemany("INSERT INTO flowledger_events VALUES (?, ?, ?, ?, ?)", copy)
        found = {(each.stream, each.kind) for each in shop.ledger.verify().findings}
        assert (run.id, "removed") in found


def test_a_table_of_removed_streams_that_was_emptied_is_found_and_made_again(shop: Shop, durable_url: str) -> None:
    run = shop.order()
    shop.ledger.retention.apply(fl.RetentionPolicy(everything=True), by="ops")
    as_owner(durable_url, run, ["DELETE FROM flowledger_removed"])
    found = {(each.stream, each.kind) for each in shop.ledger.verify().findings}
    assert found == {(run.id, "removed"), (run.work_order_id, "removed")}
    shop.ledger.rebuild()
    shop.assert_sound()
