"""Stores that lose their newest event behind their back, as a failover to a server that was behind does it."""

import re
import sqlite3
from typing import Any

import psycopg

from flowledger.infrastructure.storage.sql import Dialect, queries


def lose_newest(store: Any, url: str) -> None:
    if url == "memory:":
        recorder = store.recorder
        lost = recorder._stored_events.pop()
        del recorder._stored_events_index[lost.originator_id][lost.originator_version]
    elif url.startswith("sqlite"):
        _from_sqlite(url.removeprefix("sqlite:///"))
    else:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")  # whoever may do this needs no trigger's leave
            connection.execute(_newest("postgres").encode())


def _from_sqlite(path: str) -> None:
    with sqlite3.connect(path) as connection:
        guards = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in guards:
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute(_newest("sqlite"))
        for _, guard in guards:
            connection.execute(guard)
    connection.close()


def _newest(dialect: Dialect) -> str:
    table = re.findall(r"INSERT INTO (\w+)", queries(dialect)["append_event"])[0]
    newest = f"SELECT max(notification_id) FROM {table}"
    return f"DELETE FROM {table} WHERE notification_id = ({newest})"
