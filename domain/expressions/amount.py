"""How many expressions a definition may have. Each is compiled, and kept with the plan of the definition."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple, cast

from .lexer import placeholders


class Amount(NamedTuple):
    """A number of expressions, and how many characters they have together."""

    expressions: int
    characters: int


NODE_LIMIT = Amount(1_000, 200_000)
"""In the data of one node."""

DEFINITION_LIMIT = Amount(5_000, 250_000)
"""In all nodes of one definition."""


def excess_in_node(data: Any) -> str | None:
    """What there is too much of in the data of a node; None where it is within the limits."""
    return _excess(_texts(data), NODE_LIMIT, "the data of a node")


def excess_in_definition(data: Iterable[Any]) -> str | None:
    """The same for a definition, whose nodes have this data."""
    return _excess(chain.from_iterable(map(_texts, data)), DEFINITION_LIMIT, "a definition")


def has_expressions(data: Any) -> bool:
    """Whether there is any expression in the data."""
    return any(True for text in _texts(data) for _ in placeholders(text))


def _excess(texts: Iterator[str], limit: Amount, owner: str) -> str | None:
    kept: list[str] = []
    most = Amount(0, 0)
    for text in texts:
        kept.append(text)
        most = Amount(most.expressions + text.count("{{"), most.characters + len(text))
    if most.expressions <= limit.expressions and most.characters <= limit.characters:
        return None
    found = Amount(0, 0)
    for placeholder in chain.from_iterable(map(placeholders, kept)):
        found = Amount(found.expressions + 1, found.characters + len(placeholder.source))
        if found.expressions > limit.expressions:
            return (
                f"there are over {limit.expressions:,} expressions, the limit for {owner}; do this work in an executor"
            )
        if found.characters > limit.characters:
            return (
                f"there are over {limit.characters:,} characters of expressions, the limit for {owner}; "
                "do this work in an executor"
            )
    return None


def _texts(data: Any) -> Iterator[str]:
    """The texts that may have an expression in them."""
    below = [data]
    while below:
        value = below.pop()
        if isinstance(value, str):
            if "{{" in value:
                yield value
        elif isinstance(value, Mapping):
            below.extend(cast("Mapping[str, Any]", value).values())
        elif isinstance(value, list | tuple):
            below.extend(cast("list[Any]", value))
