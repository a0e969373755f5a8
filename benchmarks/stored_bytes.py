"""Bytes on disk per step: 1,000 steps that each append a 100-byte message to what the run has produced."""

from pathlib import Path

import flowledger as fl

from .report import Row
from .servers import Stores

STEPS = 1_000
MESSAGE = "m" * 100


def measure(stores: Stores, rounds: int, quick: bool) -> list[Row]:
    path = Path(stores.sqlite().removeprefix("sqlite:///"))
    before = _sqlite_bytes(path, 0)
    path.unlink()
    return [
        _row("SQLite", _sqlite_bytes(path, STEPS) - before),
        _row("PostgreSQL", _postgres_bytes(stores.postgres())),
    ]


def _row(backend: str, total: int) -> Row:
    each = total / STEPS
    return Row(
        f"bytes per stored step, {backend}",
        f"{each:,.0f}",
        "< 600",
        each < 600,
        "table and indexes, LangGraph stores 57,598",
    )


def _sqlite_bytes(path: Path, steps: int) -> int:
    with fl.open_ledger(f"sqlite:///{path}", _executors()) as ledger:
        _run(ledger, steps)
    return path.stat().st_size


def _postgres_bytes(url: str) -> int:
    import psycopg

    def size() -> int:
        with psycopg.connect(url, autocommit=True) as connection:
            row = connection.execute("SELECT pg_total_relation_size('flowledger_events')").fetchone()
            assert row is not None
            return int(row[0])

    with fl.open_ledger(url, _executors()) as ledger:
        _run(ledger, 1)
        before = size()
        _run(ledger, STEPS)
        return size() - before


def _run(ledger: fl.Ledger, steps: int) -> None:
    ledger.workflows.save(
        {
            "nodes": [{"id": "append", "type": "append"}, {"id": "end", "type": "append"}],
            "edges": [
                {"source": "append", "target": "append", "sourceHandle": "more"},
                {"source": "append", "target": "end", "sourceHandle": "done"},
            ],
            "start": "append",
        },
        workflow_id="messages",
    )
    if steps:
        run = ledger.runs.start("messages", metadata={"steps": steps}, globals={"steps": steps}, step_limit=None)
        assert run.status == "completed"


def _executors() -> fl.ExecutorRegistry:
    executors = fl.ExecutorRegistry()

    @executors.register("append")
    def append(step: fl.StepContext) -> fl.StepResult:
        if step.node.id == "end":
            return fl.StepResult(MESSAGE)
        return fl.StepResult(MESSAGE, "more" if step.runs + 2 < step.globals["steps"] else "done")

    return executors
