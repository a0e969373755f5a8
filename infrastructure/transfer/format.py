"""The format of an export: JSON lines, one event each; the same history gives the same bytes from every store.

first   {"flowledger":"run","format":1,"release":…,"run":id,"streams":{stream: events, …}}
        of a workflow, which has all of its versions: "flowledger":"workflow" and "workflow":id in their places
then    {"stream":…,"version":…,"type":…,"id":…,"digest":…,"data":…}
        in the order in which the events were stored. ``data`` is the body byte for byte, ``id`` and ``digest`` (hex)
        the links of the hash chain: see ``storage/codec.py``. Before ``data`` stands ``"codec":2`` where the body is
        sealed: then its values are ciphertext here, too, and no key is in the file
last    {"events":count,"digest":SHA-256 (hex) of all lines before}
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from typing import Any, Literal, NamedTuple

import orjson

from ...domain.values.ids import workflow_stream
from ...domain.values.json_text import read_json
from ..storage.codec import PLAIN, SEALED, body_of, digest_of, encode_event, id_of, is_sealed
from ..storage.recorder import EventRow

ExportKind = Literal["run", "workflow"]
"""What an export is of."""

FORMAT = 1
"""Raise it with every change that older releases can't read."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of a file: what it holds."""

    kind: ExportKind
    id: str
    streams: Mapping[str, int]
    """Stream → count of its events."""


class Footer(NamedTuple):
    """The last line of a file."""

    events: int
    digest: str


def header_line(header: Header) -> bytes:
    """The first line."""
    release = installed_version("flowledger")
    fields = {
        "flowledger": header.kind,
        "format": FORMAT,
        "release": release,
        header.kind: header.id,
        "streams": header.streams,
    }
    return _line(fields)


def parse_header(line: bytes) -> Header:
    """Parse the first line. Raises ValueError."""
    match _parse_strictly(line, "it is not the first line of a run's export"):
        case {"flowledger": "run" | "workflow", "format": int(format), "release": release} if format > FORMAT:
            raise ValueError(f"it was written by flowledger {release} in format {format}: upgrade to read it")
        case {"flowledger": "run", "format": 1, "run": str(id), "streams": dict(streams)} if (
            id in streams and _are_counts(streams)
        ):
            return Header("run", id, streams)
        case {"flowledger": "workflow", "format": 1, "workflow": str(id), "streams": dict(streams)} if [*streams] == [
            workflow_stream(id)
        ] and _are_counts(streams):
            return Header("workflow", id, streams)
        case _:
            raise ValueError("it is not the first line of a run's export")


def _are_counts(streams: dict[str, Any]) -> bool:
    return all(type(events) is int and events > 0 for events in streams.values())


def event_line(row: EventRow) -> bytes:
    """The line of an event, whose bytes must be there. Raises ValueError if they aren't an event."""
    encoded = row.encoded or b""
    body = body_of(encoded)
    fields = {"stream": row.stream, "version": row.version, "type": row.type}
    fields |= {"id": id_of(encoded).hex(), "digest": digest_of(encoded).hex()}
    head = orjson.dumps({**fields, "codec": SEALED} if is_sealed(encoded) else fields)
    return b"".join((head[:-1], DATA, body, b"}\n"))


def parse_event(line: bytes, position: int) -> EventRow:
    """Parse the event of a line, placed at ``position``. Raises ValueError for any other line."""
    # No JSON string contains this, as its quotes would be escaped.
    head, _, rest = line.partition(DATA)
    match found := _parse(head + b"}", _NO_EVENT):
        case {"stream": str(stream), "version": int(version), "type": str(type), "id": str(id), "digest": str(digest)}:
            codec = SEALED if isinstance(found, dict) and "codec" in found else PLAIN
            body = rest.removesuffix(b"\n").removesuffix(b"}")
            encoded = encode_event(_bytes(id, 8), _bytes(digest, 32), body, codec)
            row = EventRow(stream, int(version), position, type, encoded)
            if event_line(row) == line:
                return row
        case _:
            pass
    _parse_strictly(head + b"}", _NO_EVENT)
    raise ValueError(_NO_EVENT)


def check_body(body: bytes, data: Any) -> None:
    """Raises ValueError for a body with a duplicate key; ``data`` is the decoded body."""
    # A body as we write it equals its data encoded again: then no duplicate key was dropped.
    if orjson.dumps(data) != body:
        read_json(body)


def footer_line(footer: Footer) -> bytes:
    """The last line."""
    return _line(footer._asdict())


def parse_footer(line: bytes) -> Footer | None:
    """Parse the last line; None for another line. Raises ValueError for one that can't be read."""
    if not line.startswith(_FOOTER):
        return None
    match _parse_strictly(line, "it is not the last line of an export"):
        case {"events": int(events), "digest": str(digest)}:
            return Footer(events, digest)
        case _:
            return None


DATA = b',"data":'
_FOOTER = b'{"events":'
_NO_EVENT = "it is not an event as an export writes it"


def _line(fields: Mapping[str, object]) -> bytes:
    return orjson.dumps(fields) + b"\n"


def _parse_strictly(text: bytes, otherwise: str) -> object:
    """The same, and for a duplicate key with a message that names it."""
    found = _parse(text, otherwise)
    read_json(text)
    return found


def _parse(text: bytes, otherwise: str) -> object:
    """Raises ValueError with the text ``otherwise`` for what isn't JSON."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ValueError(otherwise) from None


def _bytes(text: str, length: int) -> bytes:
    """Raises ValueError if the text isn't the hex of so many bytes."""
    found = bytes.fromhex(text)
    if len(found) != length:
        raise ValueError(f"{text!r} is not the hex of {length} bytes")
    return found
