"""Opens the store in an SQLite file, or makes it."""

from errno import ENAMETOOLONG
from functools import partial
from pathlib import Path

from ....domain.errors import StorageUnavailable
from ...files.atomic import make_private_file
from ...files.paths import resolve_path
from ..addresses import no_store
from ..codec import LedgerMapper
from ..event_store import LedgerEventStore
from .checkpoints import SQLiteCheckpoints
from .datastore import SQLiteDatastore
from .inside import enter
from .recorder import SQLiteRecorder
from .search import SQLiteSearch
from .subscriptions import sqlite_subscriptions
from .tree import sqlite_tree
from .wakeups import watch_file


def open_sqlite(file: Path, mapper: LedgerMapper, *, create: bool) -> LedgerEventStore:
    """Raises StorageUnavailable where the file can't be opened, or, without ``create``, isn't there."""
    try:
        resolve_path(file)
        if create:
            # SQLite would make it readable for all, and gives its log and locks the mode of the file.
            make_private_file(file)
        elif not file.exists():
            raise no_store(str(file))
    except OSError as error:
        hint = "; check that its folder exists and may be written to" if error.errno != ENAMETOOLONG else ""
        raise StorageUnavailable(f"the SQLite store {file}: unable to open it: {error.strerror}{hint}") from error
    datastore = SQLiteDatastore(str(file))
    try:
        recorder = SQLiteRecorder(datastore)
        recorder.create_table()
        search = SQLiteSearch(recorder, datastore.write_transaction, beside_events=True)
        checkpoints, within = SQLiteCheckpoints(datastore), partial(enter, recorder)
        wakeups, subscriptions = watch_file(file), sqlite_subscriptions(datastore.write_transaction)
        tree = sqlite_tree(recorder, datastore.write_transaction)
        return LedgerEventStore(mapper, recorder, checkpoints, search, wakeups, within, subscriptions, tree)
    except BaseException:
        datastore.close()
        raise
