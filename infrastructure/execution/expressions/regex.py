"""Regular expressions in CEL: matching is linear in the text, so the cost is known before."""

import re
from functools import cache
from typing import Any, cast

from ....domain.errors import ExpressionError

MAX_PATTERN_LENGTH = 4096
"""Characters of a pattern. Its syntax tree takes a few hundred bytes for each."""

_BASE_COST = 40_000
_CHARACTER_COST = 2_500
_SET_COST = 8_000
"""Compiling ``.`` or ``[^a]``: the UTF-8 of all characters but a few."""
_CLASS_COST = 300_000
"""Compiling one Unicode class, such as ``\\w``: hundreds of ranges."""
_MAX_COMPILE_COST = 150_000_000
"""The engine stops compiling at 10 MB: after 85 ms at worst."""
_STEP_COST = 16
"""Per character of the text and of the pattern with its counts written out, at worst."""


def regex_cost(text: str, pattern: str) -> int:
    """The maximal cost of matching, in units of the allowance. Raises ExpressionError for too long a pattern."""
    if len(pattern) > MAX_PATTERN_LENGTH:
        raise ExpressionError(
            f"matches(…): the pattern is {len(pattern):,} characters long, the limit is {MAX_PATTERN_LENGTH:,}"
        )
    sets = pattern.count(".") + pattern.count("[")
    classes = len(re.findall(r"\\[a-zA-Z]|\[:|\(\?[a-zA-Z]*i", pattern))
    once = len(pattern) * _CHARACTER_COST + sets * _SET_COST + classes * _CLASS_COST
    repeats = _repeats(pattern)
    compiling = min(once * repeats, _MAX_COMPILE_COST)
    return _BASE_COST + compiling + repeats * len(text) * len(pattern) * _STEP_COST


def regex_matches(text: str, pattern: str) -> bool:
    """Whether the pattern is found in the text. Raises ExpressionError for an invalid pattern."""
    if re.search(r"\(\?[a-zA-Z-]*x", pattern):  # comments in a pattern would hide its counts from regex_cost
        raise ExpressionError("matches(…): the flag x isn't supported")
    try:
        return cast("bool", _program().execute({"text": text, "pattern": pattern}))
    except RuntimeError:
        raise ExpressionError("matches(…): the pattern is no regular expression (RE2 syntax), or too large") from None


def _repeats(pattern: str) -> int:
    """How often counts such as ``{3}`` repeat a character of the pattern, at most. Counts of groups multiply."""
    of_atoms, of_groups = 1, 1
    for counts in re.finditer(r"\{([^}]*)\}", pattern):
        count = max((int(digits[:9]) for digits in re.findall(r"[0-9]+", counts[1])), default=1) or 1
        if counts.start() and pattern[counts.start() - 1] in ")}?*+":
            of_groups *= count
        else:
            of_atoms = max(of_atoms, count)
    return of_atoms * of_groups


@cache
def _program() -> Any:
    import cel  # imported late, as it takes a sixth of a second

    return cel.compile("text.matches(pattern)")
