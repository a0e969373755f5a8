"""Backup: a copy of a whole store in one file, made while other processes work with it."""

import os
import re
import shlex
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from eventsourcing.persistence import PersistenceError

from ...domain.errors import InvalidRequest, StorageCorrupt, StorageUnavailable
from ..files.atomic import make_private_file, stage_file
from ..files.paths import resolve_path
from ..storage.addresses import POSTGRES, SQLITE, no_store, sqlite_file
from ..storage.errors import to_storage_error
from ..storage.event_store import LedgerEventStore
from ..storage.memory.recorder import MemoryRecorder
from ..storage.postgres.url import split_url
from ..storage.sqlite.datastore import Connection, SQLiteDatastore
from ..storage.sqlite.recorder import SQLiteRecorder
from ..storage.sqlite.schema import APPLICATION_ID
from ..storage.sqlite.search import register_functions
from .report import BackupReport

Progress = Callable[[float], object]

_PAGES = 1_000
"""Pages between two calls of the progress callback: some 4 MB."""

_EVENTS = ("flowledger_events", "stored_events")
"""The table of events, and its name in stores that no newer release has opened yet."""

_SUBJECT_KEYS = "flowledger_subject_keys"


def back_up(
    store: LedgerEventStore,
    path: Path,
    *,
    force: bool = False,
    progress: Progress | None = None,
    subject_keys: bool = False,
) -> BackupReport:
    """Copy an open store, with the keys of subjects or without them.

    Raises InvalidRequest, StorageUnavailable, StorageCorrupt.
    """
    if isinstance(store.recorder, SQLiteRecorder):
        return _back_up(
            Path(store.recorder.datastore.name), path, force=force, progress=progress, subject_keys=subject_keys
        )
    in_memory = "memory:" if isinstance(store.recorder, MemoryRecorder) else "a store of another kind"
    raise _refuse_other_backends(getattr(getattr(store.recorder, "datastore", None), "conninfo", in_memory), path)


def back_up_at(
    url: str, path: Path, *, force: bool = False, progress: Progress | None = None, subject_keys: bool = False
) -> BackupReport:
    """The same by the store's URL, without opening it: a backup before an upgrade must not upgrade."""
    if not url.startswith(SQLITE):
        raise _refuse_other_backends(url, path)
    file = sqlite_file(url)
    if not os.path.exists(file):
        raise no_store(str(file))
    return _back_up(file, path, force=force, progress=progress, subject_keys=subject_keys)


def _back_up(file: Path, path: Path, *, force: bool, progress: Progress | None, subject_keys: bool) -> BackupReport:
    _check_target(file, path)
    with stage_file(path, replace=force) as new:
        make_private_file(new)
        try:
            copied = _copy(file, new, progress)
            found = _check_copy(new)
        except sqlite3.Error as error:  # an error of the copy; errors of the store say so
            raise StorageUnavailable(f"can't back up {str(file)!r} to {str(path)!r}: {error}") from error
        except PersistenceError as error:
            raise to_storage_error(error) from error
        if copied != found:
            raise StorageCorrupt(f"the copy of {str(file)!r} is not what the store holds, and was thrown away")
        if not subject_keys and _SUBJECT_KEYS in copied:
            _leave_keys_out(new)
        size = new.stat().st_size
    events, streams = next((found[name] for name in _EVENTS if name in found), (0, 0))
    return BackupReport(str(path), events, streams, size)


def _leave_keys_out(new: Path) -> None:
    """A copy that is kept would bring back the keys of subjects that are erased later."""
    with closing(sqlite3.connect(new, isolation_level=None)) as copy:
        copy.execute("PRAGMA secure_delete = ON")
        copy.execute(f"DELETE FROM {_SUBJECT_KEYS}")  # noqa: S608 - a table of ours
        copy.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _check_target(file: Path, path: Path) -> None:
    try:
        place = resolve_path(path)
        if isinstance(place, int):
            return
        if os.path.exists(place) and os.path.samefile(file, place):
            raise InvalidRequest(f"{str(path)!r} is the store itself: name another file")
    except OSError as error:
        raise StorageUnavailable(f"can't write {str(path)!r}: {error.strerror}") from error
    for beside in ("-wal", "-shm", "-journal"):
        if os.path.lexists(f"{place}{beside}"):
            # SQLite would take its content for the newest part of the copy.
            raise InvalidRequest(
                f"'{place}{beside}' belongs to a database that is, or was, in that place: name another file, "
                "or remove it once nobody uses that database"
            )


def _copy(file: Path, new: Path, progress: Progress | None) -> "_Counts":
    """Copy the store as it is at the start, and return its counts then."""
    # A connection of its own, so that no thread's is busy meanwhile.
    with closing(SQLiteDatastore(str(file))) as own, closing(sqlite3.connect(new)) as copy:
        copy.execute("PRAGMA synchronous = OFF")  # it is synced when it is complete
        copy.execute("PRAGMA journal_mode = OFF")
        with own.errors():
            source = own.connection()
            _check_ours(file, source)
            # Kept open: otherwise SQLite would see other writes between the steps of a backup, and start again, without
            # end beside a busy writer. All pages at once (pages=-1) would avoid that, but give no progress.
            source.execute("BEGIN")
            counts = _counts(source)
        with source.in_use:
            source.backup(copy, pages=_PAGES, progress=None if progress is None else _report_progress(progress))
        return counts


def _report_progress(progress: Progress) -> Callable[[int, int, int], None]:
    def tell(_status: int, remaining: int, total: int) -> None:
        progress((total - remaining) / total if total else 1.0)

    return tell


def _check_ours(file: Path, source: Connection) -> None:
    if source.execute("PRAGMA application_id").fetchone() != (APPLICATION_ID,):
        raise StorageCorrupt(f"{str(file)!r} is no store of flowledger: nothing was copied")


def _check_copy(new: Path) -> "_Counts":
    """Check the integrity of the copy, and return its counts. Raises StorageCorrupt, sqlite3.Error."""
    # Opened as immutable, so that no log is made beside it.
    with closing(sqlite3.connect(f"file:{quote(os.fsencode(new))}?immutable=1", uri=True)) as copy:
        register_functions(copy)
        faults = [fault for (fault,) in copy.execute("PRAGMA quick_check") if fault != "ok"]
        if faults:
            raise StorageCorrupt(f"the store is damaged, as its copy is: {faults[0]}; verify tells which events it is")
        return _counts(copy)


_Counts = dict[str, tuple[int, int]]
"""Table → count of its rows, and for the table of events of its streams."""


def _counts(connection: sqlite3.Connection) -> _Counts:
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    counted: _Counts = {}
    for name in tables:
        streams = "count(DISTINCT originator_id)" if name in _EVENTS else "0"
        counted[name] = connection.execute(f'SELECT count(*), {streams} FROM "{name}"').fetchone()  # noqa: S608 - names of our own tables
    return counted


def _refuse_other_backends(url: str, path: Path) -> InvalidRequest:
    if url == "memory:":
        return InvalidRequest(
            "a store in memory ends with its process and is not backed up; history.export keeps a run of it"
        )
    if not url.startswith(POSTGRES):
        return InvalidRequest("only a store in an SQLite file is copied by us: others are backed up by their own means")
    conninfo, schema = split_url(url)
    database = shlex.quote(without_password(conninfo))
    file = shlex.quote(str(path))
    what, only = "One database", ""
    if schema is not None:
        pattern = '"' + schema.replace('"', '""') + '"'  # in quotes, as pg_dump takes it for a pattern otherwise
        what, only = "One schema", f" --schema={shlex.quote(pattern)}"
    return InvalidRequest(
        f"a PostgreSQL store is backed up by PostgreSQL's own tools. {what}, as it is now:\n"
        f"  pg_dump --format=custom{only} --file={file} {database}\n"
        "The whole server, to go back to any moment with its archived log:\n"
        f"  pg_basebackup --wal-method=stream --pgdata={file} --dbname={database}\n"
        "Both ask for the password, or take it from PGPASSWORD or ~/.pgpass"
    )


def without_password(url: str) -> str:
    """The URL without its password."""
    url = re.sub(r"(?<=://)([^:/?#@]*):.*@", r"\1@", url)
    return re.sub(r"(?<=[?&])(?:ssl)?password=[^&#]*&?", "", url).rstrip("?&")
