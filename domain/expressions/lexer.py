"""The lexical side of expressions: where a ``{{ … }}`` begins and ends in text, and the tokens of CEL source.

The token rules are those of the CEL grammar, so that what is counted, guarded and resolved here is what CEL will read.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

MAX_SOURCE_LENGTH = 4096
"""Characters of one expression. Parsing takes time and stack by length; a longer one belongs in an executor."""

_STRING = r"""
      [bB]?[rR](?: \"{3}[\s\S]*?\"{3} | '{3}[\s\S]*?'{3} | "[^"\n\r]*" | '[^'\n\r]*' )
    | [bB]?(?: \"{3}(?:\\[\s\S]|[^\\])*?\"{3} | '{3}(?:\\[\s\S]|[^\\])*?'{3}
             | "(?:\\[^\n\r]|[^"\\\n\r])*" | '(?:\\[^\n\r]|[^'\\\n\r])*' )
"""
_TOKEN = re.compile(
    rf"""
      (?P<space>   [ \t\r\n\f]+ | //[^\n]* )
    | (?P<string>  {_STRING} )
    | (?P<number>  0x[0-9a-fA-F]+[uU]? | [0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)? | [0-9]+[eE][+-]?[0-9]+ | [0-9]+[uU]? )
    | (?P<name>    [A-Za-z_][A-Za-z0-9_]* )
    | (?P<sign>    == | != | <= | >= | && | \|\| | [-\[\](){{}}.,+*/%!?:<>] )
    | (?P<unknown> [\s\S] )
    """,
    re.VERBOSE,
)
_INSIDE = re.compile(rf"(?:{_STRING})|\}}\}}|[^\"'{{}}bBrR]+|[\s\S]", re.VERBOSE)

OPENING = {"(": ")", "[": "]", "{": "}"}
CLOSING = frozenset(OPENING.values())


class Token(NamedTuple):
    """A piece of CEL source. ``kind``: string, number, name, sign or unknown; ``start``, ``end``: character offsets."""

    kind: str
    text: str
    start: int
    end: int


class Placeholder(NamedTuple):
    """A ``{{ … }}`` in text: the source between the braces, without blanks around it."""

    source: str
    start: int
    end: int


@lru_cache(maxsize=2)  # each expression is asked for twice: by who looks for references, and by who compiles it
def tokenize(source: str) -> tuple[Token, ...]:
    """The tokens of CEL source, without blanks and comments. Never raises: what CEL doesn't know is ``unknown``."""
    return tuple(
        [
            Token._make((match.lastgroup, match[0], match.start(), match.end()))
            for match in _TOKEN.finditer(source)
            if match.lastgroup != "space"
        ]
    )


def matching_brackets(tokens: Sequence[Token]) -> dict[int, int]:
    """Index of each opening bracket → index of the one that closes it. Unbalanced ones are left out."""
    pairs: dict[int, int] = {}
    open_brackets: list[int] = []
    for index, token in enumerate(tokens):
        if token.kind != "sign":
            continue
        if token.text in OPENING:
            open_brackets.append(index)
        elif token.text in CLOSING and open_brackets and OPENING[tokens[open_brackets[-1]].text] == token.text:
            pairs[open_brackets.pop()] = index
    return pairs


def placeholders(text: str) -> Iterator[Placeholder]:
    """The ``{{ … }}`` of a text in order. Braces inside CEL strings and of map literals don't end one.

    A ``{{`` that nothing closes is text, and so is all after it.
    """
    start = text.find("{{")
    while start >= 0:
        end = _closing_braces(text, start + 2)
        if end < 0:
            return
        yield Placeholder(text[start + 2 : end].strip(), start, end + 2)
        start = text.find("{{", end + 2)


def _closing_braces(text: str, start: int) -> int:
    """Where the ``}}`` is that ends the expression that begins at ``start``; -1 when there is none."""
    depth = 0
    # No expression may be longer, so looking further would only cost time: quadratic time for crafted text.
    limit = start + MAX_SOURCE_LENGTH + 2
    for match in _INSIDE.finditer(text, start, limit):
        piece = match[0]
        if piece == "{":
            depth += 1
        elif piece == "}":
            depth = max(depth - 1, 0)
        elif piece == "}}":
            if depth == 0:
                return match.start()
            if depth == 1:  # one brace of the pair closes the map literal, the other may begin the end
                if text.startswith("}}", match.start() + 1):
                    return match.start() + 1
                depth = 0
            else:
                depth -= 2
    return text.find("}}", limit - 2) if len(text) > limit else -1
