"""The SQLite backend as a persistence module of the eventsourcing library."""

from typing import Any, cast

from eventsourcing import sqlite as stock

from .datastore import SQLiteDatastore
from .recorder import SQLiteRecorder


class Factory(stock.SQLiteFactory):
    """``PERSISTENCE_MODULE=flowledger.infrastructure.storage.sqlite.factory``.

    ``SQLITE_DBNAME`` is a path or a ``file:`` URI.
    """

    application_recorder_class = SQLiteRecorder
    datastore: SQLiteDatastore

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        unused, db_name = self.datastore, self.datastore.pool.db_name
        self.datastore = SQLiteDatastore(
            db_name, lock_timeout=unused.pool.lock_timeout, single_row_tracking=unused.single_row_tracking
        )

    def application_recorder(self) -> SQLiteRecorder:
        return cast("SQLiteRecorder", super().application_recorder())
