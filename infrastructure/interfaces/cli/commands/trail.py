"""``trail``: what actors did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .....domain.workflow import SAVED
from .....projections.pagination import Page
from .....projections.runs.audit_trail import Act
from ...presentation.console import clock_time, text
from ...presentation.inputs import read_moment
from ..shared.listing import After, All, Limit, Listing, Out
from ..shared.options import AsCsv, AsJson
from ..shared.session import Session
from ..shared.short_ids import find_run_or_order
from ..views.audit import print_diff_lines
from ..views.lists import print_end_of_list

if TYPE_CHECKING:
    from rich.console import Console

    from ....ledger.ledger import Ledger


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(trail)


def trail(
    context: typer.Context,
    by: Annotated[str | None, typer.Option(metavar="WHO", help="Done by this actor.")] = None,
    stream: Annotated[
        str | None, typer.Option("--on", metavar="STREAM", help="Done to this run or work order, or to workflow:ID.")
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Done at this time or later.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Done before this time.")] = None,
    kind: Annotated[
        str | None,
        typer.Option(metavar="KIND", help="Done to a workflow, run, work order, bulk action or token."),
    ] = None,
    channel: Annotated[
        str | None, typer.Option(metavar="NAME", help="Done through this, such as web, api or cli.")
    ] = None,
    diff: Annotated[bool, typer.Option("--diff", help="Include what each save changed, node by node.")] = False,
    limit: Limit = 50,
    after: After = None,
    everything: All = False,
    as_csv: AsCsv = False,
    out: Out = None,
    _json: AsJson = False,
) -> None:
    """List what actors did to workflows, runs and work orders, newest first.

    That is every event, such as saves, starts, retries, pauses and cancellations, except the steps that follow from
    them.
    """
    session = Session.of(context)
    filters: dict[str, Any] = {
        "by": by,
        "stream": stream,
        "since": read_moment(since, "--since"),
        "until": read_moment(until, "--until"),
        "kind": kind,
        "channel": channel,
    }
    with session.open_ledger() as ledger:
        if stream is not None:
            filters["stream"] = find_run_or_order(ledger, stream)

        def page(cursor: str | None) -> Page[Any]:
            found = ledger.history.trail(**filters, after=cursor, limit=limit)
            return Page(tuple(ChangingAct.of(ledger, act) for act in found), found.next) if diff else found

        Listing(ChangingAct if diff else Act, page, after, everything).answer(session, as_csv, out, "acts", _print_acts)


@dataclass(frozen=True, slots=True)
class ChangingAct(Act):
    """An act, and what it changed in the workflow where it is a save of one that was there."""

    changes: Any
    """The JSON of a WorkflowDiff."""
    difference: str | None
    """The same in words."""

    @staticmethod
    def of(ledger: Ledger, act: Act) -> ChangingAct:
        """The act with what it changed since the version before."""
        diff = ledger.workflows.diff(act.subject, act.version - 1, act.version) if act.type == SAVED else None
        changes, difference = (None, None) if diff is None else (diff.to_data(), str(diff))
        return ChangingAct(**asdict(act), changes=changes, difference=difference)


def _print_acts(console: Console, acts: Sequence[Act], following: str | None) -> None:
    """Print a line for each act; below it, what a save changed."""
    for act in acts:
        _print_act(console, act)
        if isinstance(act, ChangingAct) and act.difference is not None:
            print_diff_lines(console, act.difference)
    print_end_of_list(console, len(acts), "nobody did anything", following)


def _print_act(console: Console, act: Act) -> None:
    """Print an act in one line, or, where it is too long for that, what was done below when and by whom."""
    from rich.padding import Padding
    from rich.text import Text

    who = Text.assemble(f"{clock_time(act.at)}  ", text(act.by, "bold"), text(_channel(act), "dim"))
    done = text(act.summary)
    if who.cell_len + 2 + done.cell_len <= console.width:
        console.print(Text.assemble(who, "  ", done))
    else:
        console.print(who)
        console.print(Padding(done, (0, 0, 0, 4)))


def _channel(act: Act) -> str:
    return "" if act.channel is None else f" ({act.channel})"
