"""The encoding of a stored event.

    byte  0       codec: 0x01 is a plain orjson body, 0x02 one of which a part is sealed; others are reserved
    bytes 1-8     event id: random, so that a writer recognises its own event after a lost acknowledgement
    bytes 9-40    digest: sha256(digest of the event before, event id, type, 0x00, body)
    bytes 41-     body: the event's data as JSON, with its schema version under "v" when that is above 1

A sealed body ends with "sealed": the names of the keys that aren't there, and the ciphertext of their values (see
``sealing/sealer.py``); all events of a stream are sealed, or none.

The digest before a stream's first event is sha256(stream name). So the hash chain breaks where an event was changed,
removed, moved within its stream, or moved to another stream.
"""

import os
import random
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from hashlib import sha256
from typing import Any, NamedTuple, Protocol

import orjson
from eventsourcing.persistence import Cipher, Compressor, Mapper, StoredEvent, Transcoder
from pydantic_core import from_json

from ...domain.errors import EventNotReadable, InvalidRequest, InvalidValue
from ...domain.events.catalogue import EVENT_TYPES, VERSION_KEY, upcast
from ...domain.events.personal import SEALED_BY, SEALED_TEXT, STAND_INS, fill
from ...domain.ports import RecordedEvent
from ...domain.values.clock import moment
from ...domain.values.json import MAX_VALUE_BYTES
from ...projections.index.changes import is_indexed
from .stored_events import IndexedEvent, LinkedEvent

PLAIN = 1
SEALED = 2
SEALED_KEY = "sealed"
"""Where a sealed body keeps its sealed part. No schema may use the key itself."""

BODY = 41
"""Offset of the body in bytes."""

EVENT_OVERHEAD = 2**20
"""Bytes that an event may need besides its largest values."""

MAX_EVENT_BYTES = MAX_VALUE_BYTES + EVENT_OVERHEAD
"""Default limit of one body: a value of the largest size, and the other keys of the event."""

_ID = slice(1, 9)
_DIGEST = slice(9, BODY)
_CODECS = (PLAIN, SEALED)
_SMALL = 2**14
_CLOSING_BRACE = ord("}")

# Not os.urandom: it releases the interpreter's lock, and with many threads gets it back late. Not the shared global
# generator: two workers that seed it alike would take each other's events for their own.
_ids = random.Random()  # noqa: S311 - ids need to be unique, not secret
if hasattr(os, "register_at_fork"):  # where processes fork
    os.register_at_fork(after_in_child=_ids.seed)
# orjson would convert these to text; values that aren't JSON are refused instead.
_NOTHING_CONVERTED = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS


def initial_digest(stream: str) -> bytes:
    """The digest before a stream's first event."""
    return sha256(stream.encode()).digest()


def chain_digest(previous: bytes, event_id: bytes, type: str, body: bytes | memoryview) -> bytes:
    """The digest of an event: over the digest of the event before, its id, its type and its body."""
    chain = sha256(previous + event_id + type.encode() + b"\0")
    chain.update(body)
    return chain.digest()


def digest_of(header: bytes) -> bytes:
    """The stored digest; the first 41 encoded bytes are enough."""
    return header[_DIGEST]


def id_of(header: bytes) -> bytes:
    """The random id of an event."""
    return header[_ID]


def encode_event(event_id: bytes, digest: bytes, body: bytes, codec: int = PLAIN) -> bytes:
    """The encoded bytes of an event."""
    return b"".join((b"\x01" if codec == PLAIN else bytes((codec,)), event_id, digest, body))


def is_sealed(encoded: bytes) -> bool:
    """Whether a part of the event is sealed; its first byte is enough."""
    return encoded[:1] == b"\x02"


Decode = Callable[[str, int, str, bytes], dict[str, Any]]
"""From stream, version, type and encoded bytes to the body. Raises EventNotReadable."""


class SealedPart(NamedTuple):
    """What of an event is sealed."""

    names: list[str]
    """The keys of the body whose values, or parts of them, these are."""
    ciphertext: bytes


Fill = Callable[[dict[str, Any], SealedPart], dict[str, Any]]
"""Adds to what is readable of an event what is sealed, or what stands for it."""


class Seal(Protocol):
    """Seals the events of a stream."""

    def __call__(
        self, stream: str, version: int, type: str, data: Mapping[str, Any], encode: Callable[[Any], bytes]
    ) -> dict[str, Any]:
        """The body as it is stored: what stays readable, and behind it the sealed part."""
        ...


def stored_event(
    stream: str, version: int, type: str, encoded: bytes, data: Mapping[str, Any], previous: bytes = b""
) -> LinkedEvent:
    """An event as recorders take it; ``data`` is its decoded body, for the index.

    ``previous``: the digest of the event that must be stored before it, if that is a condition.
    """
    if is_indexed(type, data):
        return IndexedEvent(stream, version, type, encoded, previous, data)
    return LinkedEvent(stream, version, type, encoded, previous)


def body_of(encoded: object) -> bytes:
    """The JSON body of an encoded event. Raises ValueError with the reason when there is none."""
    if not isinstance(encoded, bytes) or len(encoded) < BODY:
        raise ValueError("its bytes are truncated")
    if encoded[0] not in _CODECS:
        raise ValueError(f"its codec {encoded[0]:#04x} is unknown: it was changed, or written by a newer flowledger")
    return encoded[BODY:]


def decode(stream: str, version: int, type: str, encoded: bytes) -> dict[str, Any]:
    """The body as data in the current schema; digests are not checked. Raises EventNotReadable.

    Of a sealed event without its sealed values: a text stands for each of them.
    """
    try:
        if encoded[0] != PLAIN:
            return decode_sealed(stream, version, type, encoded, _shut)
        # A view spares the copy of a large body, and costs more than the copy of a small one.
        data: dict[str, Any] = orjson.loads(encoded[BODY:] if len(encoded) < _SMALL else memoryview(encoded)[BODY:])
        if "recorded_at" not in data or data["by"] is None:
            raise KeyError("by")
        if VERSION_KEY in data or EVENT_TYPES[type].version > 1:
            return upcast(type, data)
        return data
    except (InvalidValue, LookupError, TypeError, ValueError, AttributeError) as error:
        # Includes errors that an upcaster raises for a body that was tampered with.
        raise EventNotReadable(stream, version, _reason(type, encoded, error)) from error


def decode_sealed(stream: str, version: int, type: str, encoded: bytes, fill_in: "Fill") -> dict[str, Any]:
    """The body of a sealed event; ``fill_in`` adds its sealed values, or what stands for them.

    Raises EventNotReadable, and what ``fill_in`` raises.
    """
    try:
        data = orjson.loads(body_of(encoded))
        if "recorded_at" not in data or data["by"] is None:
            raise KeyError("by")
        part, keys = data.pop(SEALED_KEY), data[SEALED_BY]
        sealed = SealedPart(part["names"], b64decode(part["data"], validate=True))
        if not (keys and set(sealed.names) <= STAND_INS.keys() and all(isinstance(key, str) for key in keys)):
            raise ValueError("its sealed part names what no event has")
        data = fill_in(data, sealed)
        return upcast(type, data) if VERSION_KEY in data or EVENT_TYPES[type].version > 1 else data
    except (InvalidValue, LookupError, TypeError, ValueError, AttributeError) as error:
        raise EventNotReadable(stream, version, _reason(type, encoded, error)) from error


def _shut(data: dict[str, Any], sealed: "SealedPart") -> dict[str, Any]:
    return fill(data, sealed.names, SEALED_TEXT)


def sealed_names(encoded: bytes) -> list[str]:
    """The names of what is sealed in an event; none in a plain one. Raises ValueError for what is no event."""
    return list(orjson.loads(body_of(encoded))[SEALED_KEY]["names"]) if is_sealed(encoded) else []


def has_one_schema(type: str) -> bool:
    """Whether every event of the type has the current schema, so that a part of one can be decoded."""
    return type in EVENT_TYPES and EVENT_TYPES[type].version == 1


def decode_beginning(stream: str, version: int, type: str, encoded: bytes) -> dict[str, Any]:
    """The first keys of a truncated event. Raises EventNotReadable."""
    try:
        data = from_json(encoded[BODY:], allow_partial=True)
        # The last value may be incomplete.
        data.popitem()
    except (ValueError, AttributeError, KeyError) as error:
        raise EventNotReadable(stream, version, _reason(type, encoded, error)) from error
    return data  # type: ignore[no-any-return]


def are_readable(rows: Sequence[tuple[int, str, bytes | None, int]]) -> bool:
    """Whether each row looks like an event: a known type, a known codec, a JSON object."""
    try:
        for _, type, encoded, _ in rows:
            if encoded is None or encoded[-1] != _CLOSING_BRACE or type not in EVENT_TYPES:
                return False
            if encoded[0] != PLAIN and (encoded[0] != SEALED or len(encoded) <= BODY):
                return False
    except (IndexError, TypeError):
        return False
    return True


def to_recorded_event(
    stream: str, version: int, position: int, type: str, encoded: bytes, decode: Decode = decode
) -> RecordedEvent:
    """The recorded event of one row. Raises EventNotReadable."""
    data = decode(stream, version, type, encoded)
    try:
        recorded_at = moment(data["recorded_at"])
    except (TypeError, OverflowError) as error:
        raise EventNotReadable(stream, version, f"its recorded_at is not a time: {error}") from error
    return RecordedEvent(stream, version, position, type, recorded_at, data["by"], data, digest_of(encoded).hex())


def _reason(type: str, encoded: object, error: Exception) -> str:
    try:
        body = body_of(encoded)
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
    """A new event with its place in a stream, and the digest of the event before it."""

    originator_id: str
    originator_version: int
    type: str
    data: Mapping[str, Any]
    previous: bytes
    seal: Seal | None = None
    """Of a stream that is sealed."""
    follows_stored: bool = False
    """Whether the event before is stored already, and must still be when this one is stored."""


class LedgerEvent(RecordedEvent):
    """A recorded event that also has the attributes by which eventsourcing asks for its place."""

    __slots__ = ()

    @property
    def originator_id(self) -> str:
        return self.stream

    @property
    def originator_version(self) -> int:
        return self.version


class OrjsonTranscoder(Transcoder):
    """Plain JSON without conversions: values that aren't JSON are refused."""

    def encode(self, obj: Any) -> bytes:
        return orjson.dumps(obj, option=_NOTHING_CONVERTED)

    def decode(self, data: bytes) -> Any:
        return orjson.loads(data)


class LedgerMapper(Mapper[str]):
    """Maps between events and stored events, in the layout above. Validates when encoding, upcasts when decoding."""

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
        """Encode a PendingEvent.

        Raises InvalidValue when the body doesn't fit its schema, isn't JSON or is over the limit, InvalidRequest when
        its type isn't in the catalogue.
        """
        event: PendingEvent = domain_event
        stream, version, type, data = event.originator_id, event.originator_version, event.type, event.data
        if event.seal is None:
            codec, body = PLAIN, self._body(type, data)
        else:
            codec, stored = SEALED, self._seal(event.seal, event)
            body = self._encode(type, stored)
            data = fill(stored, stored.pop(SEALED_KEY)["names"], SEALED_TEXT)
        event_id = _ids.getrandbits(64).to_bytes(8)
        digest = chain_digest(event.previous, event_id, type, body)
        encoded = encode_event(event_id, digest, body, codec)
        return stored_event(stream, version, type, encoded, data, event.previous if event.follows_stored else b"")

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
        return self._encode(type, self._valid(type, data))

    def _seal(self, seal: Seal, event: PendingEvent) -> dict[str, Any]:
        valid = self._valid(event.type, event.data)

        def encode(value: Any) -> bytes:
            return self._encode(event.type, value)

        return seal(event.originator_id, event.originator_version, event.type, valid, encode)

    def _valid(self, type: str, data: Mapping[str, Any]) -> dict[str, Any]:
        known = EVENT_TYPES.get(type)
        if known is None:
            raise InvalidRequest(f"the event type {type!r} is not in the catalogue")
        valid = known.validate(data)
        if known.version > 1:
            valid[VERSION_KEY] = known.version
        return valid

    def _encode(self, type: str, valid: Mapping[str, Any]) -> bytes:
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
