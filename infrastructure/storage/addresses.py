"""Addresses of stores: the forms of a URL, and the file that the URL of an SQLite store names."""

import re
from pathlib import Path

from ...domain.errors import InvalidRequest, StorageUnavailable

MAX_URL = 10_000
"""Characters of a URL."""

SQLITE = "sqlite:///"
"""The beginning of an SQLite store's URL."""

POSTGRES = ("postgresql://", "postgres://")
"""The beginnings of a PostgreSQL store's URL."""

NO_DRIVER = "a PostgreSQL store needs a driver: pip install 'flowledger[postgres]'"

URL_FORMS = "memory:, sqlite:///file.db (sqlite:////file.db for an absolute path), postgresql://user@host/database"


def sqlite_file(url: str) -> Path:
    """The file of an SQLite store's URL. Raises InvalidRequest."""
    path = url.removeprefix(SQLITE)
    if not path or path.startswith(":memory:"):
        raise InvalidRequest(f"an SQLite store is a file; use one of: {URL_FORMS}")
    if re.match(r"[a-z][a-z0-9+.-]+:/", path, re.IGNORECASE):
        raise InvalidRequest(f"another URL follows {SQLITE}, and an SQLite store is a file; use one of: {URL_FORMS}")
    try:
        file = Path(path).absolute()
    except OSError as error:
        raise StorageUnavailable(f"the SQLite store {path}: the current folder is gone ({error.strerror})") from error
    try:
        str(file).encode()
    except UnicodeEncodeError:
        raise InvalidRequest(f"the path {str(file)!r} of an SQLite store isn't UTF-8 text: choose another") from None
    return file


def no_store(place: str) -> StorageUnavailable:
    """The error for an address without a store, where none may be created."""
    return StorageUnavailable(f"there is no store at {place} yet: check the address, or save a workflow there first")
