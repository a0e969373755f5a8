"""Procrastinate's tables, in a schema of their own beside the ledger's; its version is recorded there.

Its names are unqualified everywhere, also inside of its functions, so who calls them has that schema as search path.
"""

from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import psycopg
from procrastinate.schema import SchemaManager
from psycopg.sql import SQL, Identifier

from ....domain.errors import StorageUnavailable
from ...storage.postgres.url import MAX_NAME

LOCK: Final = 0x464C4C49
"""The advisory lock for changes of these tables, with the name of the schema."""

INSTALLED: Final = version("procrastinate")


def schema_of(store_schema: str) -> str:
    """The schema of the jobs of the ledger in a schema."""
    name = f"{store_schema}_cluster"
    return name if len(name.encode()) <= MAX_NAME else f"flowledger_{sha256(name.encode()).hexdigest()[:40]}_cluster"


def prepare_schema(conninfo: str, schema: str) -> None:
    """Make the tables, or bring them up to date. Raises StorageUnavailable."""
    try:
        with psycopg.connect(conninfo, autocommit=True) as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (LOCK, schema))
            _prepare(connection, schema)
    except psycopg.errors.InsufficientPrivilege as error:
        raise StorageUnavailable(
            f"this user may not make or change the schema {schema} of the cluster's jobs: let an administrator start a "
            f"worker with --cluster once ({error})"
        ) from error
    except psycopg.Error as error:
        raise StorageUnavailable(f"the tables of the cluster's jobs can't be prepared: {error}") from error


def _prepare(connection: psycopg.Connection[Any], schema: str) -> None:
    place = Identifier(schema)
    if connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (schema,)).fetchone() is None:
        connection.execute(SQL("CREATE SCHEMA {}").format(place))
    connection.execute(SQL("SET LOCAL search_path = {}, pg_temp").format(place))
    found = connection.execute("SELECT 1 FROM pg_tables WHERE schemaname = %s AND tablename = %s", (schema, _TABLE))
    if found.fetchone() is None:
        connection.execute(SchemaManager.get_schema())
        connection.execute("CREATE TABLE flowledger_cluster (version text NOT NULL)")
        connection.execute("INSERT INTO flowledger_cluster VALUES (%s)", (INSTALLED,))
        return
    (applied,) = connection.execute("SELECT version FROM flowledger_cluster").fetchone() or ("0",)
    if _numbers(applied) > _numbers(INSTALLED):
        raise StorageUnavailable(
            f"the tables of the cluster's jobs are those of Procrastinate {applied}, and {INSTALLED} is installed "
            "here: update it"
        )
    if applied != INSTALLED:
        for file in migrations_after(applied):
            connection.execute(file.read_bytes())
        connection.execute("UPDATE flowledger_cluster SET version = %s", (INSTALLED,))


_TABLE = "flowledger_cluster"


def migrations_after(applied: str) -> list[Path]:
    """Procrastinate's own migrations that came with later releases, in their order."""
    files = sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))
    return [file for file in files if _numbers(file.name.partition("_")[0]) > _numbers(applied)]


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split(".")[:3])
