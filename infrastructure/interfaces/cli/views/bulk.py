"""Printing bulk actions: how they stand, and what became of their runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ...presentation.console import STYLES, clock_time, print_line, table, text

if TYPE_CHECKING:
    from rich.console import Console

    from .....projections.bulk_action import BulkAction, BulkActionItem, BulkPreview

_LIKE = {"running": "active", "stopped": "cancelled", "finished": "completed"}


def print_action(console: Console, action: BulkAction, items: Sequence[BulkActionItem]) -> None:
    """A bulk action in some lines, and its runs in a line each."""
    from rich.text import Text

    why = "" if action.reason is None else f": {action.reason}"
    print_line(console, Text.assemble(text(action.id), " ", text(action.status, STYLES[_LIKE[action.status]])))
    asked = f"{action.act} of {_runs(action.count)}, asked for by {action.by} {clock_time(action.requested_at)}{why}"
    print_line(console, text(asked))
    print_line(console, f"{action.done:,} of {action.count:,} have a result{_counted(action.outcomes)}")
    if action.runs:
        print_line(console, f"the new runs now{_counted(action.runs)}")
    if action.stopped_by is not None:
        stopped = "" if action.stop_reason is None else f": {action.stop_reason}"
        print_line(console, text(f"stopped by {action.stopped_by}{stopped}"))
    if items:
        lines = table("no.", ("run", {"no_wrap": True}), "result", ("new run", {"no_wrap": True}), "what became of it")
        for item in items:
            became = item.reason or ("" if item.status is None else f"{item.status} now")
            run, new = text(item.run_id), text(item.new_run_id or "")
            lines.add_row(str(item.number), run, item.outcome or "open", new, text(became))
        console.print(lines)


def print_actions(console: Console, rows: Sequence[BulkAction], following: str | None) -> None:
    """A bulk action in a line each."""
    lines = table(("bulk action", {"no_wrap": True}), "status", "what", "have a result", "by", "why")
    for action in rows:
        lines.add_row(
            text(action.id),
            action.status,
            f"{action.act} of {_runs(action.count)}",
            f"{action.done:,}",
            text(action.by),
            text(action.reason or ""),
        )
    if rows:
        console.print(lines)
    else:
        print_line(console, "no bulk actions")
    if following is not None:
        print_line(console, f"more: --after {following}")


def preview_line(preview: BulkPreview) -> str:
    """What it would do, in a sentence."""
    done = {"retry": "retried", "cancel": "cancelled"}[preview.act]
    said = f"{preview.can:,} of {_runs(preview.count)} can be {done}"
    return "; ".join([said, *(f"{one.count:,} {one.outcome}: {one.reason}" for one in preview.obstacles)])


def _runs(count: int) -> str:
    return f"{count:,} {'run' if count == 1 else 'runs'}"


def _counted(counts: Mapping[str, int]) -> str:
    return "".join(f", {count:,} {word}" for word, count in counts.items())
