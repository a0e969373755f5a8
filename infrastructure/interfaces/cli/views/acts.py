"""Printing what actors did."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .....domain.workflow import SAVED
from .....projections.runs.audit_trail import Act
from ...presentation.console import clock_time, text
from .diff import print_diff_lines
from .lists import print_end_of_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from ....ledger.ledger import Ledger


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


def print_acts(console: Console, acts: Sequence[Act], following: str | None) -> None:
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
