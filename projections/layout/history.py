"""The drawing of a version that follows from those of the versions before it, so that nodes stay where they were."""

from collections.abc import Sequence
from functools import lru_cache

from .build import lay_out
from .model import CANVAS, Graph, Layout, Style

CHAIN = 16
"""Drawings that follow from each other; then a new one begins afresh, so that no history takes long to draw."""

MOST_FOLLOWING = 1_500
"""Nodes and edges of a graph that follows from the one before; a larger one is drawn afresh."""


def chain_to(number: int) -> range:
    """Which graphs of a history it takes to draw the one with this number, from 0: that one is the last."""
    return range(number // CHAIN * CHAIN, number + 1)


def lay_out_last(graphs: Sequence[Graph], style: Style = CANVAS) -> Layout | None:
    """The drawing of the last of these graphs, each of which follows from the one before. None: it is too large."""
    return _lay_out(tuple(graphs), style)


@lru_cache(maxsize=64)
def _lay_out(graphs: tuple[Graph, ...], style: Style) -> Layout | None:
    graph = graphs[-1]
    follows = len(graphs) > 1 and len(graph.nodes) + len(graph.links) <= MOST_FOLLOWING
    return lay_out(graph, style, _lay_out(graphs[:-1], style) if follows else None)
