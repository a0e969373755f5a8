"""What an erasure did, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...presentation.console import print_line, table, text

if TYPE_CHECKING:
    from rich.console import Console

    from .....projections.erasure import ErasureReport


def print_erasure(console: Console, report: ErasureReport) -> None:
    """The runs, and each place where their values were or may be."""
    did = "would be erased" if report.dry_run else "erased"
    print_line(console, f"{did}: {report.values:,} values in {report.events:,} events")
    runs = table(("run", {"no_wrap": True}), "workflow", "kind", "status", "values")
    for run in report.runs:
        status = f"{run.status}, cancelled" if run.cancelled else run.status
        runs.add_row(text(run.run_id), text(run.workflow_id), text(run.kind), text(status), f"{run.values:,}")
    if report.runs:
        console.print(runs)
    for place in report.places:
        print_line(console, f"{place.place}: {place.done}")
