"""Alignment of two sequences: which items of the one are where in the other.

The longest common subsequence, by the method of Hunt and Szymanski (1977): time grows with the pairs of equal items,
not with the product of both lengths. Where there are too many pairs, the items that occur most often aren't paired
at first.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

MAX_PAIRS = 200_000
"""Pairs of equal items that are looked at: about 0.2 s and 30 MB."""


class Block(NamedTuple):
    """``old[i1:i2]`` stands where ``new[j1:j2]`` will. Both are alike, or have nothing in common in this place."""

    alike: bool
    i1: int
    i2: int
    j1: int
    j2: int


def align(old: Sequence[Hashable], new: Sequence[Hashable]) -> list[Block]:
    """The blocks that both sequences consist of, from left to right; none for two empty ones."""
    blocks: list[Block] = []
    i = j = 0
    for first_i, first_j, length in _runs(_extend_matches(old, new, _matches(old, new))):
        if i < first_i or j < first_j:
            blocks.append(Block(False, i, first_i, j, first_j))
        i, j = first_i + length, first_j + length
        blocks.append(Block(True, first_i, i, first_j, j))
    if i < len(old) or j < len(new):
        blocks.append(Block(False, i, len(old), j, len(new)))
    return blocks


_Match = tuple[int, int]


def _matches(old: Sequence[Hashable], new: Sequence[Hashable]) -> list[_Match]:
    """The longest common subsequence, as pairs of indices that grow."""
    places = _places(old, new)
    ends: list[int] = []
    """Of all common subsequences of one length, the lowest index in ``new`` that one ends at."""
    links: list[_Link] = []
    for i, item in enumerate(old):
        for j in places.get(item, ()):  # the highest first: no item of old is used twice
            length = bisect_left(ends, j)
            link = (i, j, links[length - 1] if length else None)
            if length == len(ends):
                ends.append(j)
                links.append(link)
            else:
                ends[length] = j
                links[length] = link
    matches: list[_Match] = []
    at = links[-1] if links else None
    while at is not None:
        i, j, at = at
        matches.append((i, j))
    return matches[::-1]


_Link = tuple[int, int, "_Link | None"]


def _places(old: Sequence[Hashable], new: Sequence[Hashable]) -> dict[Hashable, list[int]]:
    """Where each item stands in ``new``, from right to left: the rarest first, while the pairs are few enough."""
    places: defaultdict[Hashable, list[int]] = defaultdict(list)
    for j in range(len(new) - 1, -1, -1):
        places[new[j]].append(j)
    counts: defaultdict[Hashable, int] = defaultdict(int)
    for item in old:
        if item in places:
            counts[item] += 1
    pairs = {item: count * len(places[item]) for item, count in counts.items()}
    left = MAX_PAIRS
    taken: dict[Hashable, list[int]] = {}
    for item in sorted(pairs, key=pairs.__getitem__):
        left -= pairs[item]
        if left < 0:
            break
        taken[item] = places[item]
    return taken


def _extend_matches(old: Sequence[Hashable], new: Sequence[Hashable], matches: list[_Match]) -> Iterator[_Match]:
    """The matches, and with them equal neighbours that were too frequent to be paired by themselves."""
    i = j = 0
    for match_i, match_j in [*matches, (len(old), len(new))]:
        while i < match_i and j < match_j and old[i] == new[j]:
            yield i, j
            i, j = i + 1, j + 1
        back = 0
        while match_i - back > i and match_j - back > j and old[match_i - back - 1] == new[match_j - back - 1]:
            back += 1
        yield from zip(range(match_i - back, match_i), range(match_j - back, match_j), strict=True)
        if match_i < len(old):
            yield match_i, match_j
        i, j = match_i + 1, match_j + 1


def _runs(matches: Iterator[_Match]) -> Iterator[tuple[int, int, int]]:
    """Matches that follow each other, as where they begin and how many they are."""
    first_i = first_j = length = 0
    for i, j in matches:
        if length and i == first_i + length and j == first_j + length:
            length += 1
            continue
        if length:
            yield first_i, first_j, length
        first_i, first_j, length = i, j, 1
    if length:
        yield first_i, first_j, length
