"""What a retention policy took away, and what is held, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...presentation.console import clock_time, print_line, table, text
from ...presentation.policies import what_goes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from .....domain.evidence.report import RemovedHistory
    from .....projections.retention import PlacedHold, RetentionReport


def print_report(console: Console, report: RetentionReport) -> None:
    """What went, or would, and what stays and why."""
    did = "would go" if report.preview else "went"
    workflows = f" and {report.workflows:,} workflows" if report.workflows else ""
    print_line(
        console,
        f"{report.runs:,} runs of {report.work_orders:,} work orders{workflows} {did}: {report.events:,} events, "
        f"{report.bytes:,} bytes",
    )
    if report.kept:
        kept = table(("runs stay", {"justify": "right"}), "because", ("such as work order", {"no_wrap": True}))
        for each in report.kept:
            kept.add_row(f"{each.runs:,}", text(each.message), text(each.example))
        console.print(kept)
    if report.kept_workflows:
        stay = table(("workflows stay", {"justify": "right"}), "because", ("such as", {"overflow": "fold"}))
        for which in report.kept_workflows:
            stay.add_row(f"{which.workflows:,}", text(which.message), text(which.example))
        console.print(stay)
    if report.removal_id is not None:
        print_line(console, f"record: retention:{report.removal_id}")
        print_line(console, f"{report.returned_bytes:,} bytes went back to the disk")


def print_removals(console: Console, removals: Sequence[RemovedHistory]) -> None:
    """What went so far."""
    if not removals:
        print_line(console, "nothing was removed from this store")
    for each in removals:
        where = f", archived to {each.archive}" if each.archive else ""
        what = what_goes(each.runs, each.workflows)
        print_line(console, f"{clock_time(each.at)}  {what}, {each.events:,} events, by {each.by}{where}")


def print_holds(console: Console, holds: Sequence[PlacedHold]) -> None:
    """What must stay."""
    if not holds:
        print_line(console, "nothing is under a legal hold")
    for each in holds:
        print_line(console, f"{each.kind} {each.id}: {each.reason} ({each.by}, {clock_time(each.at)})")


def print_holds_on(console: Console, run_id: str, holds: Sequence[PlacedHold]) -> None:
    """What keeps a run; nothing where nothing does."""
    for each in holds:
        on = f" on its subject, key {each.id}" if each.kind == "subject" else ""
        if each.kind == "run" and each.id != run_id:
            on = f" on run {each.id} of its work order"
        said = f"under a legal hold{on}: {each.reason} ({each.by}, {clock_time(each.at)})"
        print_line(console, text(said, "yellow", limit=None))
