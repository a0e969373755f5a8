"""Wake-ups by LISTEN and NOTIFY: who hears them, what they cost, and what happens where they don't come."""

import time
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.storage.postgres.notifier import MAX_NAME, channel_of, listeners_lock

from .clusters import ask, running_cluster
from .test_pooler import PGBOUNCER, url_of_pooler
from .test_wakeups import LONG, change, settled, wakeups_of

LISTENERS = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN %' AND datname = current_database()"


def listening(url: str) -> int:
    return int(ask(url, LISTENERS))


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < deadline
        Event().wait(0.01)


def transactions(url: str) -> int:
    """The number of the next transaction of the server that writes."""
    return int(ask(url, "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"))


@pytest.fixture
def url(database: str) -> str:
    fl.open_ledger(database).close()
    return database


def test_nobody_is_notified_where_nobody_listens(url: str) -> None:
    """A NOTIFY is a transaction with a number, which readers of the log wait for."""
    with fl.open_ledger(url) as ledger:
        before = transactions(url)
        change(ledger)
    assert transactions(url) == before + 1
    assert listening(url) == 0


def test_one_connection_of_a_process_listens_once_somebody_waits(url: str) -> None:
    with fl.open_ledger(url) as here, fl.open_ledger(url) as there:
        settled(wakeups_of(here))
        wakeups_of(here).wait(0, 0.0)
        wait_until(lambda: listening(url) == 1)
        before = transactions(url)
        change(there)
        wait_until(lambda: transactions(url) == before + 2)
    wait_until(lambda: listening(url) == 0)  # the server hears of the end a moment later


def test_a_store_in_another_schema_wakes_nobody_here(new_postgres_url: Callable[[], str]) -> None:
    with fl.open_ledger(new_postgres_url()) as here, fl.open_ledger(new_postgres_url()) as elsewhere:
        seen = settled(wakeups_of(here))
        settled(wakeups_of(elsewhere))
        change(elsewhere)
        elsewhere.close()  # sends what is to be sent
        assert wakeups_of(here).wait(seen, 0.2) == seen


def test_channels_of_long_names_differ_in_the_bytes_that_count() -> None:
    one, other = ("é" * 30 + end for end in ("a", "b"))
    assert channel_of("public") == "flowledger.public"
    assert channel_of(one) != channel_of(other)
    assert max(len(channel_of(name).encode()) for name in (one, other, "x" * 63)) <= MAX_NAME
    assert listeners_lock(one) != listeners_lock(other)


def test_a_listener_whose_session_ends_listens_again_and_wakes_everybody(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with fl.open_ledger(url) as here, fl.open_ledger(url) as there:
        seen = settled(wakeups_of(here))
        terminate = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'LISTEN %'"
        assert ask(url, terminate) == 1
        # What happened meanwhile was notified to nobody.
        assert (seen := wakeups_of(here).wait(seen, LONG))
        assert listening(url) == 1
        assert caplog.text.count("can't be listened for") == 1
        change(there)
        assert wakeups_of(here).wait(seen, LONG) > seen


@pytest.mark.exhaustive
def test_listeners_are_back_when_the_server_is(caplog: pytest.LogCaptureFixture) -> None:
    with running_cluster() as cluster:
        url = cluster.get_uri()
        with fl.open_ledger(url) as here, fl.open_ledger(url) as there:
            seen = settled(wakeups_of(here))
            stop_and_start(cluster)
            assert (seen := wakeups_of(here).wait(seen, LONG))
            change(there)
            assert wakeups_of(here).wait(seen, LONG) > seen
        assert caplog.text.count("can't be listened for") == 1


def stop_and_start(cluster: Any) -> None:
    import subprocess

    from .clusters import as_owner

    folder, command = cluster.pgdata, [cluster.bin_path / "pg_ctl", "-w", "-D", cluster.pgdata]
    options: dict[str, Any] = {"check": True, "cwd": "/", "stdout": subprocess.DEVNULL, **as_owner(folder)}
    subprocess.run([*command, "-m", "fast", "stop"], **options)
    subprocess.run([*command, "-o", f'-h "" -k {folder}', "-l", folder / "log", "start"], **options)


@pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed")
def test_behind_a_pooler_changes_are_noticed_by_polling_which_is_said_once(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with url_of_pooler(url) as pooled, fl.open_ledger(pooled) as here, fl.open_ledger(url) as there:
        seen = settled(wakeups_of(here))
        change(there, "one")
        assert (seen := wakeups_of(here).wait(seen, LONG))
        change(there, "two")
        assert wakeups_of(here).wait(seen, LONG) > seen
        assert listening(url) == 0
    assert caplog.text.count("are noticed by polling: a pooler is in front of the server") == 1


@pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed")
def test_a_writer_behind_a_pooler_notifies_those_who_listen(url: str) -> None:
    with url_of_pooler(url) as pooled, fl.open_ledger(url) as here, fl.open_ledger(pooled) as there:
        seen = settled(wakeups_of(here))
        change(there)
        assert wakeups_of(here).wait(seen, LONG) > seen


def test_a_notifier_ends_when_nothing_happens_and_starts_again(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from flowledger.infrastructure.storage.postgres import notifier

    monkeypatch.setattr(notifier, "IDLE", 0.01)
    with fl.open_ledger(url) as here, fl.open_ledger(url) as there:
        for number in range(3):
            seen = settled(wakeups_of(here))
            change(there, f"w{number}")
            assert wakeups_of(here).wait(seen, LONG) > seen
            wait_until(lambda: wakeups_of(there)._notifier._thread is None)  # type: ignore[attr-defined]
