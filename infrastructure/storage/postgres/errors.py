"""PostgreSQL's errors in eventsourcing's terms, each with a hint what to do about it."""

from typing import Final

import psycopg
from eventsourcing.persistence import (
    DataError,
    IntegrityError,
    InternalError,
    OperationalError,
    PersistenceError,
    ProgrammingError,
)

from ..errors import WriteRefused

_GONE: Final = ("42P01", "42703")
"""A table or a column is gone."""

_CORRUPT: Final = ("XX001", "XX002")
"""Data or an index is corrupted."""

_WRITE_REFUSED: Final = ("25006", "42501")
"""A replica, or a role without the right."""

_VALUE_REFUSED: Final = ("22", "23", "54")
"""Classes of errors: a value isn't of its type, breaks a constraint, or is too large for the server."""

_SHUTDOWN: Final = ("57P01", "57P02", "57P03")
"""The server or this session ends, by an administrator or in a crash."""

_HIDDEN_POOLER: Final = (
    "a pooler that can't be told from the server seems to be in between: let it keep sessions (pool_mode = session)"
)

_HINTS: Final = {
    "25006": "this server can be read, but not written to: it is a replica, or default_transaction_read_only is on; "
    "give the URL of the primary to write",
    "26000": _HIDDEN_POOLER,
    "40001": "another transaction, or on a replica the replay of one, was in the way: try again",
    "42501": "run the GRANTs that `flowledger schema` prints as an administrator",
    "42P05": _HIDDEN_POOLER,
    "53100": "make room on the server's disk",
    "53200": "the server is short of memory",
    "55P03": "another transaction holds a lock for longer than lock_timeout",
    "57014": "it took longer than statement_timeout, or an administrator cancelled it; nothing of it is stored",
}

_REFUSALS: Final = {
    "unsupported startup parameter": "a pooler in front of the server takes no such setting: leave it out of the URL, "
    "and set it for the user instead, as in ALTER ROLE … SET search_path = …",
    **dict.fromkeys(
        ("too many clients", "connection slots are reserved", "too many connections", "no more connections allowed"),
        "all its connections are taken: raise max_connections, let fewer processes open the store (each keeps up to "
        "ten), or put a pooler in front",
    ),
}
"""By words of the message, as refused connections come without a code."""


def is_broken(error: psycopg.Error) -> bool:
    """Whether the error shows that the connection is dead, though the driver may still take it for good.

    Over a Unix socket a server's crash gives an error without a code, and the socket's end is noticed only later.
    """
    if error.sqlstate is None:
        return type(error) in (psycopg.DatabaseError, psycopg.OperationalError)
    return error.sqlstate in _SHUTDOWN or error.sqlstate.startswith("08")


def translate_error(error: psycopg.Error) -> PersistenceError:
    """Translate the error of a statement on a connection that is still good."""
    if isinstance(error, psycopg.errors.UniqueViolation):
        return IntegrityError(str(error))
    text = f"PostgreSQL: {error}"
    if isinstance(error, psycopg.DataError) and (error.sqlstate or "22").startswith("22"):
        # The driver's, or of the class "data exception": a text with a NUL, a number out of range.
        return DataError(f"PostgreSQL can't hold a value that was given: {error}")
    if error.sqlstate in _GONE:
        return ProgrammingError(text)
    if error.sqlstate in _CORRUPT:
        return InternalError(text)
    hint = _HINTS.get(error.sqlstate or "")
    kind: type[PersistenceError] = OperationalError
    if error.sqlstate in _WRITE_REFUSED:
        kind = WriteRefused
    elif error.sqlstate is not None and error.sqlstate.startswith(_VALUE_REFUSED):
        kind = DataError
    return kind(f"{text}; {hint}" if hint else text)


def unreachable(reason: str) -> OperationalError:
    """The error of connecting; ``reason`` must not show a password."""
    hints = [hint for words, hint in _REFUSALS.items() if words in reason]
    return OperationalError("; ".join([f"PostgreSQL can't be reached: {reason}", *hints[:1]]))
