"""Connections to a PostgreSQL server that break at any place: what was acknowledged is there, once, where it was said.

A proxy between the store and its server breaks them: at each statement of an append in turn, and in storms under
several writers. A broken connection's session may still be at work in the server, so writers who were told that an
outcome is unknown wait until it has ended before they look.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from typing import Any, TypeVar

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import flowledger as fl
from flowledger.domain.errors import StorageUnavailable
from flowledger.domain.ports import ExpectedVersion, Write
from flowledger.infrastructure.storage.codec import body_of
from flowledger.infrastructure.storage.event_store import LedgerEventStore

from ..effort import tries
from .events import notes, opened, rows, texts, write
from .proxy import AtStatements, Life, NoFaults, Place, Proxy, ShortLives, Verdict

T = TypeVar("T")


@pytest.fixture
def server_url(new_postgres_url: Callable[[], str]) -> str:
    return new_postgres_url()


@pytest.fixture
def proxy(server_url: str) -> Iterator[Proxy]:
    with Proxy(server_url) as proxy:
        yield proxy


@pytest.fixture
def store(proxy: Proxy) -> Iterator[LedgerEventStore]:
    with opened(proxy.url) as store:
        yield store


@pytest.fixture
def untroubled(server_url: str, store: LedgerEventStore) -> Iterator[LedgerEventStore]:
    """The same store past the proxy."""
    with opened(server_url) as untroubled:
        yield untroubled


Shape = Callable[[int], Sequence[Write]]

SHAPES: dict[str, Shape] = {
    "one event": lambda attempt: [Write("a", attempt, notes(attempt))],
    "one event at any version": lambda attempt: [Write("a", ExpectedVersion.ANY, notes(attempt))],
    "one event on a stream to look up": lambda attempt: [Write(f"a{attempt}", ExpectedVersion.ANY, notes(attempt))],
    "several streams": lambda attempt: [Write("b", attempt, notes(1)), Write(f"a{attempt}", 0, notes(2, 3))],
    "large events": lambda attempt: [Write(f"a{attempt}", 0, notes(*3 * ["x" * 400_000]))],
}


@pytest.mark.parametrize("place", Place, ids=lambda place: place.name)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_an_append_survives_a_break_at_any_of_its_statements(
    proxy: Proxy, store: LedgerEventStore, untroubled: LedgerEventStore, shape: Shape, place: Place
) -> None:
    acknowledged: list[int] = []
    for attempt in count():
        proxy.faults = faults = AtStatements({attempt + 1: place})
        acknowledged += store.append(*shape(attempt))
        if faults.places:
            break
    assert attempt >= 1
    proxy.settle()
    assert [event.position for event in untroubled.tail()] == acknowledged


def by_a_thread(store: LedgerEventStore, *writes: Write) -> list[int]:
    return store.append(*writes)


def by_a_task(store: LedgerEventStore, *writes: Write) -> list[int]:
    return asyncio.run(store.aappend(*writes))


Append = Callable[..., list[int]]


@pytest.mark.parametrize("append", [by_a_thread, by_a_task])
@pytest.mark.parametrize("second", Place, ids=lambda place: place.name)
@pytest.mark.parametrize("first", Place, ids=lambda place: place.name)
@pytest.mark.sampled(4)
def test_an_append_that_breaks_twice_is_stored_whole_or_not_at_all(
    proxy: Proxy, store: LedgerEventStore, untroubled: LedgerEventStore, first: Place, second: Place, append: Append
) -> None:
    """And it is only said to be not stored when it isn't."""
    unknown = 0
    for attempt in count(2):
        streams = [f"a{attempt}", f"b{attempt}"]
        proxy.faults = NoFaults()
        store.append(*(Write(stream, 0, notes(1)) for stream in streams))
        proxy.faults = faults = AtStatements({1: first, attempt: second})
        try:
            positions = append(store, *(Write(stream, 1, notes(2, 3)) for stream in streams))
        except StorageUnavailable as error:
            is_unknown = "whether it is stored is unknown" in str(error)
            unknown += is_unknown
            proxy.settle()
            heads = [untroubled.head(stream) for stream in streams]
            assert heads == [1, 1] or (is_unknown and heads == [3, 3])
        else:
            proxy.settle()
            assert positions == [event.position for stream in streams for event in untroubled.read(stream, after=1)]
        if faults.places:
            break
    assert unknown > 0


def test_a_shared_commit_whose_outcome_is_unknown_is_not_said_to_have_failed(
    proxy: Proxy, store: LedgerEventStore, server_url: str
) -> None:
    write(store, "a", 0, 1)
    with psycopg.connect(server_url) as other, ThreadPoolExecutor(3) as threads:
        other.execute("LOCK TABLE flowledger_events IN SHARE MODE")
        leading = threads.submit(write, store, "a", 1, 2)
        wait_for(1, other, leading)
        sharing = [threads.submit(write, store, stream, 0, 1) for stream in "bc"]
        while len(store._commits._queue) < 2:
            assert not leading.done()
        server_is_gone_after = {1: Place.COMMITTED} | dict.fromkeys(range(2, 100), Place.BEFORE)
        proxy.faults = AtStatements(server_is_gone_after)
        other.rollback()
        assert leading.result(60)
        for shared in sharing:
            with pytest.raises(StorageUnavailable, match="whether it is stored is unknown"):
                shared.result(60)
    proxy.faults = NoFaults()
    assert (texts(store, "b"), texts(store, "c")) == ([1], [1])


def test_an_event_is_stored_once_while_its_first_insert_is_still_under_way(
    proxy: Proxy, store: LedgerEventStore, server_url: str
) -> None:
    write(store, "a", 0, 1)
    with psycopg.connect(server_url) as other, ThreadPoolExecutor(1) as thread:
        other.execute("LOCK TABLE flowledger_events IN SHARE MODE")
        proxy.faults = AtStatements({1: Place.SENT})
        appending = thread.submit(write, store, "a", 1, 2)
        wait_for(2, other, appending)
        other.rollback()
        positions = appending.result(60)
    proxy.settle()
    assert [event.position for event in store.read("a", after=1)] == positions
    assert texts(store, "a") == [1, 2]


def wait_for(count: int, other: psycopg.Connection, appending: Future[Any]) -> None:
    """Until so many sessions wait for a lock of the other one."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
    while other.execute(waiting).fetchone() != (count,):
        assert not appending.done()


# --- storms -----------------------------------------------------------------------------------------------------------

lives = st.lists(
    st.builds(
        Life,
        to_server=st.booleans(),
        messages=st.integers(0, 40),
        end=st.sampled_from([Verdict.BREAK_BEFORE, Verdict.BREAK_HALFWAY, Verdict.BREAK_AFTER]),
    ),
    min_size=10,
    max_size=60,
)
storms = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
WRITERS = 4


def until_answered(ask: Callable[[], T]) -> T:
    """The answer, once the storm lets it through: it breaks no more connections than it has lives for."""
    for _ in range(100):
        try:
            return ask()
        except StorageUnavailable:
            continue
    raise AssertionError("the store doesn't recover")


@pytest.mark.scaled
@pytest.mark.parametrize("append", [by_a_thread, by_a_task])
@pytest.mark.parametrize("stores", [1, 2])
def test_in_a_storm_each_acknowledged_event_is_stored_once_and_in_place(
    proxy: Proxy, untroubled: LedgerEventStore, stores: int, append: Append
) -> None:
    rounds, unknown = count(), list[str]()

    @settings(storms, max_examples=tries(40))
    @given(lives, st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=5), min_size=WRITERS, max_size=WRITERS))
    def storm(lives: list[Life], sizes: list[list[int]]) -> None:
        proxy.faults = NoFaults()
        number = next(rounds)
        writers = [Writer(shared[each % stores], append, proxy, f"{number}.{each}") for each in range(WRITERS)]
        proxy.faults = ShortLives(lives)
        with ThreadPoolExecutor(WRITERS) as threads:
            list(threads.map(Writer.write, writers, sizes))
        proxy.settle()
        unknown.extend(writer.stream for writer in writers if writer.unknown)
        for writer in writers:
            stored = list(untroubled.read(writer.stream))
            assert [one.version for one in stored] == list(range(1, len(stored) + 1))
            assert [one.data["text"] for one in stored] == writer.written
            positions = {one.version: one.position for one in stored}
            assert {version: positions[version] for version in writer.acknowledged} == writer.acknowledged

    with opened(proxy.url) as one, opened(proxy.url) as other:
        shared = [one, other]
        storm()
    assert unknown, "no storm was strong enough"
    assert_everything_is_sound(untroubled)


class Writer:
    """Alone on its stream, so it never meets a conflict."""

    def __init__(self, store: LedgerEventStore, append: Append, proxy: Proxy, stream: str) -> None:
        self.store = store
        self.append = append
        self.proxy = proxy
        self.stream = stream
        self.written: list[str] = []
        self.acknowledged: dict[int, int] = {}
        """The position of each version whose append returned."""
        self.unknown = 0

    def write(self, sizes: list[int]) -> None:
        for number, size in enumerate(sizes):
            texts = [f"{number}.{place}" for place in range(size)]
            until_answered(lambda texts=texts: self.go_on(texts))

    def go_on(self, texts: list[str]) -> None:
        before = len(self.written)
        try:
            positions = self.append(self.store, Write(self.stream, before, notes(*texts)))
        except StorageUnavailable:
            self.proxy.settle()
            head = until_answered(lambda: self.store.head(self.stream))
            assert head in (before, before + len(texts))
            self.unknown += 1
            if head == before:
                raise
        else:
            self.acknowledged |= dict(enumerate(positions, before + 1))
        self.written += texts


def assert_everything_is_sound(store: LedgerEventStore) -> None:
    positions = [event.position for event in store.tail()]
    assert positions == sorted(set(positions))
    assert len(positions) == len(list(store.all_rows()))


LINE = {
    "nodes": [{"id": name, "type": "work"} for name in "abc"],
    "edges": [{"source": "a", "target": "b"}, {"source": "b", "target": "c"}],
}


@pytest.mark.scaled
def test_runs_go_on_through_a_storm_and_every_step_is_recorded_once(proxy: Proxy, untroubled: LedgerEventStore) -> None:
    executors = fl.ExecutorRegistry()
    executors.register("work")(lambda step: [step.node.id, step.payload])
    rounds = count()

    @settings(storms, max_examples=tries(25))
    @given(lives)
    def storm(lives: list[Life]) -> None:
        proxy.faults = ShortLives(lives)
        names = [f"worker {next(rounds)}" for _ in range(WRITERS)]
        with ThreadPoolExecutor(WRITERS) as threads:
            runs = list(threads.map(run_through, names))
        proxy.faults = NoFaults()
        for name, run_id in zip(names, runs, strict=True):
            steps = [row.data["node_id"] for row in rows(untroubled, run_id) if row.type == "run.step_completed"]
            assert steps == ["a", "b", "c"]
            types = {row.type for row in rows(untroubled, run_id)}
            assert types <= {"run.started", "run.step_completed", "run.recovered"}
            assert started_by(name) == [run_id]

    def run_through(name: str) -> str:
        run_id = until_answered(lambda: start(name))
        until_answered(lambda: go_on(run_id))
        return run_id

    def start(name: str) -> str:
        try:
            return ledger.runs.start("line", name, by=name).id
        except StorageUnavailable:
            proxy.settle()
            if found := started_by(name):
                return found[0]
            raise

    def go_on(run_id: str) -> None:
        try:
            assert ledger.runs.proceed(run_id).status == "completed"
        except StorageUnavailable:
            proxy.settle()
            raise

    def started_by(name: str) -> list[str]:
        rows: Any = (row for row in untroubled.all_rows() if row.type == "run.started")
        return [row.stream for row in rows if f'"by":"{name}"'.encode() in body_of(row.encoded)]

    with fl.open_ledger(proxy.url, executors) as ledger:
        ledger.workflows.save(LINE, workflow_id="line", by="ada")
        storm()
        assert ledger.verify().ok
    assert_everything_is_sound(untroubled)
