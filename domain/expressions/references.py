"""What an expression refers to: the paths in its source, and the value that a path leads to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import islice
from typing import Any, Final, NamedTuple, Protocol, cast

from ..errors import ExpressionError
from ..values.json import render_path
from .lexer import Token, matching_brackets

ROOTS = ("nodes", "payload", "answer", "failure", "input", "globals")
"""The names that an expression sees."""

_RESERVED = frozenset({"in", "true", "false", "null"})
_NODE_FIELDS = ("last", "all", "attempts", "output", "error")
_LARGEST_LITERAL_INDEX_DIGITS = 9

_MAX_CANDIDATES = 1000
_MAX_SUGGESTED = 40
"""Characters of a name that is suggested, or for which one is: a thousand of them are compared in 0.15 s at worst."""
_MAX_SHOWN = 200
"""Characters of a name or an expression that an error message repeats."""


class ResultView(Protocol):
    """One execution of a node, as far as expressions see it."""

    @property
    def output(self) -> Any: ...
    @property
    def error(self) -> str | None: ...
    @property
    def attempt(self) -> int: ...
    @property
    def timestamp_ms(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Scope:
    """What the expressions of one step can refer to. All JSON, apart from what nobody refers to in ``globals``."""

    nodes: Mapping[str, Sequence[ResultView]] = field(default_factory=lambda: cast("dict[str, Any]", {}))
    """Node id → its results so far. A node without results isn't there for expressions."""
    payload: Any = None
    input: Any = None
    """The node's own data, before expressions."""
    globals: Mapping[str, Any] = field(default_factory=lambda: cast("dict[str, Any]", {}))
    elsewhere: Mapping[str, object] = field(default_factory=lambda: cast("dict[str, Any]", {}))
    """Globals that only other nodes are given → in words, which."""
    failure: Any = None
    """The failure by which the run came to the node; None where it came by a success."""
    public: frozenset[str] = frozenset()
    """The names of globals that aren't masked."""
    answer: Any = None
    """What the node's own wait was answered with."""


class _AnyKey:
    """Stands for a key that only evaluation can tell, as in ``nodes[payload.id].last``."""

    def __repr__(self) -> str:
        return "ANY"


ANY: Final = _AnyKey()
Key = str | int | _AnyKey


class Reference(NamedTuple):
    """An access path in an expression: ``nodes["a"].all[0].data`` is ``("nodes", ("a", "all", 0, "data"))``."""

    root: str
    keys: tuple[Key, ...]
    first: int
    """Index of its first token."""
    end: int
    """Index after its last token."""
    presence_only: bool
    """Inside ``has(…)``: only whether it's there matters."""

    def __str__(self) -> str:
        return self.root + render_path(tuple(key for key in self.keys if not isinstance(key, _AnyKey)))


def find_references(tokens: Sequence[Token], roots: Sequence[str] = ROOTS) -> list[Reference]:
    """Every path in the source that starts at one of the roots. A method call is no part of a path."""
    brackets = matching_brackets(tokens) if any(token.text == "nodes" for token in tokens) else {}
    return [
        _read_reference(tokens, index, brackets)
        for index, token in enumerate(tokens)
        if token.text in roots and token.kind == "name" and not (index and tokens[index - 1].text == ".")
    ]


def _read_reference(tokens: Sequence[Token], first: int, brackets: dict[int, int]) -> Reference:
    root = tokens[first].text
    keys: list[Key] = []
    at = first + 1
    while at + 1 < len(tokens):
        sign, operand = tokens[at].text, tokens[at + 1]
        following = tokens[at + 2].text if at + 2 < len(tokens) else ""
        if sign == "." and operand.kind == "name" and operand.text not in _RESERVED and following != "(":
            keys.append(operand.text)
            at += 2
        elif sign == "[" and following == "]" and (key := _literal_key(operand)) is not None:
            keys.append(key)
            at += 3
        elif sign == "[" and root == "nodes" and not keys and at in brackets:
            keys.append(ANY)
            at = brackets[at] + 1
        else:
            break
    before = [token.text for token in tokens[max(first - 2, 0) : first]]
    presence_only = before == ["has", "("] and at < len(tokens) and tokens[at].text == ")"
    return Reference(root, tuple(keys), first, at, presence_only)


def _literal_key(token: Token) -> str | int | None:
    """The key that a literal in brackets stands for; None where reading it is better left to the language."""
    if token.kind == "number" and token.text.isdigit() and len(token.text) <= _LARGEST_LITERAL_INDEX_DIGITS:
        return int(token.text)
    if token.kind != "string" or "\\" in token.text or token.text[0] not in "\"'":
        return None
    quote = 3 if token.text[:3] in ('"""', "'''") and len(token.text) >= 6 else 1
    return token.text[quote:-quote]


# Reading one path, without any language


def resolve(scope: Scope, reference: Reference) -> Any:
    """The value that the path leads to. Raises ExpressionError that names the part which isn't there."""
    keys = reference.keys
    if reference.root == "nodes":
        value, done = _resolve_node(scope.nodes, reference)
    else:
        value, done = getattr(scope, reference.root), 0
        if reference.root == "globals" and keys and keys[0] in scope.elsewhere:
            name = str(keys[0])
            raise ExpressionError(f"globals.{name} is limited to {scope.elsewhere[name]}", missing=name)
    for index in range(done, len(keys)):
        value = _enter(value, cast("str | int", keys[index]), reference, index)
    return value


def _resolve_node(nodes: Mapping[str, Sequence[ResultView]], reference: Reference) -> tuple[Any, int]:
    """The value behind as many keys as have a meaning of their own under ``nodes``, and their number."""
    keys = reference.keys
    if not keys:
        return {node_id: node_fields(results) for node_id, results in nodes.items() if results}, 0
    results = nodes.get(keys[0]) if isinstance(keys[0], str) else None
    if not results:
        raise _unknown(str(keys[0]), nodes, "nodes", "no node of this id has a result yet; nodes with results")
    if len(keys) == 1:
        return node_fields(results), 1
    if keys[1] == "output":
        return results[-1].output, 2
    if keys[1] == "error":
        return results[-1].error, 2
    if keys[1] == "last":
        if len(keys) > 2 and keys[2] == "data":
            return results[-1].output, 3
        return result_entry(results[-1]), 2
    if keys[1] in ("all", "attempts"):
        of_all = keys[1] == "attempts"
        if len(keys) > 2 and isinstance(keys[2], int) and (found := at(results, keys[2], with_failures=of_all)):
            return result_entry(found), 3
        return [result_entry(result) for result in (results if of_all else successes(results))], 2
    return dict.fromkeys(_NODE_FIELDS), 1


def _enter(value: Any, key: str | int, reference: Reference, index: int) -> Any:
    if isinstance(key, str):
        if isinstance(value, Mapping):
            if key in value:
                return value[key]
            raise _unknown(key, cast("Mapping[str, Any]", value), _prefix(reference, index), "it has")
    elif isinstance(value, list):
        if key < len(value):
            return value[key]
        held = f"{len(value)} items" if len(value) != 1 else "1 item"
        raise ExpressionError(f"{_prefix(reference, index)} has {held}, there is no [{key}]", missing=str(key))
    elif isinstance(value, Mapping):
        raise _unknown(str(key), cast("Mapping[str, Any]", value), _prefix(reference, index), "it has")
    wanted = f"field {shorten(key)!r}" if isinstance(key, str) else f"item [{key}]"
    place = _prefix(reference, index)
    hint = _WHY_NULL.get(place, "") if value is None else ""
    raise ExpressionError(f"{place} is {kind_of(value)}, it has no {wanted}{hint}", missing="")


_WHY_NULL = {
    "failure": "; no edge on failure has led here",
}


def _prefix(reference: Reference, index: int) -> str:
    return shorten(str(reference._replace(keys=reference.keys[:index])))


def _unknown(key: str, known: Iterable[str], owner: str, listing: str) -> ExpressionError:
    names = sorted(str(name) for name in islice(known, _MAX_CANDIDATES))
    shown = (", ".join(map(shorten, names[:10])) + (", …" if len(names) > 10 else "")) or "nothing"
    return ExpressionError(
        f"unknown reference {shorten(key)!r} in {owner}{suggestion(key, names)}; {listing}: {shown}",
        missing=key,
    )


def suggestion(name: str, known: Iterable[str]) -> str:
    """``, did you mean 'x'?`` when one of the first thousand known names is near; else nothing.

    Finding it takes time by the square of the names' length; long ones, which nobody mistypes, are passed over.
    """
    if len(name) > _MAX_SUGGESTED:
        return ""
    candidates = [candidate for candidate in islice(known, _MAX_CANDIDATES) if len(candidate) <= _MAX_SUGGESTED]
    near = get_close_matches(name, candidates, n=1)
    return f", did you mean {near[0]!r}?" if near else ""


def shorten(text: str, limit: int = _MAX_SHOWN) -> str:
    """A text as a message repeats it: its first ``limit`` characters."""
    return text if len(text) <= limit else f"{text[:limit]}…"


def kind_of(value: Any) -> str:
    """What a value is called in a message; never the value itself."""
    if value is None:
        return "null"
    names = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    return next((name for kind, name in names.items() if isinstance(value, kind)), f"a {type(value).__name__}")


def node_fields(results: Sequence[ResultView]) -> dict[str, Any]:
    entries = [result_entry(result) for result in results]
    return {
        "last": entries[-1],
        "all": [entry for entry in entries if "error" not in entry],
        "attempts": entries,
        "output": results[-1].output,
        "error": results[-1].error,
    }


def successes(results: Iterable[ResultView]) -> Iterator[ResultView]:
    """The results without the failures."""
    return (result for result in results if result.error is None)


def at(results: Sequence[ResultView], index: int, *, with_failures: bool) -> ResultView | None:
    """One of the results, counted with or without the failures; None where there are fewer."""
    if with_failures:
        return results[index] if index < len(results) else None
    return next(islice(successes(results), index, None), None)


def result_entry(result: ResultView) -> dict[str, Any]:
    entry = {"data": result.output, "timestamp": result.timestamp_ms, "attempt": result.attempt}
    if result.error is not None:
        entry["error"] = result.error
    return entry
