"""Statements through a connection of the caller's, in the transaction that is open on it.

Ours go through a second object of the driver's on the same libpq connection. So the caller's row factories, cursor
classes, loaders and prepared statements don't touch them, nor do they touch those.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Any, Final
from weakref import WeakKeyDictionary

import psycopg
from psycopg.pq import PipelineStatus, TransactionStatus

from ....domain.errors import InvalidRequest
from ..callers import CallersConnection, refuse_connection
from .datastore import Place
from .pool import Connection

BUSY_TIMEOUT = 10.0
"""Seconds to wait for a statement of the caller's other threads or tasks."""

_entered: ContextVar[tuple[CallersConnection, Any] | None] = ContextVar("flowledger_entered", default=None)
"""The async connection that this call holds the lock of."""


class BorrowedConnection(Connection):
    """The driver's connection on a libpq connection that belongs to another one, which also closes it."""

    place: Place | None = None
    """Where it leads, once that was read."""

    def __init__(self, lender: Any) -> None:
        pgconn = lender.pgconn
        handlers = pgconn.notice_handler, pgconn.notify_handler
        super().__init__(pgconn)
        pgconn.notice_handler, pgconn.notify_handler = handlers  # the constructor has put its own in their place
        self._autocommit = True  # begin nothing: the caller has
        self.is_behind_pooler = True  # for all we know, and what was prepared would stay behind with the caller
        self.prepare_threshold = None

    def __del__(self, *_: object) -> None:
        """It is the other one that must be closed."""


class BorrowingPool:
    """Stands in for a pool, with the caller's connection as its only one."""

    def __init__(self, caller: CallersConnection, check_place: Callable[[BorrowedConnection], None]) -> None:
        self._caller = caller
        self._check_place = check_place
        self._lock: Any = None

    def acquire(self) -> BorrowedConnection:
        """The caller's connection, in a transaction that can take statements. Raises InvalidRequest."""
        entered = _entered.get()
        if entered is not None and entered[0] is self._caller:
            lender = entered[1]
        else:
            lender = self._caller.driver()
            if not isinstance(lender, psycopg.Connection):
                raise refuse_connection(lender, _TAKEN)
            _lock(lender)
            if lender.pgconn.transaction_status == TransactionStatus.IDLE:
                lender.lock.release()
                psycopg.Cursor(lender).execute("SELECT 1")  # so it begins as its isolation level says
                _lock(lender)
            self._lock = lender.lock
        try:
            borrowed = _borrowed(lender)
            self._check_place(borrowed)
        except BaseException:
            self.release()
            raise
        return borrowed

    def release(self, _: object = None) -> None:
        """Give it back to the caller's other threads. An async one stays taken until the call is over."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()

    def discard_broken(self, connection: Connection) -> None:
        """The caller closes it."""

    def drop_idle(self) -> None:
        """There are none."""

    def close(self) -> None:
        """The caller closes it."""


@asynccontextmanager
async def entered(caller: CallersConnection) -> AsyncGenerator[Any]:
    """The caller's async connection, in a transaction, and locked: the calls in this context may use it in a thread."""
    lender = await caller.adriver()
    if not isinstance(lender, psycopg.AsyncConnection):
        raise refuse_connection(lender, _TAKEN)
    await _alock(lender)
    if lender.pgconn.transaction_status == TransactionStatus.IDLE:
        lender.lock.release()
        await psycopg.AsyncCursor(lender).execute("SELECT 1")
        await _alock(lender)
    token = _entered.set((caller, lender))
    try:
        yield lender
    finally:
        _entered.reset(token)
        lender.lock.release()


def _lock(lender: "psycopg.Connection[Any]") -> None:
    """Wait for other threads of the caller's. A stream that this one reads would never end."""
    if not lender.lock.acquire(timeout=BUSY_TIMEOUT):
        raise _busy()
    try:
        _check_usable(lender)
    except BaseException:
        lender.lock.release()
        raise


async def _alock(lender: "psycopg.AsyncConnection[Any]") -> None:
    """The same for other tasks."""
    try:
        async with asyncio.timeout(BUSY_TIMEOUT):
            await lender.lock.acquire()
    except TimeoutError:
        raise _busy() from None
    try:
        _check_usable(lender)
    except BaseException:
        lender.lock.release()
        raise


def _busy() -> InvalidRequest:
    return InvalidRequest("a statement is running on this connection (a COPY, a stream): finish that first")


def _check_usable(lender: "psycopg.Connection[Any] | psycopg.AsyncConnection[Any]") -> None:
    """Raises InvalidRequest for a connection on which nothing can be appended now."""
    if lender.closed:
        raise InvalidRequest("this connection is closed")
    pgconn = lender.pgconn
    if pgconn.pipeline_status != PipelineStatus.OFF:
        raise InvalidRequest("this connection is in pipeline mode: append before the pipeline, or behind it")
    status = pgconn.transaction_status
    if status == TransactionStatus.INERROR:
        raise InvalidRequest(
            "a statement in your transaction has failed, so it takes no others: roll it back, or to a savepoint, first"
        )
    if status == TransactionStatus.ACTIVE:
        raise _busy()
    if status == TransactionStatus.IDLE and lender.autocommit:
        raise InvalidRequest(
            "there is no transaction on this connection, as it is in autocommit mode: begin one, such as "
            "`with connection.transaction():`"
        )
    if (encoding := pgconn.parameter_status(b"client_encoding")) != b"UTF8":
        named = (encoding or b"unknown").decode()
        raise InvalidRequest(f"the client_encoding of this connection is {named}: flowledger writes UTF8")


_TAKEN: Final = "psycopg's to a store in PostgreSQL, also through SQLAlchemy (postgresql+psycopg://)"

_known: "WeakKeyDictionary[Any, BorrowedConnection]" = WeakKeyDictionary()
_known_lock = Lock()


def _borrowed(lender: Any) -> BorrowedConnection:
    """Ours beside the caller's; the same one each time, as it knows where it leads."""
    with _known_lock:
        found = _known.get(lender)
        if found is None or found.pgconn is not lender.pgconn:
            found = _known[lender] = BorrowedConnection(lender)
        return found
