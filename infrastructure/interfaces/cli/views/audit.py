"""Printing an audit: the facts, the timeline, the code, the records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .....domain.run.results import error_text
from .....domain.values.brief import brief
from .....domain.workflow.definition import STORED, WorkflowDefinition
from .....projections.runs.attempts import Attempt
from ...presentation.console import LAST, clock_time, print_line, status_text, table, text
from ...presentation.graph import draw
from ...presentation.zone import zone
from .diff import print_diff_lines

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from .....projections.audit.build import RunAudit
    from .....projections.audit.model import AuditedGlobal, AuditedPause, Intervention

DIGEST = 12
"""Characters of a digest that are printed; --json has all of it."""

_WHOLE_IDS = 80
"""Columns of a terminal from which on no id is broken over lines."""

OUTCOMES = {"completed": "green", "failed": "red", "paused": "yellow"}


def print_audit(console: Console, audit: RunAudit, *, full: bool) -> None:
    """Print the whole audit; ``full``: also values, sources and tracebacks."""
    _print_facts(console, audit, full=full)
    _print_heading(console, f"what happened, {clock_time(audit.started_at).split()[0]} {zone()}")
    _print_timeline(console, audit)
    if full:
        for attempt in audit.attempts:
            _print_values(console, attempt)
    _print_heading(console, "code")
    _print_code(console, audit, full=full)
    _print_since_success(console, audit)
    _print_reused(console, audit)
    _print_heading(console, "records")
    _print_records(console, audit)


def _print_heading(console: Console, title: str) -> None:
    console.print()
    console.print(text(title, "bold underline"))


# --- the facts --------------------------------------------------------------------------------------------------------


def _print_facts(console: Console, audit: RunAudit, *, full: bool) -> None:
    from rich.panel import Panel
    from rich.table import Table

    facts = Table.grid(padding=(0, 2, 0, 0))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    for title, fact in _facts_of(audit, full=full):
        facts.add_row(title, fact)
    heading = text(f"run {audit.run_id}@{audit.version}", "bold")
    console.print(Panel(facts, title=heading, title_align="left", border_style="dim"))


def _facts_of(audit: RunAudit, *, full: bool) -> Iterator[tuple[str, Text]]:
    workflow, work_order = audit.workflow, audit.work_order
    yield "status", status_text(audit.status)
    ended = f", ended {clock_time(audit.finished_at)}" if audit.finished_at is not None else ""
    through = "" if audit.channel is None else f" ({audit.channel})"
    yield "started", text(f"{clock_time(audit.started_at)} by {audit.by}{through}{ended}")
    if audit.trigger is not None:
        yield "triggered by", _value(audit.trigger, full=full)
    for claim in audit.claims:
        where = f"{claim.name} ({claim.release}), process {claim.pid} on {claim.host}"
        yield "executed by", text(f"{where}, from event {claim.version} on")
        for one in claim.globals:
            yield "given", text(f"global {one.name}, {_which_value(one)}")
    yield "in executors", text(_took(audit.execution_time))
    name = f" {workflow.name!r}" if workflow.name is not None else ""
    yield "workflow", text(f"{workflow.workflow_id}@{workflow.version}{name}, {workflow.snapshot_id}")
    message = f": {workflow.message}" if workflow.message is not None else ""
    yield "saved", text(f"{clock_time(workflow.saved_at)} by {workflow.by}{message}")
    yield (
        "work order",
        text(f"{work_order.work_order_id}, opened {clock_time(work_order.opened_at)} by {work_order.by}"),
    )
    for run in work_order.runs:
        if run.run_id != audit.run_id:
            yield "other run", text(f"{run.run_id}, {run.kind} by {run.by}: {run.status}")
    if audit.origin is not None:
        origin = audit.origin
        at = f" at version {origin.version}" if origin.version else ""
        reused = f", {len(origin.reused):,} of whose results it reuses" if origin.reused else ""
        of = "a snapshot" if origin.run_id is None else origin.run_id
        yield origin.kind, text(f"of {of}{at}{reused}")
        if origin.edited is not None:
            yield "edited", text(f"the result of {origin.edited['node_id']}: {brief(origin.edited.get('output'))}")
        if origin.asks_again:
            yield "question", text("has changed since, and is asked again")
        if (given := origin.given_answer) is not None:
            yield "answer", text(f"of {given.by} to {given.wait}, {clock_time(given.at)}: {brief(given.payload)}")
    yield "input", _value(audit.input, full=full)
    if audit.metadata:
        yield "metadata", _value(audit.metadata, full=full)
    yield "audit digest", text(audit.digest)


def _which_value(given: AuditedGlobal) -> str:
    return f"no fingerprint: {given.why_none}" if given.fingerprint is None else f"fingerprint {given.fingerprint}"


def _value(value: Any, *, full: bool) -> Text:
    return text(json.dumps(value, ensure_ascii=False), limit=None) if full else text(brief(value))


# --- what happened ----------------------------------------------------------------------------------------------------


def _print_timeline(console: Console, audit: RunAudit) -> None:
    lines = table(
        ("", {"justify": "right"}),
        ("time", {"no_wrap": True}),
        "what",
        ("attempt", {"justify": "right"}),
        "by",
        ("took", {"justify": "right", "no_wrap": True}),
        ("waited", {"justify": "right", "no_wrap": True}),
        ("outcome", LAST),
    )
    lines.expand = True
    pauses = {pause.version: pause for pause in audit.pauses}
    day = clock_time(audit.started_at).split()[0] + " "
    entries: list[Attempt | Intervention] = [*audit.attempts, *audit.interventions]
    for entry in sorted(entries, key=lambda entry: entry.version):
        at = clock_time(entry.started_at if isinstance(entry, Attempt) else entry.at)
        lines.add_row(
            str(entry.version),
            at[: len("2025-05-04 09:30:00.125")].removeprefix(day),
            *_timeline_row(entry, pauses.get(entry.version)),
        )
    if lines.row_count:
        console.print(lines)
    else:
        console.print("no node has run yet", style="dim")


def _timeline_row(entry: Attempt | Intervention, pause: AuditedPause | None) -> tuple[str | Text, ...]:
    paused = f"; {_describe_end(pause)}" if pause is not None else ""
    if isinstance(entry, Attempt):
        return (
            text(entry.node_id, "bold"),
            str(entry.attempt),
            text(entry.by),
            _took(entry.execution_time),
            _took(entry.waiting_time) if entry.waiting_time else "",
            text(_outcome(entry) + paused, OUTCOMES[entry.outcome]),
        )
    parts = [entry.reason] if entry.reason is not None else []
    parts += [f"with {brief(entry.payload)}"] if entry.payload is not None else []
    parts += [brief(entry.metadata)] if entry.metadata is not None else []
    what = text(entry.type.removeprefix("run."), "cyan")
    by = entry.by if entry.channel is None else f"{entry.by} ({entry.channel})"
    return what, "", text(by), "", "", text(", ".join(parts) + paused)


def _outcome(attempt: Attempt) -> str:
    taken = attempt.taken_from
    if taken is None:
        return _what_became(attempt)
    where = "not executed" if taken.version is None else f"as recorded in run {taken.run_id}@{taken.version}"
    return f"{_what_became(attempt)}; {where}"


def _what_became(attempt: Attempt) -> str:
    if attempt.error is not None:
        due = f"; retry due {clock_time(attempt.retry_at)}" if attempt.retry_at is not None else ""
        on = f"; → {attempt.next_node_id}" if attempt.next_node_id is not None else ""
        return error_text(attempt.error) + due + on
    if attempt.outcome == "paused":
        until = f" until {clock_time(attempt.until)}" if attempt.until is not None else ""
        return f"paused{until}" + (f": {attempt.reason}" if attempt.reason is not None else "")
    way = f"by {attempt.handle!r} " if attempt.handle is not None else ""
    end = "end, as no condition is true" if attempt.no_condition_held else "end"
    next = "no edge" if attempt.unrouted else attempt.next_node_id or end
    return f"{way}→ {next}: {brief(attempt.output)}"


def _describe_end(pause: AuditedPause) -> str:
    if pause.duration is None:
        return "still paused"
    how = "answered by its deadline, said" if pause.timed_out else f"{pause.outcome} by"
    return f"{how} {pause.ended_by} after {_took(pause.duration)}"


def _took(milliseconds: float) -> str:
    """A duration in a unit that suits its size."""
    if milliseconds < 1_000:
        return f"{milliseconds:.1f} ms"
    seconds = milliseconds / 1_000
    return f"{seconds:.1f} s" if seconds < 600 else f"{seconds / 60:.0f} min" if seconds < 36_000 else _hours(seconds)


def _hours(seconds: float) -> str:
    return f"{seconds / 3_600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"


def _print_values(console: Console, attempt: Attempt) -> None:
    """Print the input and the output of an execution, unabridged."""
    console.print()
    print_line(console, text(attempt.node_id, "bold"), f" attempt {attempt.attempt}, event {attempt.version}")
    _print_block(console, "input", json.dumps(attempt.input, indent=2, ensure_ascii=False))
    if attempt.error is not None:
        _print_block(console, "error", attempt.error.get("traceback") or error_text(attempt.error), "red")
    else:
        _print_block(console, "output", json.dumps(attempt.output, indent=2, ensure_ascii=False))
    if attempt.logs:
        lines = (f"{clock_time(line.at)} {line.level} {line.message}" for line in attempt.logs)
        _print_block(console, "logs", "\n".join(lines))


def _print_block(console: Console, title: str, content: str, style: str = "") -> None:
    print_line(console, text(f"  {title}", "dim"))
    for line in content.splitlines():
        print_line(console, "    ", text(line, style, limit=None))


# --- code and definition ----------------------------------------------------------------------------------------------


def _print_code(console: Console, audit: RunAudit, *, full: bool) -> None:
    definition = audit.workflow.definition
    print_line(console, f"definition {audit.workflow.digest[:DIGEST]}")
    for line in draw(WorkflowDefinition.model_validate(definition, context=STORED)):
        print_line(console, "  ", text(line, "cyan"))
    if full:
        _print_block(console, "definition", json.dumps(definition, indent=2, ensure_ascii=False))
    lines = table("type", "executor", "ran", ("from event", {"justify": "right"}), ("compared with the save", LAST))
    for used in audit.code:
        lines.add_row(
            text(used.node_type, "bold"),
            text(used.saved["name"] if used.saved is not None else ""),
            used.digest[:DIGEST],
            str(used.since_event),
            text(used.summary.partition(": ")[2], "bold yellow" if used.drifted else "green"),
        )
    console.print(lines)
    for used in audit.code:
        if used.difference is not None:
            print_line(console, text(f"  {used.node_type}, as saved and as it ran", "dim"))
            print_diff_lines(console, used.difference)
        elif full and used.source is not None:
            _print_block(console, used.node_type, used.source)


def _print_since_success(console: Console, audit: RunAudit) -> None:
    since = audit.since_success
    if since is None:
        return
    _print_heading(console, "since the last success")
    print_line(
        console, text(f"run {since.run_id} of version {since.workflow_version}, {clock_time(since.finished_at)}")
    )
    print_diff_lines(console, since.summary)


def _print_reused(console: Console, audit: RunAudit) -> None:
    if audit.origin is None or not audit.origin.reused:
        return
    _print_heading(console, "reused results")
    lines = table("node", ("attempt", {"justify": "right"}), "from", ("result", LAST))
    for result in audit.origin.reused:
        outcome = text(brief(result.output)) if result.error is None else text(result.error, "red")
        lines.add_row(text(result.node_id, "bold"), str(result.attempt), f"{result.run_id}@{result.version}", outcome)
    console.print(lines)


# --- records ----------------------------------------------------------------------------------------------------------


def _print_records(console: Console, audit: RunAudit) -> None:
    records = audit.provenance.streams
    fits = console.width >= _WHOLE_IDS and all(len(record.stream) <= len(audit.run_id) for record in records)
    lines = table(("stream", {"no_wrap": fits}), "events", "positions", ("last digest", {"no_wrap": True}), "checked")
    for record in records:
        lines.add_row(
            text(record.stream),
            f"{record.first_version}–{record.last_version}",
            f"{record.first_position}–{record.last_position}",
            record.digest[:DIGEST],
            "whole" if record.checked else "last",
        )
    console.print(lines)
    for finding in audit.provenance.findings:
        print_line(
            console,
            text(finding.kind, "bold red"),
            text(f" in {finding.stream} version {finding.version}: {finding.message}"),
        )
    if audit.provenance.ok:
        console.print("every event that was checked is as it was written", style="green")
