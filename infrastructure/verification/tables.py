"""The tables of the index, read in the order of streams, in batches."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ...domain.values.ids import workflow_stream
from ..queries.index.reader import Index
from ..storage.recorder import BATCH_ROWS

Columns = Mapping[str, Any]
"""A row by the names of its columns."""


class Table(NamedTuple):
    """One table of the index."""

    name: str
    key: str
    """The column that identifies the stream."""
    columns: tuple[str, ...]
    has_versions: bool = False
    """Whether it has rows for events of a stream; otherwise it has one row for the stream."""
    of_workflows: bool = False
    what: str = ""
    """Its name in messages."""

    def stream_of(self, key: str) -> str:
        return workflow_stream(key) if self.of_workflows else key

    def key_of(self, stream: str) -> str:
        return stream.removeprefix(workflow_stream("")) if self.of_workflows else stream

    def page(self, after: tuple[Any, ...] | None) -> tuple[str, dict[str, Any]]:
        """The statement of the next batch, and its parameters."""
        keys = f"{self.key}, version" if self.has_versions else self.key
        names = ["key", "version"][: 1 + self.has_versions]
        bound = ", ".join(f":{name}" for name in names)
        behind = "" if after is None else f"WHERE ({keys}) > ({bound}) "
        sql = f"SELECT {', '.join(self.columns)} FROM {self.source} {behind}ORDER BY {keys} LIMIT :rows"  # noqa: S608 - ours
        return sql, dict(zip(names, after or (), strict=False)) | {"rows": BATCH_ROWS}

    def one(self, stream: str, version: int | None = None) -> tuple[str, dict[str, Any]]:
        """The statement of one row, behind a column that is never null, and its parameters."""
        exactly = "" if version is None else " AND version = :version"
        sql = f"SELECT 1, {', '.join(self.columns)} FROM {self.source} WHERE {self.key} = :key{exactly}"  # noqa: S608 - ours
        return sql, {"key": self.key_of(stream)} | ({} if version is None else {"version": version})

    @property
    def source(self) -> str:
        """The table expression after FROM."""
        return _WORK_ORDERS_SOURCE if self is WORK_ORDERS else self.name

    def row(self, values: Any) -> dict[str, Any]:
        return dict(zip(self.columns, values, strict=True))


RUNS = Table(
    "flowledger_index_runs",
    "run_id",
    (
        "run_id",
        "version",
        "position",
        "status",
        "started_at",
        "finished_at",
        "queued",
        "work_order_id",
        "workflow_id",
        "workflow_version",
        "node_id",
        "error_type",
        "actor",
        "origin",
        "source",
        "wait_version",
        "asked_at",
        "due_at",
        "held",
        "active_at",
    ),
    what="runs",
)
WORK_ORDERS = Table(
    "flowledger_index_work_orders",
    "work_order_id",
    (
        "work_order_id",
        "position",
        "opened_at",
        "workflow_id",
        "actor",
        "last_run_id",
        "reason",
        "state",
        "last_status",
        "last_queued",
        "last_version",
        "finished_at",
        "last_finished_at",
        "last_started_at",
    ),
    what="work orders",
)
WORKFLOWS = Table(
    "flowledger_index_workflows",
    "workflow_id",
    (
        "workflow_id",
        "version",
        "saved_version",
        "live_version",
        "taken_at",
        "archived",
        "snapshot_id",
        "actor",
        "name",
        "message",
    ),
    of_workflows=True,
    what="workflows",
)
SAVES = Table(
    "flowledger_index_saves",
    "workflow_id",
    ("workflow_id", "version", "taken_at", "snapshot_id", "actor", "digest", "message"),
    has_versions=True,
    of_workflows=True,
    what="saves",
)
CHANGES = Table(
    "flowledger_index_changes",
    "stream",
    ("stream", "version", "position", "recorded_at", "is_act", "actor", "type", "status", "node_id", "error_type"),
    has_versions=True,
    what="what was done",
)

# The state of a work order depends on its last run: both are read in one statement.
_WORK_ORDERS_SOURCE = """(
    SELECT o.*, r.status AS last_status, r.queued AS last_queued, r.version AS last_version,
           r.finished_at AS last_finished_at, r.started_at AS last_started_at
    FROM flowledger_index_work_orders AS o LEFT JOIN flowledger_index_runs AS r ON r.run_id = o.last_run_id
) AS work_order"""


class TableWalk:
    """Goes through a table in step with the walk through the streams."""

    def __init__(self, index: Index, table: Table) -> None:
        self.table = table
        self.rows = 0
        """How many rows were taken."""
        self._index = index
        self._page: Iterator[dict[str, Any]] = self._all()
        self._next: dict[str, Any] = {}
        self.stream: str | None = None
        """The stream of the next row; None after the last one."""
        self._advance()

    def before(self, stream: str | None) -> Iterator[dict[str, Any]]:
        """The remaining rows of streams before this one; None: all that are left."""
        while self.stream is not None and (stream is None or self.stream < stream):
            yield self._take()

    def of(self, stream: str, version: int | None = None) -> dict[str, Any] | None:
        """The next row of this stream, up to this version; None where there is none."""
        if self.stream != stream or (version is not None and self._next["version"] > version):
            return None
        return self._take()

    def _take(self) -> dict[str, Any]:
        row = self._next
        self.rows += 1
        self._advance()
        return row

    def _advance(self) -> None:
        self._next = next(self._page, {})
        self.stream = self.table.stream_of(self._next[self.table.key]) if self._next else None

    def _all(self) -> Iterator[dict[str, Any]]:
        after: tuple[Any, ...] | None = None
        while True:
            found = [self.table.row(values) for values in self._index.rows(*self.table.page(after))]
            # SQLite takes anything for a key; a key that isn't text sorts before or after all texts, and has no stream.
            yield from (row for row in found if isinstance(row[self.table.key], str))
            if len(found) < BATCH_ROWS:
                return
            last = found[-1]
            after = (last[self.table.key], last["version"]) if self.table.has_versions else (last[self.table.key],)
