"""The note that runs were removed of what a list reaches back to."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from .console import clock_time

if TYPE_CHECKING:
    from ....projections.history_beginning import HistoryBeginning


def tell_beginning(begins: HistoryBeginning | None) -> None:
    """Print the note to stderr; nothing where nothing was removed."""
    if begins is not None:
        print(f"note: {describe_beginning(begins)}", file=sys.stderr)


def describe_beginning(begins: HistoryBeginning) -> str:
    """The note."""
    runs = "1 earlier run was" if begins.runs == 1 else f"{begins.runs:,} earlier runs were"
    return (
        f"history is whole from {clock_time(begins.at)} on; {runs} removed under a retention policy "
        f"({begins.policy_in_words}), most recently by {begins.by}, {clock_time(begins.removed_at)}: "
        "`flowledger retention removals`"
    )
