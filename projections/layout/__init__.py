"""Where the nodes and edges of a workflow are drawn: layer by layer, the same each time, stable between versions."""

from .build import lay_out
from .definition import graph_of
from .history import chain_to, lay_out_last
from .model import CANVAS, SMALL, Box, Graph, Layout, Link, Point, Route, Style

__all__ = [
    "CANVAS",
    "SMALL",
    "Box",
    "Graph",
    "Layout",
    "Link",
    "Point",
    "Route",
    "Style",
    "chain_to",
    "graph_of",
    "lay_out",
    "lay_out_last",
]
