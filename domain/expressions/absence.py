"""What an expression says of a payload or an answer that isn't there: what is read of it is null.

So a node that waits may refer to what it will be answered, and doesn't fail on its first visit.
"""

from collections.abc import Collection, Iterator, Sequence

from .lexer import Token, matching_brackets
from .references import Reference

MAY_BE_ABSENT = ("payload", "answer")
"""The roots that most steps are without."""


def roots_that_may_be_absent(tokens: Sequence[Token], references: Sequence[Reference]) -> frozenset[str]:
    """Those that the source refers to. What a loop calls its element is no root."""
    named = {reference.root for reference in references if reference.root in MAY_BE_ABSENT}
    return frozenset(named.difference(_elements(tokens)))


def _elements(tokens: Sequence[Token]) -> Iterator[str]:
    """The names of elements of loops, and more, as in ``.map(name, …)``."""
    for before, name, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if (before.text, name.kind, after.text) == ("(", "name", ","):
            yield name.text


def source_without(
    source: str, tokens: Sequence[Token], references: Sequence[Reference], absent: Collection[str]
) -> str:
    """The source with null for every path into an absent root, and false where it asks whether there is one."""
    brackets = matching_brackets(tokens)
    parts: list[str] = []
    done = 0
    for reference in references:
        if reference.root not in absent or tokens[reference.first].start < done:
            continue
        first, end = reference.first, _end_of_path(tokens, reference.end, brackets)
        value = "null"
        before = [token.text for token in tokens[max(first - 2, 0) : first]]
        if before == ["has", "("] and end < len(tokens) and tokens[end].text == ")":
            first, end, value = first - 2, end + 1, "false"
        parts += source[done : tokens[first].start], value
        done = tokens[end - 1].end
    return "".join((*parts, source[done:]))


def _end_of_path(tokens: Sequence[Token], end: int, brackets: dict[int, int]) -> int:
    """The index after the fields and items that are read from there on, also those with computed keys."""
    while end < len(tokens):
        following = [token.text for token in tokens[end + 1 : end + 3]]
        if tokens[end].text == "[" and end in brackets:
            end = brackets[end] + 1
        elif tokens[end].text == "." and following[1:] != ["("] and following:
            end += 2
        else:
            break
    return end
