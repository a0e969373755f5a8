"""Printing lists of runs and work orders as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .....domain.values.brief import brief
from ...presentation.console import clock_time, print_line, status_text, table, text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from .....projections.runs.open_waits import WaitSummary
    from .....projections.runs.summary import RunSummary, WorkOrderSummary

_STATUS_OF_STATE = {"success": "completed", "running": "active", "pending": "active", "rejected": "failed"}
_ID = {"no_wrap": True}

ONE_LINE = 140
"""Columns that a time, an id and the rest take in one line."""


def print_runs(console: Console, rows: Sequence[RunSummary], following: str | None, values: Sequence[str] = ()) -> None:
    """Print a run in one line, or in two on a narrow console; ``values``, and what a search found, are columns too."""
    found = any(run.matches for run in rows)
    lines = _columns(
        console,
        ("run", "workflow", "status"),
        "started",
        ("run", _ID),
        "workflow",
        "status",
        "node",
        "error",
        "by",
        "took",
        values=[*values, *(["found"] * found)],
    )
    for run in rows:
        began, id, workflow = (
            clock_time(run.started_at),
            text(run.id),
            text(f"{run.workflow_id}@{run.workflow_version}"),
        )
        took = "" if run.finished_at is None else f"{(run.finished_at - run.started_at).total_seconds():.3f} s"
        status = status_text(run.status)
        if run.origin is not None:
            status.append(f" ({run.origin})", "dim")
        node, error, by = text(run.node_id or ""), text(run.error_type or "", "red"), text(run.by)
        if _is_narrow(console):
            cells = [_stack(id, f"{began} {took}"), _stack(workflow, by), _stack(status, node, " ", error)]
        else:
            cells = [text(began), id, workflow, status, node, error, by, text(took)]
        lines.add_row(*cells, *(_value(run, name) for name in values), *([_matches(run)] * found))
    _print(console, lines, "no runs", following)


def _value(run: RunSummary, name: str) -> Text:
    value = (run.columns or {}).get(name)
    return text("" if value is None else value if isinstance(value, str) else brief(value))


def _matches(run: RunSummary) -> Text:
    """What a search found, and where, a line each; the node is named where the place doesn't say it."""
    lines: list[str] = []
    for match in run.matches or ():
        named = match.node_id is None or match.node_id in match.place or match.place == "node"
        lines.append(f"{'' if named else f'{match.node_id} '}{match.place}: {match.text}")
    from rich.text import Text

    return Text("\n").join(text(line, "dim") for line in lines)


def print_work_orders(console: Console, rows: Sequence[WorkOrderSummary], following: str | None) -> None:
    """Print a work order in one line, or in two on a narrow console."""
    lines = _columns(
        console,
        ("work order", "workflow", "state"),
        "opened",
        ("work order", _ID),
        "workflow",
        "state",
        "runs",
        "by",
        "reason",
    )
    for work_order in rows:
        opened, id, workflow = clock_time(work_order.opened_at), text(work_order.id), text(work_order.workflow_id)
        state = status_text(_STATUS_OF_STATE.get(work_order.state, work_order.state))
        state.plain = work_order.state
        by, reason = text(work_order.by), text(work_order.reason or "", "red")
        if _is_narrow(console):
            state.append(f", {work_order.runs} run{'s' * (work_order.runs != 1)}", "dim")
            lines.add_row(_stack(id, opened), _stack(workflow, by), _stack(state, reason))
        else:
            lines.add_row(opened, id, workflow, state, str(work_order.runs), by, reason)
    _print(console, lines, "no work orders", following)


def print_waits(console: Console, rows: Sequence[WaitSummary], following: str | None) -> None:
    """Print a question in one line, or in two on a narrow console."""
    lines = _columns(
        console,
        ("wait", "workflow", "question"),
        "asked",
        ("wait", _ID),
        "workflow",
        "node",
        "until",
        "question",
        "answer",
    )
    for wait in rows:
        asked, id, workflow = (
            clock_time(wait.asked_at),
            text(wait.id),
            text(f"{wait.workflow_id}@{wait.workflow_version}"),
        )
        until = text("" if wait.until is None else clock_time(wait.until))
        question, node = text(wait.reason or ""), text(wait.node_id, "bold")
        if wait.held:
            question.append(" (held)", "yellow")
        answer = text("any JSON" if wait.answer is None else brief(wait.answer), "dim")
        if _is_narrow(console):
            due = "" if wait.until is None else f", until {clock_time(wait.until)}"
            lines.add_row(_stack(id, f"{asked}{due}"), _stack(workflow, node), _stack(question, answer))
        else:
            lines.add_row(asked, id, workflow, node, until, question, answer)
    _print(console, lines, "nothing waits for an answer", following)


def _is_narrow(console: Console) -> bool:
    return console.width < ONE_LINE


def _columns(
    console: Console,
    narrow: tuple[str, str, str],
    *wide: str | tuple[str, dict[str, Any]],
    values: Sequence[str] = (),
) -> Table:
    first, *others = narrow
    return table((first, _ID), *others, *values) if _is_narrow(console) else table(*wide, *values)


def _stack(upper: Text, *lower: str | Text) -> Text:
    """Lines of one cell."""
    from rich.text import Text

    return Text.assemble(upper, "\n", *lower)


def _print(console: Console, lines: Table, none: str, following: str | None) -> None:
    if lines.row_count:
        console.print(lines)
    print_end_of_list(console, lines.row_count, none, following)


def print_end_of_list(console: Console, rows: int, none: str, following: str | None) -> None:
    """Print the line below a list: that it is empty, or how to continue it."""
    if not rows:
        console.print(none, style="dim")
    if following is not None:
        print_line(console, text(f"more: --after {following}", "dim"))
