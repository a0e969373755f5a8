"""When two sources of an executor are the same code: when their syntax trees are equal.

Comments, white space, line breaks, parentheses and quotes don't count. All that a program can see does: names,
decorators, defaults, annotations, docstrings. A recorded source may be a stranger's text: what is too large, nested too
deep for a small stack, or no Python, is compared as text.
"""

import ast
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from .events import JobCode

MAX_SOURCE_LENGTH = 100_000
"""Characters of a source that is parsed."""

MAX_BRACKETS = 50
"""Levels of brackets in a source that is parsed. A thread with 256 KB of stack bears 150."""

_MAX_NESTING = 500
"""The most of what else nests: such a thread bears 900 in a row."""

_MAX_CHAINED = 1_000
"""Operators, dots and brackets in one statement: a sum of so many nests as deep, and Python's own limits differ."""

_STRUCTURE = re.compile(r"[\[\](){}\n.+\-*/%@&|^<>]")
_NESTING = re.compile(r"\b(?:not|lambda|else|elif|await)\b|\*\*|:=")
_SIGNS = re.compile(rf"(?:[-+~]\s*){{{_MAX_NESTING}}}")
_UNUSUAL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
"""What no source has, and a warning of Python's would show to a terminal."""

_BOUND = re.compile(r"\n(?=# bound\b)")
"""Before what a partial binds: a comment, but a part of the code."""


def sources_by_digest(saved: Mapping[str, JobCode], bodies: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The recorded sources, or names where there is none: those saved with a workflow's version, and those that events
    of a run (``bodies``) have because they had drifted from what was known.
    """
    found = {code["digest"]: code.get("source", code["name"]) for code in saved.values()}
    for body in bodies:
        digests = body.get("code", {})
        found |= {digests[type]: source for type, source in body.get("drifted", {}).items() if type in digests}
    return found


def same_code(one: str | None, other: str | None) -> bool:
    """Whether both are the same code; of a source that isn't known (None) that can't be said, and it is False."""
    if one is None or other is None:
        return False
    return one == other or _is_same(one, other)


@lru_cache(maxsize=256)  # many runs are compared with the same code
def _is_same(one: str, other: str) -> bool:
    (source, *bound), (other_source, *other_bound) = _BOUND.split(one), _BOUND.split(other)
    if bound != other_bound:
        return False
    trees = _parse(source), _parse(other_source)
    return trees[0] is not None and trees[1] is not None and _are_equal(trees[0], trees[1])


def _parse(source: str) -> list[ast.stmt] | None:
    """The statements of a source; None where it isn't parsed."""
    if not _is_harmless(source):
        return None
    is_indented = source[:1] in (" ", "\t")  # a method, or a function inside of another one
    try:
        body = ast.parse(f"if 1:\n{source}" if is_indented else source, "<recorded code>").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    first = body[0] if body else None
    return first.body if is_indented and isinstance(first, ast.If) and len(body) == 1 else body


def _is_harmless(source: str) -> bool:
    if len(source) > MAX_SOURCE_LENGTH or _UNUSUAL.search(source) or _SIGNS.search(source):
        return False
    depth = chained = 0
    for sign in _STRUCTURE.findall(source):
        if sign in "[({":
            depth += 1
        elif sign in "])}":
            depth = max(0, depth - 1)
        if sign == "\n":
            chained = chained if depth else 0
        else:
            chained += 1
        if depth > MAX_BRACKETS or chained > _MAX_CHAINED:
            return False
    return sum(1 for _ in _NESTING.finditer(source)) <= _MAX_NESTING


def _are_equal(one: list[ast.stmt], other: list[ast.stmt]) -> bool:
    """Whether two trees are equal but for places in the text; without recursion, however deep they are."""
    pending: list[tuple[object, object]] = [(one, other)]
    while pending:
        ours, theirs = pending.pop()
        if type(ours) is not type(theirs):
            return False
        if isinstance(ours, ast.AST):
            pending += ((getattr(ours, name, None), getattr(theirs, name, None)) for name in ours._fields)
        elif isinstance(ours, list) and isinstance(theirs, list):
            if len(ours) != len(theirs):
                return False
            pending += zip(ours, theirs, strict=True)
        elif ours != theirs:
            return False
    return True
