"""What a benchmark reports: a row with its figure, the bound it is to keep, and whether it does."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Row:
    """One figure. ``target`` says in words what ``met`` was judged by; it is empty where nothing was demanded."""

    what: str
    figure: str
    target: str
    met: bool
    detail: str = ""
    limit: str = ""
    """What the hardware and the driver alone took."""
    peers: Mapping[str, str] = field(default_factory=dict)
    speeds: Mapping[str, float] = field(default_factory=dict)
    """Speeds in units of the limit's, ours first."""
    least: float | None = None
    """The speed that is demanded of ours."""

    def to_data(self) -> dict[str, Any]:
        return asdict(self)


def show(rows: Sequence[Row]) -> None:
    """A table for people; what missed its target is red. Figures with × are speeds compared with the limit's."""
    table = Table("what", "flowledger", "target", "detail", "raw limit", "peers", show_lines=True)
    for row in rows:
        peers = "\n".join(f"{peer}: {text}" for peer, text in row.peers.items())
        style = None if row.met else "bold red"
        table.add_row(row.what, row.figure, row.target, row.detail, row.limit, peers, style=style)
    Console(width=None if sys.stdout.isatty() else 200).print(table)
