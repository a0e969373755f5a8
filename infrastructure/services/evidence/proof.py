"""A proof: a file with the events of a run and what is needed to read them, each with its way to a signed root."""

from base64 import b64encode
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from ....domain.errors import InvalidRequest, StorageCorrupt
from ....domain.evidence.tiles import TiledTree
from ....domain.run import STARTED
from ....domain.values.ids import workflow_stream
from ....domain.visible import quoted
from ...queries.tree.follower import EventTree
from ...repositories.missing import missing_run
from ...repositories.origins import origin_in, sources
from ...storage.codec import BODY, chain_digest, digest_of, id_of, initial_digest
from ...storage.recorder import EventRow
from ...storage.tree_table import LeafName

if TYPE_CHECKING:
    from ...storage.event_store import LedgerEventStore

FORMAT: Final = "flowledger/proof@v1"


class Part(NamedTuple):
    """Events of one stream, one behind the other."""

    stream: str
    previous: bytes | None
    """The digest of the event before the first of them; None where they begin with the stream's first."""
    rows: Sequence[EventRow]


def collect_proven(store: "LedgerEventStore", run_id: str) -> list[Part]:
    """The run, those whose results it began with, and the saves of the workflows that they are of.

    Raises RunNotFound, StorageCorrupt for an event that isn't as it was written.
    """
    first = next(iter(store.read(run_id, upto=1)), None)
    if first is None or first.type != STARTED:
        raise missing_run(store, run_id)
    runs: dict[str, int | None] = {run_id: None}
    for source in sources(store, run_id, origin_in(run_id, first.data)):
        runs.setdefault(source["run_id"], source["version"])
    parts = [Part(run, None, list(store.rows(run, upto=upto))) for run, upto in runs.items()]
    saves = dict.fromkeys(_save_of(store, part.rows[0]) for part in parts)
    parts += [_one_event(store, workflow_stream(workflow), version) for workflow, version in saves]
    for part in parts:
        _check(part)
    return parts


def _save_of(store: "LedgerEventStore", started: EventRow) -> tuple[str, int]:
    data = store.body(started)
    return data["workflow_id"], data["workflow_version"]


def _one_event(store: "LedgerEventStore", stream: str, version: int) -> Part:
    rows = list(store.rows_at([(stream, version)]))
    if not rows:
        raise StorageCorrupt(f"event {version} of stream {stream!r} is missing in the store: verify tells what else is")
    row = rows[0]._replace(encoded=store.encoded(rows[0]))
    before = store.header(stream, version - 1) if version > 1 else None
    return Part(stream, None if before is None else digest_of(before[0]), [row])


def _check(part: Part) -> None:
    """Raises StorageCorrupt for an event that isn't as it was written: no proof of it could hold."""
    before = part.previous or initial_digest(part.stream)
    for row in part.rows:
        encoded = row.encoded or b""
        digest = chain_digest(before, id_of(encoded), row.type, encoded[BODY:])
        if digest != digest_of(encoded):
            raise StorageCorrupt(
                f"event {row.version} of stream {part.stream!r} isn't as it was written, and can't be proved: "
                "`flowledger verify` says more"
            )
        before = digest


def write_proof(run_id: str, note: str, size: int, tree: EventTree, parts: Sequence[Part]) -> bytes:
    """The proof of those events that are among the first ``size``.

    Raises InvalidRequest where the checkpoint is of before the run, or of before what it refers to; TilesMissing.
    """
    rows = [row for part in parts for row in part.rows]
    known = tree.indexes({LeafName(row.stream, row.version): row.position for row in rows})
    at = {name: index for name, index in known.items() if index < size}
    signed = tree.read(size)
    signed.load_paths(at.values())
    hashes: dict[bytes, int] = {}
    streams = [
        _stream_entry(
            part._replace(rows=[row for row in part.rows if LeafName(row.stream, row.version) in at]),
            at,
            signed,
            hashes,
        )
        for part in parts
    ]
    for entry in streams:
        if not entry["events"]:
            raise InvalidRequest(
                f"the checkpoint of {size:,} events was signed before stream {quoted(entry['stream'])}: sign another"
            )
    document = {
        "format": FORMAT,
        "run": run_id,
        "checkpoint": note,
        "hashes": [b64encode(hash).decode() for hash in hashes],
        "streams": streams,
    }
    return orjson.dumps(document) + b"\n"


def _stream_entry(part: Part, at: dict[LeafName, int], tree: TiledTree, hashes: dict[bytes, int]) -> dict[str, Any]:
    entry: dict[str, Any] = {"stream": part.stream}
    if part.previous is not None:
        entry |= {"after": part.rows[0].version - 1 if part.rows else 0, "previous": part.previous.hex()}
    return entry | {
        "events": [_event_entry(row, at[LeafName(row.stream, row.version)], tree, hashes) for row in part.rows]
    }


def _event_entry(row: EventRow, index: int, tree: TiledTree, hashes: dict[bytes, int]) -> dict[str, Any]:
    encoded = row.encoded or b""
    body = encoded[BODY:]
    try:
        told = {"body": body.decode()}
    except UnicodeDecodeError:
        told = {"bytes": b64encode(body).decode()}
    path = [hashes.setdefault(hash, len(hashes)) for hash in tree.path(index)]
    return {"type": row.type, "id": id_of(encoded).hex(), **told, "index": index, "path": path}
