"""Three-way merge of definitions: by whole nodes and edges, or by the values within nodes, and what is said of a whole.

Edges that are tried one after the other, as they have conditions, are one part, as their order counts.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeVar

from ..values.json_compare import same_json
from .changes import ABOUT, EdgeKey, edge_label, is_reordered, keyed_edges, keyed_nodes
from .edge_groups import group_edges, name_of_group

_Key = TypeVar("_Key")
_Part = Mapping[str, Any]
_Parts = dict[_Key, _Part]

Side = Literal["theirs", "mine"]


class Absent:
    """Where a side has nothing. There is one, ``ABSENT``."""

    __slots__ = ()


ABSENT: Final = Absent()


class Place(NamedTuple):
    """What a merge decides about: a node, an edge or what the definition says of itself, or a value within."""

    kind: Literal["node", "edge", "conditions", "definition"]
    key: tuple[str | int | None, ...]
    """A node's id, an edge's key, that of an edge of the group, or a key of the definition."""
    path: tuple[str, ...] = ()
    """The names of the members that lead to the value; empty: all of the part."""


class Difference(NamedTuple):
    """A place where a side isn't as the base is. A side that hasn't it has ``ABSENT``."""

    place: Place
    name: str
    """What people call the part: ``node 'ship'``."""
    base: Any
    """Of a node or edge as JSON; of a group of edges with conditions a list of them."""
    theirs: Any
    mine: Any
    by: Literal["theirs", "mine", "both"] | None
    """Whose value is taken; both have the same; None: both changed it, differently, and nobody has decided."""
    is_clash: bool
    """Whether both changed it, differently."""


class Merge(NamedTuple):
    """Two changes to one definition, made into one."""

    definition: dict[str, Any]
    """As JSON. It may break the rules that hold for each of the two. What nobody has decided is theirs."""
    differences: tuple[Difference, ...]

    @property
    def undecided(self) -> tuple[Difference, ...]:
        """What both changed, differently, and nobody has decided."""
        return tuple(each for each in self.differences if each.by is None)


def merge(
    base: Mapping[str, Any],
    theirs: Mapping[str, Any],
    mine: Mapping[str, Any],
    decided: Mapping[Place, Side] | None = None,
    *,
    within: bool = False,
) -> Merge:
    """Both changes to ``base`` in one definition; all are definitions as JSON.

    ``within``: nodes, and the definition's metadata, are merged value by value where all three have objects. Lists and
    texts are taken whole. ``decided`` says whose is taken where both changed a place differently.
    """
    merging = _Merging(decided or {}, within)
    nodes = merging.nodes(base, theirs, mine)
    definition: dict[str, Any] = {"nodes": nodes, "edges": merging.edges(base, theirs, mine)}
    for key in ("start", *ABOUT):
        sides = (_member(side, key) for side in (base, theirs, mine))
        chosen = merging.choose(Place("definition", (key,)), f"the {key}", *sides)
        if chosen is not ABSENT:
            definition[key] = chosen
    return Merge(definition, tuple(merging.differences))


class _Merging:
    """Decides place by place, and keeps what differed."""

    def __init__(self, decided: Mapping[Place, Side], within: bool) -> None:
        self._decided = decided
        self._within = within
        self.differences: list[Difference] = []

    def choose(self, place: Place, name: str, base: Any, theirs: Any, mine: Any) -> Any:
        """The value of the side that changed it, or of the one that was decided for."""
        if self._within and place.kind in ("node", "definition"):
            sides = (base, theirs, mine)
            if all(isinstance(side, Mapping) for side in sides) and not _all_same(*sides):
                return self._choose_within(place, name, *sides)
        by = _by(base, theirs, mine)
        chosen = by or self._decided.get(place)
        if not _all_same(base, theirs, mine):
            self.differences.append(Difference(place, name, base, theirs, mine, chosen, by is None))
        return mine if chosen == "mine" else theirs

    def _choose_within(self, place: Place, name: str, base: _Part, theirs: _Part, mine: _Part) -> dict[str, Any]:
        chosen: dict[str, Any] = {}
        for key in dict.fromkeys((*theirs, *mine, *base)):
            inner = Place(place.kind, place.key, (*place.path, key))
            value = self.choose(inner, name, *(_member(side, key) for side in (base, theirs, mine)))
            if value is not ABSENT:
                chosen[key] = value
        return chosen

    def nodes(self, base: _Part, theirs: _Part, mine: _Part) -> list[_Part]:
        sides = (keyed_nodes(base), keyed_nodes(theirs), keyed_nodes(mine))
        kept = {
            key: part
            for key in sides[0] | sides[1] | sides[2]
            if (part := self.choose(Place("node", (key,)), f"node {key!r}", *(_member(side, key) for side in sides)))
            is not ABSENT
        }
        return [kept[key] for key in _order(*sides) if key in kept]

    def edges(self, base: _Part, theirs: _Part, mine: _Part) -> list[_Part]:
        sides = (keyed_edges(base), keyed_edges(theirs), keyed_edges(mine))
        every = sides[0] | sides[1] | sides[2]
        kept: dict[EdgeKey, _Part] = {}
        groups = group_edges(sides)
        for key in every:
            if key not in groups:
                name = f"edge {edge_label(every[key])!r}"
                part = self.choose(Place("edge", key), name, *(_member(side, key) for side in sides))
                if part is not ABSENT:
                    kept[key] = part
        ordered: dict[EdgeKey, EdgeKey] = {}
        for group in dict.fromkeys(groups.values()):
            keys = [[key for key in side if groups.get(key) == group] for side in sides]
            lists = [[side[key] for key in those] for side, those in zip(sides, keys, strict=True)]
            name = name_of_group(edge for listed in lists for edge in listed)
            chosen = self.choose(Place("conditions", group), name, *lists)
            own = next(those for those, listed in zip(keys, lists, strict=True) if listed is chosen)
            kept |= zip(own, chosen, strict=True)
            slots = [key for key in _order(*sides) if key in set(own)]
            ordered |= zip(slots, own, strict=True)  # in the places that they have among the others, in their own order
        return [kept[ordered.get(key, key)] for key in _order(*sides) if key in kept]


def _by(base: Any, theirs: Any, mine: Any) -> Literal["theirs", "mine", "both"] | None:
    """Who changed it; None: both did, differently."""
    if _same(theirs, mine):
        return "both"
    if _same(base, mine):
        return "theirs"
    return "mine" if _same(base, theirs) else None


def _member(side: Mapping[Any, Any], key: Any) -> Any:
    return side.get(key, ABSENT)


def _same(one: Any, other: Any) -> bool:
    return one is other if ABSENT in (one, other) else same_json(one, other)


def _all_same(base: Any, theirs: Any, mine: Any) -> bool:
    return _same(base, theirs) and _same(base, mine)


def _order(base: _Parts[_Key], theirs: _Parts[_Key], mine: _Parts[_Key]) -> Sequence[_Key]:
    """The keys of theirs and mine; the side that reordered existing parts decides the order."""
    first, second = (theirs, mine) if is_reordered(base, theirs) else (mine, theirs)
    return [*_in_order(first, second)]


def _in_order(first: _Parts[_Key], second: _Parts[_Key]) -> Iterator[_Key]:
    """The keys in the order of the first; those that only the second has, after the key that they follow there."""
    behind: defaultdict[_Key, list[_Key]] = defaultdict(list)
    leading: list[_Key] = []
    following = leading
    for key in second:
        if key in first:
            following = behind[key]
        else:
            following.append(key)
    yield from leading
    for key in first:
        yield key
        yield from behind[key]
