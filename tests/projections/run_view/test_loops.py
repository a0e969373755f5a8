"""Loops are found in the order in which nodes completed."""

from hypothesis import given, settings
from hypothesis import strategies as st

from flowledger.projections.run_view.loops import loops_of

from ...effort import tries


def _plainly(completed: list[str]) -> dict[str, frozenset[str]]:
    """By the definition: all that stands between two completions of a node, joined until nothing changes."""
    loops = [
        set(completed[first:last])
        for first in range(len(completed))
        for last in range(first + 1, len(completed))
        if completed[first] == completed[last]
    ]
    while joined := next(((a, b) for a in loops for b in loops if a is not b and a & b), None):
        loops = [loop for loop in loops if loop is not joined[0] and loop is not joined[1]] + [joined[0] | joined[1]]
    return {node: frozenset(loop) for loop in loops for node in loop}


@settings(max_examples=tries(150), deadline=None)
@given(st.lists(st.sampled_from("abcdef"), max_size=14))
def test_a_node_that_completes_again_has_closed_a_loop(completed: list[str]) -> None:
    assert dict(loops_of(completed)) == _plainly(completed)
