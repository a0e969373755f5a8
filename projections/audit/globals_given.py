"""Which globals the nodes of a run were given, and whether their values are those of another run."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ...domain.events.personal import AWAY_TEXT, CLOSED_TEXT
from .model import AuditedGlobal


def globals_given(claim: Mapping[str, Any]) -> tuple[AuditedGlobal, ...]:
    """What the event of a claim says of them, by name."""
    given = claim.get("globals", {})
    key_id, without_key = given.get("key"), given.get("without_key")
    why_none = _NO_FORM if without_key is None else _WHY.get(without_key, f"the key for fingerprints: {without_key}")
    marked = [AuditedGlobal(name, mark, key_id, None) for name, mark in given.get("fingerprints", {}).items()]
    others = [AuditedGlobal(name, None, None, why_none) for name in given.get("others", ())]
    return tuple(sorted([*marked, *others], key=lambda one: one.name))


class ComparedGlobals(NamedTuple):
    """The globals of a run beside those of another."""

    other: tuple[str, ...]
    """Names of those whose value isn't the same, or that only one of the two runs was given."""
    unknown: tuple[str, ...]
    """Names of those of which that can't be said."""


def compare_globals(then: Iterable[Mapping[str, Any]], now: Iterable[Mapping[str, Any]]) -> ComparedGlobals:
    """``then`` and ``now`` are the events with which two runs were claimed. The last claim that gave a value counts."""
    before, after = (
        {one.name: one for claim in claims for one in globals_given(claim)} for claims in (tuple(then), tuple(now))
    )
    if not before:  # it was given none, or a release recorded it that said nothing of them
        return ComparedGlobals((), tuple(sorted(after)))
    both = before.keys() & after.keys()
    unknown = {name for name in both if not _are_comparable(before[name], after[name])}
    differ = {name for name in both - unknown if before[name].fingerprint != after[name].fingerprint}
    return ComparedGlobals(tuple(sorted(differ | (before.keys() ^ after.keys()))), tuple(sorted(unknown)))


def _are_comparable(one: AuditedGlobal, other: AuditedGlobal) -> bool:
    return one.key_id is not None and one.key_id == other.key_id


_NO_FORM = "its value has no form as JSON, text or bytes"
_WHY = {
    CLOSED_TEXT: "the ledger had no key ring, so there was no key for fingerprints",
    AWAY_TEXT: "the key ring didn't answer, so there was no key for fingerprints",
}
