"""Which parts of an expression are evaluated in any case: outside of conditions, and of what is done for each item."""

from collections.abc import Iterable, Sequence

from .lexer import CLOSING, OPENING, Token
from .references import Reference

_MACROS = frozenset({"has", "all", "exists", "exists_one", "map", "filter"})
"""What is called with one of these names may leave its arguments alone."""

_MAY_ABSORB = frozenset({"&&", "||"})
"""Of these, an operand that decides absorbs the error of the other one."""


def required_names(tokens: Sequence[Token], references: Iterable[Reference], root: str) -> frozenset[str]:
    """The names below a root without which the expression has no value, whatever else it is given.

    What is read under a condition only isn't required: in a branch, beside ``&&`` and ``||``, in ``has(…)``, for each
    item of a list.
    """
    names = {ref.first: ref.keys[0] for ref in references if ref.root == root and ref.keys}
    if not names:
        return frozenset()
    found = [names[index] for index in _evaluated_in_any_case(tokens) if index in names]
    return frozenset(name for name in found if isinstance(name, str))


class _Part:
    """What stands between brackets or commas, as far as it was read."""

    __slots__ = ("certain", "conditional", "is_argument_of_macro")

    def __init__(self, *, is_argument_of_macro: bool = False) -> None:
        self.is_argument_of_macro = is_argument_of_macro
        self.begin()

    def begin(self) -> None:
        self.certain: list[int] = []
        self.conditional = self.is_argument_of_macro

    def read(self, index: int, sign: str) -> None:
        if sign in _MAY_ABSORB and not self.conditional:
            self.certain.clear()  # the operand on its left may fail as well
            self.conditional = True
        elif sign == "?":
            self.conditional = True
        else:
            self.add([index])

    def add(self, indices: list[int]) -> None:
        if not self.conditional:
            self.certain += indices


def _evaluated_in_any_case(tokens: Sequence[Token]) -> list[int]:
    """The indices of these tokens."""
    parts = [_Part()]
    for index, token in enumerate(tokens):
        sign = token.text if token.kind == "sign" else ""
        if sign in OPENING:
            called = tokens[index - 1].text if index and sign == "(" else ""
            parts.append(_Part(is_argument_of_macro=called in _MACROS))
        elif len(parts) > 1 and (sign in CLOSING or sign == ","):
            parts[-2].add(parts[-1].certain)
            if sign == ",":
                parts[-1].begin()
            else:
                parts.pop()
        else:
            parts[-1].read(index, sign)
    return parts[0].certain
