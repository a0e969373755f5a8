"""Graphs to draw, and what can be asked of a drawing."""

from collections.abc import Iterator
from itertools import pairwise

from hypothesis import strategies as st

from flowledger.projections.layout import Box, Graph, Layout, Link

STORY = Graph(
    ("intake", "check-stock", "score-risk", "review", "charge", "decline", "each-line", "reserve", "ship", "notify"),
    (
        Link("intake", "check-stock"),
        Link("check-stock", "score-risk"),
        Link("score-risk", "review", "high"),
        Link("score-risk", "charge", "low"),
        Link("review", "charge", "approved"),
        Link("review", "decline", "rejected"),
        Link("charge", "each-line"),
        Link("charge", "decline", "on failure", failure=True),
        Link("each-line", "reserve", "item"),
        Link("reserve", "each-line"),
        Link("each-line", "ship", "done"),
        Link("ship", "notify"),
    ),
    "intake",
)
"""The workflow of the order that the pages tell of."""


@st.composite
def graphs(draw: st.DrawFn, most_nodes: int = 14, most_links: int = 30) -> Graph:
    """Any graph: with circles, loops at nodes, edges side by side, nodes that nothing leads to."""
    names = tuple(f"n{number}" for number in range(draw(st.integers(1, most_nodes))))
    links = st.builds(
        Link,
        st.sampled_from(names),
        st.sampled_from(names),
        st.sampled_from(["", "", "yes", "when the order is "]),
        st.booleans(),
    )
    return Graph(names, tuple(draw(st.lists(links, max_size=most_links))), draw(st.sampled_from([None, *names])))


def chain(count: int, *, seed: int) -> Graph:
    """A long workflow with branches, some ways back, some that skip."""
    from random import Random

    chance = Random(seed)
    names = tuple(f"n{number}" for number in range(count))
    links = [Link(names[max(0, number - chance.randint(1, 6))], names[number]) for number in range(1, count)]
    for _ in range(count // 20):
        place = chance.randrange(count - 10)
        further = place + chance.randint(1, 9)
        ends = (names[place], names[further]) if chance.random() < 0.8 else (names[further], names[place])
        links.append(Link(*ends, "again"))
    return Graph(names, tuple(links), names[0])


def overlaps(one: Box, other: Box) -> bool:
    """Whether two boxes have a place in common."""
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


def crossed_boxes(graph: Graph, drawn: Layout) -> Iterator[tuple[Link, str]]:
    """The edges that run through a node, with that."""
    for link, route in zip(graph.links, drawn.routes, strict=True):
        for one, other in pairwise(route.points):
            left, top = min(one.x, other.x), min(one.y, other.y)
            line = Box(left, top, max(one.x, other.x) - left or 1, max(one.y, other.y) - top or 1)
            for node, box in drawn.boxes.items():
                inside = Box(box.x + 1, box.y + 1, box.width - 2, box.height - 2)
                if overlaps(line, inside):
                    yield link, node


def touches(box: Box, x: int, y: int) -> bool:
    """Whether a place is on the border of a box."""
    within = box.x <= x <= box.x + box.width and box.y <= y <= box.y + box.height
    return within and (x in (box.x, box.x + box.width) or y in (box.y, box.y + box.height))
