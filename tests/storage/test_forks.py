"""Processes that fork with a store open, in every order of who closes first, and at bad moments."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = str(Path(__file__).parents[2])
PRELUDE = """
import ctypes, json, os, sys, threading
sys.path.insert(0, {root!r})
from flowledger.domain.errors import FlowledgerError
from flowledger.domain.ports import Write
from flowledger.infrastructure.ledger.stores import open_store
from tests.storage.events import texts, write

url = {url!r}
reading, writing = os.pipe()

def forked(work, fork=os.fork):
    "What a child answers, which ends as children of a daemon do."
    if (child := fork()) == 0:
        try:
            said = work()
        except FlowledgerError as error:
            said = f"{{type(error).__name__}}: {{error}}"
        os.write(writing, (json.dumps(said) + "\\n").encode())
        os._exit(0)
    os.waitpid(child, 0)
    return json.loads(os.fdopen(os.dup(reading)).readline())

def say(value):
    print(json.dumps(value))
"""


def run(url: str, script: str) -> list[object]:
    """What a process of its own says, which ends well."""
    code = PRELUDE.format(root=ROOT, url=url) + script
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_child_writes_though_its_parent_closes_first_and_others_come_and_go(durable_url: str) -> None:
    said = run(
        durable_url,
        """
store = open_store(url)
write(store, "a", 0, 1)
gate_in, gate_out = os.pipe()
if os.fork() == 0:
    os.read(gate_in, 1)
    for n in range(1, 40):
        write(store, "a", n, n + 1)
        if n == 20:
            open_store(url).close()  # of this process, too
    os._exit(0)
store.close()
os.write(gate_out, b"x")
for _ in range(5):  # each is the last one who has the file open, as far as it can see
    other = open_store(url)
    other.append(Write("b", other.head("b"), []))
    write(other, "b", other.head("b"), "x")
    other.close()
os.wait()
store = open_store(url)
say(texts(store, "a"))
say(len(texts(store, "b")))
""",
    )
    assert said == [list(range(1, 41)), 5]


def test_a_forked_child_holds_no_connection_of_its_parent_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    said = run(
        f"sqlite:///{path}",
        f"""
store = open_store(url)
write(store, "a", 0, 1)
thread = threading.Thread(target=write, args=(store, "b", 0, 1))
thread.start(), thread.join()
def files():
    links = [os.readlink(f"/proc/self/fd/{{fd}}") for fd in os.listdir("/proc/self/fd") if fd != "3"
             and os.path.exists(f"/proc/self/fd/{{fd}}")]
    return [link for link in links if link.startswith({str(path)!r})]
say(len(files()) > 0)
say(forked(files))
say(forked(lambda: [texts(store, "a"), len(files()) > 0]))
write(store, "a", 1, 2)
say(texts(store, "a"))
""",
    )
    assert said == [True, [], [[1], True], [1, 2]]


def test_a_child_forked_in_the_middle_of_a_transaction_is_refused_with_what_to_do(tmp_path: Path) -> None:
    said = run(
        f"sqlite:///{tmp_path / 'ledger.db'}",
        """
store = open_store(url)
write(store, "a", 0, 1)
with store.recorder.datastore.write_transaction():
    say(forked(lambda: texts(store, "a")))
    say(forked(lambda: open_store(url)))
    say(forked(lambda: forked(lambda: texts(store, "a"))))
write(store, "a", 1, 2)
say(texts(store, "a"))
say(forked(lambda: texts(store, "a")))
""",
    )
    for refused in said[:3]:
        assert isinstance(refused, str)
        assert refused.startswith("StorageUnavailable: ")
        assert "spawn or forkserver" in refused
    assert said[3:] == [[1, 2], [1, 2]]


def test_a_child_forked_behind_pythons_back_is_refused_where_the_file_was_open(tmp_path: Path) -> None:
    said = run(
        f"sqlite:///{tmp_path / 'ledger.db'}",
        """
store = open_store(url)
write(store, "a", 0, 1)
say(forked(lambda: texts(store, "a"), fork=ctypes.PyDLL(None).fork))
say(forked(lambda: open_store(url), fork=ctypes.PyDLL(None).fork))
say(texts(store, "a"))
store.close()
say(forked(lambda: texts(open_store(url), "a"), fork=ctypes.PyDLL(None).fork))
""",
    )
    assert all("spawn or forkserver" in str(refused) for refused in said[:2])
    assert said[2:] == [[1], [1]]


def test_a_child_forked_behind_pythons_back_has_connections_of_its_own_to_a_server(
    new_postgres_store: Callable[[], str],
) -> None:
    said = run(
        new_postgres_store(),
        """
store = open_store(url)
write(store, "a", 0, 1)
say(forked(lambda: write(store, "a", 1, 2) and texts(store, "a"), fork=ctypes.PyDLL(None).fork))
write(store, "a", 2, 3)
say(texts(store, "a"))
""",
    )
    assert said == [[1, 2], [1, 2, 3]]


def test_a_closed_store_is_closed_in_a_child_too(store_url: str) -> None:
    said = run(
        store_url,
        """
store = open_store(url)
write(store, "a", 0, 1)
store.close()
say(forked(lambda: write(store, "a", 1, 2)))
""",
    )
    assert "closed" in str(said[0])


def test_children_forked_from_any_thread_beside_busy_ones_can_write_at_once(store_url: str) -> None:
    said = run(
        store_url,
        """
store = open_store(url)
stop = threading.Event()

def keep_writing(name):
    version = 0
    while not stop.is_set():
        write(store, name, version, "x" * 300_000)
        version += 1

def fork_many():
    for n in range(8):
        say(forked(lambda: bool(write(store, f"child {n}", 0, "x"))))

busy = [threading.Thread(target=keep_writing, args=(name,)) for name in "abc"]
for thread in busy:
    thread.start()
forking = threading.Thread(target=fork_many)
forking.start(), forking.join()
fork_many() if url == "memory:" else None
stop.set()
for thread in busy:
    thread.join()
""",
    )
    assert set(said) == {True}


def test_a_connection_that_was_in_use_at_the_fork_never_comes_into_the_childs_pool(
    new_postgres_store: Callable[[], str],
) -> None:
    said = run(
        new_postgres_store(),
        """
store = open_store(url)
write(store, "a", 0, 1)
pool = store.recorder.datastore._pool
connection = pool.acquire()
def child():
    pool.release(connection)
    return [pool.acquire() is connection, connection.closed]
say(forked(child))
pool.release(connection)
say([pool.acquire() is connection, connection.closed])
""",
    )
    assert said == [[False, False], [True, False]]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_two_threads_may_fork_at_once(durable_url: str) -> None:
    said = run(
        durable_url,
        """
store = open_store(url)
write(store, "a", 0, 1)
both = threading.Barrier(2)
codes = []

def fork_some():
    both.wait()
    for _ in range(10):
        if (child := os.fork()) == 0:
            os._exit(0 if texts(store, "a") == [1] else 1)
        codes.append(os.waitpid(child, 0)[1])

threads = [threading.Thread(target=fork_some) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
say(codes)
""",
    )
    assert said == [[0] * 20]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_store_that_is_let_go_of_while_its_process_forks_is_closed_afterwards(durable_url: str) -> None:
    """Its last reference may go at any moment: with the one that the hooks have, it closed itself, and waited for
    the locks that the hooks held for it.
    """
    said = run(
        durable_url,
        """
from flowledger.infrastructure.concurrency.forking import register_for_forks

class LetsGo:
    "Drops the stores of the process when it comes to rest."
    def before_fork(self):
        stores.clear()
    def after_fork_in_parent(self):
        pass
    after_fork_in_child = after_fork_in_parent

def closed(number):
    store = open_store(url)
    write(store, f"s{number}", 0, 1)
    return store

stores, lets_go = [], [LetsGo() for _ in range(20)]  # some before, some after each of the stores
for number, follower in enumerate(lets_go):
    register_for_forks(follower)
    stores.append(closed(number))
say(forked(lambda: "went on"))
with_another = open_store(url)
say([texts(with_another, "s19"), forked(lambda: texts(with_another, "s0"))])
""",
    )
    assert said == ["went on", [[1], [1]]]


def test_a_fork_waits_until_the_schema_of_an_event_is_built() -> None:
    """pydantic holds a lock while it builds one, which would stay locked in the child."""
    said = run(
        "memory:",
        """
from flowledger.domain.events import catalogue

order, build = [], catalogue.TypeAdapter

def fork():
    forked(lambda: "child")
    order.append("forked")

def build_beside_a_fork(schema):
    catalogue.TypeAdapter = build
    forking.start()
    forking.join(0.5)  # it would be over by then if it didn't wait
    order.append("built")
    return build(schema)

forking = threading.Thread(target=fork)
catalogue.TypeAdapter = build_beside_a_fork
write(open_store(url), "a", 0, 1)
forking.join()
say(order)
""",
    )
    assert said == [["built", "forked"]]
