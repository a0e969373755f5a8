"""A store on PostgreSQL inside a transaction of the caller's: what is read and appended goes through the caller's
connection, and is committed or rolled back by the caller.

Each append has a savepoint, so one that is refused leaves the transaction as it was.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, ParamSpec, TypeVar

import psycopg
from eventsourcing.persistence import PersistenceError, StoredEvent
from psycopg.pq import ExecStatus

from ....domain.errors import InvalidRequest
from ...concurrency.threads import RunsInThread
from ..callers import CallersConnection
from ..errors import ConnectionLost, TransactionOutdated, WriteRefused
from ..recorder import MAX_EVENTS_PER_COMMIT, LedgerRecorder, StreamRow
from .append import EpochMustBegin, insert_inside, statements_for
from .borrowing import BorrowedConnection, BorrowingPool, entered
from .datastore import PostgresDatastore, place_of
from .errors import is_broken, translate_error
from .pool import Connection
from .recorder import PostgresRecorder

_Params = ParamSpec("_Params")
_Result = TypeVar("_Result")

TRY_AGAIN: Final = "roll your transaction back, and do all of it again"

_OUTDATED: Final = ("40001", "40P01")
"""A transaction's snapshot is too old for what it would write; two waited for each other."""

_PLACES: Final = 20
"""Bits of a position that count the events of one transaction."""


class InsideDatastore(PostgresDatastore):
    """Statements through the caller's connection, on the tables of a store that is open."""

    def __init__(self, outside: PostgresDatastore, caller: CallersConnection) -> None:
        self.conninfo = outside.conninfo
        vars(self)["store_schema"] = outside.store_schema  # in place of the lazy one
        self._outside = outside
        self._pool: Any = BorrowingPool(caller, self._check_place)
        self.callers_transaction: int | None = None
        """The number of the transaction that was appended in last."""

    def close(self) -> None:
        """The caller closes the connection."""

    def append_behind(self, seen: int, events: Sequence[StoredEvent]) -> list[int]:
        """Store the events at positions above ``seen``, the greatest that was read, or leave all as it was."""
        try:
            base = self._insert(seen, events)
        except EpochMustBegin:
            self._outside.begin_epoch()
            try:
                base = self._insert(seen, events)
            except EpochMustBegin:
                raise TransactionOutdated(f"a new epoch began, which this transaction can't see: {TRY_AGAIN}") from None
        return list(range(base + 1, base + 1 + len(events)))

    def _insert(self, seen: int, events: Sequence[StoredEvent]) -> int:
        statements = statements_for(self.store_schema)
        with self.connection() as connection:
            _command(connection, b"SAVEPOINT flowledger")
            try:
                base, self.callers_transaction = insert_inside(connection, statements, events)
                if base >> _PLACES < seen >> _PLACES:
                    raise TransactionOutdated(
                        "what this is based on was stored after your transaction had begun to write, so it can't be "
                        f"stored before that: {TRY_AGAIN}, with this call before your own writes"
                    )
                if (base % (1 << _PLACES)) + len(events) > MAX_EVENTS_PER_COMMIT:
                    raise InvalidRequest(f"{MAX_EVENTS_PER_COMMIT:,} events are the most in one transaction")
            except BaseException:
                with suppress(psycopg.Error):  # the connection may be lost
                    _command(connection, b"ROLLBACK TO SAVEPOINT flowledger; RELEASE SAVEPOINT flowledger")
                raise
            _command(connection, b"RELEASE SAVEPOINT flowledger")
            return base

    def _check_place(self, borrowed: BorrowedConnection) -> None:
        """Raises InvalidRequest where the connection leads to another database than the store's."""
        if borrowed.place is None:
            borrowed.place = place_of(borrowed)
        if borrowed.place == self._outside.place():
            return
        borrowed.place = place_of(borrowed)  # behind a pooler another server may have taken over, as at the ledger's
        if borrowed.place != self._outside.place(again=True):
            raise InvalidRequest(
                f"this connection leads to another database than the ledger's, to {borrowed.info.dbname!r}: "
                "what is appended must be committed together with your own rows, so both must be in one database"
            )

    def _translate(self, error: psycopg.Error, connection: Connection) -> PersistenceError:
        if connection.closed or is_broken(error):
            return ConnectionLost(f"the connection was lost, and your transaction with it; nothing is stored: {error}")
        if error.sqlstate in _OUTDATED:
            return TransactionOutdated(f"PostgreSQL: {error}; others have written since it began: {TRY_AGAIN}")
        if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
            return WriteRefused(f"PostgreSQL: {error}; your transaction is READ ONLY, or the server is a replica")
        return translate_error(error)


class InsideRecorder(PostgresRecorder):
    """The recorder of a store, through the caller's connection.

    A position is the number of the transaction, which it has got with its first write: others may have been stored
    since then that it nevertheless sees. To append behind what was read, as every append does, it must not be older.
    """

    def __init__(self, outside: PostgresRecorder, caller: CallersConnection) -> None:
        vars(self).update(vars(outside))
        self.datastore = self._inside = InsideDatastore(outside.datastore, caller)
        self._seen = 0

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> list[int]:
        seen, self._seen = self._seen, 0  # the next append is based on what is read for it
        return self._inside.append_behind(seen, stored_events) if stored_events else []

    @property
    def callers_transaction(self) -> int | None:  # type: ignore[override]
        return self._inside.callers_transaction

    def header(self, stream: str, version: int) -> tuple[bytes, int] | None:
        found = super().header(stream, version)
        if found is not None:
            self._see(found[1])
        return found

    def beginning(self, stream: str, upto: int | None) -> tuple[int, str, bytes] | None:
        found = super().beginning(stream, upto)
        if found is not None:
            self.header(stream, found[0])  # for its position
        return found

    def stream_batch(self, stream: str, after: int, upto: int | None) -> Sequence[StreamRow]:
        return self._see_last(super().stream_batch(stream, after, upto))

    def stream_batch_backwards(self, stream: str, after: int, upto: int | None, rows: int) -> Sequence[StreamRow]:
        return self._see_last(super().stream_batch_backwards(stream, after, upto, rows))

    def _see_last(self, rows: Sequence[StreamRow]) -> Sequence[StreamRow]:
        if rows:  # positions grow within a stream
            self._see(max(rows[0][3], rows[-1][3]))
        return rows

    def _see(self, position: int) -> None:
        self._seen = max(self._seen, position)


class InsideThreads:
    """Runs calls on an async connection in threads of a pool, each while it holds the connection."""

    def __init__(self, threads: RunsInThread, caller: CallersConnection) -> None:
        self._threads = threads
        self._caller = caller

    async def run(
        self, function: Callable[_Params, _Result], /, *args: _Params.args, **kwargs: _Params.kwargs
    ) -> _Result:
        """Call the function in a thread. A caller who is cancelled waits until the connection is free again."""
        async with entered(self._caller) as lender:
            call = asyncio.ensure_future(self._threads.run(function, *args, **kwargs))
            try:
                return await asyncio.shield(call)
            except asyncio.CancelledError:
                await _end(call, lender)
                raise


def enter(
    outside: PostgresRecorder, caller: CallersConnection, threads: RunsInThread
) -> tuple[LedgerRecorder, RunsInThread]:
    """The recorder through the caller's connection, and what async calls on it run in."""
    return InsideRecorder(outside, caller), InsideThreads(threads, caller) if caller.is_async else threads


async def _end(call: "asyncio.Future[Any]", lender: "psycopg.AsyncConnection[Any]") -> None:
    """Cancel the statements of a call until it is over: the thread must not use the connection any more."""
    while not call.done():
        with suppress(asyncio.CancelledError):
            with suppress(psycopg.Error):
                await lender.cancel_safe(timeout=1)
            await asyncio.wait([call], timeout=0.05)
    if not call.cancelled():
        call.exception()  # it isn't of interest any more


def _command(connection: Connection, sql: bytes) -> None:
    result = connection.pgconn.exec_(sql)
    if result.status != ExecStatus.COMMAND_OK:
        raise psycopg.errors.error_from_result(result, "utf-8")
