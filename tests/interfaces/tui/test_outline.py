"""Values as lines that fold."""

from itertools import pairwise
from typing import Any

from flowledger import WorkflowDefinition
from flowledger.domain.run.context import Context
from flowledger.domain.run.results import ResultLog
from flowledger.infrastructure.interfaces.tui.lines import graph_line, graph_lines, line_of_node
from flowledger.infrastructure.interfaces.tui.outline import Outline, OutlineRow, one_line

NOTHING = Context(ResultLog(), 0)


def told(rows: list[OutlineRow]) -> list[str]:
    signs = {None: " ", False: "▸", True: "▾"}
    return [f"{'  ' * row.depth}{signs[row.unfolded]} {row.label}: {one_line(row.value)}" for row in rows]


def unfolded(value: Any, *paths: tuple[Any, ...]) -> list[str]:
    return told(Outline(("v",), *(("v", *path) for path in paths)).rows([("v", "v", value)]))[1:]


def test_what_is_small_stands_on_one_line_and_what_holds_more_folds() -> None:
    assert unfolded({"a": 1, "b": "x", "c": None, "d": [1], "e": [], "f": {}}) == [
        "    a: 1",
        '    b: "x"',
        "    c: null",
        "  ▸ d: [1]",
        "    e: []",
        "    f: {}",
    ]


def test_a_part_is_unfolded_by_its_path_and_folds_again() -> None:
    outline = Outline()
    value = {"a": {"b": [7]}}
    assert told(outline.rows([("v", "v", value)])) == ['▸ v: {"a":{"b":[7]}}']
    for path in (("v",), ("v", "a"), ("v", "a", "b")):
        outline.toggle(path)
    assert [row.label for row in outline.rows([("v", "v", value)])] == ["v", "a", "b", "0"]
    outline.toggle(("v",))
    assert told(outline.rows([("v", "v", value)])) == ['▸ v: {"a":{"b":[7]}}']


def test_a_long_list_unfolds_in_ranges_and_those_in_ranges_again() -> None:
    assert unfolded(list(range(250))) == ["  ▸ 0 … 99: ", "  ▸ 100 … 199: ", "  ▸ 200 … 249: "]
    assert unfolded(list(range(250)), (range(200, 250),))[3:5] == ["    ▸"[:4] + "  200: 200", "      201: 201"]
    million = unfolded(list(range(1_000_000)), (range(20_000, 30_000),), (range(20_000, 30_000), range(20_500, 20_600)))
    assert million[:3] == ["  ▸ 0 … 9,999: ", "  ▸ 10,000 … 19,999: ", "  ▾ 20,000 … 29,999: "]
    assert million[8:10] == ["    ▾ 20,500 … 20,599: ", "        20500: 20500"]
    assert len(million) == 100 + 100 + 100


def test_only_what_is_unfolded_is_looked_at() -> None:
    class Watched(list[int]):
        looked = 0

        def __getitem__(self, index: Any) -> Any:
            Watched.looked += 1
            return super().__getitem__(index)

    unfolded(Watched(range(100_000)), (range(10_000),), (range(10_000), range(300, 400)))
    assert Watched.looked <= 100


def test_the_line_of_node_a_row_leaves_ranges_out() -> None:
    rows = Outline(("v",), ("v", range(100, 200))).rows([("v", "v", list(range(200)))])
    assert rows[3].place == ("v", 100)


def test_a_long_text_unfolds_into_its_lines() -> None:
    assert unfolded({"t": "one\ntwo"}, ("t",)) == ['  ▾ t: "one\\ntwo"', "      : one", "      : two"]
    long = unfolded({"t": "x" * 130}, ("t",))
    assert [len(line) for line in long[1:]] == [8 + 60, 8 + 60, 8 + 10]
    assert unfolded({"t": "x" * 60}) == [f'    t: "{"x" * 60}"']


def line_of(*names: str) -> WorkflowDefinition:
    nodes = [{"id": name, "type": "t"} for name in names]
    edges = [{"source": one, "target": other} for one, other in pairwise(names)]
    return WorkflowDefinition.model_validate({"nodes": nodes, "edges": edges})


def drawn(definition: WorkflowDefinition, width: int, current: str) -> list[str]:
    return [graph_line(line, current, NOTHING).plain for line in graph_lines(definition, width)]


def test_a_row_of_the_graph_is_broken_between_nodes_where_it_is_too_wide() -> None:
    definition = line_of("read", "charge", "review", "ship")
    assert drawn(definition, 80, "charge") == ["read → »charge« → review → ship"]
    narrow = drawn(definition, 20, "review")
    assert narrow == ["read → charge", "   → »review« → ship"]
    assert max(map(len, narrow)) <= 20
    assert line_of_node("ship", graph_lines(definition, 20)) == 1
    assert line_of_node("nowhere", graph_lines(definition, 20)) is None


def test_a_name_that_is_wider_than_the_pane_takes_a_line_of_its_own() -> None:
    assert drawn(line_of("a", "b" * 30, "c"), 10, "c") == ["a", "   → " + "b" * 30, "   → »c«"]
