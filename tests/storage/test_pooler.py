"""Behind a pooler that passes each transaction to whatever session is free, where nothing that was prepared stays."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from flowledger.domain.errors import StorageUnavailable
from flowledger.domain.ports import Write
from flowledger.infrastructure.ledger.stores import open_store
from flowledger.infrastructure.storage.callers import CallersConnection
from flowledger.infrastructure.storage.inside import InsideEventStore
from flowledger.infrastructure.storage.postgres.append import COPY_FROM_EVENTS
from flowledger.infrastructure.storage.verify import verify

from .clusters import as_owner, ask, new_database, run_sql
from .events import notes, opened, texts, write
from .test_races import check_nothing_was_missed, tailed_until

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed")

SETTINGS = """
[databases]
{name} = {server}
[pgbouncer]
listen_addr =
unix_socket_dir = {folder}
auth_type = any
pool_mode = transaction
default_pool_size = 2
log_connections = 0
log_disconnections = 0
"""


@pytest.fixture
def direct_url(postgres_url: str) -> str:
    """The URL of a new database, past the pooler."""
    return new_database(postgres_url)


@pytest.fixture
def url(direct_url: str) -> Iterator[str]:
    with url_of_pooler(direct_url) as url:
        yield url


@contextmanager
def url_of_pooler(direct_url: str) -> Iterator[str]:
    """The same database through a pooler with two sessions to the server."""
    server = conninfo_to_dict(direct_url)
    name, host = server["dbname"], str(server.get("host") or "")
    folder = Path(tempfile.mkdtemp(prefix="flowledger-"))
    owner = as_owner(Path(host)) if host.startswith("/") else {}
    if owner:
        os.chown(folder, owner["user"], owner["group"])
    kept = ("host", "port", "dbname", "user", "password")
    target = " ".join(f"{key}={server[key]}" for key in kept if server.get(key))
    (folder / "pgbouncer.ini").write_text(SETTINGS.format(name=name, server=target, folder=folder))
    assert PGBOUNCER is not None
    pooler = subprocess.Popen([PGBOUNCER, folder / "pgbouncer.ini"], stderr=subprocess.PIPE, text=True, **owner)
    assert pooler.stderr is not None
    while "process up" not in (line := pooler.stderr.readline()):
        assert line, "the pooler did not start"
    yield f"postgresql://anybody@/{name}?host={folder}&port=6432"
    pooler.kill()
    pooler.communicate()
    shutil.rmtree(folder)


def test_threads_write_read_and_tail_through_two_sessions(url: str, direct_url: str) -> None:
    with opened(url) as store, ThreadPoolExecutor(8) as pool:

        def append(number: int) -> None:
            version = 0
            for size in [1, 3, 1, 1, 12] * 5:
                write(store, f"s{number}", version, *range(version + 1, version + size + 1))
                version += size
                assert len(texts(store, f"s{number}")) == version

        writing = [pool.submit(append, number) for number in range(8)]
        seen = tailed_until(store, lambda: all(future.done() for future in writing))
        for future in writing:
            future.result()
        check_nothing_was_missed(seen, {f"s{number}": 90 for number in range(8)})
        report = verify(store)
        assert (report.findings, report.events) == ((), 720)
    assert ask(direct_url, "SELECT count(*) FROM flowledger_epochs") == 1


def test_clients_with_statements_of_other_kinds_do_not_get_in_each_others_way(url: str) -> None:
    with opened(url) as one, opened(url) as other:
        one.append(*(Write(f"s{number}", 0, notes(number)) for number in range(3)))
        assert other.head("s1") == 1
        write(other, "a", 0, *range(COPY_FROM_EVENTS))
        write(one, "a", COPY_FROM_EVENTS, "last")
        one.checkpoints.save("a", 1, {1: b"page", 2: b"another"})
        assert list(other.checkpoints.pages("a", None, 1)) == [(1, b"page"), (2, b"another")]
        assert len(list(other.tail())) == COPY_FROM_EVENTS + 4


@pytest.mark.parametrize("count", [1, 2, COPY_FROM_EVENTS])
def test_a_pooler_may_be_pointed_at_another_cluster_while_clients_stay_connected(
    url: str, direct_url: str, count: int
) -> None:
    """Seen from here, the numbers of transactions suddenly lie behind the stored positions."""
    with opened(url) as store:
        write(store, "a", 0, 1)
        run_sql(
            direct_url,
            "SET session_replication_role = replica",  # as it is when a dump is restored: without triggers
            "INSERT INTO flowledger_events (originator_id, originator_version, topic, state, notification_id) "
            "VALUES ('far', 1, 'x', '', 1000000000000::bigint << 20)",
        )
        far = 10**12 << 20
        positions = write(store, "a", 1, *range(count))
        assert positions[0] > far
        assert [event.position for event in store.tail(after=far)] == positions
    assert ask(direct_url, "SELECT count(*) FROM flowledger_epochs") == 2


def test_settings_that_a_pooler_does_not_take_are_explained(url: str) -> None:
    with pytest.raises(StorageUnavailable, match=r"unsupported startup parameter.*ALTER ROLE"):
        open_store(f"{url}&options=-c%20search_path%3Dledger")


def test_a_server_without_a_pooler_is_not_mistaken_for_one(new_postgres_url: Callable[[], str]) -> None:
    from flowledger.infrastructure.storage.postgres.pool import ConnectionPool

    pool = ConnectionPool(new_postgres_url())
    connection = pool.acquire()
    assert not connection.is_behind_pooler
    pool.release(connection)
    pool.close()


def test_callers_append_in_their_own_transactions_through_two_sessions(url: str, direct_url: str) -> None:
    with opened(url) as store, psycopg.connect(url, prepare_threshold=None) as caller, psycopg.connect(url) as other:
        write(store, "a", 0, 1)
        inside, beside = (InsideEventStore(store, CallersConnection(each)) for each in (caller, other))
        write(inside, "a", 1, 2)
        write(beside, "b", 0, 1)
        other.rollback()
        write(inside, "a", 2, 3)
        caller.commit()
        write(beside, "b", 0, 2)
        other.commit()
        assert (texts(store, "a"), texts(store, "b")) == ([1, 2, 3], [2])
        assert verify(store).findings == ()
