"""From a store's URL to an open event store."""

import re
from collections.abc import Callable
from errno import ENAMETOOLONG
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ...domain.errors import FlowledgerError, InvalidRequest, StorageUnavailable
from ...domain.ports import CheckpointStore, EventStore
from ..files.places import place_of
from ..files.writing import make_private_file
from ..search.postgres import PostgresSearch
from ..search.sqlite import SQLiteSearch
from ..search.table import SearchTable
from .checkpoint_store import MemoryCheckpoints, PostgresCheckpoints, SQLiteCheckpoints
from .codec import MAX_EVENT_BYTES, LedgerMapper
from .credentials import described, quiet, shown
from .event_store import LedgerEventStore
from .hosting import hosted
from .log import EventLog
from .recorder import errors_in_our_terms
from .schemes import UnknownScheme, known_schemes, open_by_scheme

MAX_URL = 10_000
"""Characters of a URL."""

SQLITE = "sqlite:///"
"""What the URL of an SQLite store begins with."""

NO_DRIVER = "a PostgreSQL store needs a driver: pip install 'flowledger[postgres]'"

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
    if len(url) > MAX_URL:
        raise InvalidRequest(f"a text of {len(url):,} characters is no store's URL: {MAX_URL:,} is the most")
    try:
        return _open(url, max_event_bytes, create)
    except FlowledgerError as error:
        failed = error
    raise quiet(failed, url)


def _open(url: str, max_event_bytes: int, create: bool) -> LedgerEventStore:
    """Errors of this one may show the password."""
    mapper = LedgerMapper(max_event_bytes=max_event_bytes)
    with errors_in_our_terms():
        if url == "memory:":
            return _memory(mapper)
        if url.startswith(SQLITE):
            return _sqlite(sqlite_file(url), mapper, create)
        if url.startswith(("postgresql://", "postgres://")):
            return _postgres(url, mapper, create)
    try:
        store = open_by_scheme(url, shown(url), create=create, max_event_bytes=max_event_bytes)
    except UnknownScheme:
        others = "".join(f", {scheme}:" for scheme in known_schemes())
        raise InvalidRequest(f"{described(url)} is not a store's URL; use one of: {_FORMS}{others}") from None
    return hosted(store, max_event_bytes, f"the package that opens {shown(url)}")


def _memory(mapper: LedgerMapper) -> LedgerEventStore:
    from .memory import Factory

    recorder = Factory({}).application_recorder()
    return LedgerEventStore(mapper, recorder, MemoryCheckpoints(), SQLiteSearch(recorder, recorder.transaction))


def sqlite_file(url: str) -> Path:
    """The file of an SQLite store's URL. Raises InvalidRequest."""
    path = url.removeprefix(SQLITE)
    if not path or path.startswith(":memory:"):
        raise InvalidRequest(f"an SQLite store is a file; use one of: {_FORMS}")
    if re.match(r"[a-z][a-z0-9+.-]+:/", path, re.IGNORECASE):
        raise InvalidRequest(f"another URL follows {SQLITE}, and an SQLite store is a file; use one of: {_FORMS}")
    try:
        file = Path(path).absolute()
    except OSError as error:
        raise StorageUnavailable(f"the SQLite store {path}: the current folder is gone ({error.strerror})") from error
    try:
        str(file).encode()
    except UnicodeEncodeError:
        raise InvalidRequest(f"the path {str(file)!r} of an SQLite store isn't UTF-8 text: choose another") from None
    return file


def _sqlite(file: Path, mapper: LedgerMapper, create: bool) -> LedgerEventStore:
    from .sqlite import Factory

    try:
        place_of(file)
        if create:
            # SQLite would make it for all to read, and gives its log and locks the mode of the file.
            make_private_file(file)
        elif not file.exists():
            raise no_store(str(file))
    except OSError as error:
        hint = "; check that its folder exists and may be written to" if error.errno != ENAMETOOLONG else ""
        raise StorageUnavailable(f"the SQLite store {file}: unable to open it: {error.strerror}{hint}") from error
    return _opened(Factory({Factory.SQLITE_DBNAME: str(file)}), mapper, SQLiteCheckpoints, _sqlite_search)


def _postgres(url: str, mapper: LedgerMapper, create: bool) -> LedgerEventStore:
    # Imported here, so that who keeps events elsewhere never loads a PostgreSQL driver, nor needs one.
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        raise InvalidRequest(NO_DRIVER) from None

    from .postgres import Factory
    from .postgres_connections import has_tables

    try:
        host = str(conninfo_to_dict(url).get("host") or "")
    except ProgrammingError:
        _refuse_unknown_options(url)
        host = "@"
    if "@" in host:
        raise InvalidRequest(
            "that is no PostgreSQL URL: special characters of user and password must be written as %40 etc."
        )
    factory = Factory({Factory.POSTGRES_URL: url})
    try:
        if not create and not has_tables(factory.datastore):
            raise no_store(shown(url))
    except BaseException:
        factory.close()
        raise
    return _opened(factory, mapper, PostgresCheckpoints, _postgres_search)


def _refuse_unknown_options(url: str) -> None:
    """Raises InvalidRequest for a URL with an option that PostgreSQL's client library doesn't know."""
    from psycopg.pq import Conninfo

    known = {option.keyword.decode() for option in Conninfo.get_defaults()} | {"ssl"}
    # Behind the last "@", as a password that isn't encoded may have a question mark, too.
    options = url.rpartition("@")[2].partition("?")[2].split("&")
    for option in options:
        name = unquote(option.partition("=")[0])
        if name in known and "pass" in name:
            return  # what follows may belong to a password with an "&"
        if name not in known and name.isidentifier():
            hint = _OPTION_HINTS.get(name, "leave it out, or see which ones PostgreSQL's libpq has")
            raise InvalidRequest(f"the URL has an option {name!r} that PostgreSQL doesn't know: {hint}")


_OPTION_HINTS = {
    "schema": "choose a schema with options=-csearch_path%3DNAME",
    "search_path": "choose a schema with options=-csearch_path%3DNAME",
    "currentSchema": "choose a schema with options=-csearch_path%3DNAME",
    "pgbouncer": "leave it out, a pooler is noticed by itself",
}


def no_store(place: str) -> StorageUnavailable:
    """For an address without a store, where none is to be made."""
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
