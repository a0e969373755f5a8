"""Stores as older code made them: the released migrations, one after the other."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg

from flowledger.infrastructure.storage import sql as sql_files
from flowledger.infrastructure.storage.sql import Dialect
from flowledger.infrastructure.storage.sqlite.schema import APPLICATION_ID

LAST_WITH_OLD_NAMES: dict[Dialect, int] = {"postgres": 5, "sqlite": 3}

TABLES = {
    "stored_events": "flowledger_events",
    "checkpoints": "flowledger_checkpoints",
    "index_runs": "flowledger_index_runs",
    "index_work_orders": "flowledger_index_work_orders",
    "index_changes": "flowledger_index_changes",
    "index_workflows": "flowledger_index_workflows",
    "index_saves": "flowledger_index_saves",
    "search": "flowledger_search",
}
"""Old names of tables that hold what was written, and their names now."""


def dialect_of(url: str) -> Dialect:
    return "sqlite" if url.startswith("sqlite") else "postgres"


@contextmanager
def executing(url: str) -> Iterator[Callable[..., list[Any]]]:
    """Runs statements in one transaction, and returns their rows."""
    if dialect_of(url) == "sqlite":
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
            yield lambda statement, *parameters: connection.execute(statement, parameters).fetchall()
    else:
        with psycopg.connect(url) as connection:

            def execute(statement: str, *parameters: object) -> list[Any]:
                cursor = connection.execute(statement.encode(), parameters or None)
                return cursor.fetchall() if cursor.description else []

            yield execute


def make_store(url: str, version: int) -> None:
    """The empty store that code of this schema version made."""
    dialect = dialect_of(url)
    with executing(url) as execute:
        for number, statements in sql_files.migrations(dialect).items():
            if number <= version:
                for statement in statements:
                    execute(statement)
        execute(f"UPDATE flowledger_schema SET version = {version}")
        if dialect == "sqlite":
            execute(f"PRAGMA application_id = {APPLICATION_ID}")


def columns_of(url: str, table: str, execute: Callable[..., list[Any]]) -> list[str]:
    """The columns that a table has there."""
    if dialect_of(url) == "sqlite":
        return [name for _, name, *_ in execute(f"PRAGMA table_info({table})")]
    query = "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum"
    return [name for (name,) in execute(query, table)]


def copy_store(source: str, target: str) -> None:
    """Put what the store at ``source`` holds into one with old names at ``target``, beside it."""
    with executing(target) as execute:
        if dialect_of(target) == "sqlite":
            place = "source"
            execute("ATTACH ? AS source", source.removeprefix("sqlite:///"))
        else:
            place = source.rpartition("search_path%3D")[2]
        for old, new in TABLES.items():
            columns = ", ".join(columns_of(target, old, execute))
            execute(f"INSERT INTO {old} ({columns}) SELECT {columns} FROM {place}.{new}")
        progress = f"(SELECT position FROM {place}.flowledger_search_progress)"
        execute(f"UPDATE search_progress SET position = {progress}")
