"""What was changed, and not saved yet, in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ......domain.values.json import render_path
from ......domain.workflow import ABSENT, Difference, edge_terms
from ......projections.comparison.values import abbreviate
from ...rendering.graph import Change


@dataclass(frozen=True, slots=True)
class SaidChange:
    """One change."""

    change: Change
    part: str
    """``ship``, ``edge ship → decline``, ``the start``."""
    path: str
    """Of the value within; empty: all of it."""
    before: str | None
    after: str | None


def say_changes(differences: Iterable[Difference]) -> tuple[SaidChange, ...]:
    """The changes of a working copy."""
    return tuple(_said(each) for each in differences)


def _said(each: Difference) -> SaidChange:
    change: Change = "add" if each.base is ABSENT else "del" if each.mine is ABSENT else "mod"
    path = path_of(each)
    if path or each.place.kind == "definition":
        return SaidChange(change, part_of(each), path, brief_value(each.base), brief_value(each.mine))
    is_edge = each.place.kind == "edge" and change != "del"
    return SaidChange(change, part_of(each), "", None, (edge_terms(each.mine) or "always") if is_edge else None)


def part_of(each: Difference) -> str:
    """What the difference is about."""
    if each.place.kind == "node":
        return str(each.place.key[0])
    if each.place.kind == "edge":
        one = next(side for side in (each.mine, each.theirs, each.base) if side is not ABSENT)
        return f"edge {one['source']} → {one['target']}"
    return each.name


def path_of(each: Difference) -> str:
    """Where the value stands in its part: ``retry.maxRetries``."""
    return render_path(each.place.path).removeprefix(".")


def brief_value(value: Any) -> str | None:
    """A value in a line; None where there is none."""
    return None if value is ABSENT else abbreviate(value)
