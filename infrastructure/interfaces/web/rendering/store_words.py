"""What the foot of a page says of the store: its name and its kind, without what is secret in an address."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ....ledger.ledger import url_of
from ....storage.addresses import POSTGRES, SQLITE

if TYPE_CHECKING:
    from ..requests import Call


def store_words(call: Call) -> str:
    """Such as ``Store orders on PostgreSQL``."""
    return words_of(url_of(call.ledger))


def words_of(url: str | None) -> str:
    """The same by a URL; None: the application has opened it."""
    if url is None:
        return "A store of the application"
    if url.startswith(SQLITE):
        return f"Store {PurePosixPath(url.removeprefix(SQLITE)).stem} on SQLite"
    if url.startswith(POSTGRES):
        name = unquote(urlsplit(url).path.strip("/"))
        return f"Store {name} on PostgreSQL" if name else "A store on PostgreSQL"
    return "A store in memory" if url == "memory:" else f"A store on {url.partition(':')[0]}"
