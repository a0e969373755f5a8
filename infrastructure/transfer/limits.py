"""Limits of an import: the file is untrusted, and is refused before it costs more."""

from dataclasses import dataclass, fields
from typing import Final

from ...domain.errors import InvalidRequest
from ...domain.visible import quoted

MAX_STREAMS: Final = 10_000
MAX_EVENTS: Final = 1_000_000
MAX_BYTES: Final = 2**30

AHEAD_MINUTES: Final = 5
"""How far a recorded time may be ahead of this store's clock, as clocks differ a little."""

MAX_VALUES: Final = 5_000_000
"""Values in one event, objects counting four times: small ones take thirty times their text once decoded."""

_STREAM_BYTES: Final = 128
"""Bytes of the first line for each stream: a UUID and a count take 44."""


@dataclass(frozen=True, slots=True)
class ImportLimits:
    """The most that a file may hold: streams, events, and bytes once decompressed."""

    streams: int = MAX_STREAMS
    events: int = MAX_EVENTS
    bytes: int = MAX_BYTES

    def __post_init__(self) -> None:
        """Raises InvalidRequest for a limit that is no number."""
        for field in fields(self):
            value = getattr(self, field.name)
            if type(value) is not int or not 1 <= value <= 2**40:
                raise InvalidRequest(f"max_{field.name} {quoted(value)} is not a whole number from 1 to 2^40")

    @property
    def header_bytes(self) -> int:
        """The longest first line."""
        return 4096 + _STREAM_BYTES * self.streams


def values_in(text: bytes) -> int:
    """An upper bound of the values in a JSON text, objects counting four times; exact only below MAX_VALUES."""
    count = _count_marks(text)
    if count <= MAX_VALUES:
        return count
    # Only now exclude marks inside of strings: those are between quotes, which may be escaped in them.
    plain = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    count = in_text = 0
    for start in range(0, len(plain), _CHUNK):
        parts = plain[start : start + _CHUNK].split(b'"')
        count += _count_marks(b"".join(parts[in_text::2]))
        in_text ^= len(parts) & 1 ^ 1
        if count > MAX_VALUES:
            break
    return count


def _count_marks(text: bytes) -> int:
    return text.count(b",") + text.count(b"[") + 4 * text.count(b"{")


_CHUNK = 2**20
