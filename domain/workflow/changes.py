"""Which parts of a workflow differ between two saves. Reads the stored bodies without validating them again."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from ..values.json_compare import same_json

_Key = TypeVar("_Key")

EdgeKey = tuple[str | int | None, ...]
"""What identifies an edge: its id, or where it has none of its own: source, handle, target, whether it is taken on
failure, and its number among those of which all this is the same."""

ABOUT = ("name", "description", "metadata")
"""The keys of a definition that say something about it as a whole."""


class PartChanges(NamedTuple):
    """The changes of the nodes, or of the edges, by id."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


_UNCHANGED = PartChanges()


@dataclass(frozen=True, slots=True)
class Changes:
    """What one save changed: falsy when nothing, ``str()`` in words. A part with another id was removed and added."""

    nodes: PartChanges = _UNCHANGED
    edges: PartChanges = _UNCHANGED
    """What became of the edges; those without an id are named by their ends."""
    start: bool = False
    order: bool = False
    """Whether the nodes or edges that both versions have are in another order."""
    code: tuple[str, ...] = ()
    """Node types that both versions use, with different code."""
    name: bool = False
    """Whether the workflow has another name."""
    about: tuple[str, ...] = ()
    """Which of the definition's own ``name``, ``description`` and ``metadata`` are different."""
    unreadable: bool = False
    """Whether one of the two saves isn't a valid definition (``verify`` says so); then nothing else is compared."""

    def __bool__(self) -> bool:
        return self != Changes()

    def __str__(self) -> str:
        if self.unreadable:
            return "can't be shown: what was saved is no definition"
        phrases = [*_phrases("node", self.nodes), *_phrases("edge", self.edges)]
        phrases += ["another start"] * self.start + ["another order"] * self.order + ["renamed"] * self.name
        phrases += [f"other {', '.join(self.about)} of the definition"] if self.about else []
        phrases += [f"other code of {_join(self.code)}"] if self.code else []
        return "; ".join(phrases) or "nothing changed"


def changes_between(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Changes:
    """What differs between the bodies of two saves; None: there was none before."""
    before = before or {"definition": {}, "code": {}}
    old, new = before["definition"], after["definition"]
    old_nodes, nodes = keyed_nodes(old), keyed_nodes(new)
    old_edges, edges = keyed_edges(old), keyed_edges(new)
    types = {node["type"] for node in old_nodes.values()} & {node["type"] for node in nodes.values()}
    return Changes(
        nodes=PartChanges(*compare_parts(old_nodes, nodes)),
        edges=PartChanges(
            *(
                tuple(edge_label({**old_edges, **edges}[key]) for key in keys)
                for keys in compare_parts(old_edges, edges)
            )
        ),
        start=old.get("start") != new.get("start"),
        order=is_reordered(old_nodes, nodes) or is_reordered(old_edges, edges),
        code=tuple(sorted(type for type in types if before["code"].get(type) != after["code"].get(type))),
        name=before.get("name") != after.get("name"),
        about=tuple(key for key in ABOUT if not same_json(old.get(key), new.get(key))),
    )


def keyed_nodes(definition: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The nodes of a definition's JSON by id."""
    return {node["id"]: node for node in definition.get("nodes", ())}


def keyed_edges(definition: Mapping[str, Any]) -> dict[EdgeKey, Mapping[str, Any]]:
    """The edges of a definition's JSON. An id that several edges share, which was allowed once, names none of them."""
    edges: Sequence[Mapping[str, Any]] = definition.get("edges", ())
    ids = Counter(edge.get("id") for edge in edges)
    keyed: dict[EdgeKey, Mapping[str, Any]] = {}
    numbers: Counter[EdgeKey] = Counter()
    for edge in edges:
        key = _edge_key(edge, own_id=ids[edge.get("id")] == 1)
        numbers[key] += 1
        keyed[key if numbers[key] == 1 else (*key, numbers[key])] = edge
    return keyed


def _edge_key(edge: Mapping[str, Any], *, own_id: bool) -> EdgeKey:
    if own_id and edge.get("id") is not None:
        return (edge["id"],)
    key = edge["source"], edge.get("sourceHandle"), edge["target"]
    return (*key, "failure") if edge.get("on") == "failure" else key


def edge_label(edge: Mapping[str, Any]) -> str:
    """What people call an edge: its id, or ``a → b`` with when it is taken, as in ``a [handle] → b``."""
    if edge.get("id") is not None:
        return str(edge["id"])
    terms = edge_terms(edge)
    return f"{edge['source']}{f' [{terms}]' if terms else ''} → {edge['target']}"


def edge_terms(edge: Mapping[str, Any]) -> str:
    """When an edge is taken, in words: by which handle, on failure, on which condition. Empty: always."""
    handle, when = edge.get("sourceHandle"), edge.get("when")
    terms = [] if handle is None else [str(handle)]
    terms += ["on failure"] * (edge.get("on") == "failure")
    if when is not None:
        terms.append(f"if {when if len(when) <= _LONGEST_CONDITION else when[: _LONGEST_CONDITION - 1] + '…'}")
    terms += ["off"] * (edge.get("enabled") is False)
    return ", ".join(terms)


_LONGEST_CONDITION = 60
"""Characters of a condition that are shown."""


def compare_parts(
    before: Mapping[_Key, Any], after: Mapping[_Key, Any]
) -> tuple[tuple[_Key, ...], tuple[_Key, ...], tuple[_Key, ...]]:
    """The keys that were added, removed, and whose value changed."""
    return (
        tuple(key for key in after if key not in before),
        tuple(key for key in before if key not in after),
        tuple(key for key in after if key in before and not same_json(before[key], after[key])),
    )


def is_reordered(before: Iterable[_Key], after: Iterable[_Key]) -> bool:
    """Whether the keys that both have stand in another order."""
    earlier, later = list(before), list(after)
    both = {*earlier} & {*later}
    return [key for key in earlier if key in both] != [key for key in later if key in both]


def _phrases(kind: str, changes: PartChanges) -> list[str]:
    return [
        f"{verb} {kind}{'s' * (len(ids) != 1)} {_join(ids)}"
        for verb, ids in zip(("added", "removed", "changed"), changes, strict=True)
        if ids
    ]


def _join(ids: Sequence[str]) -> str:
    return ", ".join(map(repr, ids))
