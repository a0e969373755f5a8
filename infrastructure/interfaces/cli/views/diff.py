"""Printing differences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...presentation.console import print_line, text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console


def print_diff(console: Console, lines: Iterable[str]) -> None:
    """Print the lines of a difference in colour."""
    for line in lines:
        console.print(text(line, _style(line)), soft_wrap=True)


def _style(line: str) -> str:
    """By the sign of the line, or, in a text, by that of the text's line."""
    from .....projections.comparison.values import TEXT_INDENT

    of_text = line.startswith(TEXT_INDENT)
    sign = line.removeprefix(TEXT_INDENT)[:1] if of_text or not line.startswith(" ") else ""
    return {"+": "green", "-": "red", "~": "bold yellow", "@": "cyan", "=": "dim"}.get(sign, "")


def print_diff_lines(console: Console, difference: str) -> None:
    """Print a difference: added lines in green, removed ones in red."""
    for line in difference.splitlines():
        print_line(console, "    ", text(line, _SIGNS.get(line.strip()[:1], ""), limit=None))


_SIGNS = {"+": "green", "-": "red", "~": "yellow", "@": "cyan"}
