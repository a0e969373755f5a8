"""Archiving runs as rows: a Parquet file of runs and one of steps for each commit that removes some."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ....domain.errors import StorageCorrupt
from ....projections.archived_rows import ArchivedRun, ArchivedStep, archived_run, archived_steps
from ...files.atomic import make_folder
from ...files.tables import write_rows
from ...queries.index.orders import streams_of
from .archive import NOT_ARCHIVED, Archived, sha256_of

if TYPE_CHECKING:
    from ...queries.index.reader import Index
    from ...storage.event_store import LedgerEventStore
    from ...storage.removal_table import RemovalTable

_Key = tuple[str, int, str]
"""A run or an event of it, how many that are up to there, and the digest."""


class ParquetArchive:
    """The files of one act, below one folder: ``runs/ACT-0001.parquet``, ``steps/ACT-0001.parquet``, and so on."""

    def __init__(self, store: "LedgerEventStore", index: "Index", folder: Path, act_id: str) -> None:
        self._store = store
        self._index = index
        self._folder = folder
        self._act_id = act_id
        self._count = 0

    def write(self, runs: Mapping[str, Sequence[str]]) -> Archived:
        """Write the runs of work orders, read the files again, and compare them with what was read of the store.

        The files are named by their places below the folder. Raises StorageCorrupt where they hold anything else,
        EventNotReadable, StorageUnavailable, InvalidRequest (pyarrow is missing).
        """
        if not any(runs.values()):
            return NOT_ARCHIVED
        self._count += 1
        names = [f"{kind}/{self._act_id}-{self._count:04}.parquet" for kind in ("runs", "steps")]
        of_runs, of_steps = (self._folder / name for name in names)
        for path in (of_runs, of_steps):
            make_folder(path.parent)
        rows, steps = list[ArchivedRun](), list[_Key]()
        write_rows(of_steps, ArchivedStep, self._rows(runs, rows, steps))
        write_rows(of_runs, ArchivedRun, rows)
        _compare(of_runs, ("id", "events", "digest"), [(row.id, row.events, row.digest) for row in rows])
        _compare(of_steps, ("run_id", "version", "digest"), steps)
        return Archived({name: sha256_of(self._folder / name) for name in names}, {row.id: row.events for row in rows})

    def _rows(
        self, runs: Mapping[str, Sequence[str]], rows: list[ArchivedRun], steps: list[_Key]
    ) -> Iterator[ArchivedStep]:
        """The steps of all runs, whose own rows are collected on the way."""
        for ids in runs.values():
            for row in self._index.related_runs(ids[0]) if ids else ():
                events = list(self._store.read(row.run_id))
                if not events:
                    continue  # removed by another call, which has archived it
                rows.append(archived_run(row, events))
                for step in archived_steps(row, events):
                    steps.append((step.run_id, step.version, step.digest))
                    yield step


def sealed_orders(table: "RemovalTable", runs: Mapping[str, Sequence[str]]) -> set[str]:
    """Which of these work orders belong to subjects: an event of theirs, or of their runs, is sealed."""
    sealed = table.sealed_among(streams_of(runs))
    return {order for order, ids in runs.items() if order in sealed or not sealed.isdisjoint(ids)}


def _compare(path: Path, columns: Sequence[str], expected: Sequence[_Key]) -> None:
    from ...files.parquet import read_columns

    found = list(read_columns(path, columns))
    if sorted(found) != sorted(expected):
        raise StorageCorrupt(
            f"the archive {path} has {len(found):,} rows, and they aren't the {len(expected):,} that the store holds: "
            "nothing of them was removed"
        )
