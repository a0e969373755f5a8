"""The index in SQLite: changing its rows, and rebuilding it."""

import sqlite3
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple, Self
from uuid import uuid4

from ....projections.index.changes import IndexChanges
from ..index_rebuild import CatchUp, IndexedBatch, IndexRebuild, RebuiltByAnother
from ..index_writer import TABLES, for_rebuild
from ..sql import index_tables, queries

_INDEX = queries("sqlite", "index.sql")


def change_index(
    connection: sqlite3.Connection,
    changes: IndexChanges,
    position_of: Callable[[int], int],
    rename: Callable[[str], str] = lambda statement: statement,
) -> None:
    """Change the rows; ``position_of`` maps a place to its position, ``rename`` may give the tables other names."""
    for part, rows in changes.tables().items():
        for row in rows:
            if "place" in row:
                row["position"] = position_of(row["place"])
        connection.executemany(rename(_INDEX[part]), rows)


class SQLiteIndexRebuild(IndexRebuild):
    """Short transactions in sequence, so that writers get their turn. Indexes are created with the swap, as SQLite
    can't rename them.

    Concurrent rebuilds help each other: a later one starts again, and the others continue with it. A row holds its
    token and its progress; each transaction that adds rows checks and advances it. So rows are never mixed or added
    twice, between threads as between processes, and a killed process leaves nothing that others wait for. SQLite has no
    lock that ends with its holder: nobody could know whether a holder was killed or is only slow.
    """

    def __init__(self, transaction: Callable[[], AbstractContextManager[sqlite3.Connection]]) -> None:
        self._transaction = transaction
        self._begun = ""
        self._position = 0
        self._swapping: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        with self._transaction() as connection:
            self._begin(connection)
        return self

    def __exit__(self, *error: object) -> None:
        """The process that began the rebuild drops its tables; others that take part then start again."""
        with self._transaction() as connection:
            progress = _read_progress(connection)
            if progress.token == self._begun and not progress.ended:
                _drop(connection)
                connection.execute(_SAVE_PROGRESS, _Progress("", 0, 0, ended=False))

    def position(self) -> int:
        with self._writing() as connection:
            self._position = self._join(connection).position
        return self._position

    def put(self, page: IndexedBatch) -> int:
        with self._writing() as connection:
            progress = self._join(connection)
            if progress.position == page.since:
                change_index(connection, page.changes, lambda place: place, for_rebuild)
                progress = progress._replace(position=page.upto, events=progress.events + page.events)
                connection.execute(_SAVE_PROGRESS, progress)
        self._position = progress.position
        return self._position

    def swap(self, catch_up: CatchUp, revision: int) -> int:
        while True:
            catch_up(settled=True)
            with self._transaction() as connection:
                if self._join(connection).position == self._position:
                    self._swapping = connection
                    catch_up(settled=False)
                    return self._swap_tables(connection, revision)
            # Others started again, or are ahead: writers don't wait while this one catches up.

    @contextmanager
    def _writing(self) -> Generator[sqlite3.Connection]:
        """A new transaction, or the one in which the tables are swapped."""
        if self._swapping is not None:
            yield self._swapping
        else:
            with self._transaction() as connection:
                yield connection

    def _swap_tables(self, connection: sqlite3.Connection, revision: int) -> int:
        progress = self._join(connection)
        for table in TABLES:
            connection.execute(f"DROP TABLE IF EXISTS {table}")
            connection.execute(f"ALTER TABLE {for_rebuild(table)} RENAME TO {table}")
        for statement in index_tables("sqlite"):
            if "CREATE INDEX" in statement:
                connection.execute(statement)
        connection.execute("UPDATE flowledger_index SET revision = ?", (revision,))
        connection.execute(_SAVE_PROGRESS, progress._replace(ended=True))
        return progress.events

    def _join(self, connection: sqlite3.Connection) -> "_Progress":
        """The progress of the rebuild to take part in: the latest one. Raises RebuiltByAnother."""
        progress = _read_progress(connection)
        if progress.ended:
            raise RebuiltByAnother(progress.events)
        if not progress.token:  # the process that began it gave up
            return self._begin(connection)
        return progress

    def _begin(self, connection: sqlite3.Connection) -> "_Progress":
        _drop(connection)
        for statement in index_tables("sqlite"):
            if "CREATE TABLE" in statement:
                connection.execute(for_rebuild(statement))
        self._begun = uuid4().hex
        progress = _Progress(self._begun, 0, 0, ended=False)
        connection.execute(_SAVE_PROGRESS, progress)
        return progress


class _Progress(NamedTuple):
    """The progress of a rebuild."""

    token: str
    """Identifies the rebuild; empty when there is none."""
    position: int
    events: int
    ended: bool


_SAVE_PROGRESS = "UPDATE flowledger_rebuild SET token = ?, position = ?, events = ?, ended = ?"


def _read_progress(connection: sqlite3.Connection) -> _Progress:
    (row,) = connection.execute("SELECT token, position, events, ended FROM flowledger_rebuild").fetchall()
    return _Progress(*row)


def _drop(connection: sqlite3.Connection) -> None:
    for table in TABLES:
        connection.execute(f"DROP TABLE IF EXISTS {for_rebuild(table)}")
