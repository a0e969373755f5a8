"""Reading an export: every line is verified before anybody sees what it says."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import BinaryIO, NoReturn

from ...domain.catalogue import EVENT_TYPES
from ...domain.errors import EventNotReadable, InvalidExport, InvalidValue
from ...domain.ids import workflow_stream
from ...domain.run import STARTED
from ...domain.work_order import OPENED
from ...domain.workflow import CREATED
from ...projections.index import Placed, changes_of, is_indexed
from ..store.codec import body_of, decode, stored_event
from ..store.recorder import Row
from ..store.stored_events import LinkedEvent
from ..store.verify import Before, findings_in
from .files import lines_of
from .lines import Footer, Header, check_body, event_in, footer_in, header_in

_OVERHEAD = 2**20
"""Bytes that a line may need beside the body of its event: the first one names all streams."""

_BEGINNINGS = frozenset({STARTED, OPENED, CREATED})
"""The first event of each kind of stream."""


class ExportReader:
    """Iterate over it for the events, in the order of the file, as often as need be.

    Each one is linked to the one before it in its stream, and is what its type says. When an iteration ends, the file
    was complete and every line as it was written. Memory doesn't grow with the file. Raises InvalidExport.
    """

    def __init__(self, file: BinaryIO, name: str, max_event_bytes: int) -> None:
        self.line = 0
        """Of the last line that was read, from 1."""
        self._file = file
        self._name = name
        self._max_event_bytes = max_event_bytes
        self.header = self._header(next(self._lines(), b""))

    def __iter__(self) -> Iterator[LinkedEvent]:
        lines = self._lines()
        whole = sha256(next(lines, b""))
        streams = {stream: _Stream(Before(stream)) for stream in self.header.streams}
        for count, line in enumerate(lines):
            if (footer := self._footer(line)) is not None:
                self._check_end(Footer(count, whole.hexdigest()), footer, streams)
                if next(lines, None) is not None:
                    self._refuse("nothing may stand behind the last line of an export")
                return
            yield self._event(line, streams)
            whole.update(line)
        self._refuse("the file was cut off: its last line is missing")

    def _lines(self) -> Iterator[bytes]:
        longest = self._max_event_bytes + _OVERHEAD
        self.line = 0
        lines = lines_of(self._file, longest)
        while True:
            self.line += 1
            try:
                line = next(lines, b"")
            except ValueError as error:
                self._refuse(str(error))
            if not line:
                return
            if not line.endswith(b"\n"):
                over = f"it is longer than any event that this store takes ({self._max_event_bytes:,} bytes)"
                self._refuse(over if len(line) == longest else "the file was cut off in this line")
            yield line

    def _header(self, line: bytes) -> Header:
        try:
            return header_in(line)
        except ValueError as error:
            self._refuse(str(error))

    def _footer(self, line: bytes) -> Footer | None:
        try:
            return footer_in(line)
        except ValueError as error:
            self._refuse(str(error))

    def _event(self, line: bytes, streams: Mapping[str, "_Stream"]) -> LinkedEvent:
        try:
            row = event_in(line, self.line)
        except ValueError as error:
            self._refuse(str(error))
        stream = streams.get(row.stream)
        if stream is None:
            self._refuse(f"stream {row.stream!r} is not among those that the first line names")
        for finding in findings_in(row, stream.before):
            self._refuse(f"event {row.version} of stream {row.stream!r}: {finding.message}")
        if not stream.takes(row):
            self._refuse(f"stream {row.stream!r} can't have a {row.type!r} as its event {row.version}")
        return self._stored(row)

    def _stored(self, row: Row) -> LinkedEvent:
        """The event as a store takes it, when it is one that a store could have recorded."""
        state = row.state or b""
        if len(state) > self._max_event_bytes:
            self._refuse(f"its event takes {len(state):,} bytes, over this store's limit of {self._max_event_bytes:,}")
        data = decode(row.stream, row.version, row.type, state)
        try:
            check_body(body_of(state), data)
            EVENT_TYPES[row.type].validate(data)
            event = stored_event(row.stream, row.version, row.type, state, data)
            if is_indexed(row.type, data):
                changes_of([Placed(row.position, row.stream, row.version, row.type, data)])
        except (InvalidValue, EventNotReadable, LookupError, TypeError, ValueError) as error:
            self._refuse(f"event {row.version} of stream {row.stream!r} is no {row.type!r}: {error}")
        return event

    def _check_end(self, found: Footer, said: Footer, streams: Mapping[str, "_Stream"]) -> None:
        for stream, events in self.header.streams.items():
            if (version := streams[stream].before.version) != events:
                self._refuse(f"the file has {version} of the {events} events of stream {stream!r}")
        if streams[self.header.run_id].kind != "run":
            self._refuse(f"the first line says that {self.header.run_id!r} is a run, and it is none")
        if found != said:
            self._refuse("its digest is not that of the lines before it: one was changed")

    def _refuse(self, message: str) -> NoReturn:
        raise InvalidExport(self._name, self.line, message)


@dataclass(slots=True)
class _Stream:
    """A stream of the file, as far as it has been read."""

    before: Before
    kind: str = ""
    """``run``, ``work_order`` or ``workflow``, once there is an event."""

    def takes(self, row: Row) -> bool:
        """Whether the event is of a type that may stand in its place."""
        kind = row.type.partition(".")[0]
        if row.version == 1:
            self.kind = kind
        is_named_so = row.stream.startswith(workflow_stream("")) == (kind == "workflow")
        return is_named_so and kind == self.kind and (row.version == 1) == (row.type in _BEGINNINGS)
