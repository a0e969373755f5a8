"""Two sequences laid side by side: rightly, as short as can be, and in bounded time."""

import difflib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowledger.projections.comparison import alignment
from flowledger.projections.comparison.alignment import Block, align
from flowledger.projections.comparison.text import unified_diff

ITEMS = st.lists(st.sampled_from("abcd"), max_size=12)
LINES = st.lists(st.sampled_from(["", "a", "b", "return", "}"]), max_size=30)


def common(old: list[str], new: list[str]) -> int:
    """The length of the longest common subsequence, by the textbook."""
    table = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i, one in enumerate(old, 1):
        for j, other in enumerate(new, 1):
            table[i][j] = table[i - 1][j - 1] + 1 if one == other else max(table[i - 1][j], table[i][j - 1])
    return table[-1][-1]


def kept(blocks: list[Block]) -> int:
    return sum(block.i2 - block.i1 for block in blocks if block.alike)


def check(old: list[str], new: list[str], blocks: list[Block]) -> None:
    """The blocks lead from the one to the other: nothing is left out, and what is said to be alike is."""
    assert [item for block in blocks for item in old[block.i1 : block.i2]] == old
    assert [item for block in blocks for item in new[block.j1 : block.j2]] == new
    for block in blocks:
        assert (block.i1, block.j1) != (block.i2, block.j2)
        if block.alike:
            assert old[block.i1 : block.i2] == new[block.j1 : block.j2]


@given(ITEMS, ITEMS)
def test_as_much_stays_as_can_stay(old: list[str], new: list[str]) -> None:
    blocks = align(old, new)
    check(old, new, blocks)
    assert kept(blocks) == common(old, new)


@given(ITEMS, ITEMS, st.integers(0, 20))
def test_with_fewer_pairs_looked_at_the_blocks_are_still_right(old: list[str], new: list[str], pairs: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alignment, "MAX_PAIRS", pairs)
        check(old, new, align(old, new))


def test_rare_lines_hold_a_long_text_together_whose_other_lines_are_all_alike() -> None:
    old = [line for number in range(2_000) for line in (f"def f{number}", "", "return", "")]
    new = [line for line in old if line != "def f1000"]
    blocks = align(old, new)
    check(old, new, blocks)
    assert kept(blocks) == len(new)


@given(LINES, LINES)
def test_a_unified_diff_reads_like_the_one_of_every_tool(old: list[str], new: list[str]) -> None:
    before, after = "\n".join(old), "\n".join(new)
    lines = unified_diff(before, after).splitlines()
    assert applied(before.split("\n"), lines) == after.split("\n")
    reference = list(difflib.unified_diff(before.split("\n"), after.split("\n"), lineterm=""))[2:]
    assert sum(line[0] in "+-" for line in lines) <= sum(line[0] in "+-" for line in reference)
    assert bool(lines) == bool(reference)


def test_the_context_of_a_unified_diff_is_three_lines_and_far_changes_are_hunks_of_their_own() -> None:
    before = [f"line {number}" for number in range(1, 41)]
    after = ["line 0", *(line for line in before if line not in ("line 1", "line 10", "line 17", "line 40"))]
    reference = "\n".join([*difflib.unified_diff(before, after, lineterm="")][2:])
    assert unified_diff("\n".join(before), "\n".join(after)) == reference
    assert unified_diff(None, "a\nb") == "@@ -0,0 +1,2 @@\n+a\n+b"
    assert unified_diff("a\nb", None) == "@@ -1,2 +0,0 @@\n-a\n-b"
    assert unified_diff("a", "a") == ""


def applied(old: list[str], diff: list[str]) -> list[str]:
    """What a patch program makes of a text and a unified diff."""
    new: list[str] = []
    at = 0
    for line in diff:
        if line.startswith("@@"):
            start, _, count = line.split()[1][1:].partition(",")
            first = int(start) - (count != "0")
            new += old[at:first]
            at = first
        elif line[0] == "+":
            new.append(line[1:])
        else:
            assert old[at] == line[1:]
            new += [line[1:]] * (line[0] == " ")
            at += 1
    return new + old[at:]


@pytest.mark.parametrize("order", ["swapped", "reversed", "shuffled", "few words"])
def test_long_texts_and_arrays_in_another_order_are_aligned_in_bounded_time(order: str) -> None:
    """100,000 items take well under a second each; by comparing all with all they would take hours."""
    chance = random.Random(1)
    old = [f"line {number}" for number in range(100_000)]
    match order:
        case "swapped":
            new = [line for pair in zip(old[1::2], old[::2], strict=True) for line in pair]
        case "reversed":
            new = old[::-1]
        case "shuffled":
            new = chance.sample(old, len(old))
        case _:
            old, new = ([str(chance.randrange(40)) for _ in old] for _ in range(2))
    blocks = align(old, new)
    check(old, new, blocks)
    assert kept(blocks) >= {"swapped": 50_000, "reversed": 1, "shuffled": 500}.get(order, 0)
