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
    runs = "1 run" if begins.runs == 1 else f"{begins.runs:,} runs"
    return (
        f"history is whole from {clock_time(begins.at)} on; of before, {runs} were removed under a retention policy, "
        f"the last {clock_time(begins.removed_at)} by {begins.by} ({begins.policy_in_words}): "
        "`flowledger retention removals`"
    )
