"""The versions of a workflow as the picker shows them: who, when, why, what changed, which is live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from .....domain.workflow import Changes, WorkflowVersion

SHOWN: Final = 50
"""Versions of a page of the picker."""


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version."""

    version: WorkflowVersion
    shown: bool
    """Whether it is the one on the canvas."""
    before: int | None
    """The save before it, to compare it with."""
    runs: int | None
    """How many runs it had; None where it is no save."""
    changed: str
    """What changed, in words."""


@dataclass(frozen=True, slots=True)
class VersionList:
    """A part of the versions, the newest first."""

    rows: tuple[VersionRow, ...]
    saves: int
    lived: int
    """How many of the saves have been live."""
    older: int
    """How many more there are, …"""
    older_from: int | None
    """… and the version with which they begin."""
    latest: int
    """The version of the last save."""


def list_versions(
    versions: Sequence[WorkflowVersion],
    shown: int,
    runs: Mapping[Any, int],
    upto: int | None = None,
    *,
    live_only: bool = False,
) -> VersionList:
    """The picker of a canvas that shows the version ``shown``; ``upto``: the first that is listed."""
    saves = [each for each in versions if each.kind == "saved"]
    before = {after.version: earlier.version for earlier, after in pairwise(saves)}
    wanted = [
        each
        for each in reversed(versions)
        if (upto is None or each.version <= upto) and not (live_only and (each.is_draft or each.kind != "saved"))
    ]
    rows = tuple(
        VersionRow(
            each,
            each.version == shown,
            before.get(each.version),
            runs.get(each.version, 0) if each.kind == "saved" else None,
            changes_words(each.changes, first=each.version not in before) if each.kind == "saved" else each.done,
        )
        for each in wanted[:SHOWN]
    )
    rest = wanted[SHOWN:]
    return VersionList(
        rows,
        len(saves),
        sum(not each.is_draft for each in saves),
        len(rest),
        rest[0].version if rest else None,
        saves[-1].version,
    )


def changes_words(changes: Changes, *, first: bool = False) -> str:
    """What a save changed, in a few words: ``+1 node, 1 changed, code of ship``."""
    if changes.unreadable:
        return str(changes)
    parts: list[str] = []
    for kind, found in (("node", changes.nodes), ("edge", changes.edges)):
        for sign, ids in (("+", found.added), ("−", found.removed)):
            if ids:
                parts.append(f"{sign}{len(ids)} {kind}{'s' * (len(ids) != 1)}")
        if found.changed:
            named = ", ".join(found.changed) if len(found.changed) <= _NAMED and kind == "node" else len(found.changed)
            counted = f" {kind}{'s' * (named != 1)}" if isinstance(named, int) else ""
            parts.append(f"{named}{counted} changed")
    if first:  # what it is called and what it is for isn't other than before
        return ", ".join(parts)
    if changes.code:
        parts.append(f"code of {', '.join(changes.code[:_NAMED])}{' and more' * (len(changes.code) > _NAMED)}")
    parts += ["renamed"] * changes.name + ["another start"] * changes.start
    parts += ["another order"] * changes.order
    parts += [f"other {', '.join(changes.about)}"] if changes.about else []
    return ", ".join(parts) or "nothing changed"


_NAMED: Final = 2
"""Nodes that are named; more are counted."""
