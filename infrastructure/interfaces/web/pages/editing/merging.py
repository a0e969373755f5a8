"""Two who have edited one version: what each has changed, side by side, and what becomes of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ......domain.values.json_compare import same_json
from ......domain.workflow import (
    ABSENT,
    Difference,
    Merge,
    Place,
    Side,
    WorkflowSnapshot,
    WorkflowVersion,
    edge_terms,
    merge,
)
from ...rendering.text_diff import TextDiff, text_diff
from .said_changes import brief_value, part_of, path_of
from .working_copy import WorkingCopy

if TYPE_CHECKING:
    from ...requests import Call


@dataclass(frozen=True, slots=True)
class ShownSide:
    """What one side has at a place."""

    text: str | None
    """None: nothing."""
    changed: bool
    """Whether it is other than in the version that both began with."""
    diff: TextDiff | None = None
    """Of a long text: what is other than in the version that both began with."""


@dataclass(frozen=True, slots=True)
class MergeRow:
    """A place that a side changed."""

    id: str
    part: str
    path: str
    base: ShownSide
    theirs: ShownSide
    mine: ShownSide
    by: str | None
    """``theirs``, ``mine`` or ``both``; None: nobody has chosen yet."""
    is_clash: bool


@dataclass(frozen=True, slots=True)
class MergeView:
    """A merge, as it stands."""

    theirs: WorkflowSnapshot
    """The latest version."""
    saves: tuple[WorkflowVersion, ...]
    """Those that were made meanwhile, the oldest first."""
    rows: tuple[MergeRow, ...]
    """First those that must be chosen."""
    mine: int
    """How many changes I made, …"""
    fitting: int
    """… and how many of them fit beside the others'."""
    merged: Merge
    again: bool
    """Whether somebody saved once more while this was looked at."""

    @property
    def who(self) -> str:
        """Who saved meanwhile."""
        return ", ".join(dict.fromkeys(each.by for each in self.saves))

    @property
    def open(self) -> tuple[MergeRow, ...]:
        """What must be chosen."""
        return tuple(row for row in self.rows if row.by is None)


def merge_view(call: Call, copy: WorkingCopy, form: Mapping[str, str]) -> MergeView:
    """The merge of what was edited over the latest version, with what the form has chosen.

    Raises WorkflowNotFound, VersionNotFound.
    """
    workflow_id = call.part("id")
    theirs = call.ledger.workflows.get(workflow_id)
    sides = (call.ledger.workflows.get(workflow_id, copy.base).definition.to_data(), theirs.definition.to_data())
    merged = merge(*sides, copy.definition, within=True)
    if decided := _chosen(merged, form):
        merged = merge(*sides, copy.definition, decided, within=True)
    versions = call.ledger.workflows.versions(workflow_id)
    own = [each for each in merged.differences if each.by != "theirs"]
    rows = [_row(each) for each in merged.differences]
    return MergeView(
        theirs,
        tuple(each for each in versions if each.version > copy.base and each.kind == "saved"),
        tuple(sorted(rows, key=lambda row: not row.is_clash)),
        len(own),
        sum(not each.is_clash for each in own),
        merged,
        form.get("theirs", str(theirs.version)) != str(theirs.version),
    )


CHOICE: Final = "choice."
"""Begins the names of the fields that say whose is taken."""


def _chosen(merged: Merge, form: Mapping[str, str]) -> dict[Place, Side]:
    found: dict[Place, Side] = {}
    for each in merged.undecided:
        match form.get(f"{CHOICE}{_id_of(each.place)}"):
            case "theirs":
                found[each.place] = "theirs"
            case "mine":
                found[each.place] = "mine"
            case _:
                pass
    return found


def _id_of(place: Place) -> str:
    return json.dumps([place.kind, place.key, place.path], separators=(",", ":"))


def _row(each: Difference) -> MergeRow:
    return MergeRow(
        _id_of(each.place),
        part_of(each),
        path_of(each),
        _side(each, each.base),
        _side(each, each.theirs),
        _side(each, each.mine),
        each.by,
        each.is_clash,
    )


def _side(each: Difference, value: Any) -> ShownSide:
    changed = not (value is each.base if ABSENT in (value, each.base) else same_json(value, each.base))
    texts = [side for side in (value, each.base) if side is not ABSENT]
    if changed and all(isinstance(side, str) for side in texts) and any("\n" in str(side) for side in texts):
        diff = text_diff(*("" if side is ABSENT else str(side) for side in (each.base, value)))
        return ShownSide("" if value is ABSENT else str(value), changed, diff)
    return ShownSide(_brief(each, value), changed)


def _brief(each: Difference, value: Any) -> str | None:
    """A value in a line; of an edge when it is taken, of a step its type, or what is other than it was."""
    if value is ABSENT or each.place.path or each.place.kind not in ("node", "edge"):
        return brief_value(value)
    if each.place.kind == "edge":
        return edge_terms(value) or "always"
    other = [] if each.base is ABSENT else [key for key in value if not same_json(value[key], each.base.get(key))]
    return f"other {', '.join(other)}" if other else f"type {value['type']}"
