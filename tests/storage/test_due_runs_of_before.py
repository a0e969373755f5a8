"""An upgrade tells from the events what workers may take: the rows are those of the code."""

from datetime import UTC, datetime
from typing import Any

import flowledger as fl
from flowledger.infrastructure.storage import sql as sql_files

from .index import index_of
from .older import dialect_of, executing

NUMBERS = {"sqlite": 9, "postgres": 11}
"""Of the migration that adds the columns."""


def upgrade_again(url: str, held: list[str]) -> None:
    """Forget what the columns hold, and fill them as the migration does; as before, what was held isn't queued."""
    dialect = dialect_of(url)
    statements = sql_files.migrations(dialect)[NUMBERS[dialect]]
    fills = [statement for statement in statements if "\nUPDATE flowledger_index_runs" in statement]
    assert len(fills) == 2
    no, names = "0" if dialect == "sqlite" else "FALSE", ", ".join(f"'{run_id}'" for run_id in held)
    with executing(url) as execute:
        execute("UPDATE flowledger_index_runs SET ready_at = NULL")
        execute(f"UPDATE flowledger_index_runs SET queued = {no} WHERE run_id IN ({names})")
        for statement in fills:
            execute(statement)


def office() -> fl.ExecutorRegistry:
    executors = fl.ExecutorRegistry()

    @executors.register("ask")
    def ask(step: fl.StepContext) -> Any:
        until = datetime(2030, 1, 1, tzinfo=UTC) if step.payload else None
        return fl.Pause("?", until=until) if step.answer is None else step.answer.payload

    @executors.register("flaky", retry=fl.RetryPolicy(max_retries=3, interval=600.0))
    def flaky(step: fl.StepContext) -> None:
        raise TimeoutError("slow")

    return executors


def fill(ledger: fl.Ledger) -> list[str]:
    """Runs in every state; returns those that were queued and held."""
    for type in ("ask", "flaky"):
        ledger.workflows.save({"nodes": [{"id": "n", "type": type}]}, workflow_id=type, by="ada")
    for payload in (None, "by then"):
        ledger.runs.start("ask", payload)
        held = ledger.runs.start("ask", payload)
        ledger.runs.hold(held.id, by="ops")
    for _ in range(2):
        failed = ledger.runs.start("flaky")
    ledger.runs.hold(failed.id, by="ops")
    ledger.runs.start("ask", wait=False)
    parked, released = (ledger.runs.start("ask", wait=False) for _ in range(2))
    for run in (parked, released):
        ledger.runs.hold(run.id, by="ops")
    ledger.runs.release(released.id, by="ops")
    ledger.runs.cancel(ledger.runs.start("ask").id, by="ops")
    return [parked.id, released.id]


def test_an_upgrade_makes_the_rows_that_the_code_makes_of_the_same_events(durable_url: str) -> None:
    with fl.open_ledger(durable_url, office()) as ledger:
        held = fill(ledger)
        rows = index_of(ledger._store)
    upgrade_again(durable_url, held)
    with fl.open_ledger(durable_url, office()) as ledger:
        assert index_of(ledger._store) == rows
        assert ledger.verify(deep=True).ok
        ledger.rebuild()
        assert index_of(ledger._store) == rows
