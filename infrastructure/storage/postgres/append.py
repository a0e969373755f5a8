"""Appending to PostgreSQL: one event, a batch, or a bulk, each one durable commit.

Small appends go straight through libpq: the driver's cursor would add a fifth to the time of one commit, and its array
dumpers would more than double the processor time for each event of a batch.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from itertools import chain, count, repeat
from struct import Struct
from typing import Any, Final, NamedTuple

import orjson
import psycopg
from eventsourcing.persistence import IntegrityError, StoredEvent
from psycopg.pq import DiagnosticField, ExecStatus, Format
from psycopg.pq.abc import PGresult

from ....domain.ports import Guard
from ....projections.index.changes import IndexChanges
from ..errors import guard_refused, predecessor_missing
from ..index_writer import PARTS, changes_in
from ..sql import queries
from ..stored_events import guards_in, previous_of
from .pool import Connection
from .schema import bound, bound_with_parameters

SCHEMA_LOCK: Final = 0x464C4C47
"""The advisory lock for changes of the schema, and for the start of an epoch."""

COPY_FROM_EVENTS = 2_000
COPY_FROM_BYTES = 2**20
"""Above either, COPY measured faster than one statement with arrays, and needs no memory for them."""

MAX_PREPARED = 100
"""Statements of ours that stay prepared in a connection, where stores in many schemas share it."""

_NUMBERS = count()

_SQL, _INDEX = queries("postgres"), queries("postgres", "index.sql")
_BASE: Final = "(pg_current_xact_id()::text::bigint + $1) << 20"
"""How the statements below write the position before the first of a transaction."""
_GUARDS: Final = "guards"
"""Where a statement is told the conditions on other streams, among the rows of the index."""
_NUMBERED: Final = (*PARTS, _GUARDS)
_RESULT: Final = "SELECT base FROM base"
_RESULT_INSIDE: Final = "SELECT base, pg_current_xact_id()::text::bigint FROM base"
_OID = {name: psycopg.adapters.types[name].oid for name in ("int8", "text", "bytea", "jsonb")}
_ARRAY = {name: psycopg.adapters.types[name].array_oid for name in ("int8", "text", "bytea")}
_NOT_PREPARED: Final = b"26000"
_JSONB: Final = b"\1"
"""The version of jsonb's binary form, before its text."""
_COLUMNS = ["text", "int8", "text", "bytea", "int8"]
_EVENT = ("text", "int8", "text", "bytea", "bytea")
"""Stream, version, type, state, and the digest of the event that it must follow."""
_ONE = tuple(_OID[name] for name in _EVENT)
_ARRAYS = tuple(_ARRAY[name] for name in _EVENT)

_int8 = Struct("!q").pack
_length = Struct("!i").pack
_length_and_int8 = Struct("!iq").pack
_array_header = Struct("!iiIii").pack


class EpochMustBegin(Exception):
    """New positions would not lie above all stored ones."""


class _NothingStored(Exception):
    """No row was returned: one of the events doesn't follow the one that it must, or a guard doesn't hold."""


class _Statement(NamedTuple):
    """A statement that appends, and returns the position before the first."""

    name: bytes
    """The name under which it is prepared."""
    sql: bytes
    for_pooler: bytes
    """The same where the next statement may reach another cluster than the last, as behind a pooler: it reads the
    offset itself."""
    types: Sequence[int]


class Statements:
    """The statements of appends, on the tables of one schema."""

    def __init__(self, schema: str) -> None:
        self.schema = schema
        self._number = next(_NUMBERS)
        """In the names of prepared statements, as stores in several schemas may share a connection."""
        self.added, self.begin_epoch = self._bound(_SQL["added"]), self._bound(_SQL["begin_epoch"])
        self.copy_base = bound_with_parameters(_SQL["copy_base"], schema)
        guarded = _SQL["guarded"].replace(f"$7::jsonb -> '{_GUARDS}'", "%(guards)s::jsonb")
        self.guarded_copy_base = bound_with_parameters(f"{_SQL['copy_base']}\n{guarded}", schema)
        self.copy_events = self._bound(_SQL["copy_events"])
        self.one = self._statement("append_event", _SQL["append_event"], _ONE)
        self.several = self._statement("append_events", _SQL["append_events"], _ARRAYS)
        self._indexed: dict[tuple[str, ...], _Statement] = {}
        self._inside: dict[tuple[str, ...], bytes] = {}

    def indexed(self, parts: tuple[str, ...]) -> _Statement:
        """Appends several where the guards hold, and changes the index in the same transaction."""
        if parts not in self._indexed:
            number = sum(1 << _NUMBERED.index(part) for part in parts)
            sql = _appending(parts)
            self._indexed[parts] = self._statement(f"append_indexed_{number}", sql, (*_ARRAYS, _OID["jsonb"]))
        return self._indexed[parts]

    def inside(self, parts: tuple[str, ...]) -> bytes:
        """The same, with or without changes of the index, in a transaction that may have appended before."""
        if parts not in self._inside:
            sql = _appending(parts) if parts else _SQL["append_events"]
            sql = sql.replace(_BASE, f"({_SQL['own_base']})").removesuffix(_RESULT) + _RESULT_INSIDE
            self._inside[parts] = self._bound(sql)
        return self._inside[parts]

    def index_alone(self, parts: Collection[str]) -> bytes:
        """Only changes the index: $1 is the position before that of place 1, $2 the rows by part."""
        return self._bound(_with_index(_SQL["index_base"], [], parts))

    def _statement(self, name: str, sql: str, types: Sequence[int]) -> _Statement:
        for_pooler = sql.replace("$1", f"({_SQL['added']})")
        return _Statement(
            f"{name}_of_{self._number}".encode(), self._bound(sql), self._bound(for_pooler), (_OID["int8"], *types)
        )

    def _bound(self, sql: str) -> bytes:
        return bound(sql, self.schema).encode()


def _appending(parts: Collection[str]) -> str:
    base = f"{_SQL['indexed_base']}\n{_SQL['guarded']}" if _GUARDS in parts else _SQL["indexed_base"]
    return _with_index(base, [("stored", _SQL["indexed_events"])], parts)


def _with_index(base: str, first: list[tuple[str, str]], parts: Collection[str]) -> str:
    named = [*first, *((part, _INDEX[part]) for part in PARTS if part in parts)]
    steps = ",\n".join(f"_{name} AS (\n{sql})" for name, sql in named)
    return f"WITH base AS MATERIALIZED ({base}),\n{steps}\n{_RESULT}"


statements_for = cache(Statements)
"""The statements of a schema, put together once."""


def append(connection: Connection, statements: Statements, events: Sequence[StoredEvent]) -> list[int]:
    """Store the events in one commit and return their positions, in the order of the events.

    Raises psycopg's errors, PredecessorMissing and GuardRefused; nothing is stored then, unless the connection is lost.
    """
    try:
        try:
            base = _insert(connection, statements, events)
        except (EpochMustBegin, psycopg.errors.NotNullViolation):
            # The second error is that of a statement that reads the offset itself, and finds none.
            begin_epoch(connection, statements)
            base = _insert(connection, statements, events)
    except _NothingStored:
        raise _refusal_of(events) from None
    return list(range(base + 1, base + 1 + len(events)))


def _insert(connection: Connection, statements: Statements, events: Sequence[StoredEvent]) -> int:
    """Store the events at the positions that follow the one returned."""
    changes = changes_in(events)
    if len(events) >= COPY_FROM_EVENTS or sum(len(event.state) for event in events) >= COPY_FROM_BYTES:
        return _copy(connection, statements, events, changes)
    if changes is not None:
        rows = _rows_of(changes, events)
        indexed = statements.indexed(tuple(rows))
        return _execute(connection, statements, indexed, [*_of_several(events), jsonb(rows)])
    if len(events) == 1:
        return _execute(connection, statements, statements.one, _of_one(events[0]))
    return _execute(connection, statements, statements.several, _of_several(events))


def _execute(connection: Connection, statements: Statements, statement: _Statement, values: list[bytes]) -> int:
    binary = [Format.BINARY] * len(statement.types)
    if connection.is_behind_pooler:
        result = connection.pgconn.exec_params(
            statement.for_pooler, [None, *values], statement.types, binary, Format.BINARY
        )
    else:
        result = _execute_prepared(connection, statement, [_int8(_added(connection, statements)), *values], binary)
    return _base_in(result)


def _base_in(result: PGresult) -> int:
    if _check_result(result, ExecStatus.TUPLES_OK).ntuples == 0:
        raise _NothingStored
    return int.from_bytes(result.get_value(0, 0) or b"", "big")


def _rows_of(changes: IndexChanges, events: Sequence[StoredEvent]) -> dict[str, Any]:
    """What a statement is told beside the events: the rows of the index by table, and the guards."""
    guards = guards_in(events)
    return {**changes.tables(), _GUARDS: _conditions(guards)} if guards else changes.tables()


def _conditions(guards: Sequence[Guard]) -> list[dict[str, Any]]:
    return [guard._asdict() for guard in guards]


def _refusal_of(events: Sequence[StoredEvent]) -> IntegrityError:
    first = next((event for event in events if previous_of(event)), None)
    if first is None:
        return guard_refused(guards_in(events))
    return predecessor_missing(str(first.originator_id), first.originator_version)


def _execute_prepared(
    connection: Connection, statement: _Statement, values: list[bytes], binary: list[Format]
) -> PGresult:
    if statement.name not in connection.prepared:
        _prepare(connection, statement)
    result = connection.pgconn.exec_prepared(statement.name, values, binary, Format.BINARY)
    if result.status == ExecStatus.TUPLES_OK or result.error_field(DiagnosticField.SQLSTATE) != _NOT_PREPARED:
        return result
    # The driver drops all prepared statements of a connection when it rolls back, also those that aren't its own.
    _prepare(connection, statement)
    return connection.pgconn.exec_prepared(statement.name, values, binary, Format.BINARY)


def _prepare(connection: Connection, statement: _Statement) -> None:
    result = connection.pgconn.prepare(statement.name, statement.sql, statement.types)
    _check_result(result, ExecStatus.COMMAND_OK)
    while len(connection.prepared) >= MAX_PREPARED:
        connection.execute(f"DEALLOCATE {connection.prepared.popitem()[0].decode()}".encode())
    connection.prepared[statement.name] = None


def insert_inside(connection: Connection, statements: Statements, events: Sequence[StoredEvent]) -> tuple[int, int]:
    """Store the events in the transaction that is open, without a savepoint.

    Returns the position before the first, and the number of the transaction.

    Raises psycopg's errors, PredecessorMissing, EpochMustBegin.
    """
    changes = changes_in(events)
    tables = {} if changes is None else changes.tables()
    types, values = [_OID["int8"], *_ARRAYS], [None, *_of_several(events)]
    if tables:
        types, values = [*types, _OID["jsonb"]], [*values, jsonb(tables)]
    sql, binary = statements.inside(tuple(tables)), [Format.BINARY] * len(types)
    result = connection.pgconn.exec_params(sql, values, types, binary, Format.BINARY)
    try:
        return _base_in(result), int.from_bytes(result.get_value(0, 1) or b"", "big")
    except psycopg.errors.NotNullViolation:
        raise EpochMustBegin from None
    except _NothingStored:
        raise _refusal_of(events) from None


def change_index(connection: Connection, sql: bytes, base: int, tables: Mapping[str, Any]) -> None:
    """Run a statement that only changes the index."""
    types, binary = [_OID["int8"], _OID["jsonb"]], [Format.BINARY] * 2
    result = connection.pgconn.exec_params(sql, [_int8(base), jsonb(tables)], types, binary, Format.BINARY)
    _check_result(result, ExecStatus.TUPLES_OK)


def jsonb(value: Any) -> bytes:
    return _JSONB + orjson.dumps(value)


def _of_one(event: StoredEvent) -> list[bytes]:
    return [
        str(event.originator_id).encode(),
        _int8(event.originator_version),
        event.topic.encode(),
        event.state,
        previous_of(event),
    ]


def _of_several(events: Sequence[StoredEvent]) -> list[bytes]:
    return [
        _array("text", [str(event.originator_id).encode() for event in events]),
        _int8_array([event.originator_version for event in events]),
        _array("text", [event.topic.encode() for event in events]),
        _array("bytea", [event.state for event in events]),
        _array("bytea", [previous_of(event) for event in events]),
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


def _copy(
    connection: Connection, statements: Statements, events: Sequence[StoredEvent], changes: IndexChanges | None
) -> int:
    # In the order in which the other statements lock streams, so that there are no deadlocks.
    placed: Iterable[tuple[int, StoredEvent]] = sorted(
        enumerate(events, 1), key=lambda item: (item[1].originator_id, item[1].originator_version)
    )
    linked = [event for event in events if previous_of(event)]
    conditions: dict[str, Any] = {
        "streams": [str(event.originator_id) for event in linked],
        "versions": [event.originator_version for event in linked],
        "previous": [previous_of(event) for event in linked],
    }
    base_sql = statements.copy_base
    guards = [] if changes is None else guards_in(events)
    if guards:
        base_sql, conditions["guards"] = statements.guarded_copy_base, orjson.dumps(_conditions(guards)).decode()
    with connection.transaction(), connection.cursor() as cursor:
        found = cursor.execute(base_sql, conditions).fetchone()
        if found is None:
            raise _NothingStored
        (base,) = found
        if base is None:
            raise EpochMustBegin
        with cursor.copy(statements.copy_events) as rows:
            rows.set_types(_COLUMNS)
            for place, event in placed:
                stream = str(event.originator_id)
                rows.write_row((stream, event.originator_version, event.topic, event.state, base + place))
        tables = {} if changes is None else changes.tables()
        if tables:
            change_index(connection, statements.index_alone(tables), base, tables)
    return int(base)


def _added(connection: Connection, statements: Statements) -> int:
    """The offset that is added to transaction numbers: read once, as a connection stays in its cluster."""
    known = connection.added.get(statements.schema)
    if known is not None:
        return known
    (added,) = connection.execute(statements.added).fetchone() or (None,)
    if added is None:
        raise EpochMustBegin
    connection.added[statements.schema] = added
    return int(added)


def begin_epoch(connection: Connection, statements: Statements) -> None:
    """Begin an epoch, if one must begin."""
    with connection.transaction():
        lock_schema(connection, statements.schema)
        connection.execute(statements.begin_epoch)
    connection.added.pop(statements.schema, None)


def lock_schema(connection: Connection, schema: str) -> None:
    """Until the transaction ends, nobody else changes the tables of this schema, or begins an epoch in it.

    Releases up to 0.2 take the first lock alone, for all schemas of the database: it excludes them, and none of us.
    """
    connection.execute("SELECT pg_advisory_xact_lock_shared(%s)", (SCHEMA_LOCK,))
    connection.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (SCHEMA_LOCK, schema))


def _check_result(result: PGresult, wanted: ExecStatus) -> PGresult:
    if result.status != wanted:
        raise psycopg.errors.error_from_result(result, "utf-8")
    return result
