"""Opening a store by its URL, and what goes wrong there."""

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from flowledger.domain.errors import InvalidRequest, StorageUnavailable
from flowledger.infrastructure.ledger.stores import open_store
from flowledger.infrastructure.storage.credentials import redact_url

from .events import opened, texts, write


@pytest.mark.parametrize(
    "url",
    [
        "",
        "orders.db",
        "sqlite://orders.db",
        "sqlite:///",
        "sqlite:///:memory:",
        "mysql://root:hunter2@localhost/x",
        "memory",
    ],
)
def test_a_url_of_another_form_is_refused_with_the_forms_that_are_known(url: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        open_store(url)
    for form in ("memory:", "sqlite:///", "postgresql://"):
        assert form in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("postgresql://ada:hunter2@127.0.0.1:1/x", "can't be reached"),
        ("postgres://ada:hunter2@127.0.0.1:1/x?connect_timeout=1", "can't be reached"),
        ("postgresql://ada:hunter2@127.0.0.1:1/x?schema=blue", "schema 'blue': PostgreSQL can't be reached"),
        ("postgresql://127.0.0.1:1/x?user=ada&password=hunter2", "can't be reached"),
        ("postgresql:///x?host=/nowhere/at/all&password=hunter2", "can't be reached"),
        ("postgresql://ada:p@hunter2@127.0.0.1:1/x", "%40"),
        ("postgresql://ada:hunter2:1@127.0.0.1:port/x", "can't be reached"),
        ("postgresql://ada:hunter2@127.0.0.1:1/x?nonsense=1", "an option 'nonsense' that PostgreSQL doesn't know"),
        ("postgresql://ada:what?hunter2=@127.0.0.1:1/x", "can't be reached"),
        ("postgresql://ada:what?hunter2=@127.0.0.1:1/x?nonsense=1", "an option 'nonsense'"),
    ],
)
def test_no_message_shows_the_password(url: str, fault: str) -> None:
    with pytest.raises((StorageUnavailable, InvalidRequest), match=fault) as caught:
        open_store(url)
    error: BaseException | None = caught.value
    while error:
        assert "hunter2" not in str(error)
        error = error.__cause__


@pytest.mark.parametrize(
    ("option", "hint"),
    [
        ("search_path=x", "'search_path' .*schema=NAME"),
        ("currentSchema=x", "'currentSchema' .*schema=NAME"),
        ("sslmode=disable&pgbouncer=true", "'pgbouncer' .*noticed by itself"),
        ("pool%5Fsize=3", "'pool_size'"),
        ("connect_timeout=1&x", "'x'"),
    ],
)
def test_an_option_that_postgresql_does_not_know_is_named(option: str, hint: str) -> None:
    for create in (True, False):
        with pytest.raises(InvalidRequest, match=f"has an option {hint}"):
            open_store(f"postgresql://ada:hunter2@127.0.0.1:1/x?{option}", create=create)


def test_a_wrong_password_is_refused_without_showing_it(new_postgres_url: Callable[[], str]) -> None:
    url = new_postgres_url().replace("postgres:@", "nobody:hunter2@")
    if "hunter2" not in url:
        pytest.skip("the given server's URL has another user")
    with pytest.raises(StorageUnavailable, match="nobody") as caught:
        open_store(url)
    assert "hunter2" not in str(caught.value)


def test_urls_are_shown_without_their_password() -> None:
    assert redact_url("postgresql://ada:p@ss:word@host/db?password=x&sslmode=require") == (
        "postgresql://ada:***@host/db?password=***&sslmode=require"
    )
    assert redact_url("sqlite:///a.db") == "sqlite:///a.db"


def test_a_closed_store_says_so(store_url: str) -> None:
    if store_url == "memory:":
        pytest.skip("memory has nothing to close")
    store = open_store(store_url)
    store.close()
    store.close()
    with pytest.raises(StorageUnavailable, match=r"closed"):
        store.head("a")


def test_a_store_may_be_closed_while_threads_use_it(durable_url: str) -> None:
    store = open_store(durable_url)
    write(store, "a", 0, *range(500))
    at_work = Barrier(7)

    def use_until_closed(number: int) -> str:
        at_work.wait()
        version = 0
        try:
            while True:
                texts(store, "a")
                write(store, f"s{number}", version, "x")
                version += 1
        except StorageUnavailable as error:
            return str(error)

    with ThreadPoolExecutor(6) as threads:
        told = [threads.submit(use_until_closed, number) for number in range(6)]
        at_work.wait()
        write(store, "b", 0, 1)
        store.close()
        assert all("closed" in future.result() for future in told)
    with opened(durable_url) as again:
        for event in again.tail():
            assert again.head(event.stream) >= event.version


FORK = """
import os, sys
sys.path.insert(0, {here!r})
from events import open_store, texts, write
store = open_store({url!r})
write(store, "a", 0, 1)
if os.fork() == 0:
    write(store, "a", 1, 2)
    store.close()
    sys.exit(0)
assert os.wait()[1] == 0
write(store, "a", 2, 3)
print(texts(store, "a"))
store.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_opens_connections_of_its_own(durable_url: str) -> None:
    script = FORK.format(here=str(Path(__file__).parent), url=durable_url)
    # The child lets go of its parent's connections without closing them, of which psycopg warns.
    command = [sys.executable, "-W", "ignore::ResourceWarning", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[1, 2, 3]\n", "")


def test_opening_sqlite_loads_no_postgresql_driver(tmp_path: Path) -> None:
    script = (
        "import sys; from flowledger.infrastructure.ledger.stores import open_store; "
        f"open_store('sqlite:///{tmp_path / 'ledger.db'}').close(); open_store('memory:').close(); "
        "assert not any(name.startswith('psycopg') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_without_create_an_address_without_a_store_is_refused_and_left_alone(
    tmp_path: Path, new_postgres_url: Callable[[], str]
) -> None:
    path = tmp_path / "no.db"
    for url in (f"sqlite:///{path}", new_postgres_url()):
        with pytest.raises(StorageUnavailable, match="there is no store at"):
            open_store(url, create=False)
        with opened(url):
            pass
        open_store(url, create=False).close()


def test_without_create_no_file_appears(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable):
        open_store(f"sqlite:///{tmp_path}/no.db", create=False)
    assert list(tmp_path.iterdir()) == []
