"""Stores that an older copy is put back into, while processes have them open."""

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg


class SQLiteStore:
    """Restored by SQLite's own online backup."""

    def __init__(self, url: str) -> None:
        self._path = url.removeprefix("sqlite:///")
        self._copy = f"{self._path}.copy"

    def keep(self) -> None:
        """From now on ``restore`` leads back to here."""
        Path(self._copy).unlink(missing_ok=True)
        _copy(self._path, self._copy)

    def restore(self) -> None:
        _copy(self._copy, self._path)

    def replace(self) -> None:
        """Another file takes the place of the one that is in use."""
        moved = Path(f"{self._copy}.moved")
        moved.unlink(missing_ok=True)
        _copy(self._copy, str(moved))
        moved.rename(self._path)


def _copy(source: str, target: str) -> None:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target, timeout=20)) as new:
        old.backup(new)


class PostgresStore:
    """As after a failover: the newest rows were never there, and every connection is broken."""

    def __init__(self, url: str) -> None:
        self._url = url

    def keep(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            for table in self._tables(connection):
                connection.execute(f'DROP TABLE IF EXISTS kept."{table}"'.encode())
            connection.execute("CREATE SCHEMA IF NOT EXISTS kept")
            for table in self._tables(connection):
                connection.execute(f'CREATE TABLE kept."{table}" AS SELECT * FROM "{table}"'.encode())

    def restore(self) -> None:
        with psycopg.connect(self._url) as connection:
            connection.execute("SET session_replication_role = replica")
            # A standby never had these rows; here nobody may be in the middle of an append behind them.
            tables = ", ".join(f'"{table}"' for table in self._tables(connection))
            connection.execute(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE".encode())
            for table in self._tables(connection):
                connection.execute(f'DELETE FROM "{table}"'.encode())
                connection.execute(f'INSERT INTO "{table}" SELECT * FROM kept."{table}"'.encode())
            connection.commit()
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )

    def _tables(self, connection: psycopg.Connection) -> list[str]:
        found = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'"
        )
        return [name for (name,) in found]


def restorable(url: str) -> SQLiteStore | PostgresStore:
    """The store at ``url``, which may be restored; if it is PostgreSQL's, it has a database of its own."""
    return SQLiteStore(url) if url.startswith("sqlite") else PostgresStore(url)
