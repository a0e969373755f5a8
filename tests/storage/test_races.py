"""Writers against each other: threads of one process on every backend, processes on those that can be shared."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from threading import Barrier
from typing import TypeVar

import psycopg
import pytest

from flowledger.domain.errors import ConcurrencyError
from flowledger.domain.ports import ExpectedVersion, RecordedEvent, Write
from flowledger.infrastructure.storage.event_store import LedgerEventStore

from ..prepared import PreparedPython
from .events import notes, opened, texts, write

T = TypeVar("T")


def at_once(count: int, job: Callable[[int], T]) -> list[T]:
    """Run ``job(0)`` to ``job(count - 1)`` in as many threads, all let go together."""
    barrier = Barrier(count)

    def start(number: int) -> T:
        barrier.wait()
        return job(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(start, range(count)))


def in_processes(python: PreparedPython, count: int, *command: str) -> list[list[str]]:
    """Run ``worker.py`` in as many processes, let go together when all are ready; what each printed, line by line."""
    workers = [python.start(["-m", f"{__package__}.worker", *command, str(number)]) for number in range(count)]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n", "its words are on stderr"
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    outputs = [worker.stdout.read() for worker in workers]
    assert [worker.wait() for worker in workers] == [0] * count, "their words are on stderr"
    for worker in workers:
        worker.end()
    return [output.splitlines() for output in outputs]


@pytest.mark.parametrize("writers", [2, 8])
def test_of_racing_threads_one_wins_each_version(store_url: str, writers: int) -> None:
    with opened(store_url) as store:
        for version in range(10):

            def attempt(number: int, version: int = version) -> bool:
                try:
                    write(store, "a", version, f"{version} by {number}")
                except ConcurrencyError as refused:
                    return refused.actual != version + 1
                return True

            assert at_once(writers, attempt).count(True) == 1
        assert [text.split()[0] for text in texts(store, "a")] == [f"{version}" for version in range(10)]


def test_a_writer_that_tells_the_cache_late_is_in_nobodys_way(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(store_url) as store, opened(store_url) if store_url != "memory:" else nullcontext(store) as there:
        write(store, "a", 0, "first")
        known = {"a": store._heads.get("a")}
        write(there, "a", 1, "second")
        forget = store._heads.forget

        def forget_and_hear_late(streams: Iterable[str]) -> None:
            """Between the refusal and the next attempt a thread goes on that stored the first event long ago."""
            forget(streams)
            store._heads.remember(known)

        monkeypatch.setattr(store._heads, "forget", forget_and_hear_late)
        store._heads.remember(known)
        write(store, "a", ExpectedVersion.STREAM_EXISTS, "third")
        assert texts(store, "a") == ["first", "second", "third"]


@pytest.mark.parametrize("writers", [2, 8])
def test_racing_threads_that_take_any_version_all_get_in(store_url: str, writers: int) -> None:
    with opened(store_url) as store:

        def append(number: int) -> None:
            for count in range(20):
                write(store, "a", ExpectedVersion.ANY, [number, count])

        at_once(writers, append)
        written = texts(store, "a")
        assert len(written) == writers * 20
        for number in range(writers):
            assert [count for who, count in written if who == number] == list(range(20))


def test_two_streams_written_crosswise_do_not_lock_each_other_out(store_url: str) -> None:
    with opened(store_url) as store:

        def append(number: int) -> None:
            for count in range(25):
                streams = ("a", "b") if number % 2 else ("b", "a")
                store.append(*(Write(stream, ExpectedVersion.ANY, notes([number, count])) for stream in streams))

        at_once(4, append)
        assert store.head("a") == store.head("b") == 100


def test_writers_take_streams_in_one_order_whatever_order_they_name_them_in(
    new_postgres_url: Callable[[], str],
) -> None:
    """Another writer holds ``a`` and wants ``b``; if ours held ``b`` while it waits for ``a``, the two were locked."""
    url = new_postgres_url()
    insert = (
        "INSERT INTO flowledger_events (originator_id, originator_version, topic, state, notification_id) "
        "VALUES (%s, 1, 'test.noted', '', %s)"
    )
    with opened(url) as store, psycopg.connect(url) as other, ThreadPoolExecutor(1) as thread:
        other.execute(insert, ("a", 1))
        ours = thread.submit(store.append, Write("b", 0, notes(1)), Write("a", 0, notes(2)))
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
        while other.execute(waiting).fetchone() == (0,):
            assert not ours.done()
        other.execute(insert, ("b", 2))
        other.rollback()
        positions = ours.result()
        assert [(event.stream, event.position) for event in store.tail()] == list(zip("ba", positions, strict=True))


@pytest.mark.exhaustive
@pytest.mark.parametrize("writers", [2, 8])
def test_of_racing_processes_one_wins_each_version(
    prepared_python: PreparedPython, durable_url: str, writers: int
) -> None:
    with opened(durable_url) as store:
        answers = in_processes(prepared_python, writers, durable_url, "race", "30")
        won = [line for lines in answers for line in lines]
        assert sorted(won, key=int) == [f"{version}" for version in range(30)]
        assert store.head("raced") == 30


def test_a_reader_that_tails_while_eight_threads_write_misses_nothing(store_url: str) -> None:
    with opened(store_url) as store, ThreadPoolExecutor(8) as pool:

        def append(number: int) -> None:
            version = 0
            for size in [1, 3, 1, 1, 12] * 12:
                write(store, f"s{number}", version, *range(version + 1, version + size + 1))
                version += size

        writing = [pool.submit(append, number) for number in range(8)]
        seen = tailed_until(store, lambda: all(future.done() for future in writing))
        for future in writing:
            future.result()
        check_nothing_was_missed(seen, {f"s{number}": 216 for number in range(8)})


@pytest.mark.exhaustive
def test_a_reader_that_tails_while_eight_processes_write_misses_nothing(
    prepared_python: PreparedPython, durable_url: str
) -> None:
    with opened(durable_url) as store, ThreadPoolExecutor(1) as pool:
        writing = pool.submit(in_processes, prepared_python, 8, durable_url, "write", "250")
        seen = tailed_until(store, writing.done)
        writing.result()
        check_nothing_was_missed(seen, {f"s{number}": 250 for number in range(8)})


def tailed_until(store: LedgerEventStore, done: Callable[[], bool]) -> list[RecordedEvent]:
    seen: list[RecordedEvent] = []
    while True:
        last = done()
        seen += store.tail(after=seen[-1].position if seen else 0)
        if last:
            return seen


def check_nothing_was_missed(seen: list[RecordedEvent], lengths: dict[str, int]) -> None:
    positions = [event.position for event in seen]
    assert positions == sorted(set(positions))
    versions: dict[str, list[int]] = {}
    for event in seen:
        versions.setdefault(event.stream, []).append(event.version)
    assert versions == {stream: list(range(1, length + 1)) for stream, length in lengths.items()}
