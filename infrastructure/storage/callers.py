"""Connections of callers: what they gave, and the driver's own connection behind that.

SQLAlchemy is recognised without being imported: who gives one of its objects has imported it.
"""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from ...domain.errors import InvalidRequest

if TYPE_CHECKING:
    from ..concurrency.threads import RunsInThread
    from .recorder import LedgerRecorder

TAKEN: Final = (
    "a connection of psycopg 3 (Connection, AsyncConnection), of SQLAlchemy 2 (Connection, Session, AsyncConnection, "
    "AsyncSession) or of sqlite3"
)


class CallersConnection:
    """A connection that a caller has a transaction on, or opens one with its first statement."""

    def __init__(self, given: object) -> None:
        """Reads and begins nothing yet. Raises InvalidRequest for what is no connection."""
        self._given: Any = given
        self._is_over = False
        self._is_session = _is_one_of(given, "sqlalchemy.orm", "Session", "scoped_session")
        self._is_async_session = _is_one_of(given, "sqlalchemy.ext.asyncio", "AsyncSession", "async_scoped_session")
        self._is_sqlalchemy = self._is_session or _is_one_of(given, "sqlalchemy.engine", "Connection")
        self._is_async_sqlalchemy = self._is_async_session or _is_one_of(
            given, "sqlalchemy.ext.asyncio", "AsyncConnection"
        )
        self.is_async = self._is_async_sqlalchemy or _is_one_of(given, "psycopg", "AsyncConnection")
        is_drivers = _is_one_of(given, "psycopg", "Connection") or _is_one_of(given, "sqlite3", "Connection")
        if not (self.is_async or self._is_sqlalchemy or is_drivers):
            raise refuse_connection(given)

    def end(self) -> None:
        """Refuse all that comes later."""
        self._is_over = True

    def driver(self) -> Any:
        """The driver's connection; SQLAlchemy's transaction has begun. Raises InvalidRequest where it is async."""
        self._check_not_over()
        if self.is_async:
            raise InvalidRequest(
                "this connection is async, so a call on it must be awaited: use the async variant, such as "
                "`await inside.runs.astart(…)`"
            )
        if not self._is_sqlalchemy:
            return self._given
        connection = self._given.connection() if self._is_session else self._given
        if not connection.in_transaction():
            connection.begin()  # or else its commit() would take itself for a commit of nothing
        return connection.connection.driver_connection

    async def adriver(self) -> Any:
        """The same for one that is async."""
        self._check_not_over()
        if not self._is_async_sqlalchemy:
            return self._given
        connection = await self._given.connection() if self._is_async_session else self._given
        if not connection.in_transaction():
            await connection.begin()
        return (await connection.get_raw_connection()).driver_connection

    def _check_not_over(self) -> None:
        if self._is_over:
            raise InvalidRequest("the block of this ledger.within(…) is over: begin another one")


Enter = Callable[[CallersConnection, "RunsInThread"], "tuple[LedgerRecorder, RunsInThread]"]
"""How a store is entered through a caller's connection: from the threads for async calls to a recorder that works in
the transaction there, and to what async calls on it are to run in."""


def refuse_connection(given: object, taken: str = TAKEN) -> InvalidRequest:
    """The error for what nothing can be appended through."""
    kind = type(given)
    return InvalidRequest(f"{kind.__module__}.{kind.__qualname__} is no connection to append through: give {taken}")


def _is_one_of(given: object, module: str, *names: str) -> bool:
    """Whether it is an instance of one of these classes of a module, which nobody has to have imported."""
    classes = [getattr(sys.modules.get(module), name, None) for name in names]
    return isinstance(given, tuple(each for each in classes if isinstance(each, type)))
