"""Which code really ran behind each node type, beside what was saved with the workflow's version."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..domain.ports import RecordedEvent


@dataclass(frozen=True, slots=True)
class CodeUsed:
    """The code behind one node type, from one event of the run on."""

    node_type: str
    name: str | None
    """Qualified name of the executor, as it was saved."""
    digest: str
    """SHA-256 (hex) of the source that ran."""
    source: str | None
    """The source that ran; None where Python couldn't tell it."""
    since_event: int
    """Version of the run's event from which on it ran."""
    saved_digest: str | None
    """SHA-256 (hex) of the source at the save; None: the save knew none."""
    saved_source: str | None
    drifted: bool
    """Whether it isn't the code that the workflow's version saved."""
    distribution: Mapping[str, str] | None
    """``name`` and ``version`` of the distribution that the executor came from, as it was saved."""


def code_used(events: Sequence[RecordedEvent], saved: RecordedEvent) -> tuple[CodeUsed, ...]:
    """All code that ran: what the run's first event names, and what later ones name where it had changed."""
    return tuple(_code_used(events, saved.data["code"]))


def _code_used(events: Sequence[RecordedEvent], saved: Mapping[str, Any]) -> Iterator[CodeUsed]:
    known: dict[str, str] = {}
    for event in events:
        sources = event.data.get("drifted", {})
        for type, digest in event.data.get("code", {}).items():
            if known.get(type) == digest:
                continue
            known[type] = digest
            kept = saved.get(type, {})
            drifted = kept.get("digest") != digest
            yield CodeUsed(
                node_type=type,
                name=kept.get("name"),
                digest=digest,
                source=sources.get(type) if drifted else kept.get("source"),
                since_event=event.version,
                saved_digest=kept.get("digest"),
                saved_source=kept.get("source"),
                drifted=drifted,
                distribution=kept.get("distribution"),
            )
