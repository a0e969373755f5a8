"""Reading an export: every line is verified before its event is used."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any, BinaryIO, NamedTuple, NoReturn

import orjson

from ...domain.errors import EventNotReadable, IllegalTransition, InvalidExport, InvalidValue
from ...domain.run import STARTED
from ...domain.soundness import check_names, check_recorded
from ...projections.index.changes import PlacedEvent, changes_of, is_indexed
from ..storage.codec import body_of, stored_event
from ..storage.recorder import EventRow
from ..storage.stored_events import LinkedEvent
from ..storage.verify import check_event
from .files import read_lines
from .format import DATA, Footer, Header, check_body, parse_event, parse_footer, parse_header
from .limits import MAX_VALUES, ImportLimits, values_in
from .validation import ExportValidator, UsedVersions

_OVERHEAD = 2**20
"""Bytes that a line may need besides the body of its event."""


class Bounds(NamedTuple):
    """The limits of the importing store's own writes."""

    max_event_bytes: int
    max_value_bytes: int
    latest: int
    """Microseconds since 1970: the latest possible time of an event."""


class ExportReader:
    """Iterate over it for the events, in the order of the file, as often as needed.

    Each event is linked to the one before it in its stream, and could have been written there. When an iteration ends,
    the file was complete, every line was unchanged, and the run needs all of it. Memory grows only with the number of
    streams. Raises InvalidExport.
    """

    def __init__(self, file: BinaryIO, name: str, limits: ImportLimits, bounds: Bounds) -> None:
        self.line = 1
        """Number of the last line read, from 1."""
        self._file = file
        self._name = name
        self._limits = limits
        self._bounds = bounds
        self.header = self._header()
        self._uses: UsedVersions | None = None

    def __iter__(self) -> Iterator[LinkedEvent]:
        if self._uses is None:
            self._uses = self._uses_of_runs()
        lines = self._lines()
        whole = sha256(next(lines, b""))
        following = ExportValidator(self.header, self._uses)
        for count, line in enumerate(lines):
            if (footer := self._footer(line)) is not None:
                for fault in following.faults():
                    self.refuse(fault)
                if footer != Footer(count, whole.hexdigest()):
                    self.refuse("its digest is not that of the lines before it: one was changed")
                if next(lines, None) is not None:
                    self.refuse("nothing may stand behind the last line of an export")
                return
            yield self._event(line, following)
            whole.update(line)
        self.refuse("the file was cut off: its last line is missing")

    def _lines(self) -> Iterator[bytes]:
        longest = max(self._bounds.max_event_bytes + _OVERHEAD, self._limits.header_bytes)
        self.line = size = 0
        lines = read_lines(self._file, longest)
        while True:
            self.line += 1
            try:
                line = next(lines, b"")
            except ValueError as error:
                self.refuse(str(error))
            if not line:
                return
            size += len(line)
            if size > self._limits.bytes:
                self._refuse_over(f"the file has more than {self._limits.bytes:,} bytes, unpacked", "bytes")
            if not line.endswith(b"\n"):
                over = f"it is longer than any event that this store takes ({self._bounds.max_event_bytes:,} bytes)"
                self.refuse(over if len(line) == longest else "the file was cut off in this line")
            yield line

    def _header(self) -> Header:
        limits = self._limits
        try:
            line = next(read_lines(self._file, limits.header_bytes), b"")
            if len(line) == limits.header_bytes and not line.endswith(b"\n"):
                self._refuse_over(f"it is longer than one that names {limits.streams:,} streams", "streams")
            header = parse_header(line) if line.endswith(b"\n") or not line else None
        except ValueError as error:
            self.refuse(str(error))
        if header is None:
            self.refuse("the file was cut off in this line")
        if len(header.streams) > limits.streams:
            self._refuse_over(
                f"it names {len(header.streams):,} streams, and {limits.streams:,} is the most", "streams"
            )
        if (events := sum(header.streams.values())) > limits.events:
            self._refuse_over(f"it names {events:,} events, and {limits.events:,} is the most", "events")
        return header

    def _uses_of_runs(self) -> UsedVersions:
        """Read ahead what the first events of runs refer to. An unreadable line is refused in its turn."""
        uses = UsedVersions()
        for line in self._lines():
            if _RUN_STARTED in line.partition(DATA)[0] and values_in(line) <= MAX_VALUES:
                try:
                    uses.add(orjson.loads(line)["data"])
                except (ValueError, LookupError, TypeError, AttributeError):
                    continue
        return uses

    def _footer(self, line: bytes) -> Footer | None:
        try:
            return parse_footer(line)
        except ValueError as error:
            self.refuse(str(error))

    def _event(self, line: bytes, following: ExportValidator) -> LinkedEvent:
        if values_in(line) > MAX_VALUES:
            self.refuse(f"its event holds more than {MAX_VALUES:,} values")
        try:
            row = parse_event(line, self.line)
        except ValueError as error:
            self.refuse(str(error))
        before = following.before.get(row.stream)
        if before is None:
            self.refuse(f"stream {row.stream!r} is not among those that the first line names")
        for finding in check_event(row, before):
            self.refuse(f"event {row.version} of stream {row.stream!r}: {finding.message}")
        if not following.is_possible_type(row):
            self.refuse(f"stream {row.stream!r} can't have a {row.type!r} as its event {row.version}")
        data, before.data = before.data or {}, None  # it may be large, and would be kept for every stream
        return self._stored(row, data, following)

    def _stored(self, row: EventRow, data: dict[str, Any], following: ExportValidator) -> LinkedEvent:
        """The event as a store takes it, if a store could have recorded it."""
        stream, version, type, encoded = row.stream, row.version, row.type, row.encoded or b""
        bounds = self._bounds
        if len(encoded) > bounds.max_event_bytes:
            size = f"{len(encoded):,} bytes, over this store's limit of {bounds.max_event_bytes:,}"
            self.refuse(f"its event takes {size}")
        try:
            body = body_of(encoded)
            check_body(body, data)
            check_recorded(type, data, body, bounds.latest, bounds.max_value_bytes)
        except (InvalidValue, LookupError, TypeError, ValueError) as error:
            self.refuse(f"event {version} of stream {stream!r} is no {type!r}: {error}")
        try:
            check_names(stream, type, data)
            following.take(row, data)
            if is_indexed(type, data):
                changes_of([PlacedEvent(row.position, stream, version, type, data)])
        except _IMPOSSIBLE as error:
            self.refuse(f"event {version} of stream {stream!r} is a {type!r} that nobody can have recorded: {error}")
        return stored_event(stream, version, type, encoded, data)

    def refuse(self, message: str) -> NoReturn:
        """Refuse the file because of its current line. Raises InvalidExport."""
        raise InvalidExport(self._name, self.line, message)

    def _refuse_over(self, message: str, limit: str) -> NoReturn:
        self.refuse(f"{message}; where that is meant, allow more with max_{limit}")


_IMPOSSIBLE = (
    InvalidValue,
    IllegalTransition,
    EventNotReadable,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
)
"""Errors of an event that can't have happened: ours say why, Python's come from folding it."""

_RUN_STARTED = b'"type":"%s"' % STARTED.encode()
