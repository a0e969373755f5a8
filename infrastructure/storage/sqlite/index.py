"""The index in SQLite: changing its rows, and making it anew."""

import sqlite3
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple, Self
from uuid import uuid4

from ....projections.index.changes import IndexChanges
from ..index_rebuild import CatchUp, IndexedBatch, IndexRebuild, RebuiltByAnother
from ..index_writer import TABLES, beside
from ..sql import index_tables, queries

_INDEX = queries("sqlite", "index.sql")


def change_index(
    connection: sqlite3.Connection,
    changes: IndexChanges,
    position_of: Callable[[int], int],
    named: Callable[[str], str] = lambda statement: statement,
) -> None:
    """Change the rows; ``position_of`` tells the position of a place, ``named`` may give the tables other names."""
    for part, rows in changes.tables().items():
        for row in rows:
            if "place" in row:
                row["position"] = position_of(row["place"])
        connection.executemany(named(_INDEX[part]), rows)


class SQLiteIndexRebuild(IndexRebuild):
    """One short transaction after the other, so that writers have their turn. Indexes come with the swap, as SQLite
    can't rename them.

    Several at once help each other: who begins later begins anew, and the others go on with that one. A row says which
    one it is and how far it is; each transaction that puts rows in looks there first, and moves it. So rows are never
    mixed or put in twice, between threads as between processes, and whoever is killed leaves nothing that others wait
    for. SQLite has no lock that ends with its holder: nobody could know whether it was killed or only takes its time.
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
        """Who began clears away; others that take part then begin anew. Who only took part leaves it to the others."""
        with self._transaction() as connection:
            standing = _standing(connection)
            if standing.token == self._begun and not standing.ended:
                _drop(connection)
                connection.execute(_STAND, _Standing("", 0, 0, ended=False))

    def position(self) -> int:
        with self._writing() as connection:
            self._position = self._join(connection).position
        return self._position

    def put(self, page: IndexedBatch) -> int:
        with self._writing() as connection:
            standing = self._join(connection)
            if standing.position == page.since:
                change_index(connection, page.changes, lambda place: place, beside)
                standing = standing._replace(position=page.upto, events=standing.events + page.events)
                connection.execute(_STAND, standing)
        self._position = standing.position
        return self._position

    def swap(self, catch_up: CatchUp, revision: int) -> int:
        while True:
            catch_up(settled=True)
            with self._transaction() as connection:
                if self._join(connection).position == self._position:
                    self._swapping = connection
                    catch_up(settled=False)
                    return self._put_in_place(connection, revision)
            # Others began anew, or are ahead: writers don't wait while we catch up with them.

    @contextmanager
    def _writing(self) -> Generator[sqlite3.Connection]:
        """A transaction, or the one in which the tables are swapped."""
        if self._swapping is not None:
            yield self._swapping
        else:
            with self._transaction() as connection:
                yield connection

    def _put_in_place(self, connection: sqlite3.Connection, revision: int) -> int:
        standing = self._join(connection)
        for table in TABLES:
            connection.execute(f"DROP TABLE IF EXISTS {table}")
            connection.execute(f"ALTER TABLE {beside(table)} RENAME TO {table}")
        for statement in index_tables("sqlite"):
            if "CREATE INDEX" in statement:
                connection.execute(statement)
        connection.execute("UPDATE flowledger_index SET revision = ?", (revision,))
        connection.execute(_STAND, standing._replace(ended=True))
        return standing.events

    def _join(self, connection: sqlite3.Connection) -> "_Standing":
        """Where the rebuild stands that we take part in: the latest one. Raises RebuiltByAnother."""
        standing = _standing(connection)
        if standing.ended:
            raise RebuiltByAnother(standing.events)
        if not standing.token:  # who began gave up
            return self._begin(connection)
        return standing

    def _begin(self, connection: sqlite3.Connection) -> "_Standing":
        _drop(connection)
        for statement in index_tables("sqlite"):
            if "CREATE TABLE" in statement:
                connection.execute(beside(statement))
        self._begun = uuid4().hex
        standing = _Standing(self._begun, 0, 0, ended=False)
        connection.execute(_STAND, standing)
        return standing


class _Standing(NamedTuple):
    """Where a rebuild stands."""

    token: str
    """Names it; empty when there is none."""
    position: int
    events: int
    ended: bool


_STAND = "UPDATE flowledger_rebuild SET token = ?, position = ?, events = ?, ended = ?"


def _standing(connection: sqlite3.Connection) -> _Standing:
    (row,) = connection.execute("SELECT token, position, events, ended FROM flowledger_rebuild").fetchall()
    return _Standing(*row)


def _drop(connection: sqlite3.Connection) -> None:
    for table in TABLES:
        connection.execute(f"DROP TABLE IF EXISTS {beside(table)}")
