"""``flowledger demo``: the whole cycle on a handful of deliveries, narrated while it runs."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .....domain.errors import FlowledgerError, InvalidRequest
from ....ledger.ledger import Ledger
from ....ledger.open import open_ledger
from ....storage.credentials import redact_url
from ...presentation import console as views
from ..views import workflow as workflow_views
from .triage import DEFINITION, executors

if TYPE_CHECKING:
    from rich.console import Console

    from .....projections.runs.run import Run

WORKFLOW = "demo-triage"
APP = "flowledger.demo:executors"

REVIEWERS = (("ada", True), ("grace", False))
"""The reviewers that decide in turn, and how."""

ALARMING_PUSH = {
    "event": "push",
    "body": {
        "ref": "refs/heads/main",
        "forced": True,
        "deleted": False,
        "repository": {"full_name": "you/yours"},
        "sender": {"login": "you"},
    },
}
"""For the user to try: a run that will wait for a decision."""


@dataclass
class Delivery:
    """One delivery and its run."""

    event: str
    action: str
    run: Run
    retries: int = 0
    decision: str | None = None

    @property
    def outcome(self) -> str:
        """What the last node of a finished triage recorded."""
        results = list(self.run.snapshot.context.values())
        return str(results[-1][-1].output["outcome"]) if self.run.status == "completed" else ""


def run_demo(store: str | None, console: Console) -> dict[str, Any]:
    """Run the demo in ``store``, or in a new SQLite file; returns a summary, ``ok`` when all went as it should.

    Raises InvalidRequest for a store in memory, which no other process could open, and StorageError.
    """
    if store == "memory:":
        raise InvalidRequest(
            "the demo resumes runs from other processes: give it a store that they can open, sqlite:///… or postgresql://…"
        )
    url = store or f"sqlite:///{Path(tempfile.mkdtemp(prefix='flowledger-demo-')) / 'triage.db'}"
    began = time.monotonic()
    with open_ledger(url, executors) as ledger:
        return _Demo(ledger, url, console).run(began)


class _Demo:
    def __init__(self, ledger: Ledger, url: str, console: Console) -> None:
        self.ledger = ledger
        self.url = url
        self.console = console
        self.chapters = 0

    def run(self, began: float) -> dict[str, Any]:
        workflow = self.save()
        deliveries = self.start()
        self.retry(deliveries)
        self.decide(deliveries)
        self.end(deliveries)
        example = next(delivery for delivery in deliveries if delivery.retries and delivery.decision)
        self.travel(example)
        self.audit(example)
        report = self.verify()
        commands = self.suggest_commands(example)
        seconds = round(time.monotonic() - began, 2)
        self.console.print(f"\nAll of this took {seconds} seconds.", style="dim")
        return {
            "ok": report.ok and all(delivery.run.status == "completed" for delivery in deliveries),
            "store": redact_url(self.url),
            "app": APP,
            "workflow": {"id": WORKFLOW, "version": workflow},
            "runs": [
                {
                    "id": delivery.run.id,
                    "event": delivery.event,
                    "action": delivery.action,
                    "status": delivery.run.status,
                    "version": delivery.run.version,
                    "retries": delivery.retries,
                    "decision": delivery.decision,
                    "outcome": delivery.outcome,
                }
                for delivery in deliveries
            ],
            "verified": {"ok": report.ok, "events": report.events, "streams": report.streams},
            "tryNext": commands,
            "seconds": seconds,
        }

    def chapter(self, title: str, text: str) -> None:
        self.chapters += 1
        self.console.print(f"\n{self.chapters}. {title}", style="bold")
        self.console.print(text + "\n", style="dim")

    def save(self) -> int:
        self.chapter(
            "A workflow is saved",
            "It triages the webhooks of a code forge. The definition and the code behind it are now on record.",
        )
        saved = self.ledger.workflows.save(DEFINITION, workflow_id=WORKFLOW, by="demo", message="triage of webhooks")
        workflow_views.print_saved(self.console, saved)
        workflow_views.print_graph(self.console, saved)
        return saved.version

    def start(self) -> list[Delivery]:
        webhooks = json.loads((files(__package__ or "") / "deliveries.json").read_text("utf-8"))
        self.chapter(
            f"{len(webhooks)} deliveries come in, and each starts a run",
            "Every step is durable before the next one starts. A run stops where it waits for a person or a retry.",
        )
        deliveries = [
            Delivery(
                webhook["event"],
                webhook["body"].get("action", ""),
                self.ledger.runs.start(WORKFLOW, payload=webhook, by="webhook"),
            )
            for webhook in webhooks
        ]
        rows = views.table("run", "delivery", "status", ("where it stands", views.LAST))
        for delivery in deliveries:
            snapshot = delivery.run.snapshot
            stands = snapshot.metadata.get("pausedReason") or delivery.outcome
            rows.add_row(
                delivery.run.id,
                f"{delivery.event} {delivery.action}",
                views.status_text(delivery.run.status),
                f"{snapshot.current_node_id or 'end'}: {stands}",
            )
        self.console.print(rows)
        return deliveries

    def retry(self, deliveries: list[Delivery]) -> None:
        waiting = [delivery for delivery in deliveries if delivery.run.status == "error"]
        self.chapter(
            f"A flaky step failed in {len(waiting)} of them, and is tried again",
            "Its retry policy said when. Any process may proceed once the time has come; here it is this one.",
        )
        for delivery in waiting:
            retry = delivery.run.snapshot.retry_state
            if retry is not None and retry.next_retry_at is not None:
                time.sleep(max(0.0, (retry.next_retry_at - datetime.now(UTC)).total_seconds()))
            failed = delivery.run.snapshot.context["enrich"][-1]
            delivery.run = self.ledger.runs.proceed(delivery.run.id, by="scheduler")
            delivery.retries += 1
            self.console.print(
                views.text(
                    f"{delivery.run.id}  {delivery.event} {delivery.action}: {failed.error} → tried again → "
                ).append_text(views.status_text(delivery.run.status)),
                soft_wrap=True,
            )

    def decide(self, deliveries: list[Delivery]) -> None:
        waiting = [delivery for delivery in deliveries if delivery.run.status == "paused"]
        self.chapter(
            f"{len(waiting)} are relevant to security: people decide, in processes of their own",
            "A paused run is nothing but events in the store. Any process that can open the store can resume it.",
        )
        for index, delivery in enumerate(waiting):
            who, approved = REVIEWERS[index % len(REVIEWERS)]
            payload = json.dumps({"approved": approved})
            arguments = ["run", "resume", delivery.run.id, "--payload", payload, "--by", who]
            self.console.print("$ flowledger " + shlex.join(arguments), style="cyan", soft_wrap=True)
            process = self.run_in_other_process(arguments)
            delivery.run = self.ledger.runs.get(delivery.run.id)
            delivery.decision = f"{'approved' if approved else 'rejected'} by {who}"
            self.console.print(f"  process {process}: {delivery.decision}, {delivery.run.status}: {delivery.outcome}")

    def run_in_other_process(self, arguments: list[str]) -> int:
        """Run a command in another process; returns its id."""
        # The store's URL may hold a password: in the environment no list of processes shows it.
        environment = os.environ | {"FLOWLEDGER_STORE": self.url, "FLOWLEDGER_APP": APP}
        with subprocess.Popen(  # noqa: S603 - our own command line
            [sys.executable, "-m", "flowledger", *arguments, "--json"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            _, messages = process.communicate()
        if process.returncode != 0:
            raise FlowledgerError(f"another process could not resume the run: {messages.strip()}")
        return process.pid

    def end(self, deliveries: list[Delivery]) -> None:
        self.chapter("What became of them", "Each run has ended; nothing of the way there is lost.")
        rows = views.table("run", "delivery", "retries", "decision", "outcome")
        for delivery in deliveries:
            rows.add_row(
                delivery.run.id,
                f"{delivery.event} {delivery.action}",
                str(delivery.retries or ""),
                delivery.decision or "",
                delivery.outcome,
            )
        self.console.print(rows)

    def travel(self, example: Delivery) -> None:
        early = next(
            event.version for event in self.ledger.history.events(example.run.id) if event.type == "run.step_failed"
        )
        self.chapter(
            "Time travel: one run as it stood when the directory did not answer, and at its end",
            f"flowledger show {example.run.id}@{early}, and without @{early}.",
        )
        views.print_snapshot(self.console, example.run.id, self.ledger.history.snapshot(example.run.id, version=early))
        self.console.print()
        views.print_snapshot(self.console, example.run.id, self.ledger.history.snapshot(example.run.id))

    def audit(self, example: Delivery) -> None:
        self.chapter("What an auditor sees", "Every event: who, when, which step, how long it took, and what it did.")
        views.print_events(self.console, example.run.id, list(self.ledger.history.events(example.run.id)))

    def verify(self) -> Any:
        self.chapter(
            "The records are as they were written",
            "The database refuses to change or delete events, and each carries the digest of the one before it.",
        )
        report = self.ledger.verify()
        views.print_verify_report(self.console, report)
        return report

    def suggest_commands(self, example: Delivery) -> list[str]:
        self.chapter("Try next", f"The store is kept: {redact_url(self.url)}")
        commands = [
            f"export FLOWLEDGER_STORE={shlex.quote(redact_url(self.url))}",
            f"export FLOWLEDGER_APP={APP}",
            f"flowledger show {example.run.id}@3",
            f"flowledger events {example.run.id}",
            f"flowledger workflow show {WORKFLOW}",
            f"flowledger run start {WORKFLOW} --payload {shlex.quote(json.dumps(ALARMING_PUSH))}",
            """flowledger run resume RUN --payload '{"approved": true}'""",
            "flowledger verify",
        ]
        for command in commands:
            self.console.print(command, style="cyan", soft_wrap=True)
        return commands
