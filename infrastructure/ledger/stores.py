"""Opening event stores by their URLs."""

from importlib import import_module

from ...domain.errors import FlowledgerError, InvalidRequest
from ...domain.ports import EventStore
from ..storage.addresses import MAX_URL, NO_DRIVER, POSTGRES, SQLITE, URL_FORMS, sqlite_file
from ..storage.codec import MAX_EVENT_BYTES, LedgerMapper
from ..storage.credentials import describe_text, redact_error, redact_url
from ..storage.errors import translate_errors
from ..storage.event_store import LedgerEventStore
from ..storage.log.event_log import EventLog
from ..storage.log.event_store import adapt_store
from .schemes import UnknownScheme, known_schemes, open_by_scheme


def open_store(
    url: str | EventLog | EventStore, *, max_event_bytes: int = MAX_EVENT_BYTES, create: bool = True
) -> LedgerEventStore:
    """Open the event store at ``url``, migrating its tables; ``create`` makes them where there are none.

    ``url`` may also be an open store of the caller's: a log, or an implementation of the port.

    ``max_event_bytes`` bounds the JSON body of one event. Raises InvalidRequest for a URL that can't be understood,
    StorageUnavailable when the store can't be reached or is newer than this code, StorageCorrupt when what is there
    isn't a store. No message shows a password.
    """
    if not isinstance(url, str):
        return adapt_store(url, max_event_bytes)
    if len(url) > MAX_URL:
        raise InvalidRequest(f"a text of {len(url):,} characters is no store's URL: {MAX_URL:,} is the most")
    try:
        store = _open(url, max_event_bytes, create)
        store.url = url
        return store
    except FlowledgerError as error:
        failed = error
    raise redact_error(failed, url)


def _open(url: str, max_event_bytes: int, create: bool) -> LedgerEventStore:
    """Open the store; errors may contain the password, which the caller removes."""
    mapper = LedgerMapper(max_event_bytes=max_event_bytes)
    with translate_errors():
        # Each backend is imported where it is opened: a store on SQLite needs no PostgreSQL driver.
        if url == "memory:":
            from ..storage.memory.open import open_memory

            return open_memory(mapper)
        if url.startswith(SQLITE):
            from ..storage.sqlite.open import open_sqlite

            return open_sqlite(sqlite_file(url), mapper, create=create)
        if url.startswith(POSTGRES):
            try:
                import_module("psycopg")
            except ImportError:
                raise InvalidRequest(NO_DRIVER) from None
            from ..storage.postgres.open import open_postgres

            return open_postgres(url, mapper, create=create)
    try:
        store = open_by_scheme(url, redact_url(url), create=create, max_event_bytes=max_event_bytes)
    except UnknownScheme:
        raise _no_url(url) from None
    return adapt_store(store, max_event_bytes, f"the package that opens {redact_url(url)}")


def check_url(url: str) -> None:
    """Raises InvalidRequest for what is no store's URL, whether there is a store or not."""
    ours = url == "memory:" or url.startswith((SQLITE, *POSTGRES))
    if len(url) > MAX_URL or not (ours or url.partition(":")[0].lower() in known_schemes()):
        raise _no_url(url[:MAX_URL])


def _no_url(url: str) -> InvalidRequest:
    others = "".join(f", {scheme}:" for scheme in known_schemes())
    return InvalidRequest(f"{describe_text(url)} is not a store's URL; use one of: {URL_FORMS}{others}")
