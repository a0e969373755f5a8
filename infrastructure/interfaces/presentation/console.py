"""Printing for people. Stored texts come from anywhere, so control characters in them are escaped."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO

from ....domain.values.brief import brief
from ....domain.visible import visible
from .streams import WIDTH, raw_stream, requested_size
from .zone import zone, zone_name

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ....domain.events.integrity import VerifyReport
    from ....domain.ports import RecordedEvent
    from ....domain.rerun.retry import RetryPreview
    from ....domain.run.snapshot import Snapshot
    from ....projections.runs.run import Run

STYLES = {
    "completed": "green",
    "failed": "bold red",
    "cancelled": "red",
    "paused": "yellow",
    "error": "magenta",
    "active": "cyan",
}

LAST: dict[str, Any] = {"ratio": 1, "overflow": "fold"}
"""A table's last column: takes the width that is left, and breaks long words."""

_WHOLE: dict[str, Any] = {"overflow": "fold"}

TEXT = 1_000
"""Characters of a text that a table shows; --json has all of it."""


def console(stream: TextIO) -> Console:
    """A console that uses colours only on a terminal. No text is read as markup, or controls the terminal."""
    from .escaping import EscapingConsole

    wide = None if stream.isatty() else requested_size("COLUMNS") or WIDTH
    return EscapingConsole(file=raw_stream(stream), width=wide, highlight=False, markup=False, emoji=False)


def text(value: object, style: str = "", limit: int | None = TEXT) -> Text:
    """One line of text, control characters escaped."""
    from rich.text import Text

    line = str(value)
    if limit is not None and len(line) > limit:
        line = line[:limit] + "…"
    return Text(visible(line.replace("\n", " ").replace("\t", " ")), style=style)


def clock_time(at: datetime | None) -> str:
    """``2025-05-04 09:30:00.125Z``; in another zone than UTC with its offset."""
    if at is None:
        return ""
    shown = at.astimezone(zone())
    return shown.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + zone_name(shown)


def table(*columns: str | tuple[str, dict[str, Any]]) -> Table:
    """A table without lines, in which nothing is cut off; a column is its title, or its title and rich's options."""
    from rich.table import Table

    made = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        title, settings = (column, {}) if isinstance(column, str) else column
        made.add_column(title, **_WHOLE | settings)
    return made


def status_text(status: str) -> Text:
    """A status in its colour."""
    return text(status, STYLES.get(status, ""))


def print_line(console: Console, *parts: str | Text) -> None:
    """Print one line, which the terminal may wrap."""
    from rich.text import Text

    console.print(Text.assemble(*(text(part) if isinstance(part, str) else part for part in parts)), soft_wrap=True)


# --- runs -------------------------------------------------------------------------------------------------------------


def print_run(console: Console, run: Run) -> None:
    """Print a run's id and snapshot, and the command that may come next."""
    print_line(
        console,
        "run ",
        text(run.id, "bold"),
        " of ",
        text(f"{run.workflow_id}@{run.workflow_version}"),
        ": ",
        status_text(run.status),
    )
    if run.trigger is not None:
        print_line(console, text(f"triggered by {brief(run.trigger)}"))
    if run.origin is not None:
        at = f" at version {run.origin.version}" if run.origin.version else ""
        of = "a snapshot" if run.origin.run_id is None else f"run {run.origin.run_id}"
        print_line(console, text(f"{run.origin.kind} of {of}{at}"))
    print_snapshot(console, run.id, run.snapshot, named=False)
    print_what_it_waits_for(console, run)


def print_what_it_waits_for(console: Console, run: Run) -> None:
    """Print who holds a run, what it asks, and the command that may come next."""
    if run.held is not None:
        why = "" if run.held.reason is None else f": {run.held.reason}"
        print_line(console, text(f"held by {run.held.by} since {clock_time(run.held.at)}{why}", "yellow"))
    for wait in run.waits:
        until = "" if wait.until is None else f", until {clock_time(wait.until)}"
        asks = "asks" if wait.reason is None else f"asks: {wait.reason}"
        print_line(console, text(wait.node_id, "bold"), text(f" {asks}", limit=None))
        print_line(console, text(f"  wait {wait.id}, asked {clock_time(wait.asked_at)}{until}", "dim"))
        if wait.answer is not None:
            print_line(console, text("  its answer fits ", "dim"), text(brief(wait.answer)))
    if (next := _next_command(run)) is not None:
        print_line(console, text(f"next: flowledger run {next}", "dim"))


def _next_command(run: Run) -> str | None:
    if run.held is not None:
        return f"release {run.id}"
    if run.waits:
        return f"resume {run.id} --wait {run.waits[0].id} --payload JSON"
    return f"proceed {run.id}" if run.status == "error" else None


def print_preview(console: Console, planned: RetryPreview) -> None:
    """Print what a retry would do."""
    for line in str(planned).splitlines():
        print_line(console, text(line))
    print_line(console, "input: ", text(brief(planned.input)))
    if planned.payload != planned.input:
        print_line(console, "the first step sees: ", text(brief(planned.payload)))


def print_snapshot(console: Console, run_id: str, snapshot: Snapshot, *, named: bool = True) -> None:
    """Print a snapshot: where the run stands, and the results of its nodes so far."""
    from ....domain.run.results import was_taken

    if named:
        print_line(
            console,
            "run ",
            text(run_id, "bold"),
            " of ",
            text(snapshot.workflow_id),
            ": ",
            status_text(snapshot.status),
        )
    facts = [f"version {snapshot.version}"]
    if snapshot.current_node_id is not None:
        facts.append(f"at node {snapshot.current_node_id}")
    if snapshot.last_started_at is not None:
        facts.append(f"last started {clock_time(snapshot.last_started_at)}")
    if snapshot.total_execution_time is not None:
        facts.append(f"{snapshot.total_execution_time} ms in executors")
    console.print(text(", ".join(facts)), soft_wrap=True)
    if snapshot.retry_state is not None:
        retry = snapshot.retry_state
        console.print(
            text(f"retry of {retry.node_id} due {clock_time(retry.next_retry_at)}, after attempt {retry.attempts}"),
            soft_wrap=True,
        )
    if snapshot.metadata:
        console.print(text(f"metadata {brief(dict(snapshot.metadata))}"), soft_wrap=True)
    console.print()
    results = table("node", ("attempt", {"justify": "right"}), "ended", ("result", LAST))
    results.expand = True
    for node_id, history in snapshot.context.items():
        for result in history:
            outcome = text(brief(result.output)) if result.error is None else text(result.error, "red")
            if was_taken(result):
                outcome.append(" (not executed, from the record)", style="dim")
            results.add_row(text(node_id, "bold"), str(result.attempt), clock_time(result.timestamp), outcome)
    if results.row_count:
        console.print(results)
    else:
        console.print("no node has produced anything yet", style="dim")


def print_events(console: Console, stream: str, recorded: Sequence[RecordedEvent]) -> None:
    """Print events as a table, one line each. The day is in the heading if it is the same for all."""
    from .events import describe_event

    times = [clock_time(event.recorded_at) for event in recorded]
    days = {time.split()[0] for time in times}
    print_line(
        console,
        "events of ",
        text(stream, "bold"),
        f", {days.pop()} {zone()}" if len(days) == 1 else f", times in {zone()}",
    )
    console.print()
    start = len("2025-05-04 ") if not days else 0
    lines = table(
        ("", {"justify": "right"}),
        ("time", {"no_wrap": True}),
        "type",
        "by",
        "node",
        ("attempt", {"justify": "right"}),
        ("took", {"justify": "right", "no_wrap": True}),
        ("what it did", LAST),
    )
    lines.expand = True
    for event, time in zip(recorded, times, strict=True):
        lines.add_row(
            str(event.version),
            time[start : len("2025-05-04 09:30:00.125")],
            text(event.type),
            text(event.by),
            text(event.data.get("node_id", "")),
            str(event.data.get("attempt", 1)) if "node_id" in event.data else "",
            _took(event),
            text(describe_event(event)),
        )
    console.print(lines)


def _took(event: RecordedEvent) -> str:
    if "started_at" not in event.data:
        return ""
    ended = event.data.get("finished_at", event.data["recorded_at"])
    return f"{(ended - event.data['started_at']) / 1000:.1f} ms"


# --- the store --------------------------------------------------------------------------------------------------------


def print_verify_report(console: Console, report: VerifyReport, heads: Path | None = None) -> None:
    """Print what a verification of the store read, and what it found."""
    for finding in report.findings:
        where = f" in {finding.stream} version {finding.version}" if finding.stream else ""
        print_line(console, text(finding.kind, "bold red"), text(f"{where}: {finding.message}"))
    kinds = [(report.runs, "run"), (report.work_orders, "work order"), (report.workflows, "workflow")]
    beside = [
        (report.index_rows, "index row"),
        (report.checkpoints, "checkpoint"),
        (report.search_entries, "search entry"),
    ]
    read = f"{_count(report.events, 'event')} in {_count(report.streams, 'stream')}"
    read += f" ({', '.join(_count(count, what) for count, what in kinds)}); "
    read += ", ".join(_count(count, what) for count, what in beside if count is not None)
    count = len(report.findings)
    verdict = text("nothing wrong", "green") if report.ok else text(_count(count, "finding"), "bold red")
    print_line(console, f"{read}: ", verdict)
    if report.index_rows is None:
        print_line(
            console,
            "the index is not built, or was built by other code, and was not checked: `flowledger rebuild` builds it",
        )
    if heads is not None:
        if report.heads_compared is not None:
            print_line(console, f"compared with {_count(report.heads_compared, 'head')} kept in {heads}")
        print_line(
            console,
            f"heads kept in {heads}" if report.heads_written else f"{heads} stays as it was, as something was found",
        )


def _count(count: int, what: str) -> str:
    plural = what.removesuffix("y") + "ies" if what.endswith("y") else f"{what}s"
    return f"{count:,} {what if count == 1 else plural}"
