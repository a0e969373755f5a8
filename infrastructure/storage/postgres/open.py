"""Opens the store in a PostgreSQL database, or makes it."""

from functools import partial
from urllib.parse import unquote

from eventsourcing.persistence import OperationalError
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from ....domain.errors import InvalidRequest
from ..addresses import no_store
from ..codec import LedgerMapper
from ..credentials import redact_url
from ..event_store import LedgerEventStore
from ..subscription_table import SubscriptionTable
from ..tree_table import TreeTable
from .checkpoints import PostgresCheckpoints
from .datastore import PostgresDatastore, has_tables
from .inside import enter
from .recorder import PostgresRecorder
from .search import PostgresSearch
from .url import split_url
from .wakeups import PostgresWakeups


def open_postgres(url: str, mapper: LedgerMapper, *, create: bool) -> LedgerEventStore:
    """Raises InvalidRequest for a URL that libpq doesn't understand, and StorageUnavailable.

    That is where the server can't be reached, or, without ``create``, where the database has no tables.
    """
    conninfo, schema = split_url(url)
    try:
        host = str(conninfo_to_dict(conninfo).get("host") or "")
    except ProgrammingError:
        _refuse_unknown_options(conninfo)
        host = "@"
    if "@" in host:
        raise InvalidRequest(
            "that is no PostgreSQL URL: special characters of user and password must be written as %40 etc."
        )
    datastore = PostgresDatastore(conninfo, schema=schema)
    try:
        if not create and not has_tables(datastore):
            raise no_store(redact_url(url))
        recorder = PostgresRecorder(datastore)
        recorder.create_table()
        search, wakeups = PostgresSearch(datastore), PostgresWakeups(datastore)
        checkpoints, within = PostgresCheckpoints(datastore), partial(enter, recorder)
        subscriptions = SubscriptionTable(datastore.execute)
        tree = TreeTable(datastore.fetch, datastore.write_transaction, list)
        return LedgerEventStore(mapper, recorder, checkpoints, search, wakeups, within, subscriptions, tree)
    except BaseException as error:
        datastore.close()
        if schema is not None and type(error) is OperationalError:  # of many tenants, which
            raise OperationalError(f"schema {schema!r}: {error}") from error
        raise


def _refuse_unknown_options(url: str) -> None:
    """Raises InvalidRequest for a URL with an option that PostgreSQL's client library doesn't know."""
    known = {option.keyword.decode() for option in Conninfo.get_defaults()} | {"ssl"}
    # Behind the last "@", as a password that isn't encoded may have a question mark, too.
    options = url.rpartition("@")[2].partition("?")[2].split("&")
    for option in options:
        name = unquote(option.partition("=")[0])
        if name in known and "pass" in name:
            return  # the rest may belong to a password with an "&"
        if name not in known and name.isidentifier():
            hint = _OPTION_HINTS.get(name, "leave it out, or see which ones PostgreSQL's libpq has")
            raise InvalidRequest(f"the URL has an option {name!r} that PostgreSQL doesn't know: {hint}")


_OPTION_HINTS = {
    "search_path": "choose a schema with schema=NAME",
    "currentSchema": "choose a schema with schema=NAME",
    "pgbouncer": "leave it out, a pooler is noticed by itself",
}
