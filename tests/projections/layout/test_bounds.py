"""What a crafted graph may cost, counted in what is done and not in time."""

import sys
from itertools import pairwise, product

import pytest
from tests.projections.layout.graphs import chain, crossed_boxes

from flowledger.projections.layout import Graph, Link, lay_out
from flowledger.projections.layout.build import MOST_EDGES, MOST_NODES
from flowledger.projections.layout.model import CANVAS
from flowledger.projections.layout.rows import FREE_LANES, MOST_LANES, rows_of


def complete(count: int) -> Graph:
    names = tuple(f"n{number}" for number in range(count))
    return Graph(names, tuple(Link(*pair) for pair in product(names, names) if pair[0] != pair[1]), names[0])


def all_from_first(count: int) -> Graph:
    """A chain, and an edge from the first node to each: every edge passes through all rows above its target."""
    names = tuple(f"n{number}" for number in range(count))
    steps = tuple(Link(*pair) for pair in pairwise(names))
    return Graph(names, steps + tuple(Link(names[0], name, "skip") for name in names[2:]), names[0])


@pytest.mark.parametrize("graph", [complete(14), all_from_first(120), all_from_first(MOST_NODES // 2)])
def test_the_room_of_long_edges_is_bounded_and_the_rest_runs_outside(graph: Graph) -> None:
    made = rows_of(graph, CANVAS)
    assert len(made.keys) - len(graph.nodes) <= MOST_LANES * (len(graph.nodes) + len(graph.links)) + FREE_LANES


def test_edges_that_run_outside_touch_no_node() -> None:
    graph = all_from_first(120)
    assert any(way.outside for way in rows_of(graph, CANVAS).ways)
    layout = lay_out(graph)
    assert layout is not None
    assert not [*crossed_boxes(graph, layout)]
    assert all(len(route.points) > 1 for route in layout.routes)


def work_of(graph: Graph) -> int:
    """Calls of Python functions while it is drawn: a measure that no other load changes."""
    calls = 0

    def count(frame: object, event: str, arg: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        assert lay_out(graph) is not None
    finally:
        sys.setprofile(None)
    return calls


def test_work_grows_as_the_graph_does() -> None:
    """Ten times as many nodes are at most some twenty times as much work, in a usual graph and in a dense one."""
    assert work_of(chain(600, seed=1)) <= 20 * work_of(chain(60, seed=1))
    small, large = complete(9), complete(27)  # 72 and 702 edges
    assert work_of(large) <= 30 * work_of(small)


@pytest.mark.parametrize(
    "graph",
    [
        Graph(tuple(map(str, range(MOST_NODES + 1))), ()),
        Graph(("a", "b"), (Link("a", "b"),) * (MOST_EDGES + 1), "a"),
    ],
)
def test_what_is_too_large_for_a_picture_has_none(graph: Graph) -> None:
    assert lay_out(graph) is None


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "graph",
    [
        complete(64),
        Graph(tuple(map(str, range(MOST_NODES))), tuple(Link("0", str(node)) for node in range(1, MOST_NODES)), "0"),
        Graph(("a", "b"), (Link("a", "b", "again"), Link("b", "a"), Link("a", "a"), Link("b", "b", "x")) * 500, "a"),
        Graph(tuple(map(str, range(MOST_NODES)))[::-1], ()),
        chain(MOST_NODES, seed=7),
    ],
)
def test_the_largest_graphs_have_a_picture(graph: Graph) -> None:
    layout = lay_out(graph)
    assert layout is not None
    assert len(layout.boxes) == len(graph.nodes)
