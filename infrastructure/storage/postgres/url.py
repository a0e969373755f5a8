"""The option ``schema`` of a PostgreSQL store's URL: one ledger a schema."""

from typing import Final, NamedTuple
from urllib.parse import unquote

from ....domain.errors import InvalidRequest
from ....domain.visible import quoted

MAX_NAME: Final = 63
"""Bytes of a schema's name: PostgreSQL cuts longer ones off, and two may then be one."""

_OF_THE_SERVER: Final = ("pg_", "information_schema")


class PostgresUrl(NamedTuple):
    """A store's URL in two parts."""

    conninfo: str
    """What the client library is given."""
    schema: str | None
    """Where the store is; None: where the search path says."""


def split_url(url: str) -> PostgresUrl:
    """Take ``schema=NAME`` out of the URL. Raises InvalidRequest for what can't be a schema of ours."""
    # Behind the last "@", as a password that isn't encoded may have a question mark, too.
    begin, at, rest = url.rpartition("@")
    place, mark, query = rest.partition("?")
    options = query.split("&") if mark else []
    names = [unquote(option[len(_OPTION) :]) for option in options if option.startswith(_OPTION)]
    if not names:
        return PostgresUrl(url, None)
    others = [option for option in options if not option.startswith(_OPTION)]
    if len(names) > 1 or any("search_path" in unquote(option) for option in others):
        raise InvalidRequest("the URL names a schema twice: give one schema=NAME, and no search_path")
    left = "&".join(others)
    return PostgresUrl(f"{begin}{at}{place}{mark if left else ''}{left}", _checked(names[0]))


_OPTION: Final = "schema="


def _checked(name: str) -> str:
    if not name or "\0" in name or len(name.encode(errors="replace")) > MAX_NAME:
        raise InvalidRequest(f"schema {quoted(name)} is no name: give 1 to {MAX_NAME} bytes")
    if name.lower().startswith(_OF_THE_SERVER):
        raise InvalidRequest(f"schema {quoted(name)} belongs to the server: name one of yours")
    return name
