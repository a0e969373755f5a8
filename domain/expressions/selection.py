"""The branches of the scope that an expression refers to, taken out of everything that is in scope.

A language converts every value that it is given, whole. So an expression is given only the branches that it names: its
cost depends on what it reads, not on how long the run has been going.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from .references import ANY, Key, Reference, ResultView, Scope, at, node_fields, result_entry, successes

Branches = dict[Key, "Branches | None"]
"""A tree of keys: None is the whole value, an empty one is only whether the value is there."""


class Selection:
    """The branches that an expression refers to, merged."""

    __slots__ = ("roots",)

    def __init__(self, references: Iterable[Reference]) -> None:
        self.roots: Branches = {}
        for reference in references:
            _add(self.roots, (reference.root, *reference.keys), whole=not reference.presence_only)

    def of(self, scope: Scope) -> dict[str, Any]:
        """Root → value with these branches only. What is missing in the scope is missing here."""
        variables: dict[str, Any] = {}
        for root, branches in self.roots.items():
            name = cast("str", root)
            value = getattr(scope, name)
            variables[name] = _select_nodes(value, branches) if name == "nodes" else _select(value, branches)
        return variables

    def within(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The same out of JSON values by root."""
        return {
            name: _select(variables[name], branches)
            for name, branches in self.roots.items()
            if isinstance(name, str) and name in variables
        }


def _add(branches: Branches, keys: tuple[Key, ...], *, whole: bool) -> None:
    for key in keys[:-1]:
        below = branches.setdefault(key, {})
        if below is None:
            return
        branches = below
    if whole:
        branches[keys[-1]] = None
    else:
        branches.setdefault(keys[-1], {})


def _select(value: Any, branches: Branches | None) -> Any:
    if branches is None:
        return value
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        return {
            key: _select(fields[key], below)
            for key, below in branches.items()
            if isinstance(key, str) and key in fields
        }
    if isinstance(value, list):
        picked = {
            key: _select(value[key], below)
            for key, below in branches.items()
            if isinstance(key, int) and key < len(value)
        }
        # A map with whole numbers as keys reads like the list, without the items that nobody asked for.
        return picked or ([] if branches else {})
    return value


def _select_nodes(nodes: Mapping[str, Sequence[ResultView]], branches: Branches | None) -> dict[str, Any]:
    if branches is None or ANY in branches:
        every = None if branches is None else branches[ANY]
        return {
            node_id: _select_node(results, every if branches is None or node_id not in branches else None)
            for node_id, results in nodes.items()
            if results
        }
    return {
        key: _select_node(results, below)
        for key, below in branches.items()
        if isinstance(key, str) and (results := nodes.get(key))
    }


def _select_node(results: Sequence[ResultView], branches: Branches | None) -> dict[str, Any]:
    if branches is None:
        return node_fields(results)
    node: dict[str, Any] = {}
    for key, below in branches.items():
        if key == "last":
            node["last"] = _select(result_entry(results[-1]), below)
        elif key == "output":
            node["output"] = _select(results[-1].output, below)
        elif key == "error":
            node["error"] = results[-1].error
        elif key == "all":
            node["all"] = _select_results(results, below, with_failures=False)
        elif key == "attempts":
            node["attempts"] = _select_results(results, below, with_failures=True)
    return node


def _select_results(
    results: Sequence[ResultView], branches: Branches | None, *, with_failures: bool
) -> list[Any] | dict[int, Any]:
    if branches is None:
        return [result_entry(result) for result in (results if with_failures else successes(results))]
    return {
        index: _select(result_entry(found), deeper)
        for index, deeper in branches.items()
        if isinstance(index, int) and (found := at(results, index, with_failures=with_failures)) is not None
    }
