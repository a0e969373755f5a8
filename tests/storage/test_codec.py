"""The layout of an event in storage, byte by byte."""

import os
import random
from hashlib import sha256
from typing import Any

import orjson
import pytest
from eventsourcing.persistence import Notification, StoredEvent

from flowledger.domain.errors import EventNotReadable, InvalidRequest, InvalidValue
from flowledger.domain.events.catalogue import EVENT_TYPES, EventType
from flowledger.infrastructure.storage.codec import LedgerEvent, LedgerMapper, PendingEvent, decode, initial_digest

from .events import NOON, NOTED, Noted, note

DATA = {"recorded_at": NOON, "by": "ada", "text": "hi"}
HEADER = b"\x01" + bytes(40)


def stored(**changes: Any) -> StoredEvent:
    return LedgerMapper().to_stored_event(PendingEvent("a", 1, NOTED, DATA | changes, initial_digest("a")))


def test_a_state_is_codec_id_digest_and_body() -> None:
    one, other = stored(), stored()
    body = b'{"recorded_at":1760000000000000,"by":"ada","text":"hi"}'
    assert one.state[:1] == b"\x01"
    assert one.state[1:9] != other.state[1:9]
    assert one.state[9:41] == sha256(sha256(b"a").digest() + one.state[1:9] + b"test.noted\0" + body).digest()
    assert one.state[41:] == body


def test_who_seeds_the_common_random_numbers_gets_other_event_ids_all_the_same() -> None:
    random.seed(1)
    one = stored()
    drawn = random.random()
    random.seed(1)
    assert stored().state != one.state
    assert random.random() == drawn, "storing an event took from the caller's random numbers"


def test_a_forked_process_makes_event_ids_of_its_own() -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, stored().state)
        os._exit(0)
    os.waitpid(child, 0)
    theirs, ours = os.read(reading, 1000), stored().state
    assert theirs[41:] == ours[41:]
    assert theirs[1:9] != ours[1:9]


def test_the_mapper_reads_what_it_wrote() -> None:
    event = stored()
    read = LedgerMapper().to_domain_event(event)
    assert isinstance(read, LedgerEvent)
    assert (read.originator_id, read.originator_version, read.position) == ("a", 1, 0)
    assert (read.type, read.by, read.data, read.digest) == (NOTED, "ada", DATA, event.state[9:41].hex())
    assert LedgerMapper().to_domain_event(Notification("a", 1, NOTED, event.state, 7)).position == 7


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (b"", "truncated"),
        (b"\x01" + bytes(39), "truncated"),
        (b"\x03" + HEADER[1:] + b"{}", "codec 0x03 is unknown"),
        (b"\x02" + HEADER[1:] + b'{"by":"ada","recorded_at":1}', "does not fit the type"),
        (HEADER + b'{"by":"ada"', "not JSON"),
        (HEADER, "not JSON"),
        (HEADER + b'"recorded_at and by"', "lacks recorded_at or by"),
        (HEADER + b"7", "lacks recorded_at or by"),
        (HEADER + b'{"by":"ada"}', "lacks recorded_at or by"),
        (HEADER + b'{"by":"ada","recorded_at":1,"v":2}', "schema version 2 is unknown"),
        (HEADER + b'{"by":"ada","recorded_at":1,"v":"2"}', "schema version '2' is unknown"),
        ("text", "truncated"),
    ],
    ids=range(12),
)
def test_a_state_that_can_not_be_read_says_why(state: Any, reason: str) -> None:
    with pytest.raises(EventNotReadable, match=reason) as caught:
        decode("a", 3, NOTED, state)
    assert (caught.value.stream, caught.value.version) == ("a", 3)


def test_a_time_that_is_none_can_not_be_read() -> None:
    state = stored().state[:41] + b'{"by":"ada","recorded_at":"noon","text":1}'
    with pytest.raises(EventNotReadable, match="recorded_at is not a time"):
        LedgerMapper().to_domain_event(StoredEvent("a", 1, NOTED, state))


def test_an_unknown_type_can_not_be_read() -> None:
    with pytest.raises(EventNotReadable, match=r"'test\.unheard_of' is unknown"):
        decode("a", 1, "test.unheard_of", stored().state)


def test_bodies_of_older_schemas_are_read_in_todays(monkeypatch: pytest.MonkeyPatch) -> None:
    old = stored()
    newer = EventType(
        NOTED,
        Noted,
        3,
        {1: lambda data: data | {"text": [data["text"]]}, 2: lambda data: {**data, "text": {"all": data["text"]}}},
    )
    monkeypatch.setitem(EVENT_TYPES, NOTED, newer)
    assert decode("a", 1, NOTED, old.state) == DATA | {"text": {"all": ["hi"]}}
    new = stored(text="new")
    assert orjson.loads(new.state[41:])["v"] == 3
    assert decode("a", 1, NOTED, new.state) == DATA | {"text": "new"}


def test_an_upcaster_that_fails_makes_the_event_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    old = stored()
    monkeypatch.setitem(EVENT_TYPES, NOTED, EventType(NOTED, Noted, 2, {1: lambda data: data["gone"]}))
    with pytest.raises(EventNotReadable, match="does not fit the type"):
        decode("a", 1, NOTED, old.state)


def test_nothing_is_converted_on_the_way_in() -> None:
    from datetime import UTC, datetime

    with pytest.raises(InvalidValue, match="not JSON"):
        stored(text=datetime.now(UTC))
    assert note("x").data["recorded_at"] == NOON


def test_compression_and_encryption_are_refused_as_long_as_the_codec_has_no_number_for_them() -> None:
    from eventsourcing.compressor import ZlibCompressor

    with pytest.raises(InvalidRequest, match="plain"):
        LedgerMapper(compressor=ZlibCompressor())
