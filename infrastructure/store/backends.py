"""From a store's URL to an open event store."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eventsourcing.persistence import PersistenceError

from ...domain.errors import InvalidRequest, StorageUnavailable
from ...domain.ports import CheckpointStore, EventStore
from ..search.postgres import PostgresSearch
from ..search.sqlite import SQLiteSearch
from ..search.table import SearchTable
from .checkpoint_store import MemoryCheckpoints, PostgresCheckpoints, SQLiteCheckpoints
from .codec import MAX_EVENT_BYTES, LedgerMapper
from .event_store import LedgerEventStore
from .hosting import hosted
from .log import EventLog
from .recorder import storage_error
from .schemes import UnknownScheme, known_schemes, open_by_scheme

_FORMS = "memory:, sqlite:///file.db (sqlite:////file.db for an absolute path), postgresql://user@host/database"


def open_store(
    url: str | EventLog | EventStore, *, max_event_bytes: int = MAX_EVENT_BYTES, create: bool = True
) -> LedgerEventStore:
    """Open the event store at ``url``, migrating its tables; ``create`` makes them where there are none.

    Instead of a URL it may be somebody else's store that is open already: a log, or what implements the port.

    ``max_event_bytes`` bounds the JSON body of one event. Raises InvalidRequest for a URL that can't be understood,
    StorageUnavailable when the store can't be reached or is newer than this code, StorageCorrupt when what is there
    isn't a store. No message shows a password.
    """
    if not isinstance(url, str):
        return hosted(url, max_event_bytes)
    mapper = LedgerMapper(max_event_bytes=max_event_bytes)
    try:
        if url == "memory:":
            return _memory(mapper)
        if url.startswith("sqlite:///"):
            return _sqlite(url.removeprefix("sqlite:///"), mapper, create)
        if url.startswith(("postgresql://", "postgres://")):
            return _postgres(url, mapper, create)
    except PersistenceError as error:
        raise storage_error(error) from error
    try:
        store = open_by_scheme(url, shown(url), create=create, max_event_bytes=max_event_bytes)
    except UnknownScheme:
        others = "".join(f", {scheme}:" for scheme in known_schemes())
        raise InvalidRequest(f"{shown(url)!r} is not a store's URL; use one of: {_FORMS}{others}") from None
    return hosted(store, max_event_bytes, f"the package that opens {shown(url)}")


def shown(url: str) -> str:
    """The URL as it may be shown: without its password."""
    return re.sub(r"(?<=://)([^:/?#]*):.*@", r"\1:***@", re.sub(r"(?<=password=)[^&]*", "***", url))


def _memory(mapper: LedgerMapper) -> LedgerEventStore:
    from .memory import Factory

    recorder = Factory({}).application_recorder()
    return LedgerEventStore(mapper, recorder, MemoryCheckpoints(), SQLiteSearch(recorder, recorder.transaction))


def _sqlite(path: str, mapper: LedgerMapper, create: bool) -> LedgerEventStore:
    from .sqlite import Factory

    if not path or path.startswith(":memory:"):
        raise InvalidRequest(f"an SQLite store is a file; use one of: {_FORMS}")
    file = Path(path).absolute()
    if not create and not file.exists():
        raise _no_store(str(file))
    return _opened(Factory({Factory.SQLITE_DBNAME: str(file)}), mapper, SQLiteCheckpoints, _sqlite_search)


def _postgres(url: str, mapper: LedgerMapper, create: bool) -> LedgerEventStore:
    # Imported here, so that who keeps events elsewhere never loads a PostgreSQL driver.
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    from .postgres import Factory
    from .postgres_connections import has_tables

    try:
        host = str(conninfo_to_dict(url).get("host") or "")
    except ProgrammingError:
        host = "@"
    if "@" in host:
        raise InvalidRequest(
            f"{shown(url)!r} is no PostgreSQL URL: special characters of user and password must be written as %40 etc."
        )
    factory = Factory({Factory.POSTGRES_URL: url})
    try:
        if not create and not has_tables(factory.datastore):
            raise _no_store(shown(url))
    except BaseException:
        factory.close()
        raise
    return _opened(factory, mapper, PostgresCheckpoints, _postgres_search)


def _no_store(place: str) -> StorageUnavailable:
    return StorageUnavailable(f"there is no store at {place} yet: check the address, or save a workflow there first")


def _opened(
    factory: Any,
    mapper: LedgerMapper,
    checkpoints: Callable[[Any], CheckpointStore],
    search: Callable[[Any, Any], SearchTable],
) -> LedgerEventStore:
    """A factory of the library's makes the recorder, which creates or migrates the tables on the way."""
    try:
        recorder, datastore = factory.application_recorder(), factory.datastore
        return LedgerEventStore(mapper, recorder, checkpoints(datastore), search(recorder, datastore))
    except BaseException:
        factory.close()
        raise


def _sqlite_search(recorder: Any, datastore: Any) -> SearchTable:
    return SQLiteSearch(recorder, datastore.transaction_of_several)


def _postgres_search(_: Any, datastore: Any) -> SearchTable:
    return PostgresSearch(datastore)
