"""The backends, each bound to the suite of the port, and to what our own stores do beyond it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from flowledger.domain.errors import ConcurrencyError, EventNotReadable, InvalidValue
from flowledger.domain.ports import CheckpointStore, EventStore, ExpectedVersion, NewEvent, Write
from flowledger.infrastructure.ledger.stores import open_store
from flowledger.infrastructure.storage.codec import MAX_EVENT_BYTES, PendingEvent
from flowledger.infrastructure.storage.event_store import LedgerEventStore
from flowledger.infrastructure.storage.log.event_store import adapt_store
from flowledger.infrastructure.testing.notes import end_of
from flowledger.stores import event_store
from flowledger.testing import CheckpointStoreConformance, EventStoreConformance, memory_ledger

from ..testing.broken_logs import Disk, DiskLog
from ..testing.broken_stores import Wrapper
from .events import NOTED, note, notes, opened, rows, texts, write
from .robbery import lose_newest


class OurStores(EventStoreConformance):
    @pytest.fixture
    def url(self) -> str:
        raise NotImplementedError

    @pytest.fixture
    def store(self, url: str) -> Iterator[LedgerEventStore]:
        with opened(url) as store:
            yield store

    @pytest.fixture
    def reopen(self, url: str) -> Callable[[], EventStore] | None:
        return lambda: open_store(url)

    @pytest.fixture
    def lose_newest(self, store: LedgerEventStore, url: str) -> Callable[[], object]:
        return lambda: lose_newest(store, url)

    def test_rows_come_in_order_over_pages(self, store: LedgerEventStore) -> None:
        write(store, "a", 0, *range(2_500))
        assert [row.version for row in store.all_rows()] == list(range(1, 2_501))
        assert [row.version for row in store.rows("a", upto=2_400)] == list(range(1, 2_401))

    def test_large_events_are_left_out_of_pages_and_read_one_at_a_time(self, store: LedgerEventStore, url: str) -> None:
        write(store, "a", 0, "x" * 2**20, "small")
        in_page = [state is not None for _, _, state, _ in store.recorder.stream_batch("a", 0, None)]
        assert in_page == ([True] * 2 if url == "memory:" else [False, True])
        assert [len(row.encoded or b"") > 2**20 for row in store.rows("a")] == [True, False]

    def test_a_guard_counts_also_when_the_events_are_placed_again(self, store: LedgerEventStore) -> None:
        write(store, "a", 0, 1)
        write(store, "g", 0, 1)
        meanwhile = [lambda: write(store, "g", 1, 2), lambda: write(store, "a", 1, 2)]

        class Overtaken(list[NewEvent]):
            def __iter__(self) -> Iterator[NewEvent]:
                meanwhile.pop()()
                return super().__iter__()

        with pytest.raises(ConcurrencyError) as caught:
            store.append_while(end_of(store, "g"), Write("a", ExpectedVersion.ANY, Overtaken(notes(3))))
        assert (caught.value.stream, meanwhile) == ("g", [])
        assert texts(store, "a") == [1, 2]

    def test_an_event_over_the_limit_is_refused(self, url: str) -> None:
        with opened(url, max_event_bytes=1_000) as store:
            write(store, "a", 0, "x" * 900)
            with pytest.raises(InvalidValue, match="over the limit of 1,000"):
                store.append(Write("b", 0, notes(1)), Write("a", 1, notes("x" * 1_000)))
            assert (store.head("a"), store.head("b")) == (1, 0)

    def test_an_event_that_can_not_be_read_leaves_the_others_readable(self, store: LedgerEventStore) -> None:
        write(store, "a", 0, 1)
        write(store, "b", 0, 2)
        mapper = store._mapper
        good = mapper.to_stored_event(PendingEvent("a", 2, NOTED, note("damaged").data, bytes(32)))
        store.recorder.insert_events([replace(good, state=good.state[:-1])])
        write(store, "a", 2, 3)
        with pytest.raises(EventNotReadable) as caught:
            list(rows(store, "a"))
        assert (caught.value.stream, caught.value.version) == ("a", 2)
        assert [row.version for row in rows(store, "a", upto=1)] == [1]
        assert [row.version for row in rows(store, "a", after=2)] == [3]
        assert texts(store, "b") == [2]


class TestMemory(OurStores):
    @pytest.fixture
    def url(self) -> str:
        return "memory:"

    @pytest.fixture
    def reopen(self) -> None:
        return None


class OurDatabases(OurStores):
    @pytest.fixture
    def open_in_process(self, url: str) -> Callable[[], EventStore]:
        return partial(open_store, url)


class TestSQLite(OurDatabases):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path / 'ledger.db'}"


class TestPostgres(OurDatabases):
    @pytest.fixture
    def url(self, new_postgres_store: Callable[[], str]) -> str:
        return new_postgres_store()


class TestTheLedgerForTests(EventStoreConformance):
    @pytest.fixture
    def store(self) -> Iterator[EventStore]:
        with memory_ledger() as ledger:
            yield ledger._store

    @pytest.fixture
    def reopen(self) -> None:
        return None


class TestALogOfRows(EventStoreConformance):
    @pytest.fixture
    def disk(self) -> Disk:
        return Disk()

    @pytest.fixture
    def store(self, disk: Disk) -> Iterator[EventStore]:
        with closing(event_store(DiskLog(disk))) as store:
            yield store

    @pytest.fixture
    def reopen(self, disk: Disk) -> Callable[[], EventStore]:
        return lambda: event_store(DiskLog(disk))

    @pytest.fixture
    def lose_newest(self, disk: Disk) -> Callable[[], object]:
        return disk.lose_newest


class TestWhatImplementsThePort(EventStoreConformance):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path / 'ledger.db'}"

    @pytest.fixture
    def store(self, url: str) -> Iterator[EventStore]:
        with closing(adapt_store(Wrapper(open_store(url)), MAX_EVENT_BYTES)) as store:
            yield store

    @pytest.fixture
    def reopen(self, url: str) -> Callable[[], EventStore]:
        return lambda: adapt_store(Wrapper(open_store(url)), MAX_EVENT_BYTES)


class TestOurCheckpoints(CheckpointStoreConformance):
    @pytest.fixture
    def checkpoints(self, store_url: str) -> Iterator[CheckpointStore]:
        with opened(store_url) as store:
            yield store.checkpoints

    @pytest.fixture
    def reopen_checkpoints(self, store_url: str) -> Iterator[Callable[[], CheckpointStore] | None]:
        with ExitStack() as stack:
            yield None if store_url == "memory:" else lambda: stack.enter_context(opened(store_url)).checkpoints
