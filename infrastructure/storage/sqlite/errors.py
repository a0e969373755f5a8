"""SQLite's errors in eventsourcing's terms, each with a hint what to do about it."""

import sqlite3

from eventsourcing.persistence import DataError, IntegrityError, InternalError, OperationalError, PersistenceError

from ..errors import WriteRefused

_HINTS = {
    sqlite3.SQLITE_BUSY: "another process has held the write lock for too long",
    sqlite3.SQLITE_FULL: "make room on the disk",
    sqlite3.SQLITE_READONLY: "the file or its disk is read-only",
    sqlite3.SQLITE_CANTOPEN: "check that its folder exists and may be written to",
}
_WRITE_REFUSED = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}
_VALUE_REFUSED = {sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH}

_CORRUPT = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR}
"""The last one is what a missing table gives: our statements have no other way to be wrong."""


def translate_error(error: sqlite3.Error, name: str) -> PersistenceError:
    """The error of a statement on the store called ``name``."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    text = f"the SQLite store {name}: {error}"
    if isinstance(error, sqlite3.IntegrityError):
        return IntegrityError(text)
    if code in _CORRUPT:
        return InternalError(text)
    hint = _HINTS.get(code)
    kind = WriteRefused if code in _WRITE_REFUSED else DataError if code in _VALUE_REFUSED else OperationalError
    return kind(f"{text}; {hint}" if hint else text)
