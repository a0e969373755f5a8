"""Printing differences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .....projections.comparison.values import TEXT_INDENT
from ...presentation.console import text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console


def print_diff(console: Console, lines: Iterable[str]) -> None:
    """Print the lines of a difference in colour."""
    for line in lines:
        console.print(text(line, _style(line)), soft_wrap=True)


def _style(line: str) -> str:
    """By the sign of the line, or, in a text, by that of the text's line."""
    of_text = line.startswith(TEXT_INDENT)
    sign = line.removeprefix(TEXT_INDENT)[:1] if of_text or not line.startswith(" ") else ""
    return {"+": "green", "-": "red", "~": "bold yellow", "@": "cyan", "=": "dim"}.get(sign, "")
