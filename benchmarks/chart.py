"""The speeds of one run as bars: ours, the peers', and the limit as the line at 1."""

from collections.abc import Sequence
from pathlib import Path

from .one_run import LIBPQ
from .report import Row

OURS = "#1b6e53"
COLOURS = {"eventsourcing": "#b8b8b8", "DBOS": "#8fa9c4", "LangGraph": "#c9a58a", LIBPQ: "#5f5f5f"}


def draw(rows: Sequence[Row], path: Path) -> None:
    """One figure, as SVG; rows without peers or target are left out."""
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    mpl.rcParams["svg.hashsalt"] = "flowledger"  # the same rows give the same file
    drawn = [row for row in rows if row.speeds and (row.peers or row.least is not None)]
    bars = [(row, name, value) for row in drawn for name, value in row.speeds.items()]
    figure = Figure(figsize=(8.5, 0.6 + 0.17 * len(bars) + 0.22 * len(drawn)), layout="constrained")
    axes = figure.subplots()
    place = 0.0
    ticks: list[float] = []
    for row in drawn:
        ticks.append(place + (len(row.speeds) - 1) / 2)
        for index, (name, value) in enumerate(row.speeds.items()):
            axes.barh(place, value, height=0.9, color=COLOURS[name] if index else OURS)
            axes.text(value * 1.05, place, f"{value:.2g}", va="center", fontsize=6)
            if index == 0 and row.least is not None:
                axes.plot([row.least] * 2, [place - 0.55, place + 0.55], color="#c23b22", linewidth=1.5)
            place += 1
        place += 0.8
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_yticks(ticks, [row.what for row in drawn], fontsize=7)
    axes.margins(x=0.1, y=0.01)
    axes.invert_yaxis()
    axes.tick_params(axis="x", labelsize=7)
    axes.set_xlabel("speed, where 1 is the raw limit (red: target)", fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    legend = [Patch(color=OURS, label="flowledger"), *(Patch(color=c, label=name) for name, c in COLOURS.items())]
    axes.legend(
        handles=legend, fontsize=7, ncols=len(legend), frameon=False, loc="lower left", bbox_to_anchor=(-0.6, 1)
    )
    figure.savefig(path, format="svg", metadata={"Date": None})
