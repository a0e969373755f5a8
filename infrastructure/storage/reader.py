"""Reading the store: streams, batches of them for folding, and the tail of the whole log."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from ...domain.errors import EventNotReadable, StorageCorrupt
from ...domain.ports import Beginning, EncodedRow, RecordedEvent, RowBatch, RowDecoder
from .codec import (
    BODY,
    Decode,
    are_readable,
    decode,
    decode_beginning,
    digest_of,
    has_one_schema,
    is_sealed,
    to_recorded_event,
)
from .errors import translate_errors
from .recorder import BATCH_ROWS, BEGINNING_BYTES, LAST, EventRow, LedgerRecorder, StreamRow
from .removal_table import RemovalTable
from .sealing.subject_keys import SubjectKeys
from .stream_heads import Head, HeadCache, check_stream


class EventReader:
    """The reading half of the port ``domain.ports.EventStore``, on any recorder. Keeps no transaction open."""

    recorder: LedgerRecorder
    subject_keys: SubjectKeys | None = None
    """None where the store keeps none."""
    removals: RemovalTable | None = None
    """None where nothing can be removed."""
    _heads: HeadCache

    def head(self, stream: str) -> int:
        """The version of the stream's last event; 0 when there is none."""
        check_stream(stream)
        with translate_errors():
            return self.recorder.head(stream)

    def read(
        self, stream: str, *, after: int = 0, upto: int | None = None, backwards: bool = False
    ) -> Iterator[RecordedEvent]:
        """The events with ``after < version <= upto``, in order, fetched in batches. Raises EventNotReadable."""
        pages = self._pages_backwards(stream, after, upto) if backwards else self._pages(stream, after, upto)
        version, encoded, decode = 0, b"", self._decode()
        for version, position, type, encoded in self._each(stream, pages):
            if backwards and upto is None:
                self._observe_head(stream, version, encoded)
                upto = version
            yield to_recorded_event(stream, version, position, type, encoded, decode)
        if upto is None and version:
            self._observe_head(stream, version, encoded)

    def rows(self, stream: str, *, upto: int | None = None) -> Iterator[EventRow]:
        """The stored events with ``version <= upto``, in order, not decoded; large ones are fetched one at a time."""
        for version, position, type, encoded in self._each(stream, self._pages(stream, 0, upto)):
            yield EventRow(stream, version, position, type, encoded)

    def pages(self, stream: str, *, after: int = 0, upto: int | None = None) -> Iterator[RowBatch]:
        """Batches for folding, decoded lazily. Raises EventNotReadable for a row that can't be an event."""
        plain, opening = RowDecoder(stream, decode), None
        for rows in self._pages(stream, after, upto):
            if not are_readable(rows):
                rows = [self._whole(stream, row) for row in rows]
            if upto is None and 0 < len(rows) < BATCH_ROWS:
                self._observe_head(stream, rows[-1][0], rows[-1][2] or b"")
            decoder = plain
            if rows and is_sealed(rows[0][2] or b""):
                decoder = opening = opening or RowDecoder(stream, self._decode())
            yield RowBatch(rows, decoder)  # type: ignore[arg-type]

    def of_one_event(self, streams: Sequence[str]) -> dict[str, RowBatch]:
        """Those of the streams that have one event only, for folding, all read at once.

        None of which the event is large or damaged; and none at all where reading one by one is as fast.
        """
        if len(streams) < 2 or not self.recorder.reads_places_at_once:
            return {}
        with translate_errors():
            rows = self.recorder.rows_at([(stream, version) for stream in streams for version in (1, 2)])
        longer = {row.stream for row in rows if row.version > 1}
        found, opening = {}, self._decode()
        for stream, version, position, type, encoded in rows:
            row = (version, type, encoded, position)
            if stream not in longer and encoded is not None and are_readable([row]):
                self._observe_head(stream, version, encoded)
                found[stream] = RowBatch([row], RowDecoder(stream, opening if is_sealed(encoded) else decode))  # type: ignore[list-item]
        return found

    def events_at(self, places: Sequence[tuple[str, int]]) -> list[RecordedEvent]:
        """The events at places, each a stream and a version, in their order; one round trip where all are small.

        Raises StorageCorrupt where there is none, EventNotReadable.
        """
        with translate_errors():
            found = {(row.stream, row.version): row for row in self.recorder.rows_at(places)}
        for stream, version in places:
            if (stream, version) not in found:
                raise StorageCorrupt(
                    f"event {version} of stream {stream!r} is missing in the store: verify tells what else is"
                )
        decode = self._decode()
        return [self._recorded(found[place], decode) for place in places]

    def rows_at(self, places: Sequence[tuple[str, int]]) -> Sequence[EventRow]:
        """The stored events at places, as far as they exist, not decoded; large ones without their bytes."""
        with translate_errors():
            return self.recorder.rows_at(places)

    def beginning(self, stream: str, upto: int | None = None) -> Beginning | None:
        """The beginning of the stream's last event with ``version <= upto``, from one row, however large it is.

        None when there is none. Raises EventNotReadable.
        """
        check_stream(stream)
        with translate_errors():
            found = self.recorder.beginning(stream, None if upto is None else max(-1, min(upto, LAST)))
        if found is None:
            return None
        return self._begin(stream, *found)

    def _begin(self, stream: str, version: int, type: str, encoded: bytes) -> Beginning:
        if len(encoded) == BEGINNING_BYTES and has_one_schema(type):
            return Beginning(version, type, decode_beginning(stream, version, type, encoded))
        whole = encoded if len(encoded) < BEGINNING_BYTES else self._fetch_encoded(stream, version)
        return Beginning(version, type, self._decode()(stream, version, type, whole))

    def last_of(self, stream: str) -> RecordedEvent | None:
        """The last event of a stream; None where there is none. Raises EventNotReadable."""
        return next(self.read(stream, backwards=True), None)

    def removal_of(self, stream: str) -> RecordedEvent | None:
        """The event that records that a stream was removed; None where it wasn't."""
        found = None if self.removals is None else self.removals.find([stream]).get(stream)
        if found is None:
            return None
        return next(self.read(found.removal, after=found.removal_version - 1, upto=found.removal_version), None)

    def removal_beginnings(self) -> Iterator[dict[str, Any]]:
        """What all records of removals begin with, up to their counts; of a damaged one nothing, as verify names it."""
        for stream, version, type, encoded in [] if self.removals is None else self.removals.records(BEGINNING_BYTES):
            with suppress(EventNotReadable):
                data = self._begin(stream, version, type, bytes(encoded)).data
                # A long reason stands before the counts.
                yield data if "byte_count" in data else self.events_at([(stream, version)])[0].data

    def was_removed(self, stream: str) -> bool:
        """Whether a stream was removed under a retention policy."""
        return self.removals is not None and bool(self.removals.find([stream]))

    def tail(self, *, after: int = 0) -> Iterator[RecordedEvent]:
        """Every event of the store with ``position > after`` that no later commit can precede, in order of position.

        Ends when it has caught up. Raises EventNotReadable at an event that can't be read.
        """
        while True:
            with translate_errors():
                page = self.recorder.log_batch(after)
            decode = self._decode()
            for row in page:
                yield self._recorded(row, decode)
            if len(page) < BATCH_ROWS:
                return
            after = page[-1].position

    def log_batch(self, after: int, *, settled: bool = True) -> Sequence[EventRow]:
        """At most BATCH_ROWS stored events of the whole log, not decoded; large ones without their bytes.

        With ``settled``, none that an event not yet visible could precede.
        """
        with translate_errors():
            return self.recorder.log_batch(after, settled=settled)

    def digest_batch(self, after: int, *, settled: bool = True) -> Sequence[EventRow]:
        """The same events, each with its first 41 encoded bytes alone: what is hashed."""
        with translate_errors():
            return self.recorder.digest_batch(after, settled=settled)

    def last_position(self) -> int:
        """The position of the last event of the whole log; 0 when there is none."""
        with translate_errors():
            return self.recorder.max_notification_id() or 0

    def settled_position(self) -> int:
        """That of the last event, or less: all that a later commit could still precede lies behind it."""
        with translate_errors():
            return self.recorder.settled_position()

    def events_behind(self, position: int) -> int:
        """How many events lie behind a position; the cost grows with that."""
        with translate_errors():
            return self.recorder.events_behind(position)

    def header(self, stream: str, version: int) -> tuple[bytes, int] | None:
        """What identifies an event, 41 bytes, and its position; None where there is no such event."""
        with translate_errors():
            return self.recorder.header(stream, version)

    def body(self, row: EventRow) -> dict[str, Any]:
        """The body of a row's event, in the current schema, without what is sealed in it. Raises EventNotReadable."""
        return decode(row.stream, row.version, row.type, self.encoded(row))

    def encoded(self, row: EventRow) -> bytes:
        """All bytes of a row's event."""
        return row.encoded if row.encoded is not None else self._fetch_encoded(row.stream, row.version)

    def opened_body(self, row: EventRow) -> dict[str, Any]:
        """The same with what is sealed in it, as far as the keys are at hand. Raises EventNotReadable."""
        return self._decode()(row.stream, row.version, row.type, self.encoded(row))

    def recorded(self, row: EventRow) -> RecordedEvent:
        """The event of a row. Raises EventNotReadable."""
        return self._recorded(row, self._decode())

    def _recorded(self, row: EventRow, decode: Decode) -> RecordedEvent:
        stream, version, position, type, encoded = row
        if encoded is None:
            encoded = self._fetch_encoded(stream, version)
        return to_recorded_event(stream, version, position, type, encoded, decode)

    def _decode(self) -> Decode:
        """What decodes the events of one reading. Plain events pay nothing for those that are sealed."""
        return decode if self.subject_keys is None else self.subject_keys.reading().decode

    def all_rows(self, stream: str | None = None) -> Iterator[EventRow]:
        """Every stored event, stream by stream, or those of one stream, not decoded: for ``verify``."""
        place = (stream or "", -(2**63))
        while True:
            with translate_errors():
                page = self.recorder.batch_by_stream(place)
            for row in page:
                if stream is not None and row.stream != stream:
                    return
                yield (
                    row
                    if row.encoded is not None
                    else row._replace(encoded=self._fetch_encoded(row.stream, row.version))
                )
            if len(page) < BATCH_ROWS:
                return
            place = (page[-1].stream, page[-1].version)

    def _observe_head(self, stream: str, version: int, encoded: bytes) -> None:
        """A reader at the end of a stream may continue it; then the stream must still end with what it read."""
        if len(encoded) >= BODY:
            self._heads.observe(stream, Head(version, digest_of(encoded), is_sealed(encoded)))

    def _each(self, stream: str, pages: Iterator[Sequence[StreamRow]]) -> Iterator[tuple[int, int, str, bytes]]:
        """Version, position, type and all bytes of each row."""
        for page in pages:
            for version, type, encoded, position in page:
                yield version, position, type, encoded if encoded is not None else self._fetch_encoded(stream, version)

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
        rows = 1  # a reader that goes backwards mostly looks for one event near the end
        while True:
            with translate_errors():
                page = self.recorder.stream_batch_backwards(stream, after, upto, rows)
            yield page
            if len(page) < rows:
                return
            upto = page[-1][0] - 1
            rows = min(rows * 8, BATCH_ROWS)

    def _whole(self, stream: str, row: StreamRow) -> EncodedRow:
        """The row with all its bytes, also when it is large. Raises EventNotReadable."""
        version, type, encoded, position = row
        if encoded is None:
            encoded = self._fetch_encoded(stream, version)
        whole = (version, type, encoded, position)
        if not are_readable([whole]):
            decode(stream, version, type, encoded)
        return whole

    def _fetch_encoded(self, stream: str, version: int) -> bytes:
        with translate_errors():
            return self.recorder.encoded(stream, version) or b""
