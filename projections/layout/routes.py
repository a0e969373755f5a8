"""How the edges run: out of a node's foot, along tracks between the rows, into the next one's head."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from .model import Point, Route
from .rows import Rows, label_width
from .tracks import ENDS, LABEL, Gap, Piece, shared

FAILURE = 24
"""How far beside the middle edges on failure leave and arrive."""

TWIN = 18
"""How far beside each other edges run that connect the same nodes."""

OUTSIDE = 10
"""Between lines that run outside."""

APART = LABEL - 2
"""Labels whose middles are so far above each other don't touch."""

Labels = dict[int, list[tuple[int, int, int]]]
"""By band of that height: from where to where a label is, and how high its middle."""

Place = tuple[int, int]
"""As a point is; those are made of what is left in the end."""


@dataclass(slots=True)
class Paths:
    """All edges, as pieces in gaps; the first gap is above the first row."""

    made: Rows
    x: Sequence[int]
    gaps: list[Gap]
    ports: list[int]
    """By edge: how far beside the middle it leaves and arrives."""
    corridors: dict[int, int] = field(default_factory=dict)
    """Node → where the edges that reach it from outside come down, or up."""
    right: int = 0
    """The right end of all that."""


def paths_of(made: Rows, x: Sequence[int]) -> Paths:
    """The pieces of all edges, and the gaps measured."""
    paths = Paths(made, x, [Gap() for _ in range(len(made.rows) + 1)], _ports(made))
    paths.right = max((x[thing] + round(made.right[thing]) for row in made.rows for thing in row), default=0)
    for edge, way in enumerate(made.ways):
        if way.outside:
            _add_outside(paths, edge)
        elif len(way.stops) > 1:
            _add_pieces(paths, edge)
    for number, gap in enumerate(paths.gaps):
        gap.measure(made.style, between=0 < number < len(made.rows))
    return paths


def _ports(made: Rows) -> list[int]:
    most = made.style.width // 2 - 10
    keys = [(link.source, link.target, link.failure) for link in made.graph.links]
    twins = Counter(keys)
    seen: dict[Hashable, int] = {}
    found: list[int] = []
    for key in keys:
        beside = 0
        if twins[key] > 1:
            room = most - FAILURE if key[-1] else most
            place = seen[key] = seen.get(key, -1) + 1
            beside = round(min(TWIN, room / (twins[key] - 1)) * place)
        found.append(FAILURE + beside if key[-1] else -beside)
    return found


def _add_pieces(paths: Paths, edge: int) -> None:
    made, x = paths.made, paths.x
    way, label = made.ways[edge], made.graph.links[edge].label
    upper, lower = way.stops[0], way.stops[-1]
    places = [x[stop] for stop in way.stops]
    places[0] += made.sides[edge, upper] if way.back else paths.ports[edge]
    places[-1] += made.sides[edge, lower] if way.back else paths.ports[edge]
    first = made.ranks[upper] + 1
    written = label if len(way.stops) == 2 else ""
    for number in range(len(places) - 1):
        net: Hashable = (upper, paths.ports[edge]) if not number and not way.back else ("edge", edge)
        paths.gaps[first + number].pieces.append(Piece(edge, net, places[number], places[number + 1], written))


def _add_outside(paths: Paths, edge: int) -> None:
    made, x = paths.made, paths.x
    source, target = made.ways[edge].stops
    if target not in paths.corridors:
        paths.right += OUTSIDE
        paths.corridors[target] = paths.right
    corridor, port = paths.corridors[target], paths.ports[edge]
    out, back = paths.gaps[made.ranks[source] + 1], paths.gaps[made.ranks[target]]
    label = made.graph.links[edge].label
    out.pieces.append(Piece(edge, (source, port), x[source] + port, corridor, label, leaves=True))
    back.pieces.append(Piece(edge, ("outside", target), corridor, x[target] + port, comes=True))


def routes_of(paths: Paths, tops: Sequence[int], row_of: Sequence[int]) -> tuple[Route, ...]:
    """The lines of all edges; ``tops``: of each row, ``row_of``: the top of each node."""
    labels: list[Labels] = [{} for _ in paths.gaps]
    together = [shared(gap.pieces) for gap in paths.gaps]
    pieces: list[list[tuple[int, Piece]]] = [[] for _ in paths.made.ways]
    for number, gap in enumerate(paths.gaps):
        for piece in gap.pieces:
            pieces[piece.edge].append((number, piece))
    begins = [*(top - gap.height for top, gap in zip(tops, paths.gaps, strict=False)), 0]
    if tops:
        begins[-1] = tops[-1] + paths.made.style.height
    found: list[Route] = []
    for edge, way in enumerate(paths.made.ways):
        if len(way.stops) == 1:
            found.append(_loop(paths, edge, row_of))
            continue
        label = None
        places = _ends(paths, edge, row_of, upper=True)
        if way.outside:  # the piece out of the source comes first, wherever that stands
            pieces[edge].sort(key=lambda numbered: numbered[1].comes)
        for number, piece in pieces[edge]:
            begin, gap = begins[number], paths.gaps[number]
            if piece.begin != piece.end:
                y = begin + gap.track(piece.net)
                places += [(piece.begin, y), (piece.end, y)]
            if piece.label:
                wanted = _label_places(gap, piece, begin, shared=edge in together[number])
                label = _place_label(wanted, label_width(piece.label) // 2, labels[number])
        places += _ends(paths, edge, row_of, upper=False)
        if way.back:
            places.reverse()
        if label is None and paths.made.graph.links[edge].label and len(way.stops) > 2:
            lane = way.stops[-2] if way.back else way.stops[1]
            rank = paths.made.ranks[way.stops[0]] + (len(way.stops) - 2 if way.back else 1)
            label = Point(paths.x[lane], tops[rank] + paths.made.style.height // 2)
        found.append(Route(tuple([Point(x, y) for x, y in places]), label))
    return tuple(found)


def _ends(paths: Paths, edge: int, row_of: Sequence[int], *, upper: bool) -> list[Place]:
    """Where the edge touches its upper, or its lower, end."""
    made, way = paths.made, paths.made.ways[edge]
    node = way.stops[0 if upper else -1]
    x, top, style = paths.x[node], row_of[node], made.style
    if way.back:
        y = _side_height(made, edge, node, top)
        places = [(x + style.width // 2, y), (x + made.sides[edge, node], y)]
        return places if upper else places[::-1]
    return [(x + paths.ports[edge], top + style.height if upper else top)]


def _side_height(made: Rows, edge: int, node: int, top: int) -> int:
    """How high at the right side of a node: the further out the edge runs, the higher it leaves."""
    outmost = max(made.right[node], 1)
    share = 1 - (made.sides[edge, node] - made.style.width / 2) / (outmost - made.style.width / 2 + 6)
    return top + 8 + round((made.style.height - 16) * min(1.0, max(0.0, share)))


def _loop(paths: Paths, edge: int, row_of: Sequence[int]) -> Route:
    """An edge from a node to itself: out of its right side and back."""
    made, node = paths.made, paths.made.ways[edge].stops[0]
    x, middle = paths.x[node], row_of[node] + made.style.height // 2
    half, side, reach = made.style.width // 2, made.sides[edge, node], made.style.height // 4
    label = made.graph.links[edge].label
    points = (
        Point(x + half, middle + reach),
        Point(x + side, middle + reach),
        Point(x + side, middle - reach),
        Point(x + half, middle - reach),
    )
    return Route(points, Point(x + side + 4 + label_width(label) // 2, middle) if label else None)


def _label_places(gap: Gap, piece: Piece, begin: int, *, shared: bool) -> list[Place]:
    """Where a label may stand, the best place first: on the level part, or on an upright one."""
    first, last, end = piece.begin, piece.end, begin + gap.height
    if first == last:
        middle = begin + gap.height // 2
        return [(first, middle), *((first, middle + by) for by in (-LABEL, LABEL) if gap.height > 3 * LABEL)]
    y = begin + gap.track(piece.net)
    level = ((first + last) // 2, y)
    if piece.leaves or piece.comes:
        return [(first + (label_width(piece.label) // 2 + ENDS) * (1 if last > first else -1), y), level]
    foot = (last, (y + end - 6) // 2 if end - y >= ENDS + LABEL // 2 else y)
    own = (last + (first - last) // 4, y)
    return [foot, own, level] if shared else [level, own, foot]


def _place_label(places: Sequence[Place], half: int, taken: Labels) -> Point:
    """The first of the places at which it covers no other label, or the best one if there is none."""
    for x, y in places:
        left, right, band = x - half, x + half, y // APART
        near = [*taken.get(band - 1, ()), *taken.get(band, ()), *taken.get(band + 1, ())]
        if not [at for low, high, at in near if low < right and left < high and -APART < at - y < APART]:
            break
    else:
        x, y = places[0]
    taken.setdefault(y // APART, []).append((x - half, x + half, y))
    return Point(x, y)
