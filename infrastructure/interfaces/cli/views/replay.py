"""Printing replays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .....domain.execution.step import Executed, Raised
from .....domain.masking import MASK
from .....domain.values.brief import brief
from .....projections.replay.report import ReplayReport
from ...presentation.console import LAST, print_line, table, text
from ...presentation.events import describe_event
from ...presentation.search_lag import describe_lag

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from .....domain.execution.executors import Executor, StepContext
    from .....domain.masking import Masker
    from .....domain.ports import RecordedEvent
    from .....projections.replay.report import ReplaySummary

_RIGHT = {"justify": "right"}


def print_report(console: Console, report: ReplayReport) -> None:
    """Print the replay of one run: what was executed, and the first divergence."""
    print_line(
        console,
        "run ",
        text(report.run_id, "bold"),
        " of ",
        text(f"{report.workflow_id}@{report.workflow_version}"),
        f", as recorded up to version {report.version}: ",
        _verdict("diverged" if report.divergence else None),
    )
    lines = table("type", ("executed", _RIGHT), ("from the record", _RIGHT), "deterministic", "effects", "code")
    for executor in report.executors:
        lines.add_row(
            text(executor.type, "bold"),
            f"{executor.executed:,}",
            f"{executor.taken:,}",
            "" if executor.deterministic else "no",
            "yes" if executor.effects else "",
            {True: text("changed", "yellow"), False: text("as it ran"), None: text("not known")}[executor.code_changed],
        )
    if report.executors:
        console.print(lines)
    if report.divergence is not None:
        print_line(console, text(f"{report.divergence.kind}: ", "bold red"), text(report.divergence, limit=None))
    if report.remark is not None:
        print_line(console, text(report.remark, "yellow", limit=None))


def print_summary(console: Console, summary: ReplaySummary) -> None:
    """Print the replay of many runs: how many diverged in which way, with an example of each."""
    count = sum(finding.count for finding in summary.findings)
    print_line(
        console,
        f"{summary.runs:,} runs, {summary.steps:,} steps ({summary.executed:,} executed, {summary.taken:,} taken from "
        "the record): ",
        _verdict(f"{count:,} diverged" if count else None),
    )
    if summary.behind:
        print_line(console, text(f"but {describe_lag(summary.behind)}", "bold red"))
    if summary.code_changed:
        changed = ", ".join(f"{type!r} ({runs:,} runs)" for type, runs in summary.code_changed.items())
        said = f"code has changed since, in runs where what was executed came out as recorded: {changed}"
        print_line(console, text(said, "yellow", limit=None))
    if not summary.findings:
        return
    lines = table("kind", ("runs", _RIGHT), ("for example", {"no_wrap": True}), ("", LAST))
    lines.expand = True
    for finding in summary.findings:
        example = finding.example
        message = example.divergence if isinstance(example, ReplayReport) else example.message
        lines.add_row(text(finding.kind, "bold red"), f"{finding.count:,}", example.run_id, text(message))
    console.print(lines)


def _verdict(found: str | None) -> Text:
    return text("nothing diverged", "green") if found is None else text(found, "bold red")


def print_step(
    console: Console,
    executor: Executor,
    step: StepContext,
    recorded: RecordedEvent,
    masker: Masker,
    *,
    with_globals: bool,
) -> None:
    """Print the step that a debugger is about to run. Values from globals are masked."""
    print_line(
        console,
        "run ",
        text(step.run_id, "bold"),
        f"@{recorded.version}: node ",
        text(step.node.id, "bold"),
        f", attempt {step.attempt}, executor ",
        text(executor.qualified_name),
    )
    given = brief(masker.value(step.data))
    print_line(console, "input ", text(given))
    if MASK in given and not with_globals:
        print_line(console, text(f"{MASK} was a value from globals: give it with --global", "yellow"))
    if step.payload is not None:
        print_line(console, "payload ", text(brief(masker.value(step.payload))))
    print_line(console, "recorded ", text(describe_event(recorded)))


def print_outcome(console: Console, outcome: Executed | None, recorded: RecordedEvent, masker: Masker) -> None:
    """Print the outcome under the debugger, beside the recorded one. Values from globals are masked."""
    if outcome is None:
        print_line(console, "left before its end")
    elif isinstance(outcome, Raised):
        print_line(console, "raised ", text(masker.text(f"{type(outcome.error).__name__}: {outcome.error}"), "red"))
    else:
        print_line(console, "returned ", text(masker.text(repr(outcome.value))))
    print_line(console, "recorded ", text(describe_event(recorded)))
