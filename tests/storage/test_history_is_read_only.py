"""The databases themselves refuse to change what was recorded, whoever asks."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from .events import opened, texts, write

CHANGES = [
    "UPDATE flowledger_events SET topic = 'x'",
    "UPDATE flowledger_events SET originator_version = 9 WHERE originator_version = 2",
    "DELETE FROM flowledger_events",
    "DELETE FROM flowledger_events WHERE originator_version = 2",
]
SQLITE_CHANGES = [
    "INSERT OR REPLACE INTO flowledger_events (originator_id, originator_version, topic, state) "
    "VALUES ('a', 1, 'x', 'y')",
    "REPLACE INTO flowledger_events SELECT 'b', 1, 'x', 'y', notification_id FROM flowledger_events LIMIT 1",
    "INSERT INTO flowledger_events (originator_id, originator_version, topic, state) VALUES ('a', 1, 'x', 'y') "
    "ON CONFLICT DO UPDATE SET topic = 'x'",
]
POSTGRES_CHANGES = [
    "TRUNCATE flowledger_events",
    "INSERT INTO flowledger_events (originator_id, originator_version, topic, state, notification_id) "
    "VALUES ('a', 1, 'x', 'y', 1) ON CONFLICT (originator_id, originator_version) DO UPDATE SET topic = 'x'",
    "MERGE INTO flowledger_events USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE",
]


@pytest.mark.parametrize("change", CHANGES + SQLITE_CHANGES)
def test_sqlite_refuses(tmp_path: Path, change: str) -> None:
    path = tmp_path / "ledger.db"
    with opened(f"sqlite:///{path}") as store:
        write(store, "a", 0, 1, 2)
        connection = sqlite3.connect(path)
        with pytest.raises(sqlite3.IntegrityError, match="history is read-only"):
            connection.execute(change)
        connection.close()
        assert texts(store, "a") == [1, 2]


@pytest.mark.parametrize("change", CHANGES + POSTGRES_CHANGES)
def test_postgres_refuses(new_postgres_url: Callable[[], str], change: str) -> None:
    url = new_postgres_url()
    with opened(url) as store:
        write(store, "a", 0, 1, 2)
        with psycopg.connect(url) as connection, pytest.raises(psycopg.Error, match="history is read-only"):
            connection.execute(change.encode())
        assert texts(store, "a") == [1, 2]
