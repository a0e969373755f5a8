"""The globals of one call: which nodes see which of them, and which are no secret."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ..errors import InvalidRequest
from ..masking import Masker
from ..masking.observing import observe_answers
from ..visible import quoted
from ..workflow.definition import Node


@dataclass(frozen=True, slots=True)
class Public:
    """A value of ``globals`` that is no secret: it is recorded as it is, and masked nowhere.

    Executors and expressions get the value itself. A value that only some nodes are given is written
    ``Scoped(Public(value), …)``.
    """

    value: Any


@dataclass(frozen=True, slots=True)
class Scoped:
    """A value of ``globals`` that only nodes of these types, or with these ids, are given.

    For the others its name isn't there. With ``expressions=False`` only the executors of these nodes see it, and no
    expression does. It is masked everywhere all the same, unless it is ``Public``. Raises InvalidRequest where neither
    is named, or where what is named is no text.
    """

    value: Any = field(repr=False)
    types: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    expressions: bool = True

    def __post_init__(self) -> None:
        for name in ("types", "nodes"):
            object.__setattr__(self, name, _names(getattr(self, name), name))
        if not self.types and not self.nodes:
            raise InvalidRequest('Scoped needs types or nodes that are given the value, as types=("charge-card",)')

    def __str__(self) -> str:
        """Which nodes it is for."""
        types = [f"nodes of type {type!r}" for type in self.types]
        whom = " and ".join([*types, *(f"node {node!r}" for node in self.nodes)])
        return whom if self.expressions else f"the executors of {whom}"


def _is_given(node: Node, one: Scoped) -> bool:
    return node.type in one.types or node.id in one.nodes


def _names(given: Iterable[str], name: str) -> tuple[str, ...]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InvalidRequest(f"Scoped: {name} {given!r} is no list of {name}; write {name}=({given!r},)")
    names = tuple(given)
    if not all(isinstance(one, str) for one in names):
        raise InvalidRequest(f"Scoped: {name} {names!r} are not all text")
    return names


_NONE: Mapping[str, Scoped] = MappingProxyType({})

_PLAIN = frozenset((str, int, float, bool, bytes, dict, list, tuple, type(None)))
"""Types of values that are neither scoped nor public, and aren't called."""


class Globals:
    """The globals that a caller gave for one call."""

    __slots__ = ("_by_node", "_calls", "_scoped", "public", "values")

    def __init__(
        self,
        values: Mapping[str, Any],
        scoped: Mapping[str, Scoped] = _NONE,
        public: frozenset[str] = frozenset(),
        *,
        may_call: bool = False,
    ) -> None:
        """``may_call``: whether there may be callables among the values."""
        self.values = values
        """All of them by name."""
        self.public = public
        """The names of those that aren't masked."""
        self._scoped = scoped
        self._calls = may_call
        self._by_node: dict[str, Mapping[str, Any]] = {}

    def masker(self) -> Masker:
        """What masks those that are secrets."""
        if not self.public:
            return Masker(self.values)
        return Masker(self._without(self.public), [self.values[name] for name in self.public])

    def given_to(self, nodes: Iterable[Node]) -> Mapping[str, Any]:
        """The values that any of the nodes is given, by name."""
        if not self._scoped:
            return self.values
        nodes = tuple(nodes)
        return self._without(
            {name for name, one in self._scoped.items() if not any(_is_given(node, one) for node in nodes)}
        )

    def for_executor(self, node: Node) -> Mapping[str, Any]:
        """The globals that a node's executor is given, by name. All nodes belong to one definition."""
        if not self._scoped:
            return self.values
        if node.id not in self._by_node:
            self._by_node[node.id] = self._without(
                {name for name, one in self._scoped.items() if not _is_given(node, one)}
            )
        return self._by_node[node.id]

    def for_expressions(self, node: Node) -> tuple[Mapping[str, Any], Mapping[str, Scoped]]:
        """The globals that the node's expressions see, and those that they don't, by name."""
        if not self._scoped:
            return self.values, _NONE
        hidden = {name: one for name, one in self._scoped.items() if not (one.expressions and _is_given(node, one))}
        return self._without(hidden), hidden

    def _without(self, hidden: Collection[str]) -> Mapping[str, Any]:
        return MappingProxyType({name: value for name, value in self.values.items() if name not in hidden})

    def observed_by(self, add_answer: Callable[[Any], None]) -> "Globals":
        """The same, with the answers of callables passed to ``add_answer``, but for those that are public."""
        if not self._calls:
            return self
        observed = {
            name: value if name in self.public else observe_answers(value, add_answer)
            for name, value in self.values.items()
        }
        return Globals(MappingProxyType(observed), self._scoped, self.public)


def parse_globals(given: Mapping[str, Any] | None) -> Globals:
    """The globals of a call; NONE_GIVEN where the caller gave none.

    Raises InvalidRequest for what is no mapping, a name that isn't text, or public and scoped the wrong way round.
    """
    if given is None:
        return NONE_GIVEN
    if not isinstance(given, Mapping):
        raise InvalidRequest(f"globals are a mapping of names to values, not {type(given).__name__}")
    values = dict(given)
    for name in values:
        if not isinstance(name, str):
            raise InvalidRequest(f"globals {quoted(name)}: a name is text, and this is {type(name).__name__}")
    if _PLAIN.issuperset(map(type, values.values())):
        return Globals(MappingProxyType(values))
    scoped = {name: value for name, value in values.items() if isinstance(value, Scoped)}
    values |= {name: value.value for name, value in scoped.items()}
    public = {name: value for name, value in values.items() if isinstance(value, Public)}
    values |= {name: value.value for name, value in public.items()}
    for name, value in values.items():
        if isinstance(value, Scoped | Public):
            raise InvalidRequest(f"globals {quoted(name)}: write fl.Scoped(fl.Public(value), …), each of them once")
    return Globals(MappingProxyType(values), scoped, frozenset(public), may_call=True)


NONE_GIVEN = Globals(MappingProxyType({}))
"""Of a call whose caller left it to the ledger which globals there are."""
