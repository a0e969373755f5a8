"""The suites that eventsourcing ships, on our recorders and factories.

Only what they demand of positions being 1, 2, 3 is put differently for PostgreSQL, where positions have gaps.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar
from unittest import TestCase
from uuid import uuid4

import pytest
from eventsourcing import popo
from eventsourcing import postgres as stock_postgres
from eventsourcing import sqlite as stock_sqlite
from eventsourcing.application import Application
from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.tests import persistence as suites
from eventsourcing.utils import Environment, get_topic

from flowledger.infrastructure.storage import codec
from flowledger.infrastructure.storage.memory import factory as memory
from flowledger.infrastructure.storage.memory.recorder import MemoryRecorder
from flowledger.infrastructure.storage.postgres import factory as postgres
from flowledger.infrastructure.storage.postgres.datastore import PostgresDatastore
from flowledger.infrastructure.storage.postgres.recorder import PostgresRecorder
from flowledger.infrastructure.storage.recorder import LedgerRecorder
from flowledger.infrastructure.storage.sqlite import factory as sqlite
from flowledger.infrastructure.storage.sqlite.datastore import SQLiteDatastore
from flowledger.infrastructure.storage.sqlite.recorder import SQLiteRecorder


class OnOurRecorder:
    """Recorders with text ids, closed after each test. A backend says how to make an empty one."""

    recorders: list[LedgerRecorder]

    def new_originator_id(self) -> str:
        return str(uuid4())

    def new_recorder(self) -> LedgerRecorder:
        raise NotImplementedError

    def create_recorder(self) -> Any:
        recorder = self.new_recorder()
        self.recorders.append(recorder)
        return recorder

    @pytest.fixture(autouse=True)
    def closed_recorders(self) -> Iterator[None]:
        self.recorders = []
        yield
        for recorder in self.recorders:
            recorder.close()


class OnMemory(OnOurRecorder):
    def new_recorder(self) -> LedgerRecorder:
        return MemoryRecorder()


class OnSQLite(OnOurRecorder):
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path) -> None:
        self.path = tmp_path

    def new_recorder(self) -> LedgerRecorder:
        recorder = SQLiteRecorder(SQLiteDatastore(str(self.path / f"{uuid4()}.db")))
        recorder.create_table()
        return recorder


class OnPostgres(OnOurRecorder):
    @pytest.fixture(autouse=True)
    def server(self, new_postgres_url: Callable[[], str]) -> None:
        self.new_url = new_postgres_url

    def new_recorder(self) -> LedgerRecorder:
        recorder = PostgresRecorder(PostgresDatastore(self.new_url()))
        recorder.create_table()
        return recorder


class AggregateRecorderSuite(suites.AggregateRecorderTestCase):
    """Written for recorders that give no positions; ours always do."""

    __test__ = False

    def test_insert_and_select(self) -> None:
        recorder: Any = self.create_recorder()
        insert_events = recorder.insert_events

        def without_positions(events: Any) -> None:
            insert_events(events)

        self.create_recorder = lambda: recorder  # type: ignore[method-assign]
        recorder.insert_events = without_positions
        super().test_insert_and_select()


class TestAggregateRecorderOnMemory(OnMemory, AggregateRecorderSuite):
    __test__ = True


class TestAggregateRecorderOnSQLite(OnSQLite, AggregateRecorderSuite):
    __test__ = True


class TestAggregateRecorderOnPostgres(OnPostgres, AggregateRecorderSuite):
    __test__ = True


class ApplicationRecorderSuite(suites.ApplicationRecorderTestCase[Any]):
    """With the test that the library leaves to recorders that can be subscribed to."""

    __test__ = False

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestApplicationRecorderOnMemory(OnMemory, ApplicationRecorderSuite):
    __test__ = True


class TestApplicationRecorderOnSQLite(OnSQLite, ApplicationRecorderSuite):
    __test__ = True

    def test_insert_select(self) -> None:
        """An empty SQLite store says 0 where the suite wants None; the library's own recorder does so too."""
        recorder = self.create_recorder()
        recorder.max_notification_id = lambda: (
            stock_sqlite.SQLiteApplicationRecorder.max_notification_id(recorder) or None
        )
        self.create_recorder = lambda: recorder  # type: ignore[method-assign]
        super().test_insert_select()


class TestApplicationRecorderOnPostgres(OnPostgres, ApplicationRecorderSuite):
    __test__ = True
    EXPECT_CONTIGUOUS_NOTIFICATION_IDS = False

    def test_insert_select(self) -> None:
        recorder = self.create_recorder()
        assert recorder.max_notification_id() is None
        assert recorder.select_notifications(start=None, limit=3, topics=["topic1"]) == []
        one, two = self.new_originator_id(), self.new_originator_id()
        first = StoredEvent(one, 1, "topic1", b"state1")
        second = StoredEvent(one, 2, "topic2", b"state2")
        third = StoredEvent(two, 1, "topic3", b"state3")
        positions = [*recorder.insert_events([first, second]), *recorder.insert_events([third])]
        assert positions == sorted(set(positions))
        assert recorder.max_notification_id() == positions[-1]
        with pytest.raises(IntegrityError):
            recorder.insert_events([third])
        assert recorder.select_events(one) == [first, second]

        def selected(start: int | None, limit: int, **options: Any) -> list[int]:
            return [positions.index(one.id) + 1 for one in recorder.select_notifications(start, limit, **options)]

        p1, p2, p3 = positions
        assert selected(None, 10) == selected(p1, 10) == [1, 2, 3]
        assert selected(None, 10, stop=p2) == selected(p1, 10, stop=p2) == [1, 2]
        assert selected(p1, 10, inclusive_of_start=False) == [2, 3]
        assert selected(p1, 10, stop=p2, inclusive_of_start=False) == selected(p2, 10, stop=p2) == [2]
        assert selected(p3, 10, inclusive_of_start=False) == []
        assert selected(None, 1) == [1]
        assert selected(p2, 1) == [2]
        assert selected(None, 10, topics=["topic1", "topic3"]) == selected(p1, 3, topics=("topic1", "topic3")) == [1, 3]
        (notification,) = recorder.select_notifications(p3, 1)
        assert (notification.originator_id, notification.originator_version) == (two, 1)
        assert (notification.topic, notification.state) == ("topic3", b"state3")


class TestPositionsDoNotInterleaveOnMemory(OnMemory, suites.NonInterleavingNotificationIDsBaseCase):
    insert_num = 1_000


class TestPositionsDoNotInterleaveOnSQLite(OnSQLite, suites.NonInterleavingNotificationIDsBaseCase):
    insert_num = 1_000


class TestPositionsDoNotInterleaveOnPostgres(OnPostgres, suites.NonInterleavingNotificationIDsBaseCase):
    insert_num = 1_000


class MemoryTracking(popo.POPOTrackingRecorder):
    pass


class SQLiteTracking(stock_sqlite.SQLiteTrackingRecorder):
    pass


class PostgresTracking(stock_postgres.PostgresTrackingRecorder):
    pass


class FactorySuite(suites.InfrastructureFactoryTestCase[Any]):
    """Ours make our application recorder; snapshots, tracking and processes stay with the library's."""

    __test__ = False

    factory_class: ClassVar[type[Any]]
    stock: ClassVar[Any]
    prefix: ClassVar[str]
    tracking: ClassVar[type[Any]]

    def expected_factory_class(self) -> type[Any]:
        return self.factory_class

    def expected_application_recorder_class(self) -> type[Any]:
        return {"POPO": MemoryRecorder, "SQLite": SQLiteRecorder, "Postgres": PostgresRecorder}[self.prefix]

    def expected_aggregate_recorder_class(self) -> type[Any]:
        return getattr(self.stock, f"{self.prefix}AggregateRecorder")  # type: ignore[no-any-return]

    def expected_tracking_recorder_class(self) -> type[Any]:
        return getattr(self.stock, f"{self.prefix}TrackingRecorder")  # type: ignore[no-any-return]

    def expected_process_recorder_class(self) -> type[Any]:
        return getattr(self.stock, f"{self.prefix}ProcessRecorder")  # type: ignore[no-any-return]

    def tracking_recorder_subclass(self) -> type[Any]:
        return self.tracking


class TestMemoryFactory(FactorySuite):
    __test__ = True
    factory_class, stock, prefix, tracking = memory.Factory, popo, "POPO", MemoryTracking

    def setUp(self) -> None:
        self.env = Environment("Ours", {"PERSISTENCE_MODULE": memory.__name__})
        super().setUp()


class TestSQLiteFactory(FactorySuite):
    __test__ = True
    factory_class, stock, prefix, tracking = sqlite.Factory, stock_sqlite, "SQLite", SQLiteTracking

    @pytest.fixture(autouse=True)
    def environment(self, tmp_path: Path) -> None:
        self.path = tmp_path / "ledger.db"

    def setUp(self) -> None:
        self.env = Environment("Ours", {"PERSISTENCE_MODULE": sqlite.__name__, "SQLITE_DBNAME": str(self.path)})
        super().setUp()


class TestPostgresFactory(FactorySuite):
    __test__ = True
    factory_class, stock, prefix, tracking = postgres.Factory, stock_postgres, "Postgres", PostgresTracking

    @pytest.fixture(autouse=True)
    def environment(self, new_postgres_url: Callable[[], str]) -> None:
        self.url = new_postgres_url()

    def setUp(self) -> None:
        self.env = Environment("Ours", {"PERSISTENCE_MODULE": postgres.__name__, "POSTGRES_URL": self.url})
        super().setUp()
        # The library's own recorders name their schema instead of leaving it to the connection.
        self.factory.datastore.schema = self.url.rpartition("search_path%3D")[2]


class TestAnApplicationOfTheLibrary(TestCase):
    """The mapper is chosen by its topic, as the library has it."""

    def test_it_takes_our_persistence_modules_and_mapper(self) -> None:
        env = {"PERSISTENCE_MODULE": memory.__name__, "MAPPER_TOPIC": get_topic(codec.LedgerMapper)}
        application: Application[str] = Application(env=env)
        assert isinstance(application.mapper, codec.LedgerMapper)
        assert isinstance(application.recorder, MemoryRecorder)
        application.close()
