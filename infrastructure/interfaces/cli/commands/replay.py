"""``replay``: walk through a run, or execute recorded runs again to prove that they go the same way."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from .....domain.errors import InvalidRequest
from .....projections.replay.report import Replayed, ReplaySummary, summary_of
from ...presentation.inputs import load_registry, read_globals
from ..shared.options import AsJson, Effects, Globals, IgnoreCode
from ..shared.progress import progress_bar
from ..shared.run_filters import RunFilters, takes_run_filters
from ..shared.selection import Selection
from ..shared.session import DEFAULT_STORE, Interrupted, Session, interruptible
from ..views import replay as replay_views
from . import bulk
from .walk import From, Step, To, walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ....ledger.ledger import Ledger
    from ....operations.replay_pool import ReplayJob


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
    every: Annotated[
        bool, typer.Option("--all", help="Verify all runs that the filters find, on all cores, instead of one.")
    ] = False,
    *,
    filters: RunFilters,
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Processes for --all.", show_default="one for each core")
    ] = None,
    _json: AsJson = False,
) -> None:
    """Walk through a run forwards and backwards, or execute its steps again and compare.

    The walk shows, version by version, what happened, what it changed in the state, and where it left the run. With
    --step it fills the screen (? shows the keys; needs the extra tui). Otherwise it is text, or with --json one JSON
    object a line.

    --verify executes recorded steps with what they were given then, and names the first one whose result differs. The
    results of executors with deterministic=False, and of those with effects=True that --effects doesn't name, are taken
    from the record: where the code behind them has changed since, the run diverges, unless --ignore-code is given. Code
    has changed when its syntax tree has; comments, layout and the module don't count. Exits with 1 if a run diverges,
    or if a search for runs may have missed some.
    """
    session = Session.of(context)
    chosen = filters.select()
    bulk.check_one_or_all(run, every, chosen or workers)
    if (verify or every) and (step or start or stop):
        raise InvalidRequest("--step, --from and --to walk through a run; --verify and --all execute its steps again")
    if run is not None and not verify:
        if effects or global_values or ignore_code:
            raise InvalidRequest("a walk executes nothing: --effects, --global and --ignore-code go with --verify")
        walk(session, run, start, stop, step=step)
        return
    values = read_globals(global_values) if global_values else None
    types = tuple(effects or ())
    if run is None:
        summary = _verify_all(session, chosen, types, values, ignore_code, workers)
        if not summary.ok:
            session.exit_code = 1
        session.answer(summary.to_data(), lambda console: replay_views.print_summary(console, summary))
        return
    with session.open_ledger(running=True) as ledger, interruptible():
        report = ledger.history.replay(run, effects=types, globals=values, ignore_code=ignore_code)
    if not report.ok:
        session.exit_code = 1
    session.answer(report.to_data(), lambda console: replay_views.print_report(console, report))


def _verify_all(
    session: Session,
    chosen: Selection,
    effects: tuple[str, ...],
    values: dict[str, str] | None,
    ignore_code: bool,
    workers: int | None,
) -> ReplaySummary:
    from ....operations.replay_pool import ReplayJob, count_cores

    store = session.store or DEFAULT_STORE
    if store == "memory:":
        raise InvalidRequest("--all opens the store in other processes, and memory: is in this one alone")
    with session.open_ledger(running=True) as ledger:
        found = chosen.find(ledger, datetime.now(UTC))
    for type in effects:
        if type not in session.registry():
            raise InvalidRequest(f"effects: no executor is registered for type {type!r}")
    job = ReplayJob(partial(_open, store, session.app or ""), effects, values, ignore_code)
    return summary_of(_replay_runs(job, found.run_ids, workers or count_cores()), found.behind)


def _open(store: str, app: str) -> Ledger:
    """Open a ledger in each worker."""
    from ....ledger.open import open_ledger

    return open_ledger(store, load_registry(app), create=False)


def _replay_runs(job: ReplayJob, run_ids: Sequence[str], workers: int) -> list[Replayed]:
    from ....operations.replay_pool import replay_many

    done: list[Replayed] = []
    with progress_bar("replaying") as advance, closing(replay_many(job, run_ids, workers)) as outcomes:
        try:
            for outcome in outcomes:
                done.append(outcome)
                advance(len(done) / len(run_ids))
        except KeyboardInterrupt as interrupt:
            raise Interrupted(f"interrupted after {len(done)} of {len(run_ids)} runs") from interrupt
    return done
