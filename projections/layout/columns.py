"""How far to the right everything stands: lines straight, and branches near to where they come from."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from .blocks import blocks_of
from .model import Places
from .rows import Rows

BESIDE_LANES = 8
"""Between a lane and what stands beside it."""

PASSES = 6
"""How often everything is drawn towards what it is connected to."""

STAYS = 1e9
"""What a thing weighs that stood somewhere before; …"""

NODE = 10.0
"""… a new node; a new lane weighs 1, and gives way."""


def columns_of(made: Rows, before: Places | None) -> list[float]:
    """The middle of each thing, by number, in pixels from anywhere."""
    known = {thing: before[key] for thing, key in enumerate(made.keys) if key in before} if before else {}
    return _beside_what_stays(made, known) if known else _by_blocks(made)


def _by_blocks(made: Rows) -> list[float]:
    """Blocks, as far to the left as they may, then to the middle of what they are connected to, one after another."""
    blocks, block_of = blocks_of(made)
    apart: dict[tuple[int, int], float] = {}  # blocks that are beside each other, in many rows as lanes are
    for row in made.rows:
        for left, right in pairwise(row):
            pair, distance = (block_of[left], block_of[right]), _distance(made, left, right)
            apart[pair] = max(apart.pop(pair, 0.0), distance)  # in the order of where they were beside each other last
    lefts: list[list[tuple[int, float]]] = [[] for _ in blocks]  # the blocks beside it, and how far their middles are
    rights: list[list[tuple[int, float]]] = [[] for _ in blocks]
    for (one, other), distance in apart.items():
        lefts[other].append((one, distance))
        rights[one].append((other, distance))
    order = _from_left(lefts, rights)
    at = [0.0] * len(blocks)
    for block in order:
        at[block] = max([at[left] + distance for left, distance in lefts[block]], default=0.0)
    connected: list[list[int]] = [[] for _ in blocks]
    for upper, below in enumerate(made.down):
        one = block_of[upper]
        for lower in below:
            other = block_of[lower]
            if one != other:
                connected[one].append(other)
                connected[other].append(one)
    for turn in range(PASSES):
        for block in reversed(order) if turn % 2 == 0 else order:
            if others := connected[block]:
                want, here = _middle([at[other] for other in others]), at[block]
                if want < here:
                    at[block] = max([want, *[at[left] + distance for left, distance in lefts[block]]])
                elif want > here:
                    at[block] = min([want, *[at[right] - distance for right, distance in rights[block]]])
    x = [0.0] * len(made.keys)
    for place, things in zip(at, blocks, strict=True):
        for thing in things:
            x[thing] = place
    return x


def _from_left(lefts: Sequence[Iterable[object]], rights: Sequence[Sequence[tuple[int, float]]]) -> list[int]:
    """The blocks, each behind all that stand to its left."""
    missing = [sum(1 for _ in those) for those in lefts]
    order = [block for block, count in enumerate(missing) if not count]
    for block in order:  # grows while it is read
        for right, _ in rights[block]:
            missing[right] -= 1
            if not missing[right]:
                order.append(right)
    return order


def _beside_what_stays(made: Rows, known: dict[int, int]) -> list[float]:
    """What stood somewhere stays there; what is new finds the nearest place to what it is connected to."""
    x = [float(known.get(thing, 0)) for thing in range(len(made.keys))]
    weights = [STAYS if thing in known else NODE if thing < made.count else 1.0 for thing in range(len(made.keys))]
    placed = set(known)
    for _ in range(2):
        for row in made.rows:
            wanted: list[float] = []
            for thing in row:
                if thing in known:
                    wanted.append(known[thing])
                    continue
                others = [x[other] for other in (*made.up[thing], *made.down[thing]) if other in placed]
                wanted.append(_middle(others) if others else x[thing])
                placed.add(thing)
            _settle(made, row, wanted, weights, x)
    return x


def _distance(made: Rows, left: int, right: int) -> float:
    """How far the middles of two neighbours must be apart."""
    both_nodes = left < made.count > right
    return made.right[left] + made.left[right] + (made.style.gap if both_nodes else BESIDE_LANES)


def _middle(values: list[float]) -> float:
    """The median; of an even number the mean of the two in the middle."""
    values.sort()
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


def _settle(made: Rows, row: Sequence[int], wanted: Sequence[float], weights: Sequence[float], x: list[float]) -> None:
    """Put a row as near to where it wants to be as order and distances let it, in the sense of least squares.

    Without the distances, what is wanted need only become ascending: neighbours that aren't form a group at their mean.
    """
    offsets = [0.0]
    for left, right in pairwise(row):
        offsets.append(offsets[-1] + _distance(made, left, right))
    groups: list[tuple[float, float, int]] = []  # mean, weight, how many
    for thing, at, want in zip(row, offsets, wanted, strict=False):
        mean, total, many = want - at, weights[thing], 1
        while groups and groups[-1][0] > mean:
            last_mean, last_total, last_many = groups.pop()
            mean = (last_mean * last_total + mean * total) / (last_total + total)
            total += last_total
            many += last_many
        groups.append((mean, total, many))
    place = 0
    for mean, _, many in groups:
        for _ in range(many):
            x[row[place]] = mean + offsets[place]
            place += 1
