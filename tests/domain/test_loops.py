"""The innermost loop around a node, and what a node has done since that was entered."""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowledger.domain.run.context import Context, Tally
from flowledger.domain.run.results import ResultLog
from flowledger.domain.workflow.definition import WorkflowDefinition
from flowledger.domain.workflow.loops import MAX_NESTING, loops_of

from ..effort import tries


def graph(*pairs: str, start: str | None = None, disabled: str = "", failing: str = "") -> WorkflowDefinition:
    """Edges written as ``ab``: from a to b, by a handle of their own."""
    nodes = dict.fromkeys("".join(pairs))
    edges = [
        {"source": pair[0], "target": pair[1]}
        | ({"on": "failure"} if pair == failing else {"sourceHandle": pair[1]})
        | ({"enabled": False} if pair == disabled else {})
        for pair in pairs
    ]
    data = {"nodes": [{"id": node, "type": "t"} for node in nodes], "edges": edges}
    return WorkflowDefinition.model_validate(data | ({"start": start} if start else {}))


def loops(*pairs: str, **more: str) -> dict[str, str]:
    """Node → the nodes of its loop."""
    return {node: "".join(sorted(loop)) for node, loop in loops_of(graph(*pairs, **more)).items()}


def test_a_line_and_a_branch_that_comes_together_have_no_loop() -> None:
    assert loops("ab", "bc", "ad", "dc") == {}


def test_a_loop_in_a_loop_is_one_of_its_own() -> None:
    assert loops("oi", "ib", "bi", "io", "oe", start="o") == {"o": "bio", "i": "bi", "b": "bi"}


def test_a_loop_begins_where_the_run_starts_wherever_that_stands_in_the_definition() -> None:
    assert loops("ib", "bi", "io", "oi", "oe", start="o") == {"o": "bio", "i": "bi", "b": "bi"}
    assert loops("ib", "bi", "io", "oi", "oe", start="i") == dict.fromkeys("bio", "bio")


def test_three_loops_inside_of_each_other_are_three() -> None:
    three = loops("ab", "bc", "cd", "dc", "cb", "ba", "ae", start="a")
    assert three == {"a": "abcd", "b": "bcd", "c": "cd", "d": "cd"}


def test_two_loops_one_after_the_other_inside_of_one_are_two() -> None:
    assert loops("oa", "ax", "xa", "ab", "by", "yb", "bo", start="o") == {
        "o": "aboxy",
        "a": "ax",
        "x": "ax",
        "b": "by",
        "y": "by",
    }


def test_a_node_that_leads_to_itself_is_a_loop() -> None:
    assert loops("sa", "aa", "as", start="s") == {"s": "as", "a": "a"}
    assert loops("aa", start="a") == {"a": "a"}


def test_two_loops_that_begin_at_one_node_are_one() -> None:
    assert loops("hx", "xh", "hy", "yh", start="h") == dict.fromkeys("hxy", "hxy")


def test_of_two_loops_that_share_another_node_the_one_behind_it_is_inside() -> None:
    assert loops("as", "sa", "sb", "bs", start="a") == {"a": "abs", "s": "bs", "b": "bs"}


def test_a_loop_may_be_entered_at_two_nodes() -> None:
    assert loops("sa", "sb", "ab", "ba") == {"a": "ab", "b": "ab"}


def test_a_loop_whose_first_node_is_not_the_one_that_decides() -> None:
    """Do something, then ask whether once more."""
    assert loops("ob", "bi", "ib", "io", start="o") == {"o": "bio", "b": "bi", "i": "bi"}


def test_edges_on_failure_count_and_disabled_ones_do_not() -> None:
    assert loops("ab", "ba", start="a", failing="ba") == {"a": "ab", "b": "ab"}
    assert loops("ab", "ba", start="a", disabled="ba") == {}


def test_a_loop_to_which_nothing_leads_begins_somewhere() -> None:
    assert loops("sz", "ab", "ba", start="s") == {"a": "ab", "b": "ab"}


def test_very_deep_nesting_is_told_apart_so_far() -> None:
    names = [chr(0x100 + place) for place in range(40)]
    there = [a + b for a, b in pairwise(names)]
    found = loops(*there, *(pair[::-1] for pair in there), start=names[0])
    assert len(set(found.values())) == MAX_NESTING


@st.composite
def graphs(draw: st.DrawFn) -> tuple[str, ...]:
    names = "abcdef"[: draw(st.integers(2, 6))]
    pairs = st.tuples(st.sampled_from(names), st.sampled_from(names)).map("".join)
    return tuple(draw(st.lists(pairs, min_size=1, max_size=12, unique=True)))


@given(graphs())
@settings(max_examples=tries(400))
def test_a_loop_is_what_can_be_gone_round_and_lies_inside_of_another_or_beside_it(pairs: tuple[str, ...]) -> None:
    found = loops_of(graph(*pairs, start=pairs[0][0]))
    for node, loop in found.items():
        assert node in loop
        assert all(reaches(pairs, one, other, within=loop) for one in loop for other in loop)
    for one in found.values():
        for other in found.values():
            assert one <= other or other <= one or not one & other
    nodes = set("".join(pairs))
    assert set(found) == {node for node in nodes if reaches(pairs, node, node, within=nodes)}


def reaches(pairs: Iterable[str], start: str, end: str, *, within: Iterable[str]) -> bool:
    """Whether there is a way of one edge or more."""
    seen: set[str] = set()
    ahead = [start]
    while ahead:
        node = ahead.pop()
        for pair in pairs:
            if pair[0] == node and pair[1] in within and pair[1] not in seen:
                seen.add(pair[1])
                ahead.append(pair[1])
    return end in seen


def history(told: str) -> ResultLog:
    """Results of nodes, written as ``a`` (success), ``A`` (a failure, retried) or ``!a`` (one that an edge caught)."""
    entries: list[dict[str, object]] = []
    caught = False
    for letter in told:
        if letter == "!":
            caught = True
            continue
        entry: dict[str, object] = {"node_id": letter.lower(), "recorded_at": 1}
        if letter.isupper() or caught:
            entry["error"] = {"type": "E", "message": ""}
        if caught:
            entry["next_node_id"] = "x"
        entries.append(entry)
        caught = False
    return ResultLog(entries)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("", (0, 0)),
        ("o", (0, 0)),
        ("oi", (1, 1)),
        ("oibi", (2, 2)),
        ("oibio", (0, 0)),
        ("oibioIi", (1, 1)),
        ("oibio!i", (0, 1)),
        ("oib!ii", (2, 3)),
        ("ibiO", (0, 0)),
    ],
)
def test_what_counts_is_what_came_since_the_loop_was_entered(told: str, expected: Tally) -> None:
    log = history(told)
    assert Context(log, len(log)).tally_within("i", frozenset("ib")) == expected


@given(st.text("oibIB", max_size=30), st.lists(st.integers(0, 30)))
@settings(max_examples=tries(400))
def test_the_count_is_the_same_whenever_it_was_asked_before(told: str, asked: list[int]) -> None:
    log = history(told)
    for count in [*(min(at, len(log)) for at in asked), len(log)]:
        stay = told[:count].rpartition("o")[2]
        expected = stay.count("i")
        assert Context(log, count).tally_within("i", frozenset("ib")) == (expected, expected)
