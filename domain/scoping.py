"""Globals of one call, and which nodes see which of them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from .definition import Node
from .errors import InvalidRequest
from .masking.listening import listening


@dataclass(frozen=True, slots=True)
class Scoped:
    """A value of ``globals`` that only nodes of these types, or with these ids, are given.

    For the others its name isn't there. It is masked everywhere all the same. Raises InvalidRequest where neither is
    named, or what is named is no text.
    """

    value: Any = field(repr=False)
    types: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("types", "nodes"):
            object.__setattr__(self, name, _names(getattr(self, name), name))
        if not self.types and not self.nodes:
            raise InvalidRequest('Scoped needs types or nodes that are given the value, as types=("charge-card",)')

    def is_for(self, node: Node) -> bool:
        """Whether the node is given it."""
        return node.type in self.types or node.id in self.nodes

    def __str__(self) -> str:
        """For whom it is."""
        types = [f"nodes of type {type!r}" for type in self.types]
        return " and ".join([*types, *(f"node {node!r}" for node in self.nodes)])


def _names(given: Iterable[str], name: str) -> tuple[str, ...]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InvalidRequest(f"Scoped: {name} {given!r} is no list of {name}; write {name}=({given!r},)")
    names = tuple(given)
    if not all(isinstance(one, str) for one in names):
        raise InvalidRequest(f"Scoped: {name} {names!r} are not all text")
    return names


class Globals:
    """What a caller gave for one call."""

    __slots__ = ("_scoped", "_seen", "values")

    def __init__(self, values: Mapping[str, Any], scoped: Mapping[str, Scoped] = MappingProxyType({})) -> None:
        self.values = values
        """All of them by name, for those who only mask them."""
        self._scoped = scoped
        self._seen: dict[str, Mapping[str, Any]] = {}

    def seen_by(self, node: Node) -> Mapping[str, Any]:
        """Those that a node is given, by name. All nodes belong to one definition."""
        if not self._scoped:
            return self.values
        if node.id not in self._seen:
            hidden = self.hidden_from(node)
            seen = {name: value for name, value in self.values.items() if name not in hidden}
            self._seen[node.id] = MappingProxyType(seen)
        return self._seen[node.id]

    def hidden_from(self, node: Node) -> Mapping[str, Scoped]:
        """Those that it isn't given, by name."""
        return {name: scoped for name, scoped in self._scoped.items() if not scoped.is_for(node)}

    def heard_by(self, hear: Callable[[Any], None]) -> "Globals":
        """The same with callables whose answers are told to ``hear``."""
        if not any(callable(value) for value in self.values.values()):
            return self
        return Globals(
            MappingProxyType({name: listening(value, hear) for name, value in self.values.items()}), self._scoped
        )


def globals_of(given: Mapping[str, Any] | None) -> Globals:
    """Raises InvalidRequest for what is no mapping."""
    if not given:
        return NO_GLOBALS
    if not isinstance(given, Mapping):
        raise InvalidRequest("globals are a mapping of names to values")
    scoped = {name: value for name, value in given.items() if isinstance(value, Scoped)}
    values = dict(given) | {name: value.value for name, value in scoped.items()}
    return Globals(MappingProxyType(values), scoped)


NO_GLOBALS = Globals(MappingProxyType({}))
