"""What stands in one line from row to row: the longest way down from each node, and the lanes of each edge."""

from bisect import bisect_left
from collections.abc import Sequence

from .rows import Rows


def blocks_of(made: Rows) -> tuple[list[list[int]], list[int]]:
    """The lines, each from the top, and the number of each thing's line. No two of them cross."""
    after = _partners(made)
    block_of = [-1] * len(made.keys)
    blocks: list[list[int]] = []
    for row in made.rows:
        for thing in row:
            if block_of[thing] >= 0:
                continue
            block: list[int] = []
            below: int | None = thing
            while below is not None:
                block_of[below] = len(blocks)
                block.append(below)
                below = after.get(below)
            blocks.append(block)
    return blocks, block_of


def _partners(made: Rows) -> dict[int, int]:
    """Each thing's one below it in the line: that from which it goes on the longest, lanes before nodes."""
    depth = [0] * len(made.keys)
    position = [0] * len(made.keys)
    for row in reversed(made.rows):
        for place, thing in enumerate(row):
            position[thing] = place
            for below in made.down[thing]:
                if depth[below] >= depth[thing]:
                    depth[thing] = depth[below] + 1
    after: dict[int, int] = {}
    joined: set[int] = set()  # those that are below another in a line
    for row in made.rows:
        accepted: list[tuple[int, int]] = []
        pairs = [_ranked(made, upper, lower, depth, position) for upper in row for lower in made.down[upper]]
        for *_, upper, lower in sorted(pairs):
            if upper in after or lower in joined:
                continue
            here = (position[upper], position[lower])
            place = bisect_left(accepted, here)
            if place and accepted[place - 1][1] > here[1]:
                continue
            if place < len(accepted) and accepted[place][1] < here[1]:
                continue
            accepted.insert(place, here)
            after[upper] = lower
            joined.add(lower)
    return after


def _ranked(
    made: Rows, upper: int, lower: int, depth: Sequence[int], position: Sequence[int]
) -> tuple[bool, bool, int, int, int, int, int, int]:
    """The lower, the sooner two things may stand in one line."""
    lanes = (upper >= made.count) + (lower >= made.count)
    beside = (upper, lower) in made.beside
    return lanes < 2, beside, -depth[lower], -lanes, position[lower], position[upper], upper, lower
