"""Tampering, wherever it is done, is found; what is sound is not accused."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from flowledger.domain.errors import EventNotReadable
from flowledger.domain.events.catalogue import EVENT_TYPES
from flowledger.domain.ports import Write
from flowledger.infrastructure.storage.event_store import LedgerEventStore
from flowledger.infrastructure.storage.verify import PROGRESS_EVERY, ChainWalk, verify

from .events import NOON, NOTED, note, opened, texts, write

Found = list[tuple[str, int, str]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def store(path: Path) -> Iterator[LedgerEventStore]:
    with opened(f"sqlite:///{path}") as store:
        write(store, "a", 0, "one", "two", "three", "four")
        write(store, "b", 0, "one", "two")
        yield store


def tamper(path: Path, *changes: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.create_function("flip", 2, flip)
        for trigger in ("update", "delete", "replace"):
            connection.execute(f"DROP TRIGGER flowledger_events_refuse_{trigger}")
        for change in changes:
            connection.execute(change.replace("OF EVENT_2", EVENT_2))


def flip(state: bytes, index: int) -> bytes:
    changed = bytearray(state)
    changed[index] ^= 1
    return bytes(changed)


def found(store: LedgerEventStore, stream: str | None = None) -> Found:
    return [(finding.stream, finding.version, finding.kind) for finding in verify(store, stream).findings]


def test_an_untouched_store_has_no_findings(store_url: str) -> None:
    with opened(store_url) as store:
        assert verify(store).ok
        for stream in ("b", "a", "c"):
            write(store, stream, 0, *range(3))
        store.append(Write("a", 3, [note(3, NOON + 1), note(4, NOON + 1)]), Write("b", 3, [note(3)]))
        report = verify(store)
        assert (report.ok, report.events, report.streams) == (True, 12, 3)
        alone = verify(store, "b")
        assert (alone.ok, alone.events, alone.streams) == (True, 4, 1)
        assert verify(store, "unheard of").events == 0


EVENT_2 = "WHERE originator_id = 'a' AND originator_version = 2"
"""What the tests below write as ``OF EVENT_2``."""


@pytest.mark.parametrize(
    ("index", "findings"),
    [
        (0, [("a", 2, "unreadable")]),
        (3, [("a", 2, "changed")]),
        (9, [("a", 2, "changed"), ("a", 3, "link")]),
        (40, [("a", 2, "changed"), ("a", 3, "link")]),
        (-4, [("a", 2, "changed")]),
    ],
    ids=["codec", "event id", "digest", "end of the digest", "body"],
)
def test_a_flipped_bit_is_found(store: LedgerEventStore, path: Path, index: int, findings: Found) -> None:
    tamper(path, "UPDATE flowledger_events SET state = flip(state, INDEX) OF EVENT_2".replace("INDEX", str(index)))
    assert found(store) == findings


@pytest.mark.parametrize(
    ("change", "findings"),
    [
        ("UPDATE flowledger_events SET topic = 'test.other' OF EVENT_2", [("a", 2, "changed")]),
        (
            "UPDATE flowledger_events SET topic = 'test.gone' OF EVENT_2",
            [("a", 2, "changed"), ("a", 2, "unknown_type")],
        ),
        ("UPDATE flowledger_events SET state = substr(state, 1, 30) OF EVENT_2", [("a", 2, "unreadable")]),
        (
            "UPDATE flowledger_events SET state = substr(state, 1, 60) OF EVENT_2",
            [("a", 2, "changed"), ("a", 2, "unreadable")],
        ),
        ("UPDATE flowledger_events SET state = 'text' OF EVENT_2", [("a", 2, "unreadable")]),
        ("UPDATE flowledger_events SET state = zeroblob(100000) OF EVENT_2", [("a", 2, "unreadable")]),
        ("DELETE FROM flowledger_events OF EVENT_2", [("a", 3, "gap")]),
        ("DELETE FROM flowledger_events WHERE originator_id = 'a' AND originator_version <= 2", [("a", 3, "gap")]),
        ("UPDATE flowledger_events SET originator_id = 'c' OF EVENT_2", [("a", 3, "gap"), ("c", 2, "gap")]),
        (
            "UPDATE flowledger_events SET originator_id = 'c', originator_version = 1 OF EVENT_2",
            [("a", 3, "gap"), ("c", 1, "changed")],
        ),
        (
            "UPDATE flowledger_events SET originator_version = 0 OF EVENT_2",
            [("a", 0, "gap"), ("a", 1, "position"), ("a", 1, "link"), ("a", 3, "gap")],
        ),
        ("UPDATE flowledger_events SET notification_id = 100 OF EVENT_2", [("a", 3, "position")]),
    ],
)
def test_a_change_of_a_row_is_found(store: LedgerEventStore, path: Path, change: str, findings: Found) -> None:
    if "test.other" not in EVENT_TYPES:
        EVENT_TYPES["test.other"] = EVENT_TYPES[NOTED]
    tamper(path, change)
    assert found(store) == findings
    assert found(store, "b") == []


def test_two_events_that_changed_places_are_found(store: LedgerEventStore, path: Path) -> None:
    tamper(
        path,
        "UPDATE flowledger_events SET originator_version = 9 WHERE originator_id = 'a' AND originator_version = 2",
        "UPDATE flowledger_events SET originator_version = 2 WHERE originator_id = 'a' AND originator_version = 3",
        "UPDATE flowledger_events SET originator_version = 3 WHERE originator_id = 'a' AND originator_version = 9",
    )
    assert found(store) == [("a", 2, "changed"), ("a", 3, "position"), ("a", 3, "link"), ("a", 4, "link")]


def test_a_clock_that_went_backwards_is_found(store: LedgerEventStore) -> None:
    store.append(Write("a", 4, [note("late", NOON + 5), note("early", NOON + 2)]))
    assert found(store) == [("a", 6, "time")]


def test_every_finding_is_reported_and_not_just_the_first(store: LedgerEventStore, path: Path) -> None:
    tamper(path, "UPDATE flowledger_events SET state = flip(state, length(state) - 4) WHERE originator_version < 3")
    assert found(store) == [
        (stream, version, kind) for stream in "ab" for version, kind in enumerate(("changed", "link"), 1)
    ]


def test_findings_say_what_and_where(store: LedgerEventStore, path: Path) -> None:
    tamper(path, "DELETE FROM flowledger_events OF EVENT_2")
    (finding,) = verify(store).findings
    assert finding.message == "version 2 is missing before it, so its link can't be checked"


def test_progress_is_told_while_it_walks(store: LedgerEventStore) -> None:
    write(store, "long", 0, *range(2 * PROGRESS_EVERY))
    told: list[int] = []
    walk = ChainWalk(store, progress=told.append)
    assert list(walk) == []
    assert told == [PROGRESS_EVERY, 2 * PROGRESS_EVERY]
    assert (walk.events, walk.streams) == (2 * PROGRESS_EVERY + 6, 3)


def test_postgres_is_walked_the_same_way(new_postgres_url: Callable[[], str]) -> None:
    url = new_postgres_url()
    with opened(url) as store:
        write(store, "a", 0, 1, 2, 3)
        write(store, "Ä", 0, 1)
        write(store, "B", 0, 1)
        with psycopg.connect(url) as connection:
            connection.execute("ALTER TABLE flowledger_events DISABLE TRIGGER ALL")
            connection.execute(
                "UPDATE flowledger_events SET state = set_byte(state, 45, 7) WHERE originator_id IN ('a', 'Ä')"
            )
        report = verify(store)
        assert (report.events, report.streams) == (5, 3)
        kinds = [(finding.stream, finding.version, finding.kind) for finding in report.findings]
        assert ("a", 1, "changed") in kinds
        assert ("Ä", 1, "unreadable") in kinds
        assert texts(store, "B") == [1]
        with pytest.raises(EventNotReadable):
            texts(store, "a")
