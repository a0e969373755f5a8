"""The index in SQLite: changing its rows, and making it anew."""

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Self

from ...projections.index import Changes
from .indexing import TABLES, beside
from .recorder import CatchUp, Rebuilding
from .sql_files import index_tables, queries

_INDEX = queries("sqlite", "index.sql")


def change_index(
    connection: sqlite3.Connection,
    changes: Changes,
    position_of: Callable[[int], int],
    named: Callable[[str], str] = lambda statement: statement,
) -> None:
    """Change the rows; ``position_of`` tells the position of a place, ``named`` may give the tables other names."""
    for part, rows in changes.tables().items():
        for row in rows:
            if "place" in row:
                row["position"] = position_of(row["place"])
        connection.executemany(named(_INDEX[part]), rows)


class SQLiteRebuilding(Rebuilding):
    """One short transaction after the other, so that writers have their turn. Indexes come with the swap, as SQLite
    can't rename them."""

    def __init__(self, transaction: Callable[[], AbstractContextManager[sqlite3.Connection]]) -> None:
        self._transaction = transaction

    def __enter__(self) -> Self:
        with self._transaction() as connection:
            _drop(connection)
            for statement in index_tables("sqlite"):
                if "CREATE TABLE" in statement:
                    connection.execute(beside(statement))
        return self

    def __exit__(self, *error: object) -> None:
        with self._transaction() as connection:
            _drop(connection)

    def put(self, changes: Changes) -> None:
        with self._transaction() as connection:
            self._put(connection, changes)

    def swap(self, catch_up: CatchUp, revision: int) -> None:
        with self._transaction() as connection:
            self.put = lambda changes: self._put(connection, changes)  # type: ignore[method-assign]
            catch_up(settled=False)
            for table in TABLES:
                connection.execute(f"DROP TABLE IF EXISTS {table}")
                connection.execute(f"ALTER TABLE {beside(table)} RENAME TO {table}")
            for statement in index_tables("sqlite"):
                if "CREATE INDEX" in statement:
                    connection.execute(statement)
            connection.execute("UPDATE flowledger_index SET revision = ?", (revision,))

    def _put(self, connection: sqlite3.Connection, changes: Changes) -> None:
        change_index(connection, changes, lambda place: place, beside)


def _drop(connection: sqlite3.Connection) -> None:
    for table in TABLES:
        connection.execute(f"DROP TABLE IF EXISTS {beside(table)}")
