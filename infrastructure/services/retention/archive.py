"""Archiving runs and workflows before they go: each is written as an export, and read again."""

import re
from collections.abc import Callable, Mapping, Sequence
from hashlib import file_digest, sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from ....domain.errors import RunRemoved, StorageCorrupt, WorkflowRemoved
from ....domain.values.ids import workflow_stream
from ...transfer.export import export, export_workflow
from ...transfer.files import PACKED, PLAIN
from ...transfer.import_ import import_export
from ...transfer.limits import ImportLimits

if TYPE_CHECKING:
    from ...storage.event_store import LedgerEventStore


class Archived(NamedTuple):
    """What was written of something before it goes."""

    digests: Mapping[str, str]
    """The SHA-256 (hex) of each file: by the run or the stream of a workflow, or by its name."""
    events: Mapping[str, int]
    """How many events of a stream are in it: one that has more by now isn't archived, and stays."""


NOT_ARCHIVED: Final = Archived({}, {})


def archive(store: "LedgerEventStore", run_ids: Sequence[str], folder: Path, now: Callable[[], int]) -> Archived:
    """Write runs into a folder, and compare each file with the store.

    A file that is there already, of an act that was cut short, is written anew. Raises StorageCorrupt where what was
    written isn't what the store holds, InvalidRequest where it can't be written.
    """
    digests: dict[str, str] = {}
    events: dict[str, int] = {}
    for run_id in run_ids:
        path = folder / f"{run_id}{_ending()}"
        try:
            export(store, run_id, path)
        except RunRemoved:
            continue  # by another call, which has archived it
        digests[run_id], events[run_id] = _read_again(store, path, run_id, now)
    return Archived(digests, events)


def archive_workflow(store: "LedgerEventStore", workflow_id: str, folder: Path, now: Callable[[], int]) -> Archived:
    """The same of a workflow with all its versions.

    Its file has a part of the id in its name, as that may have any character and any length, and is told by a digest.
    """
    stream = workflow_stream(workflow_id)
    readable = re.sub(r"[^A-Za-z0-9_-]+", "_", workflow_id)[:_READABLE]
    path = folder / f"workflow-{readable}-{sha256(workflow_id.encode()).hexdigest()[:12]}{_ending()}"
    try:
        export_workflow(store, workflow_id, path)
    except WorkflowRemoved:
        return NOT_ARCHIVED  # by another call, which has archived it
    digest, events = _read_again(store, path, stream, now)
    return Archived({stream: digest}, {stream: events})


def _ending() -> str:
    return PLAIN if find_spec("zstandard") is None else f"{PLAIN}{PACKED}"


def _read_again(store: "LedgerEventStore", path: Path, of: str, now: Callable[[], int]) -> tuple[str, int]:
    """Compare a file with the store; its SHA-256, and how many events of a stream are in it."""
    limits = ImportLimits(events=2**40, bytes=2**40, streams=2**40)
    report = import_export(store, path, now, limits, dry_run=True)
    if lacking := [stream.stream for stream in report.streams if stream.added]:
        raise StorageCorrupt(f"the archive {path} holds events of {', '.join(map(repr, lacking))} that the store lacks")
    return sha256_of(path), sum(stream.present for stream in report.streams if stream.stream == of)


def sha256_of(path: Path) -> str:
    """The SHA-256 (hex) of a file."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


_READABLE: Final = 60
"""Characters of a workflow's id in the name of its file."""
