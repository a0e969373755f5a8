"""The schema of a PostgreSQL database that a store lives in, and statements that reach no other.

With a search path, a table that its first schema lacks is taken from the next one, which may be another tenant's. So
statements name their schema, whatever the session's path is, also behind a pooler.
"""

import re
from functools import lru_cache
from typing import Final

from eventsourcing.persistence import OperationalError

from ..sql import queries
from .pool import Connection

_SQL = {name: queries("postgres")[name].encode() for name in ("place", "schema_exists", "schema_version")}

_OURS: Final = re.compile(r"(?<![\w.'])flowledger_\w+")
_NAME: Final = re.compile(r'"((?:[^"]|"")+)"|([^\s,"]+)')
"""A name on a search path: quoted or plain."""

_USER: Final = "$user"
"""On a search path: the schema with the user's name, if there is one."""

HOW_TO_MAKE_IT: Final = "let an administrator open the store once, or run the SQL that `{command}` prints"


def quoted(schema: str) -> str:
    """The name as a quoted SQL identifier."""
    return '"' + schema.replace('"', '""') + '"'


@lru_cache(1_000)
def bound(sql: str, schema: str) -> str:
    """The statement with every table of ours taken from this schema."""
    place = quoted(schema)
    return _OURS.sub(lambda name: f"{place}.{name[0]}", sql)


@lru_cache(1_000)
def bound_with_parameters(sql: str, schema: str) -> bytes:
    """The same for a statement with parameters that the driver puts in, where a percent sign must be doubled."""
    return bound(sql, schema.replace("%", "%%")).encode()


def find_schema(connection: Connection) -> str:
    """The schema of the session's store, existing or new: the first one of its search path.

    Raises OperationalError where that doesn't exist, as the next one may be another tenant's.
    """
    current, path, user, _ = _place(connection)
    for name in _names(path):
        if current is not None and current == (user if name == _USER else name):
            return current
        if name != _USER:
            raise OperationalError(
                f"the schema {name}, which the search path ({path}) names first, doesn't exist, or this user may not "
                f"use it: {HOW_TO_MAKE_IT.format(command='flowledger schema')} once it does, or name another schema"
            )
    raise OperationalError(f"the search path ({path}) names no schema to keep a store in: name one that exists")


def check_nothing_behind(connection: Connection, schema: str) -> None:
    """Raises OperationalError where there is no store in the schema, but one in another on the path.

    The path may be meant for either of them.
    """
    _, path, _, stores = _place(connection)
    if stores and schema not in stores:
        raise OperationalError(
            f"there is no store in the schema {schema}, which the search path ({path}) names first, but there is one "
            f"behind it in {' and in '.join(stores)}: to use that one, name it alone (search_path={stores[0]}); "
            f"to make one in {schema}, open it once with search_path={schema}"
        )


def version_in(connection: Connection, schema: str) -> int:
    """The version of the store in a schema, 0 when there is none."""
    if connection.execute(_SQL["schema_exists"], {"schema": schema}).fetchone() is None:
        return 0
    version = bound(_SQL["schema_version"].decode(), schema).encode()
    (found,) = connection.execute(version).fetchone() or (0,)
    return int(found)


def _place(connection: Connection) -> tuple[str | None, str, str, list[str]]:
    ((current, path, user, stores),) = connection.execute(_SQL["place"]).fetchall()
    return current, path, user, stores


def _names(path: str) -> list[str]:
    # What isn't in quotes is folded to lower case, and no name has more than 63 bytes.
    found = (one[1].replace('""', '"') if one[1] else one[2].lower() for one in _NAME.finditer(path))
    return [name.encode()[:63].decode(errors="ignore") for name in found]
