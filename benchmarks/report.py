"""What a benchmark reports: a row with its figure, the bound it is to keep, and whether it does."""

from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Row:
    """One figure. ``target`` says in words what ``met`` was judged by."""

    what: str
    figure: str
    target: str
    met: bool
    detail: str = ""

    def to_data(self) -> dict[str, Any]:
        return asdict(self)


def show(rows: list[Row]) -> None:
    """A table for people; what missed its target is red."""
    table = Table("what", "figure", "target", "detail")
    for row in rows:
        table.add_row(row.what, row.figure, row.target, row.detail, style=None if row.met else "bold red")
    Console().print(table)
