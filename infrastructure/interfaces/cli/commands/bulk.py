"""Commands on many runs: print how many first, then a line for each, with a progress bar on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .....domain.errors import InvalidRequest, StorageError
from ...presentation import console as views
from ..shared.session import Interrupted, Session

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from .....domain.rerun.bulk import BulkItem
    from ....services.runs.bulk import BulkOperation
    from ..shared.selection import Found

All = Annotated[bool, typer.Option("--all", help="All runs that the filters find, oldest first, instead of one.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print how many and which; change nothing.")]


def check_one_or_all(run_id: str | None, every: bool, chosen: object, for_one: object = None) -> None:
    """Raises InvalidRequest for a run and --all together, neither of them, or what the other one takes."""
    if every == (run_id is not None):
        raise InvalidRequest("name one RUN, or --all for all runs that the filters find")
    if chosen and not every:
        raise InvalidRequest("filters are for --all")
    if for_one and every:
        raise InvalidRequest("--key, --again and --reason are for one RUN")


def execute(session: Session, operation: BulkOperation, verb: str, *, yes: bool, dry_run: bool, found: Found) -> None:
    """Print how many runs, ask for confirmation, and execute the operation."""
    counted = f"{operation.count} {'run' if operation.count == 1 else 'runs'} to {verb}"
    if operation.overtaken:
        counted += f" ({operation.overtaken} will be skipped: the work order has another last run by now)"
    _print_message(counted if operation.id is None else f"{counted}, operation {operation.id}")
    found.warn(session)
    if dry_run:
        effects = operation.repeated_effects()
        for type, count in effects.items():
            _print_message(f"{type} acts on the world again in {count} of them")
        document = {**_document(operation, (), dry_run, found), "effects": effects}
        session.answer(document, lambda console: _print_ids(console, found.run_ids))
        return
    if operation.count and not yes:
        _ask(session, verb, operation.count)
    items = _run_items(session, operation)
    if any(item.outcome == "refused" or (item.outcome == "retried" and item.status == "failed") for item in items):
        session.exit_code = 1
    if session.json:
        session.print_json(_document(operation, items, dry_run, found))
    else:
        _print_message(_summary_line(items))


def _ask(session: Session, verb: str, count: int) -> None:
    if session.json or not sys.stdin.isatty():
        raise InvalidRequest(f"{count} runs to {verb}: there is no terminal to ask, so give --yes (or --dry-run)")
    if not typer.confirm(f"{verb} them?", err=True):
        raise typer.Abort


def _run_items(session: Session, operation: BulkOperation) -> list[BulkItem]:
    """Execute all items; prints each when it is done, with a bar on a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    items: list[BulkItem] = []
    terminal = views.console(sys.stderr)
    with Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=terminal,
        transient=True,
        disable=not terminal.is_terminal,
    ) as bar:
        # On a terminal, the console that draws the bar prints the lines above it.
        out = terminal if terminal.is_terminal and session.stdout.isatty() else session.console()
        try:
            for item in bar.track(operation, total=operation.count):
                items.append(item)
                if not session.json:
                    out.print(_line(item), soft_wrap=True)
        except KeyboardInterrupt as interrupt:
            raise Interrupted(f"interrupted {_describe_progress(operation, items)}") from interrupt
        except StorageError:
            _print_message(f"stopped {_describe_progress(operation, items)}")
            raise
    return items


def _describe_progress(operation: BulkOperation, items: Sequence[BulkItem]) -> str:
    hint = "" if operation.id is None else f"; continue with the same command and --resume {operation.id}"
    return f"after {len(items)} of {operation.count}{hint}"


def _line(item: BulkItem) -> Text:
    from rich.text import Text

    parts: list[str | Text] = [item.run_id, " ", views.text(item.outcome, _STYLES[item.outcome])]
    if item.new_run_id is not None:
        parts += [" as ", item.new_run_id]
    if item.status is not None:
        parts += [", ", views.status_text(item.status)]
    if item.reason is not None:
        parts += [": ", views.text(item.reason)]
    return Text.assemble(*parts)


_STYLES = {"retried": "green", "cancelled": "green", "skipped": "dim", "refused": "bold red"}


def _print_message(line: str) -> None:
    views.console(sys.stderr).print(views.text(line), soft_wrap=True)


def _print_ids(console: Console, found: Sequence[str]) -> None:
    for run_id in found:
        console.print(run_id, soft_wrap=True)


def _summary_line(items: Sequence[BulkItem]) -> str:
    outcomes = [item.outcome for item in items]
    return ", ".join(f"{outcomes.count(outcome)} {outcome}" for outcome in dict.fromkeys(outcomes)) or "nothing to do"


def _document(operation: BulkOperation, items: Sequence[BulkItem], dry_run: bool, found: Found) -> dict[str, Any]:
    document = {
        "operationId": operation.id,
        "count": operation.count,
        "overtaken": operation.overtaken,
        "dryRun": dry_run,
        "found": found.run_ids,
        "items": [
            {
                "runId": item.run_id,
                "workOrderId": item.work_order_id,
                "outcome": item.outcome,
                "newRunId": item.new_run_id,
                "status": item.status,
                "reason": item.reason,
            }
            for item in items
        ],
    }
    return document if found.behind is None else document | {"behind": found.behind}
