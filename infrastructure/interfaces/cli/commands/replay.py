"""``replay``: walk through a run, or execute recorded runs again to prove that they go the same way."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .....domain.errors import InvalidRequest
from ...presentation.inputs import read_globals, read_version
from ..shared.many import Spread, collect
from ..shared.options import AsJson, Chunk, Effects, Globals, IgnoreCode, On, Workers
from ..shared.run_filters import RunFilters, takes_run_filters
from ..shared.selection import Selection
from ..shared.session import Session, interruptible
from ..shared.short_ids import find_run
from . import bulk
from .walk import From, Step, To, walk

if TYPE_CHECKING:
    from .....projections.replay.report import ReplaySummary


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(replay)


@takes_run_filters
def replay(
    context: typer.Context,
    run: Annotated[
        str | None,
        typer.Argument(metavar="RUN[@VERSION]", help="The run; a walk begins at its version.", show_default=False),
    ] = None,
    step: Step = False,
    start: From = None,
    stop: To = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Execute each recorded step again, and compare. Nothing is written.")
    ] = False,
    effects: Effects = None,
    global_values: Globals = None,
    ignore_code: IgnoreCode = False,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION",
            help="Try this version of the workflow, instead of the one that ran: would runs go on so?",
        ),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Verify all runs that the filters find, on all cores, instead of one.")
    ] = False,
    *,
    filters: RunFilters,
    workers: Workers = None,
    on: On = None,
    chunk: Chunk = None,
    _json: AsJson = False,
) -> None:
    """Walk through a run forwards and backwards, or execute its steps again and compare.

    The walk shows, version by version, what happened, what it changed in the state, and where it left the run. With
    --step it fills the screen (? shows the keys; needs the extra tui). Otherwise it is text, or with --json
    one document.

    --verify executes recorded steps with what they were given then, and names the first one whose result differs. The
    results of executors with deterministic=False, and of those with effects=True that --effects doesn't name, are taken
    from the record: where the code behind them has changed since, the run diverges, unless --ignore-code is given. Code
    has changed when its syntax tree has; comments, layout and the module don't count. Exits with 1 if a run diverges,
    or if a search for runs may have missed some.

    --against tries another version of the workflow on what was recorded: a backtest of a change to its definition.
    --all works in a process for each core, or with --on by the workers of an executor, on this machine or on others.
    """
    session = Session.of(context)
    chosen = filters.select()
    bulk.check_one_or_all(run, every, chosen or workers or on or chunk)
    if (verify or every) and (step or start or stop):
        raise InvalidRequest("--step, --from and --to walk through a run; --verify and --all execute its steps again")
    if run is not None and not verify:
        if effects or global_values or ignore_code or against:
            raise InvalidRequest(
                "a walk executes nothing: --effects, --global, --ignore-code and --against go with --verify"
            )
        walk(session, run, start, stop, step=step)
        return
    values = read_globals(global_values) if global_values else None
    options: dict[str, Any] = {
        "effects": tuple(effects or ()),
        "globals": values,
        "ignore_code": ignore_code,
        "against": None if against is None else read_version(against),
    }
    from ..views import replay as replay_views

    if run is None:
        summary = _verify_all(session, chosen, Spread(on, workers, chunk), **options)
        if not summary.ok:
            session.exit_code = 1
        session.answer(summary.to_data(), lambda console: replay_views.print_summary(console, summary))
        return
    with session.open_ledger(running=True) as ledger, interruptible():
        report = ledger.history.replay(find_run(ledger, run), **options)
    if not report.ok:
        session.exit_code = 1
    session.answer(report.to_data(), lambda console: replay_views.print_report(console, report))


def _verify_all(session: Session, chosen: Selection, spread: Spread, **options: Any) -> ReplaySummary:
    from .....projections.replay.report import summary_of

    with session.open_ledger(running=True) as ledger:
        found = chosen.find(ledger, datetime.now(UTC))
        replayed = ledger.replay_many(found.run_ids, session.app or "", **options, **spread.options)
        return summary_of(collect(replayed, len(found.run_ids), "replaying"), found.behind)
