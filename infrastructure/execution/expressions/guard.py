"""Limits on the form of a CEL expression, and the calls inserted into it for the meter.

The interpreter recurses by the nesting of the source, which the limits bound. The cost of loops and regular expressions
is only known while they run: CEL gets ``xs.map(x, body)`` as ``xs.map(x, tick() ? (body) : stop)``.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from ....domain.errors import ExpressionError
from ....domain.expressions.lexer import CLOSING, OPENING, Token, matching_brackets, tokenize
from ....domain.expressions.references import ROOTS, Reference, find_references, suggestion
from .cost import Costs
from .cost_parser import weigh

MAX_BRACKETS = 16
"""Levels of brackets. The parser needs 8 KB of stack for each, and threads may have as little as 256 KB."""

MAX_CHAIN = 128
"""Nested operators and selections; each needs two thirds of a KB of stack."""

MAX_LOOPS = 4
"""Macros in one expression. Each can multiply the results of those before it."""

MAX_NESTED_LOOPS = 2
"""Nested macros: the exponent of their running time. The meter relies on it: only the element of the outermost loop is
read in more rounds than its own."""

LOOPS = frozenset({"map", "filter", "all", "exists", "exists_one", "existsOne"})
FUNCTIONS = frozenset(
    {"size", "contains", "startsWith", "endsWith", "matches", "string", "int", "uint", "double", "bytes", "timestamp"}
    | {"duration", "type", "dyn", "has", "getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek"}
    | {"getDayOfYear", "getHours", "getMinutes", "getSeconds", "getMilliseconds"}
)


class Loop(NamedTuple):
    """One macro call."""

    open: int
    """Index of the token after the macro's name."""
    close: int


class Guarded(NamedTuple):
    """An expression within the limits, as passed to CEL."""

    source: str
    prefix: str
    """The prefix of inserted names."""
    references: list[Reference]
    costs: Costs
    is_metered: bool
    """Whether part of its cost is charged while it runs."""


def guard(source: str, roots: Sequence[str] = ROOTS) -> Guarded | None:
    """Check the limits, compute the cost and insert the meter's calls; ``roots`` are the names that it may use.

    None if it is no expression: CEL says why. Raises ExpressionError if it is over a limit.
    """
    tokens = tokenize(source)
    _check_tokens(tokens)
    _check_nesting(tokens)
    references = find_references(tokens, roots)
    loops = _find_loops(tokens)
    prefix = "_guard"
    while prefix in source:
        prefix += "_"
    costs = weigh(tokens, references, [loop.open - 1 for loop in loops])
    if costs is None:
        return None
    metered = _insert_meter(source, tokens, loops, prefix)
    return Guarded(metered, prefix, references, costs, metered is not source)


def _check_tokens(tokens: Sequence[Token]) -> None:
    for index, token in enumerate(tokens[:-1]):
        called = token.kind == "name" and tokens[index + 1].text == "("
        if called and token.text not in FUNCTIONS | LOOPS and token.text != "in":
            raise ExpressionError(f"unknown function {token.text!r}{suggestion(token.text, sorted(FUNCTIONS | LOOPS))}")
    for token in tokens:
        if token.kind == "unknown":
            hint = "; == compares" if token.text == "=" else ""
            raise ExpressionError(f"syntax error at column {token.start + 1}: unexpected {token.text!r}{hint}")


def _check_nesting(tokens: Sequence[Token]) -> None:
    """Bound the depth of the syntax tree: along nested brackets, the chains of operators add up."""
    chains, deepest_below, longest = [0], [0], [0]
    for index, token in enumerate(tokens):
        if token.kind != "sign" and token.text != "in":
            continue
        if token.text in OPENING:
            follows_value = index > 0 and (tokens[index - 1].kind != "sign" or tokens[index - 1].text in CLOSING)
            chains[-1] += follows_value  # a call or an index is a step of its own
            chains.append(0)
            deepest_below.append(0)
            longest.append(0)
            if len(chains) > MAX_BRACKETS + 1:
                raise ExpressionError(f"has more than {MAX_BRACKETS} levels of brackets; do this work in an executor")
        elif token.text in CLOSING and len(chains) > 1:
            depth = max(longest.pop(), chains.pop() + deepest_below.pop()) + 1
            deepest_below[-1] = max(deepest_below[-1], depth)
        elif token.text == ",":
            longest[-1] = max(longest[-1], chains[-1] + deepest_below[-1])
            chains[-1] = deepest_below[-1] = 0
        else:
            chains[-1] += 1
    if max(map(max, (longest, (a + b for a, b in zip(chains, deepest_below, strict=True))))) > MAX_CHAIN:
        raise ExpressionError(f"has over {MAX_CHAIN} operators and selections in a chain; do this work in an executor")


def _find_loops(tokens: Sequence[Token]) -> list[Loop]:
    if not any(token.text in LOOPS for token in tokens):
        return []
    brackets = matching_brackets(tokens)
    loops: list[Loop] = []
    for index in range(1, len(tokens) - 1):
        if tokens[index].text not in LOOPS or tokens[index - 1].text != "." or tokens[index + 1].text != "(":
            continue
        macro, opening = tokens[index].text, index + 1
        if opening not in brackets:
            continue
        kinds = [(token.kind, token.text) for token in tokens[opening + 1 : opening + 3]]
        if len(kinds) < 2 or kinds[0][0] != "name" or kinds[1][1] != ",":
            raise ExpressionError(f"write .{macro}(name, …), with a name for the element")
        if sum(loop.open < opening < loop.close for loop in loops) >= MAX_NESTED_LOOPS:
            raise ExpressionError(f"has loops nested more than {MAX_NESTED_LOOPS} deep; do this work in an executor")
        loops.append(Loop(opening, brackets[opening]))
    if len(loops) > MAX_LOOPS:
        raise ExpressionError(f"has {len(loops)} loops, the limit is {MAX_LOOPS}; do this work in an executor")
    return loops


def _insert_meter(source: str, tokens: Sequence[Token], loops: list[Loop], prefix: str) -> str:
    if not loops and "matches" not in source:
        return source
    insertions: list[tuple[int, int, str]] = []
    for number, loop in enumerate(loops):
        first, last = _first_argument(tokens, loop)
        insertions.append((tokens[first].start, number, f"{prefix}{number}() ? ("))
        insertions.append((tokens[last].end, -number, f") : {prefix}_stop"))
    for token, following in pairwise(tokens):
        if token.text == "matches" and following.text == "(":
            insertions.append((token.start, len(loops), prefix))
    parts: list[str] = []
    done = 0
    for offset, _, text in sorted(insertions):
        parts += source[done:offset], text
        done = offset
    return "".join((*parts, source[done:]))


def _first_argument(tokens: Sequence[Token], loop: Loop) -> tuple[int, int]:
    """First and last token of the argument after the variable: the body, or the condition of a map with one."""
    first = at = loop.open + 3
    depth = 0
    while at < loop.close and not (depth == 0 and tokens[at].text == ","):
        depth += (tokens[at].text in OPENING) - (tokens[at].text in CLOSING) if tokens[at].kind == "sign" else 0
        at += 1
    return first, max(first, at - 1)
