"""An upgrade tells how active runs were, and when work orders ended, as the code tells it from the events."""

from datetime import UTC, datetime, timedelta

import pytest

import flowledger as fl
from flowledger.infrastructure.storage import sql as sql_files

from .index import index_of
from .older import dialect_of, executing
from .test_due_runs_of_before import fill, office

NUMBERS = {"sqlite": 13, "postgres": 15}
"""Of the migration that adds the columns."""


def test_an_upgrade_makes_the_rows_that_the_code_makes_of_the_same_events(durable_url: str) -> None:
    now = [datetime(2026, 3, 1, tzinfo=UTC)]
    executors = office()
    executors.register("pass")(lambda step: None)
    executors.register("typed", input={"required": ["n"]})(lambda step: None)

    def clock() -> datetime:
        now[0] += timedelta(seconds=1)
        return now[0]

    with fl.open_ledger(durable_url, executors, clock) as ledger:
        fill(ledger)
        for type in ("pass", "typed"):
            ledger.workflows.save({"nodes": [{"id": "n", "type": type}]}, workflow_id=type)
        noted = ledger.runs.start("pass")
        ledger.runs.set_metadata(noted.id, {"seen": True}, by="ops")
        with pytest.raises(fl.WorkOrderRejected):
            ledger.runs.start("typed")
        rows = index_of(ledger._store)
    dialect = dialect_of(durable_url)
    fills = [one for one in sql_files.migrations(dialect)[NUMBERS[dialect]] if "\nUPDATE flowledger_index_" in one]
    assert len(fills) == 2
    with executing(durable_url) as execute:
        execute("UPDATE flowledger_index_runs SET active_at = 0")
        execute("UPDATE flowledger_index_work_orders SET finished_at = NULL")
        for statement in fills:
            execute(statement)
    with fl.open_ledger(durable_url, executors, clock) as ledger:
        assert index_of(ledger._store) == rows
        assert ledger.verify(deep=True).ok
        ledger.rebuild()
        assert index_of(ledger._store) == rows
