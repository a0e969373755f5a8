"""How an event lies in storage.

    byte  0       codec: 0x01 is a plain orjson body; other numbers are kept for compression and encryption
    bytes 1-8     event id: random, so that a writer recognises its own event after a lost acknowledgement
    bytes 9-40    digest: sha256(digest of the event before, event id, type, 0x00, body)
    bytes 41-     body: the event's data as JSON, with its schema version under "v" when that is above 1

Before the first event of a stream stands sha256(stream name). So the chain of digests breaks where an event was
changed, removed, put elsewhere in its stream, or moved to another one.
"""

import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from hashlib import sha256
from typing import Any

import orjson
from eventsourcing.persistence import Cipher, Compressor, Mapper, StoredEvent, Transcoder
from pydantic_core import from_json

from ...domain.errors import EventNotReadable, InvalidRequest, InvalidValue
from ...domain.events.catalogue import EVENT_TYPES, VERSION_KEY, upcast
from ...domain.ports import RecordedEvent
from ...domain.values.clock import moment
from ...domain.values.json import MAX_VALUE_BYTES
from ...projections.index.changes import is_indexed
from .stored_events import IndexedEvent, LinkedEvent

PLAIN = 1
BODY = 41
"""Where the body begins."""

EVENT_OVERHEAD = 2**20
"""Bytes that an event may need beside its largest values."""

MAX_EVENT_BYTES = MAX_VALUE_BYTES + EVENT_OVERHEAD
"""Default limit of one body: a value of the largest size, and room for what the event says about it."""

_ID = slice(1, 9)
_DIGEST = slice(9, BODY)
_SMALL = 2**14
_CLOSING_BRACE = ord("}")

# Not os.urandom: it lets go of the interpreter's lock, and among many threads gets it back late. Not the generator that
# everybody shares: two workers that seed it alike would take each other's events for their own.
_ids = random.Random()  # noqa: S311 - to be told apart, not to be secret
os.register_at_fork(after_in_child=_ids.seed)
# orjson would turn these into text; what isn't JSON is refused instead.
_NOTHING_CONVERTED = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS


def initial_digest(stream: str) -> bytes:
    """The digest that stands before a stream's first event."""
    return sha256(stream.encode()).digest()


def chain_digest(previous: bytes, event_id: bytes, type: str, body: bytes | memoryview) -> bytes:
    """The digest of an event: over the digest of the event before, its id, its type and its body."""
    chain = sha256(previous + event_id + type.encode() + b"\0")
    chain.update(body)
    return chain.digest()


def digest_of(header: bytes) -> bytes:
    """The stored digest; the first 41 bytes of a state are enough."""
    return header[_DIGEST]


def id_of(header: bytes) -> bytes:
    """The random id of an event."""
    return header[_ID]


def encode_event(event_id: bytes, digest: bytes, body: bytes) -> bytes:
    """The state of an event."""
    return b"".join((b"\x01", event_id, digest, body))


def stored_event(
    stream: str, version: int, type: str, state: bytes, data: Mapping[str, Any], previous: bytes = b""
) -> LinkedEvent:
    """An event as recorders take it, ``data`` being the body inside its state: the index learns of it where it must.

    ``previous``: the digest of the event that must be stored before it, if that is a condition.
    """
    if is_indexed(type, data):
        return IndexedEvent(stream, version, type, state, previous, data)
    return LinkedEvent(stream, version, type, state, previous)


def body_of(state: object) -> bytes:
    """The JSON body inside a state. Raises ValueError with the reason when there is none."""
    if not isinstance(state, bytes) or len(state) < BODY:
        raise ValueError("its state is truncated")
    if state[0] != PLAIN:
        raise ValueError(f"its codec {state[0]:#04x} is unknown: it was changed, or written by a newer flowledger")
    return state[BODY:]


def decode(stream: str, version: int, type: str, state: bytes) -> dict[str, Any]:
    """The body as data in today's schema; digests are not checked here. Raises EventNotReadable."""
    try:
        if state[0] != PLAIN:
            body_of(state)
        # A view spares the copy of a large body, and costs more than the copy of a small one.
        data: dict[str, Any] = orjson.loads(state[BODY:] if len(state) < _SMALL else memoryview(state)[BODY:])
        if "recorded_at" not in data or data["by"] is None:
            raise KeyError("by")
        if VERSION_KEY in data or EVENT_TYPES[type].version > 1:
            return upcast(type, data)
        return data
    except (InvalidValue, LookupError, TypeError, ValueError, AttributeError) as error:
        # Also what an upcaster raises when it meets a body that was tampered with.
        raise EventNotReadable(stream, version, _reason(type, state, error)) from error


def has_one_schema(type: str) -> bool:
    """Whether every event of the type is of today's schema, so that a part of one can be understood."""
    return type in EVENT_TYPES and EVENT_TYPES[type].version == 1


def decode_beginning(stream: str, version: int, type: str, state: bytes) -> dict[str, Any]:
    """The first keys of a body whose state was cut off. Raises EventNotReadable."""
    try:
        data = from_json(state[BODY:], allow_partial=True)
        # The key where it was cut off may be half of what it was.
        data.popitem()
    except (ValueError, AttributeError, KeyError) as error:
        raise EventNotReadable(stream, version, _reason(type, state, error)) from error
    return data  # type: ignore[no-any-return]


def are_readable(rows: Sequence[tuple[int, str, bytes | None, int]]) -> bool:
    """Whether each row holds what may be an event: a known type, a known codec, a JSON object."""
    try:
        for _, type, state, _ in rows:
            if state is None or state[0] != PLAIN or state[-1] != _CLOSING_BRACE or type not in EVENT_TYPES:
                return False
    except (IndexError, TypeError):
        return False
    return True


def to_recorded_event(stream: str, version: int, position: int, type: str, state: bytes) -> RecordedEvent:
    """The recorded event of one row. Raises EventNotReadable."""
    data = decode(stream, version, type, state)
    try:
        recorded_at = moment(data["recorded_at"])
    except (TypeError, OverflowError) as error:
        raise EventNotReadable(stream, version, f"its recorded_at is not a time: {error}") from error
    return RecordedEvent(stream, version, position, type, recorded_at, data["by"], data, digest_of(state).hex())


def _reason(type: str, state: object, error: Exception) -> str:
    try:
        body = body_of(state)
        data = orjson.loads(body)
    except orjson.JSONDecodeError as broken:
        return f"its body is not JSON: {broken}"
    except ValueError as broken:
        return str(broken)
    if type not in EVENT_TYPES:
        return f"its type {type!r} is unknown: it was written by other code or a newer flowledger"
    if not isinstance(data, dict) or not {"recorded_at", "by"} <= data.keys():
        return "its body lacks recorded_at or by"
    return f"its body does not fit the type {type!r}: {error}"


@dataclass(frozen=True, slots=True)
class PendingEvent:
    """An event with its place in a stream, and the digest of the event before it: all that storing it takes."""

    originator_id: str
    originator_version: int
    type: str
    data: Mapping[str, Any]
    previous: bytes
    follows_stored: bool = False
    """Whether the event before is stored already, and storing this one takes that it still is."""


class LedgerEvent(RecordedEvent):
    """A recorded event that also answers to the names by which eventsourcing asks for its place."""

    __slots__ = ()

    @property
    def originator_id(self) -> str:
        return self.stream

    @property
    def originator_version(self) -> int:
        return self.version


class OrjsonTranscoder(Transcoder):
    """Plain JSON, nothing converted on the way in: what isn't JSON is refused."""

    def encode(self, obj: Any) -> bytes:
        return orjson.dumps(obj, option=_NOTHING_CONVERTED)

    def decode(self, data: bytes) -> Any:
        return orjson.loads(data)


class LedgerMapper(Mapper[str]):
    """Between events and stored events, in the layout above. Validates on the way in, upcasts on the way out."""

    def __init__(
        self,
        transcoder: Transcoder | None = None,
        compressor: Compressor | None = None,
        cipher: Cipher | None = None,
        *,
        max_event_bytes: int = MAX_EVENT_BYTES,
    ) -> None:
        if compressor or cipher:
            raise InvalidRequest("events are stored plain: the codec has no number for compression or encryption yet")
        super().__init__(transcoder or OrjsonTranscoder())
        self.max_event_bytes = max_event_bytes

    def to_stored_event(self, domain_event: Any) -> LinkedEvent:
        """A PendingEvent as it goes into storage.

        Raises InvalidValue when the body doesn't fit its schema, isn't JSON or is over the limit, InvalidRequest when
        its type isn't in the catalogue.
        """
        event: PendingEvent = domain_event
        body = self._body(event.type, event.data)
        event_id = _ids.getrandbits(64).to_bytes(8)
        digest = chain_digest(event.previous, event_id, event.type, body)
        state = encode_event(event_id, digest, body)
        previous = event.previous if event.follows_stored else b""
        return stored_event(event.originator_id, event.originator_version, event.type, state, event.data, previous)

    def to_domain_event(self, stored_event: StoredEvent) -> LedgerEvent:
        """The recorded event; its position is 0 unless a Notification is given. Raises EventNotReadable."""
        event = to_recorded_event(
            str(stored_event.originator_id),
            stored_event.originator_version,
            getattr(stored_event, "id", 0),
            stored_event.topic,
            stored_event.state,
        )
        return LedgerEvent(*(getattr(event, field.name) for field in fields(event)))

    def _body(self, type: str, data: Mapping[str, Any]) -> bytes:
        known = EVENT_TYPES.get(type)
        if known is None:
            raise InvalidRequest(f"the event type {type!r} is not in the catalogue")
        valid = known.validate(data)
        if known.version > 1:
            valid[VERSION_KEY] = known.version
        try:
            body = self.transcoder.encode(valid)
        except TypeError as error:
            raise InvalidValue(type, f"the event is not JSON: {error}") from error
        if len(body) > self.max_event_bytes:
            raise InvalidValue(
                type,
                f"the event takes {len(body):,} bytes, over the limit of {self.max_event_bytes:,}: "
                "store large data elsewhere and keep its address",
            )
        return body
