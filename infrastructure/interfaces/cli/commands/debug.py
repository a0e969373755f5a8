"""``debug``: run a recorded step's executor under a debugger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .....domain.errors import InvalidRequest
from .....domain.visible import visible
from ...presentation.documents import event_document
from ...presentation.inputs import read_globals, split_version
from ..shared.options import AsJson, Effects, Globals
from ..shared.session import Session, interruptible
from ..shared.short_ids import find_run

if TYPE_CHECKING:
    from .....domain.execution.step import Executed
    from .....domain.masking import Masker


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(debug)


def debug(
    context: typer.Context,
    step: Annotated[str, typer.Argument(metavar="RUN@VERSION", help="The step, by the version of its event.")],
    effects: Effects = None,
    global_values: Globals = None,
    _json: AsJson = False,
) -> None:
    """Open a debugger at the first line of a recorded step's executor, with the input that it had then.

    The debugger is pdb, or what PYTHONBREAKPOINT names. Nothing is written. What the executor returns is shown beside
    what was recorded.
    """
    from .....domain.masking import Masker
    from ..shared.debugger import debug as run_under_debugger
    from ..views import replay as replay_views

    session = Session.of(context)
    run_id, version = split_version(step)
    if version is None:
        raise InvalidRequest(
            f"name the step as RUN@VERSION; versions are listed by: flowledger events {visible(run_id)}"
        )
    values = read_globals(global_values or [])
    masker = Masker(values)
    with session.open_ledger(running=True) as ledger:
        run_id = find_run(ledger, run_id)
        given = ledger.history.context_at(run_id, version, values or None)
        recorded = next(event for event in ledger.history.events(run_id) if event.version == version)
    executor = session.registry().get(given.node.type)
    if executor is None:
        raise InvalidRequest(f"no executor is registered for type {given.node.type!r} of node {given.node.id!r}")
    if executor.effects and executor.type not in (effects or ()):
        raise InvalidRequest(
            f"executor {executor.type!r} has effects: to run it anyway, name it with --effects {executor.type}"
        )
    replay_views.print_step(session.console(), executor, given, recorded, masker, with_globals=bool(values))
    with interruptible():
        outcome = run_under_debugger(executor, given)
    document = {
        "runId": run_id,
        "nodeId": given.node.id,
        "attempt": given.attempt,
        "executor": {
            "type": executor.type,
            "name": executor.qualified_name,
            "deterministic": executor.deterministic,
            "effects": executor.effects,
        },
        "recorded": event_document(recorded),
        **_outcome_document(outcome, masker),
    }
    session.answer(document, lambda console: replay_views.print_outcome(console, outcome, recorded, masker))


def _outcome_document(outcome: Executed | None, masker: Masker) -> dict[str, str | None]:
    """As text, since an executor may return what isn't JSON. Values from globals are masked."""
    from .....domain.execution.step import Raised

    returned = raised = None
    if isinstance(outcome, Raised):
        raised = masker.text(f"{type(outcome.error).__name__}: {outcome.error}")
    elif outcome is not None:
        returned = masker.text(repr(outcome.value))
    return {"returned": returned, "raised": raised}
