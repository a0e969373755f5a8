"""Appending to PostgreSQL: one event, a batch, or a bulk, each one durable commit.

Straight through libpq where events are few: the driver's cursor would add a fifth to the time that one commit takes,
and its array dumpers would more than double the processor time for each event of a batch.
"""

from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from struct import Struct
from typing import Final

import psycopg
from eventsourcing.persistence import StoredEvent
from psycopg.pq import DiagnosticField, ExecStatus, Format
from psycopg.pq.abc import PGresult

from .postgres_pool import Connection
from .sql_files import queries

SCHEMA_LOCK: Final = 0x464C4C47
"""The advisory lock of who changes the schema or begins an epoch."""

COPY_FROM_EVENTS = 2_000
COPY_FROM_BYTES = 2**20
"""From either on, COPY was measured to be faster than one statement with arrays, and it needs no memory for them."""

_SQL = {name: statement.encode() for name, statement in queries("postgres").items()}
_OID = {name: psycopg.adapters.types[name].oid for name in ("int8", "text", "bytea")}
_ARRAY = {name: psycopg.adapters.types[name].array_oid for name in ("int8", "text", "bytea")}
_PARAMETERS = {
    "append_event": [_OID["int8"], _OID["text"], _OID["int8"], _OID["text"], _OID["bytea"]],
    "append_events": [_OID["int8"], _ARRAY["text"], _ARRAY["int8"], _ARRAY["text"], _ARRAY["bytea"]],
}
_NOT_PREPARED: Final = b"26000"
_ALL_BINARY = [Format.BINARY] * 5
_COLUMNS = ["text", "int8", "text", "bytea", "int8"]

# Behind a pooler the next statement may reach another cluster than the last, so it looks itself for what to add.
_LOOKING = {name: _SQL[name].replace(b"$1", b"(" + _SQL["added"] + b")") for name in _PARAMETERS}

_int8 = Struct("!q").pack
_length = Struct("!i").pack
_length_and_int8 = Struct("!iq").pack
_array_header = Struct("!iiIii").pack


class _EpochMustBegin(Exception):
    """New positions would not lie above all stored ones."""


def append(connection: Connection, events: Sequence[StoredEvent]) -> list[int]:
    """Store the events in one commit and return their positions, in the order of the events.

    Raises psycopg's errors; nothing is stored then, unless the connection is lost.
    """
    try:
        base = _insert(connection, events)
    except (_EpochMustBegin, psycopg.errors.NotNullViolation):
        # The second is what a statement gives that looks itself, and finds nothing to add.
        _begin_epoch(connection)
        base = _insert(connection, events)
    return list(range(base + 1, base + 1 + len(events)))


def _insert(connection: Connection, events: Sequence[StoredEvent]) -> int:
    """Store the events at the positions that follow the one returned."""
    if len(events) == 1:
        return _execute(connection, "append_event", _of_one(events[0]))
    if len(events) >= COPY_FROM_EVENTS or sum(len(event.state) for event in events) >= COPY_FROM_BYTES:
        return _copy(connection, events)
    return _execute(connection, "append_events", _of_several(events))


def _execute(connection: Connection, statement: str, values: list[bytes]) -> int:
    if connection.is_pooled:
        types = _PARAMETERS[statement]
        result = connection.pgconn.exec_params(_LOOKING[statement], [None, *values], types, _ALL_BINARY, Format.BINARY)
    else:
        result = _execute_prepared(connection, statement, [_int8(_added(connection)), *values])
    base = _checked(result, ExecStatus.TUPLES_OK).get_value(0, 0)
    return int.from_bytes(base or b"", "big")


def _execute_prepared(connection: Connection, statement: str, values: list[bytes]) -> PGresult:
    if statement not in connection.prepared:
        _prepare(connection, statement)
    result = connection.pgconn.exec_prepared(statement.encode(), values, _ALL_BINARY, Format.BINARY)
    if result.status == ExecStatus.TUPLES_OK or result.error_field(DiagnosticField.SQLSTATE) != _NOT_PREPARED:
        return result
    # The driver drops all that was prepared on a connection when it rolls a transaction back, also what isn't its own.
    _prepare(connection, statement)
    return connection.pgconn.exec_prepared(statement.encode(), values, _ALL_BINARY, Format.BINARY)


def _prepare(connection: Connection, statement: str) -> None:
    result = connection.pgconn.prepare(statement.encode(), _SQL[statement], _PARAMETERS[statement])
    _checked(result, ExecStatus.COMMAND_OK)
    connection.prepared.add(statement)


def _of_one(event: StoredEvent) -> list[bytes]:
    return [str(event.originator_id).encode(), _int8(event.originator_version), event.topic.encode(), event.state]


def _of_several(events: Sequence[StoredEvent]) -> list[bytes]:
    return [
        _array("text", [str(event.originator_id).encode() for event in events]),
        _int8_array([event.originator_version for event in events]),
        _array("text", [event.topic.encode() for event in events]),
        _array("bytea", [event.state for event in events]),
    ]


def _array(element: str, items: Sequence[bytes]) -> bytes:
    return _header(element, items) + b"".join(
        chain.from_iterable(zip(map(_length, map(len, items)), items, strict=True))
    )


def _int8_array(items: Sequence[int]) -> bytes:
    return _header("int8", items) + b"".join(map(_length_and_int8, repeat(8), items))


def _header(element: str, items: Sequence[object]) -> bytes:
    # One dimension, no nulls, the type, so many elements, counted from 1.
    return _array_header(1, 0, _OID[element], len(items), 1)


def _copy(connection: Connection, events: Sequence[StoredEvent]) -> int:
    # In the order in which the other statements take streams, so that no two writers wait for each other.
    placed: Iterable[tuple[int, StoredEvent]] = sorted(
        enumerate(events, 1), key=lambda item: (item[1].originator_id, item[1].originator_version)
    )
    with connection.transaction(), connection.cursor() as cursor:
        (base,) = cursor.execute(_SQL["copy_base"]).fetchone() or (None,)
        if base is None:
            raise _EpochMustBegin
        with cursor.copy(_SQL["copy_events"]) as rows:
            rows.set_types(_COLUMNS)
            for place, event in placed:
                stream = str(event.originator_id)
                rows.write_row((stream, event.originator_version, event.topic, event.state, base + place))
    return int(base)


def _added(connection: Connection) -> int:
    """What to add to the numbers of transactions: looked up once, as a connection stays in its cluster."""
    if connection.added is None:
        (connection.added,) = connection.execute(_SQL["added"]).fetchone() or (None,)
    if connection.added is None:
        raise _EpochMustBegin
    return connection.added


def _begin_epoch(connection: Connection) -> None:
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (SCHEMA_LOCK,))
        connection.execute(_SQL["begin_epoch"])
    connection.added = None


def _checked(result: PGresult, wanted: ExecStatus) -> PGresult:
    if result.status != wanted:
        raise psycopg.errors.error_from_result(result, "utf-8")
    return result
