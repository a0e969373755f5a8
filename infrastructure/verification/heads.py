"""The heads of all streams in a file that is kept elsewhere: they show losses that no hash chain in a store can show.

JSON lines. Streams are ordered by name (code points), so that a file is compared while the store is walked.

first   {"flowledger":"heads","format":1,"release":…}
then    {"stream":…,"version":…,"digest":…}        the last event of a stream: its version, and its digest in hex
last    {"streams":count,"events":count,"digest":SHA-256 (hex) of all lines before}
"""

from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, NoReturn

import orjson

from ...domain.errors import InvalidRequest
from ...domain.events.integrity import Finding
from ..storage.codec import digest_of
from ..storage.recorder import EventRow
from .inspector import Inspector

FORMAT = 1
"""Raise it with every change that older releases can't read."""

LONGEST_LINE = 2**14
"""Bytes; a stream's name has at most 1,024, and each may be written with six characters."""


class StreamHead(NamedTuple):
    """The end of a stream, now or earlier."""

    stream: str
    version: int
    digest: str


class HeadsInspector(Inspector):
    """Compares earlier heads with the streams of the walk, and records their current heads.

    An earlier head must still exist: the stream has that version, with the same digest. As each digest covers all
    events before, nothing up to there was changed.
    """

    def __init__(self, earlier: "HeadsFile | None", was_removed: Callable[[str], bool]) -> None:
        self._earlier = iter(earlier or ())
        self._next = next(self._earlier, None)
        self._was_removed = was_removed
        """By a record, which is compared elsewhere."""
        self._last: EventRow | None = None
        self._met: str | None = None
        """The digest at the version of the earlier head."""
        self.compared = 0
        """Earlier heads that were compared."""

    def begin(self, stream: str) -> Iterable[Finding]:
        self._met = None
        return self._lost_before(stream) if self._next is not None else ()

    def event(self, row: EventRow, data: dict[str, Any] | None) -> Iterable[Finding]:  # noqa: ARG002 - heads are bytes
        self._last = row
        if self._next is not None and self._next[:2] == (row.stream, row.version):
            self._met = _digest(row)
        return ()

    def end(self, stream: str, *, sound: bool) -> Iterable[Finding]:  # noqa: ARG002 - a damaged stream has a head, too
        is_known = self._next is not None and self._next.stream == stream
        return self._compare_head(stream) if is_known else ()

    def _compare_head(self, stream: str) -> Iterator[Finding]:
        earlier, last = self._next, self._last
        assert earlier is not None and last is not None  # noqa: S101, PT018 - the stream has events, and is known
        if self._met is None and last.version > earlier.version:
            yield Finding(
                stream,
                earlier.version,
                "rewritten",
                "its event of this version, which the file of heads knows, is gone",
            )
        elif self._met is None:
            yield Finding(
                stream,
                earlier.version,
                "cut",
                f"the file of heads knows {_events(earlier.version)} of it, and it ends with version {last.version}: "
                "the newest were removed",
            )
        elif self._met != earlier.digest:
            yield Finding(
                stream,
                earlier.version,
                "rewritten",
                f"its events up to here are others than the file of heads knows: digest {self._met[:16]}… and not "
                f"{earlier.digest[:16]}…",
            )
        self._advance()

    @property
    def last(self) -> StreamHead | None:
        """The head of the stream that was walked last."""
        last = self._last
        return None if last is None else StreamHead(last.stream, last.version, _digest(last))

    def finish(self) -> Iterator[Finding]:
        return self._lost_before(None)

    def _lost_before(self, stream: str | None) -> Iterator[Finding]:
        while self._next is not None and (stream is None or self._next.stream < stream):
            version = self._next.version
            if self._was_removed(self._next.stream):
                self._advance()
                continue
            yield Finding(
                self._next.stream, version, "lost", f"the file of heads knows {_events(version)} of it, and it is gone"
            )
            self._advance()

    def _advance(self) -> None:
        self.compared += 1
        self._next = next(self._earlier, None)


def _digest(row: EventRow) -> str:
    return digest_of(row.encoded or b"").hex()


def _events(count: int) -> str:
    return f"{count} event{'s' * (count != 1)}"


# --- files ------------------------------------------------------------------------------------------------------------


class HeadsFile:
    """A file of heads that was written earlier. Iterate over it for the heads, in order, as often as needed.

    Raises InvalidRequest at once for any other file, or an incomplete one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._line = 0
        for _ in self:
            pass

    def __iter__(self) -> Iterator[StreamHead]:
        try:
            with self._path.open("rb") as file:
                yield from self._heads(file)
        except OSError as error:
            raise InvalidRequest(f"can't read {str(self._path)!r}: {error.strerror or error}") from error

    def _heads(self, file: BinaryIO) -> Iterator[StreamHead]:
        whole, streams, before = sha256(), 0, ""
        for line, fields in self._lines(file):
            match fields:
                case {"flowledger": "heads", "format": int(format)} if streams == 0 and format == FORMAT:
                    pass
                case {"flowledger": "heads", "format": int(format), "release": release} if format > FORMAT:
                    self._refuse(f"it was written by flowledger {release} in format {format}: upgrade to read it")
                case {"stream": str(stream), "version": int(version), "digest": str(digest)} if stream > before:
                    streams, before = streams + 1, stream
                    yield StreamHead(stream, version, digest)
                case {"streams": int(said), "digest": str(digest)} if (said, digest) == (streams, whole.hexdigest()):
                    if file.read(1):
                        self._refuse("nothing may stand behind the last line")
                    return
                case _:
                    self._refuse("it isn't as it was written")
            whole.update(line)
        self._refuse("the file was cut off: its last line is missing")

    def _lines(self, file: BinaryIO) -> Iterator[tuple[bytes, Any]]:
        self._line = 0
        while line := file.readline(LONGEST_LINE):
            self._line += 1
            try:
                fields = orjson.loads(line)
                again = orjson.dumps(fields) + b"\n"
            except (orjson.JSONDecodeError, orjson.JSONEncodeError):  # no JSON, or nested too deep
                self._refuse("it is no line of a file of heads")
            if again != line:  # as with a duplicate key, of which one would be dropped
                self._refuse("it isn't as it was written")
            if self._line == 1 and not (isinstance(fields, dict) and fields.get("flowledger") == "heads"):
                self._refuse("it is not the first line of a file of heads")
            yield line, fields

    def _refuse(self, message: str) -> NoReturn:
        raise InvalidRequest(
            f"line {self._line} of {str(self._path)!r}: {message}. Nothing was compared: name the file that "
            "`flowledger verify --heads` wrote, or one that isn't there yet"
        )


class HeadsWriter:
    """Writes the heads of a store, one after the other, in the order of their streams."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._whole = sha256()
        self._streams = 0
        self._write({"flowledger": "heads", "format": FORMAT, "release": installed_version("flowledger")})

    def add(self, head: StreamHead) -> None:
        self._streams += 1
        self._write(head._asdict())

    def end(self, events: int) -> None:
        """The last line."""
        self._write({"streams": self._streams, "events": events, "digest": self._whole.hexdigest()})

    def _write(self, fields: dict[str, Any]) -> None:
        line = orjson.dumps(fields) + b"\n"
        self._whole.update(line)
        self._file.write(line)
