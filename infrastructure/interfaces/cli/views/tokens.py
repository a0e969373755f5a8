"""Printing tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...presentation.console import clock_time, print_line, table, text

if TYPE_CHECKING:
    from rich.console import Console

    from .....projections.access import Token


def print_tokens(console: Console, tokens: Sequence[Token]) -> None:
    """Print a line for each token."""
    if not tokens:
        print_line(console, "no tokens: make one with flowledger token create NAME --role ROLE")
        return
    lines = table("name", "role", "made", "by", "expires", "used last", "revoked")
    for token in tokens:
        lines.add_row(
            text(token.name, "bold" if token.revoked_at is None else "dim"),
            text(token.role),
            text(clock_time(token.made_at)),
            text(token.made_by),
            text(clock_time(token.expires_at) or "never"),
            text(clock_time(token.last_used_at) or "never"),
            text(f"{clock_time(token.revoked_at)} by {token.revoked_by}" if token.revoked_at else ""),
        )
    console.print(lines)
