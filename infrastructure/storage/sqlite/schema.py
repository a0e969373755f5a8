"""The tables of a store in an SQLite file: made, or brought up to date."""

import sqlite3
from typing import Final

from eventsourcing.persistence import InternalError

from .. import migrations
from ..sql import queries
from .datastore import SQLiteDatastore

APPLICATION_ID: Final = 0x464C4C47  # "FLLG"
"""Marks a file as ours, in its header."""


def migrate(datastore: SQLiteDatastore) -> None:
    """Make the file a store of ours, or bring it up to date; a current one is not written to.

    Raises InternalError, and leaves the file alone, when it is something else.
    """
    with datastore.errors(), datastore.connection_in_use() as connection:
        if migrations.is_current("sqlite", _version(datastore, connection)):
            return
        # Counts in a file that has nothing yet: pages that become free can then be given back one by one.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        _use_write_ahead_log(connection)
    with datastore.write_transaction() as connection:
        for statement in migrations.statements("sqlite", _version(datastore, connection)):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _version(datastore: SQLiteDatastore, connection: sqlite3.Connection) -> int:
    # In this order: the mark is committed together with the tables, and another process may do so in between.
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    (mark,) = connection.execute("PRAGMA application_id").fetchone()
    if mark == APPLICATION_ID:
        (version,) = connection.execute(queries("sqlite")["schema_version"]).fetchone()
        return int(version)
    if mark or tables:
        raise InternalError(f"{datastore.name} is an SQLite file of another application; it was left as it is")
    return 0


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    # The switch needs the file for itself and doesn't wait for it; a write lock does, and its holder is done switching.
    while connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
