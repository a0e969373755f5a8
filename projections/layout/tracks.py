"""The lines between two rows: which run level in the same track, and how high the gap must be."""

from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from .model import Style

LABEL = 16
"""The height of a label, with room around it."""

ENDS = 14
"""Between a track and the rows: for the arrow, and so that corners are seen."""

STEP = 12
"""Gaps grow by so much at a time, so that one line more rarely moves what is below."""

NEAR = 3
"""Upright lines that are nearer than this look like one."""


class Piece(NamedTuple):
    """A part of an edge between two rows: down from ``begin`` to a track, along it, down to ``end``."""

    edge: int
    net: Hashable
    """Pieces of one net share their track: they leave the same node by the same way."""
    begin: int
    end: int
    label: str = ""
    comes: bool = False
    """Whether the edge runs outside and comes from there, at the right, so that its track begins there, or …"""
    leaves: bool = False
    """… whether its track ends there."""


@dataclass(slots=True)
class _Net:
    low: int
    high: int
    tops: list[int] = field(default_factory=list)
    bottoms: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Gap:
    """What runs between two rows, or above the first, or below the last."""

    pieces: list[Piece] = field(default_factory=list)
    tracks: dict[Hashable, int] = field(default_factory=dict)
    """By net, from the top; nets that run straight down need none."""
    height: int = 0
    pitch: int = 0
    above: int = 0
    """Between the row above and the first track."""

    def measure(self, style: Style, *, between: bool) -> None:
        """Give each net its track, and the gap its height; ``between`` two rows it has one in any case."""
        self.tracks = _tracks(self.pieces)
        count = max(self.tracks.values(), default=-1) + 1
        labels = any(piece.label for piece in self.pieces)
        self.pitch = max(style.track, LABEL) if labels else style.track
        level = (count - 1) * self.pitch if count else 0
        need = level + 2 * ENDS if count else 0
        if labels and count:
            need += LABEL
        least = style.rise if between else 0
        over = max(0, need - least)
        self.height = least + -(-over // STEP) * STEP
        self.above = max(ENDS, (self.height - level - (LABEL if labels and count > 1 else 0)) // 2)

    def track(self, net: Hashable) -> int:
        """How far below the top of the gap the track of a net is that doesn't run straight down."""
        return self.above + self.tracks[net] * self.pitch


def _tracks(pieces: Iterable[Piece]) -> dict[Hashable, int]:
    level = {key: net for key, net in _nets(pieces).items() if net.high > net.low}
    if not level:
        return {}
    keys = sorted(level, key=lambda key: _preference(level[key]))
    number = {key: place for place, key in enumerate(keys)}
    below = _must_be_below(level)
    missing = dict.fromkeys(keys, 0)
    for those in below.values():
        for key in those:
            missing[key] += 1
    ready = [number[key] for key in keys if not missing[key]]
    heapify(ready)
    tracks: dict[Hashable, int] = {}
    least = dict.fromkeys(keys, 0)
    taken: list[list[_Net]] = []
    waiting = iter(keys)
    while len(tracks) < len(keys):
        if ready:
            key = keys[heappop(ready)]
            if key in tracks:
                continue
        else:  # each waits for another: one must run across another's end
            key = next(key for key in waiting if key not in tracks)
        tracks[key] = track = _first_free(taken, level[key], least[key])
        for other in below.get(key, ()):
            least[other] = max(least[other], track + 1)
            missing[other] -= 1
            if not missing[other]:
                heappush(ready, number[other])
    return tracks


def _nets(pieces: Iterable[Piece]) -> dict[Hashable, _Net]:
    nets: dict[Hashable, _Net] = {}
    for piece in pieces:
        low, high = (piece.begin, piece.end) if piece.begin < piece.end else (piece.end, piece.begin)
        net = nets.get(piece.net)
        if net is None:
            net = nets[piece.net] = _Net(low, high)
        else:
            net.low, net.high = min(net.low, low), max(net.high, high)
        if not piece.comes:
            net.tops.append(piece.begin)
        if not piece.leaves:
            net.bottoms.append(piece.end)
    return nets


def _preference(net: _Net) -> tuple[int, int]:
    """Those that lead to the right first, from the right; then those that lead to the left, from the left: so that
    fewer cross."""
    begin = min(net.tops, default=net.high)
    rightwards = net.high - begin >= begin - net.low
    return (0, -begin) if rightwards else (1, begin)


def _must_be_below(nets: dict[Hashable, _Net]) -> dict[Hashable, set[Hashable]]:
    """Net → those that end right below where it begins: their tracks are further down, or the two lines were one."""
    ending = sorted([(x, place) for place, net in enumerate(nets.values()) for x in net.bottoms])
    ends = [x for x, _ in ending]
    keys = list(nets)
    below: dict[Hashable, set[Hashable]] = {}
    for key, net in nets.items():
        for x in net.tops:
            for _, place in ending[bisect_left(ends, x - NEAR) : bisect_right(ends, x + NEAR)]:
                if keys[place] != key:
                    below.setdefault(key, set()).add(keys[place])
    return below


def _first_free(taken: list[list[_Net]], net: _Net, least: int) -> int:
    low, high = net.low - ENDS, net.high + ENDS
    for track in range(least, len(taken)):
        for other in taken[track]:
            if high >= other.low and other.high >= low:
                break
        else:
            taken[track].append(net)
            return track
    while len(taken) < least:
        taken.append([])
    taken.append([net])
    return len(taken) - 1


def shared(pieces: Sequence[Piece]) -> set[int]:
    """The edges that run level together with others of their net, on the same side: their labels stand elsewhere."""
    sides: dict[tuple[Hashable, bool], list[int]] = {}
    for piece in pieces:
        if piece.begin != piece.end:
            sides.setdefault((piece.net, piece.end > piece.begin), []).append(piece.edge)
    return {edge for edges in sides.values() if len(edges) > 1 for edge in edges}
