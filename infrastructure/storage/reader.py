"""Reading the store: streams, pages of them for folding, and the tail of the whole log."""

from collections.abc import Iterator, Sequence
from typing import Any

from ...domain.errors import StorageCorrupt
from ...domain.ports import Beginning, EncodedRow, RecordedEvent, RowBatch, RowDecoder
from .codec import BODY, are_readable, decode, decode_beginning, digest_of, has_one_schema, to_recorded_event
from .errors import translate_errors
from .recorder import BATCH_ROWS, BEGINNING_BYTES, LAST, EventRow, LedgerRecorder, StreamRow
from .stream_heads import Head, Heads, check_stream


class EventReader:
    """The half of the port ``domain.ports.EventStore`` that reads, on any recorder. Keeps no transaction open."""

    recorder: LedgerRecorder
    _heads: Heads

    def head(self, stream: str) -> int:
        """The version of the stream's last event; 0 when there is none."""
        check_stream(stream)
        with translate_errors():
            return self.recorder.head(stream)

    def read(
        self, stream: str, *, after: int = 0, upto: int | None = None, backwards: bool = False
    ) -> Iterator[RecordedEvent]:
        """The events with ``after < version <= upto``, in order, fetched page by page. Raises EventNotReadable."""
        pages = self._pages_backwards(stream, after, upto) if backwards else self._pages(stream, after, upto)
        version, state = 0, b""
        for version, position, type, state in self._each(stream, pages):
            if backwards and upto is None:
                self._meet_head(stream, version, state)
                upto = version
            yield to_recorded_event(stream, version, position, type, state)
        if upto is None and version:
            self._meet_head(stream, version, state)

    def rows(self, stream: str, *, upto: int | None = None) -> Iterator[EventRow]:
        """The events with ``version <= upto`` as they lie in storage, in order, large ones fetched one at a time."""
        for version, position, type, state in self._each(stream, self._pages(stream, 0, upto)):
            yield EventRow(stream, version, position, type, state)

    def pages(self, stream: str, *, after: int = 0, upto: int | None = None) -> Iterator[RowBatch]:
        """The same for folding, not read yet. Raises EventNotReadable for a row that can't be an event."""
        decoder = RowDecoder(stream, decode)
        for rows in self._pages(stream, after, upto):
            if not are_readable(rows):
                rows = [self._whole(stream, row) for row in rows]
            if upto is None and 0 < len(rows) < BATCH_ROWS:
                self._meet_head(stream, rows[-1][0], rows[-1][2] or b"")
            yield RowBatch(rows, decoder)  # type: ignore[arg-type]

    def events_at(self, places: Sequence[tuple[str, int]]) -> list[RecordedEvent]:
        """The events at places, each a stream and a version, in their order; costs one round trip where all are small.

        Raises StorageCorrupt where there is none, EventNotReadable.
        """
        with translate_errors():
            found = {(row.stream, row.version): row for row in self.recorder.rows_at(places)}
        for stream, version in places:
            if (stream, version) not in found:
                raise StorageCorrupt(
                    f"event {version} of stream {stream!r} is missing in the store: verify tells what else is"
                )
        return [self._recorded(found[place]) for place in places]

    def rows_at(self, places: Sequence[tuple[str, int]]) -> Sequence[EventRow]:
        """The events at places as they lie in storage, as far as there are such; large ones without their state."""
        with translate_errors():
            return self.recorder.rows_at(places)

    def beginning(self, stream: str, upto: int | None = None) -> Beginning | None:
        """The beginning of the stream's last event with ``version <= upto``; costs one row, however large it is.

        None when there is none. Raises EventNotReadable.
        """
        check_stream(stream)
        with translate_errors():
            found = self.recorder.beginning(stream, None if upto is None else max(-1, min(upto, LAST)))
        if found is None:
            return None
        version, type, state = found
        if len(state) == BEGINNING_BYTES and has_one_schema(type):
            return Beginning(version, type, decode_beginning(stream, version, type, state))
        whole = state if len(state) < BEGINNING_BYTES else self._state(stream, version)
        return Beginning(version, type, decode(stream, version, type, whole))

    def tail(self, *, after: int = 0) -> Iterator[RecordedEvent]:
        """Every event of the store with ``position > after`` that can no longer be overtaken, in order of position.

        Ends when it has caught up. Raises EventNotReadable at an event that can't be read.
        """
        while True:
            with translate_errors():
                page = self.recorder.log_batch(after)
            yield from map(self._recorded, page)
            if len(page) < BATCH_ROWS:
                return
            after = page[-1].position

    def log_batch(self, after: int, *, settled: bool = True) -> Sequence[EventRow]:
        """At most BATCH_ROWS events of the whole log as they lie in storage; large ones without their state.

        Where ``settled``, none that could be overtaken by one that isn't there yet.
        """
        with translate_errors():
            return self.recorder.log_batch(after, settled=settled)

    def last_position(self) -> int:
        """The position of the last event of the whole log; 0 when there is none."""
        with translate_errors():
            return self.recorder.max_notification_id() or 0

    def body(self, row: EventRow) -> dict[str, Any]:
        """What the event of a row says, in today's schema. Raises EventNotReadable."""
        state = row.state if row.state is not None else self._state(row.stream, row.version)
        return decode(row.stream, row.version, row.type, state)

    def all_rows(self, stream: str | None = None) -> Iterator[EventRow]:
        """Every event as it lies in storage, stream by stream, or those of one stream: what ``verify`` walks."""
        place = (stream or "", -(2**63))
        while True:
            with translate_errors():
                page = self.recorder.batch_by_stream(place)
            for row in page:
                if stream is not None and row.stream != stream:
                    return
                yield row if row.state is not None else row._replace(state=self._state(row.stream, row.version))
            if len(page) < BATCH_ROWS:
                return
            place = (page[-1].stream, page[-1].version)

    def _meet_head(self, stream: str, version: int, state: bytes) -> None:
        """Who has read a stream to its end may go on with it: then that must still be what he has read."""
        if len(state) >= BODY:
            self._heads.meet(stream, Head(version, digest_of(state)))

    def _each(self, stream: str, pages: Iterator[Sequence[StreamRow]]) -> Iterator[tuple[int, int, str, bytes]]:
        """Version, position, type and whole state of each row."""
        for page in pages:
            for version, type, state, position in page:
                yield version, position, type, state if state is not None else self._state(stream, version)

    def _pages(self, stream: str, after: int, upto: int | None) -> Iterator[Sequence[StreamRow]]:
        check_stream(stream)
        while True:
            with translate_errors():
                page = self.recorder.stream_batch(stream, after, upto)
            yield page
            if len(page) < BATCH_ROWS:
                return
            after = page[-1][0]

    def _pages_backwards(self, stream: str, after: int, upto: int | None) -> Iterator[Sequence[StreamRow]]:
        check_stream(stream)
        rows = 1  # who reads backwards mostly looks for one event near the end
        while True:
            with translate_errors():
                page = self.recorder.stream_batch_backwards(stream, after, upto, rows)
            yield page
            if len(page) < rows:
                return
            upto = page[-1][0] - 1
            rows = min(rows * 8, BATCH_ROWS)

    def _whole(self, stream: str, row: StreamRow) -> EncodedRow:
        """The row with its state, also when that is large. Raises EventNotReadable."""
        version, type, state, position = row
        if state is None:
            state = self._state(stream, version)
        whole = (version, type, state, position)
        if not are_readable([whole]):
            decode(stream, version, type, state)
        return whole

    def _recorded(self, row: EventRow) -> RecordedEvent:
        stream, version, position, type, state = row
        return to_recorded_event(
            stream, version, position, type, state if state is not None else self._state(stream, version)
        )

    def _state(self, stream: str, version: int) -> bytes:
        with translate_errors():
            return self.recorder.state(stream, version) or b""
