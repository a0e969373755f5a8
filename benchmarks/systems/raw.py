"""The limit: one prepared INSERT and its commit; rows fetched and ``orjson.loads`` of each. Nothing else is done."""

import os
import sqlite3
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from itertools import count, islice
from typing import Any

import orjson
import psycopg
from psycopg.pq import ExecStatus, Format

from ..workers import Work

Run = Callable[..., Any]
"""Runs one statement with these parameters and returns its cursor."""

BODY = 41
"""Where the JSON begins in a state of flowledger."""


@contextmanager
def insert(url: str, state_bytes: int = 330) -> Generator[Work]:
    """Each unit is one row in one commit; 330 bytes is what flowledger stores for a step with an output of 100."""
    state = os.urandom(state_bytes)
    with _prepared(url, "INSERT INTO raw VALUES (?, ?, ?, ?)", _make_table(url)) as run:

        def work(units: int) -> float:
            stream = os.urandom(8).hex()
            run(stream, 0, "run.step_completed", state)
            began = time.perf_counter()
            for version in range(1, units + 1):
                run(stream, version, "run.step_completed", state)
            return time.perf_counter() - began

        yield work


@contextmanager
def insert_through_libpq(url: str, state_bytes: int = 330) -> Generator[Work]:
    """The same on PostgreSQL past the driver's cursors: what is left is the client library, the server and the disk."""
    state = os.urandom(state_bytes)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_make_table(url).encode())
        server = connection.pgconn
        types = [psycopg.adapters.types[name].oid for name in ("text", "int8", "text", "bytea")]
        server.prepare(b"insert", b"INSERT INTO raw VALUES ($1, $2, $3, $4)", types)

        def insert_row(stream: bytes, version: int) -> None:
            values = [stream, version.to_bytes(8, "big"), b"run.step_completed", state]
            result = server.exec_prepared(b"insert", values, [Format.BINARY] * 4)
            assert result.status == ExecStatus.COMMAND_OK

        def work(units: int) -> float:
            stream = os.urandom(8).hex().encode()
            insert_row(stream, 0)
            began = time.perf_counter()
            for version in range(1, units + 1):
                insert_row(stream, version)
            return time.perf_counter() - began

        yield work


@contextmanager
def fetch_and_load(url: str, stream: str) -> Generator[Work]:
    """Each unit is one reading of a stream that flowledger stored, from its first event to its last."""
    query = "SELECT state FROM flowledger_events WHERE originator_id = ? ORDER BY originator_version"
    with _prepared(url, query) as run:

        def work(units: int) -> float:
            began = time.perf_counter()
            for _ in range(units):
                for (state,) in run(stream).fetchall():
                    orjson.loads(state[BODY:])
            return time.perf_counter() - began

        yield work


@contextmanager
def read_one_row(url: str, stream: str, events: int) -> Generator[Work]:
    """Each unit is one event of a stream that flowledger stored, found by stream and version."""
    query = "SELECT state FROM flowledger_events WHERE originator_id = ? AND originator_version = ?"
    with _prepared(url, query) as run:
        places = versions(events)

        def work(units: int) -> float:
            began = time.perf_counter()
            for version in islice(places, units):
                run(stream, version).fetchall()
            return time.perf_counter() - began

        yield work


def versions(head: int) -> Iterator[int]:
    """Versions of a stream without end: any few that follow each other are spread evenly over the whole of it."""
    return (1 + int(index * _GOLDEN_RATIO % 1 * head) for index in count(1))


_GOLDEN_RATIO = (5**0.5 - 1) / 2


def _make_table(url: str) -> str:
    table = """CREATE TABLE IF NOT EXISTS raw
        (stream TEXT, version BIGINT, type TEXT, state {}, PRIMARY KEY (stream, version))"""
    if url.startswith("sqlite"):
        return table.format("BLOB")
    # The limit doesn't try to compress what can't be compressed.
    return table.format("BYTEA") + "; ALTER TABLE raw ALTER COLUMN state SET STORAGE EXTERNAL"


@contextmanager
def _prepared(url: str, statement: str, first: str = "SELECT 1") -> Generator[Run]:
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(first)
            yield lambda *parameters: connection.execute(statement, parameters)
    else:
        with psycopg.connect(url, autocommit=True) as server:
            # Many processes may come at the same time, and IF NOT EXISTS alone doesn't make them wait.
            with server.transaction():
                server.execute("SELECT pg_advisory_xact_lock(1)")
                server.execute(first.encode())
            cursor = server.cursor(binary=True)
            query = statement.replace("?", "%b").encode()
            yield lambda *parameters: cursor.execute(query, parameters, prepare=True)
