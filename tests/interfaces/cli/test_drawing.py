from typing import Any

from flowledger import WorkflowDefinition
from flowledger.infrastructure.interfaces.presentation.graph import draw


def drawn(*edges: str, start: str | None = None) -> list[str]:
    """The drawing of edges written as ``a>b`` or ``a-handle>b``."""
    parsed: list[dict[str, Any]] = []
    nodes: dict[str, None] = {}
    for edge in edges:
        left, target = edge.split(">")
        source, dash, handle = left.partition("-")
        parsed.append({"source": source, "target": target} | ({"sourceHandle": handle} if dash else {}))
        nodes |= {source: None, target: None}
    data = {"nodes": [{"id": node, "type": "t"} for node in nodes], "edges": parsed}
    return list(draw(WorkflowDefinition.model_validate(data | ({"start": start} if start else {}))))


def test_a_line_is_drawn_in_one_row() -> None:
    assert drawn("a>b", "b>c") == ["a → b → c"]


def test_handles_branch() -> None:
    assert drawn("a-yes>b", "a-no>c", "b-x>d", "b-y>e") == [
        "a",
        "├ [yes] b",
        "│ ├ [x] d",
        "│ └ [y] e",
        "└ [no] c",
    ]


def test_a_loop_ends_where_its_node_is_drawn_already() -> None:
    assert drawn("a-again>b", "a-done>c", "b>a", start="a") == ["a", "├ [again] b → a ↑", "└ [done] c"]
    assert drawn("a>a", start="a") == ["a → a ↑"]


def test_every_root_is_drawn_and_the_start_comes_first() -> None:
    assert drawn("a>c", "b>c", start="b") == ["b → c", "a → c ↑"]


def test_a_long_line_needs_no_deep_recursion() -> None:
    (row,) = drawn(*(f"n{place}>n{place + 1}" for place in range(5_000)))
    assert row.endswith("→ n5000")


def test_an_edge_says_when_it_is_taken_and_a_disabled_one_is_not_drawn() -> None:
    data = {
        "nodes": [{"id": node, "type": "t"} for node in "abcd"],
        "edges": [
            {"source": "a", "target": "b", "when": "payload.paid", "label": "paid"},
            {"source": "a", "target": "c", "sourceHandle": "free", "when": "x" * 100},
            {"source": "a", "target": "d", "on": "failure"},
            {"source": "b", "target": "c", "enabled": False},
            {"source": "b", "target": "d", "label": "at last"},
        ],
        "start": "a",
    }
    assert list(draw(WorkflowDefinition.model_validate(data))) == [
        "a",
        "├ [paid: if payload.paid] b → [at last] d",
        f"├ [free, if {'x' * 59}…] c",
        "└ [on failure] d ↑",
    ]
