"""An upgrade reads from the events what waits: the rows are those of the code, and what is damaged stops nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import flowledger as fl
from flowledger.infrastructure.storage import sql as sql_files

from .index import index_of
from .older import dialect_of, executing

NUMBERS = {"sqlite": 8, "postgres": 10}
"""Of the migration that adds the columns."""

COLUMNS = "wait_version = NULL, asked_at = NULL, due_at = NULL"


def upgrade_again(url: str) -> None:
    """Forget what the columns hold, and fill them as the migration does."""
    dialect = dialect_of(url)
    statements = sql_files.migrations(dialect)[NUMBERS[dialect]]
    fills = [
        statement for statement in statements if "ALTER TABLE" not in statement and "CREATE INDEX" not in statement
    ]
    assert len(fills) == 2
    with executing(url) as execute:
        execute(f"UPDATE flowledger_index_runs SET {COLUMNS}, held = {'0' if dialect == 'sqlite' else 'FALSE'}")
        for statement in fills:
            execute(statement)


def office() -> fl.ExecutorRegistry:
    executors = fl.ExecutorRegistry()

    @executors.register("ask")
    def ask(step: fl.StepContext) -> Any:
        until = datetime(2030, 1, 1, tzinfo=UTC) + timedelta(hours=len(step.payload)) if step.payload else None
        return fl.Pause('a "question": {"until": 5}', until=until) if step.answer is None else step.answer.payload

    @executors.register("flaky", retry=fl.RetryPolicy(max_retries=3, interval=600.0))
    def flaky(step: fl.StepContext) -> None:
        raise TimeoutError("slow")

    return executors


def fill(ledger: fl.Ledger) -> list[fl.Run]:
    for type in ("ask", "flaky"):
        ledger.workflows.save({"nodes": [{"id": "n", "type": type, "data": {"until": 7}}]}, workflow_id=type, by="ada")
    runs = [ledger.runs.start("ask", payload, by="shop") for payload in (None, "x", "due later")]
    runs.append(ledger.runs.start("flaky", by="shop"))
    done = ledger.runs.start("ask", by="shop")
    ledger.runs.resume(done.id, payload=[1], by="bob")
    ledger.runs.cancel(ledger.runs.start("ask", by="shop").id, by="ops")
    return runs


def test_an_upgrade_makes_the_rows_that_the_code_makes_of_the_same_events(durable_url: str) -> None:
    with fl.open_ledger(durable_url, office()) as ledger:
        runs = fill(ledger)
        rows = index_of(ledger._store)
    upgrade_again(durable_url)
    with fl.open_ledger(durable_url, office()) as ledger:
        assert index_of(ledger._store) == rows
        assert [wait.run_id for wait in ledger.history.waits()] == [run.id for run in runs[:3]]
        assert ledger.verify(deep=True).ok
        ledger.rebuild()
        assert index_of(ledger._store) == rows


def test_an_event_that_cannot_be_read_keeps_no_other_from_being_told(durable_url: str) -> None:
    with fl.open_ledger(durable_url, office()) as ledger:
        runs = fill(ledger)
    damage(durable_url, runs[0].id, runs[0].version)
    upgrade_again(durable_url)
    with fl.open_ledger(durable_url, office()) as ledger:
        assert [wait.run_id for wait in ledger.history.waits()] == [run.id for run in runs[1:3]]


def damage(url: str, stream: str, version: int) -> None:
    """Put something else in the place of an event's body."""
    place = f"originator_id = '{stream}' AND originator_version = {version}"
    with executing(url) as execute:
        if dialect_of(url) == "sqlite":
            execute("DROP TRIGGER flowledger_events_refuse_update")
            execute(f"UPDATE flowledger_events SET state = CAST(substr(state, 1, 41) || '{{no' AS BLOB) WHERE {place}")
        else:
            execute("ALTER TABLE flowledger_events DISABLE TRIGGER ALL")
            execute(f"UPDATE flowledger_events SET state = substr(state, 1, 41) || '{{no'::bytea WHERE {place}")


def test_what_a_damaged_question_asks_is_left_out_and_the_others_are_listed(durable_url: str) -> None:
    with fl.open_ledger(durable_url, office()) as ledger:
        runs = fill(ledger)
    damage(durable_url, runs[1].id, runs[1].version)
    with fl.open_ledger(durable_url, office()) as ledger:
        assert [wait.run_id for wait in ledger.history.waits()] == [runs[0].id, runs[2].id]
