"""What stands in one line from row to row: the longest way down from each node, and the lanes of each edge."""

from bisect import bisect_left, insort

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
            depth[thing] = max([depth[below] + 1 for below in made.down[thing]], default=0)
    after: dict[int, int] = {}
    for row in made.rows:
        pairs = [(upper, lower) for upper in row for lower in made.down[upper]]
        pairs.sort(key=lambda pair: _rank_of(made, pair, depth[pair[1]], position[pair[1]]))
        taken: set[int] = set()
        accepted: list[tuple[int, int]] = []
        for upper, lower in pairs:
            if upper in after or lower in taken:
                continue
            here = (position[upper], position[lower])
            place = bisect_left(accepted, here)
            if place and accepted[place - 1][1] > here[1]:
                continue
            if place < len(accepted) and accepted[place][1] < here[1]:
                continue
            insort(accepted, here)
            after[upper] = lower
            taken.add(lower)
    return after


def _rank_of(made: Rows, pair: tuple[int, int], depth: int, place: int) -> tuple[int, bool, int, int, int]:
    """The lower, the sooner two things may stand in one line."""
    lanes = (pair[0] >= made.count) + (pair[1] >= made.count)
    return (-(lanes == 2), pair in made.beside, -depth, -lanes, place)
