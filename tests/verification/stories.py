"""A store in which everything happened that verify compares, and ways to change it behind its back."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg

import flowledger as fl

EVERY = 4

executors = fl.ExecutorRegistry()


@executors.register("work", input={"type": "object"})
def work(step: fl.StepContext) -> Any:
    payload = step.payload if isinstance(step.payload, dict) else {}
    if payload.get("do") == "fail":
        raise ValueError("no luck")
    if payload.get("do") == "pause":
        return fl.Pause(reason="somebody must look")
    return {"amount": 100, "words": "a needle in the hay"}


@executors.register("loop")
def loop(step: fl.StepContext) -> Any:
    return fl.StepResult({"n": step.runs}, handle="more" if step.runs < 20 else "done")


LINE = {
    "nodes": [{"id": "a", "type": "work", "data": {}}, {"id": "b", "type": "work", "data": {}}],
    "edges": [{"source": "a", "target": "b"}],
}
LOOP = {
    "nodes": [{"id": "l", "type": "loop"}, {"id": "e", "type": "loop"}],
    "edges": [
        {"source": "l", "target": "l", "sourceHandle": "more"},
        {"source": "l", "target": "e", "sourceHandle": "done"},
    ],
    "start": "l",
}
REFUSED = {"nodes": [{"id": "a", "type": "work", "data": "no object"}]}


class Story:
    """One store; the runs in it by name."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.ledger = fl.open_ledger(url, executors, checkpoint_every=EVERY)
        self.runs: dict[str, fl.Run] = {}

    @property
    def store(self) -> Any:
        return self.ledger._store

    def tell(self) -> "Story":
        ledger, runs = self.ledger, self.runs
        ledger.workflows.save(LINE, workflow_id="w", by="ada", message="first")
        ledger.workflows.save(LOOP, workflow_id="loop", by="ada")
        runs["done"] = ledger.runs.start("w", payload={"do": "work"}, by="bob")
        runs["failed"] = ledger.runs.start("w", payload={"do": "fail"}, by="bob")
        runs["paused"] = ledger.runs.start("w", payload={"do": "pause"}, by="bob")
        ledger.runs.set_metadata(runs["paused"].id, {"note": 1}, by="eve")
        runs["resumed"] = ledger.runs.start("w", payload={"do": "pause"}, by="bob")
        ledger.runs.resume(runs["resumed"].id, payload={"do": "work"}, by="eve")
        ledger.workflows.save({**LINE, "edges": []} | {"start": "a"}, workflow_id="w", by="ada", message="second")
        runs["retried"] = ledger.runs.retry(runs["failed"].id, by="eve")
        runs["long"] = ledger.runs.start("loop", by="bob")
        runs["from a node"] = ledger.runs.retry(runs["long"].id, from_node="e", by="eve")
        runs["forked"] = ledger.runs.fork(runs["done"].id, version=2, by="eve")
        runs["reproduced"] = ledger.runs.reproduce(runs["done"].id, by="eve")
        runs["queued"] = ledger.runs.start("w", payload={"do": "work"}, by="bob", wait=False)
        runs["keyed"] = ledger.runs.start("w", payload={"do": "work"}, by="bob", idempotency_key="once")
        ledger.runs.cancel(runs["paused"].id, by="ops", reason="enough")
        ledger.workflows.save(REFUSED, workflow_id="refused", by="ada")
        with suppress(fl.WorkOrderRejected):
            ledger.runs.start("refused", by="bob")
        ledger.workflows.archive("refused", by="ada")
        for run in runs.values():
            ledger.history.snapshot(run.id)
        ledger.search.catch_up()
        return self

    def close(self) -> None:
        self.ledger.close()

    def found(self, **options: Any) -> list[tuple[str, int, str]]:
        return [finding[:3] for finding in self.ledger.verify(**options).findings]

    def kinds(self, **options: Any) -> set[str]:
        return {finding.kind for finding in self.ledger.verify(**options).findings}

    def query(self, sql: str, **parameters: Any) -> list[Any]:
        found: list[Any] = self.store.recorder.query(sql, parameters)
        return found

    def change(self, *statements: str) -> None:
        """Change what lies in the store, with whatever refuses that out of the way."""
        with self._raw() as connection:
            for statement in statements:
                assert connection.execute(statement).rowcount, f"{statement} changed nothing"

    def remove(self, where: str) -> list[tuple[Any, ...]]:
        """Take events out of the log; returns them as they lay there."""
        with self._raw() as connection:
            kept = connection.execute(f"SELECT {EVENT} FROM flowledger_events WHERE {where}").fetchall()
            assert connection.execute(f"DELETE FROM flowledger_events WHERE {where}").rowcount == len(kept) > 0
        return [tuple(row) for row in kept]

    def put_back(self, rows: list[tuple[Any, ...]]) -> None:
        mark = "?" if self.url.startswith("sqlite") else "%s"
        sql = f"INSERT INTO flowledger_events ({EVENT}) VALUES ({', '.join([mark] * 5)})"
        with self._raw() as connection:
            for row in rows:
                connection.execute(sql, row)

    @contextmanager
    def _raw(self) -> Iterator[Any]:
        if self.url == "memory:":
            yield self.store.recorder._index
        elif self.url.startswith("sqlite"):
            connection = sqlite3.connect(self.url.removeprefix("sqlite:///"))
            for trigger in ("update", "delete", "replace"):
                connection.execute(f"DROP TRIGGER IF EXISTS flowledger_events_refuse_{trigger}")
            yield connection
            connection.commit()
            connection.close()
        else:
            with psycopg.connect(self.url) as postgres:
                postgres.execute("ALTER TABLE flowledger_events DISABLE TRIGGER ALL")
                yield postgres


EVENT = "originator_id, originator_version, topic, state, notification_id"
