"""What is kept of events that went: their leaves of the tree over all events (ADR 66), and which events they were."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from ..evidence.leaf import Leaf
from ..evidence.merkle import HASH


class StreamPart(NamedTuple):
    """A stream, or a part of a long one: its first version there and its last, and the digest of that (hex)."""

    stream: str
    first: int
    last: int
    digest: str


def pack_leaves(leaves: Iterable[Leaf], streams: Sequence[StreamPart]) -> bytes:
    """For each leaf, in the order of positions: how far it is behind the one before, which of the streams it is of, and
    its hash. Numbers are LEB128. The leaves of each stream come in the order of their versions, from its first on."""
    packed, before = bytearray(), 0
    places = {part.stream: _number(place) for place, part in enumerate(streams)}
    for position, stream, _, hash in leaves:
        packed += b"%b%b%b" % (_number(position - before), places[stream], hash)
        before = position
    return bytes(packed)


def unpack_leaves(packed: bytes, streams: Sequence[StreamPart]) -> Iterator[Leaf]:
    """The leaves again. Raises ValueError for what ``pack_leaves`` doesn't write."""
    at, position, next_versions = 0, 0, [first for _, first, _, _ in streams]
    while at < len(packed):
        step, at = _read_number(packed, at)
        place, at = _read_number(packed, at)
        hash = packed[at : at + HASH]
        if len(hash) != HASH or place >= len(streams):
            raise ValueError("these are no leaves: their end is missing, or their stream")
        at, position = at + HASH, position + step
        yield Leaf(position, streams[place][0], next_versions[place], hash)
        next_versions[place] += 1


def _number(value: int) -> bytes:
    if value <= _SEVEN_BITS:
        return value.to_bytes(1)
    written = bytearray()
    while value > _SEVEN_BITS:
        written.append(value & _SEVEN_BITS | _GOES_ON)
        value >>= 7
    written.append(value)
    return bytes(written)


def _read_number(packed: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(packed):
        byte, at = packed[at], at + 1
        value |= (byte & _SEVEN_BITS) << shift
        if byte < _GOES_ON:
            return value, at
        shift += 7
    raise ValueError("these are no leaves: a number has no end")


_SEVEN_BITS: Final = 0x7F
_GOES_ON: Final = 0x80
