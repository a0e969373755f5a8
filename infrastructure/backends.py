"""From a store's URL to an open event store."""

import re
from pathlib import Path

from eventsourcing.persistence import PersistenceError

from ..domain.errors import InvalidRequest
from .checkpoint_store import MemoryCheckpoints, PostgresCheckpoints, SQLiteCheckpoints
from .codec import MAX_EVENT_BYTES, LedgerMapper
from .event_store import LedgerEventStore
from .recorder import storage_error

_FORMS = "memory:, sqlite:///file.db (sqlite:////file.db for an absolute path), postgresql://user@host/database"


def open_store(url: str, *, max_event_bytes: int = MAX_EVENT_BYTES) -> LedgerEventStore:
    """Open the event store at ``url``, creating or migrating its tables.

    ``max_event_bytes`` bounds the JSON body of one event. Raises InvalidRequest for a URL that can't be understood,
    StorageUnavailable when the store can't be reached or is newer than this code, StorageCorrupt when what is there
    isn't a store. No message shows a password.
    """
    mapper = LedgerMapper(max_event_bytes=max_event_bytes)
    try:
        if url == "memory:":
            return _memory(mapper)
        if url.startswith("sqlite:///"):
            return _sqlite(url.removeprefix("sqlite:///"), mapper)
        if url.startswith(("postgresql://", "postgres://")):
            return _postgres(url, mapper)
    except PersistenceError as error:
        raise storage_error(error) from error
    raise InvalidRequest(f"{shown(url)!r} is not a store's URL; use one of: {_FORMS}")


def shown(url: str) -> str:
    """The URL as it may be shown: without its password."""
    return re.sub(r"(?<=://)([^:/?#]*):.*@", r"\1:***@", re.sub(r"(?<=password=)[^&]*", "***", url))


def _memory(mapper: LedgerMapper) -> LedgerEventStore:
    from .memory import MemoryRecorder

    return LedgerEventStore(mapper, MemoryRecorder(), MemoryCheckpoints())


def _sqlite(path: str, mapper: LedgerMapper) -> LedgerEventStore:
    from .sqlite import SQLiteRecorder
    from .sqlite_connections import ThreadBoundDatastore, migrate

    if not path or path.startswith(":memory:"):
        raise InvalidRequest(f"an SQLite store is a file; use one of: {_FORMS}")
    datastore = ThreadBoundDatastore(str(Path(path).absolute()))
    try:
        migrate(datastore)
    except BaseException:
        datastore.close()
        raise
    return LedgerEventStore(mapper, SQLiteRecorder(datastore), SQLiteCheckpoints(datastore))


def _postgres(url: str, mapper: LedgerMapper) -> LedgerEventStore:
    # Imported here, so that who keeps events elsewhere never loads a PostgreSQL driver.
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    from .postgres import PostgresRecorder
    from .postgres_connections import PooledDatastore, migrate

    try:
        host = str(conninfo_to_dict(url).get("host") or "")
    except ProgrammingError:
        host = "@"
    if "@" in host:
        raise InvalidRequest(
            f"{shown(url)!r} is no PostgreSQL URL: special characters of user and password must be written as %40 etc."
        )
    datastore = PooledDatastore(url)
    try:
        migrate(datastore)
        return LedgerEventStore(mapper, PostgresRecorder(datastore), PostgresCheckpoints(datastore))
    except BaseException:
        datastore.close()
        raise
