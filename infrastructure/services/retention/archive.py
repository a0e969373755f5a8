"""Archiving runs before they go: each is written as an export, and read again."""

from collections.abc import Callable, Sequence
from hashlib import file_digest
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ....domain.errors import RunRemoved, StorageCorrupt
from ...transfer.export import export
from ...transfer.files import PACKED, PLAIN
from ...transfer.import_ import import_export
from ...transfer.limits import ImportLimits

if TYPE_CHECKING:
    from ...storage.event_store import LedgerEventStore


def archive(store: "LedgerEventStore", run_ids: Sequence[str], folder: Path, now: Callable[[], int]) -> dict[str, str]:
    """Write runs into a folder, and compare each file with the store; the SHA-256 (hex) of each file by its run.

    A file that is there already, of an act that was cut short, is written anew. Raises StorageCorrupt where what was
    written isn't what the store holds, InvalidRequest where it can't be written.
    """
    found: dict[str, str] = {}
    can_pack = find_spec("zstandard") is not None
    for run_id in run_ids:
        path = folder / f"{run_id}{PLAIN}{PACKED if can_pack else ''}"
        try:
            export(store, run_id, path)
        except RunRemoved:
            continue  # by another call, which has archived it
        limits = ImportLimits(events=2**40, bytes=2**40, streams=2**40)
        report = import_export(store, path, now, limits, dry_run=True)
        if any(stream.added for stream in report.streams):
            raise StorageCorrupt(f"the archive {path} holds events of run {run_id!r} that the store lacks")
        with path.open("rb") as file:
            found[run_id] = file_digest(file, "sha256").hexdigest()
    return found
