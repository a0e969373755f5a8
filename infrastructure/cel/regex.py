"""Regular expressions in CEL: linear in the text, but any size of pattern. So their cost is known before they run."""

import re
from functools import cache
from typing import Any, cast

from ...domain.errors import ExpressionError

_BASE_COST = 100_000
_CLASS_COST = 1_000_000
"""Compiling one Unicode class, such as ``\\w``: a millisecond."""
_STEP_COST = 16
"""Per character of the text and state of the pattern, at worst."""


def regex_cost(text: str, pattern: str) -> int:
    """What matching costs at worst, in the units of the allowance."""
    classes = len(re.findall(r"\\[a-zA-Z]", pattern))
    return _BASE_COST + _repeats(pattern) * (classes * _CLASS_COST + len(text) * len(pattern) * _STEP_COST)


def regex_matches(text: str, pattern: str) -> bool:
    """Whether the pattern is found in the text. Raises ExpressionError for what isn't a pattern."""
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
    import cel  # takes a sixth of a second, which not every user of the package has to spend

    return cel.compile("text.matches(pattern)")
