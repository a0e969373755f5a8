"""The code that ran for each node type, beside the code saved with the workflow's version."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...domain.events.envelope import Distribution
from ...domain.ports import RecordedEvent
from ...domain.workflow import JobCode
from .code_drift import CodeDrift, drift


@dataclass(frozen=True, slots=True)
class CodeUsed:
    """The code behind one node type, from one event of the run on."""

    node_type: str
    since_event: int
    """The version of the run's event from which on this code ran."""
    drifted: bool
    """Whether it differs from the code that the workflow's version saved, in more than comments and layout."""
    digest: str
    """SHA-256 (hex) of the source that ran."""
    source: str | None
    """The source that ran; its qualified name if Python can't find the source."""
    distribution: Distribution | None
    """``name`` and ``version`` of the distribution that it was installed with; None: it belongs to none."""
    saved: JobCode | None
    """The code that the workflow's version saved; None: none of this type."""
    summary: str
    """How the two compare, in words."""
    difference: str | None
    """A unified diff from the saved source to the one that ran; None if they are the same, or one isn't known."""


def code_used(events: Sequence[RecordedEvent], saved: RecordedEvent) -> tuple[CodeUsed, ...]:
    """All code that ran: what the run's first event names, and what later ones name where it had changed."""
    return tuple(_code_used(events, saved.version, saved.data["code"]))


def _code_used(events: Sequence[RecordedEvent], version: int, saved: Mapping[str, JobCode]) -> Iterator[CodeUsed]:
    known: dict[str, CodeDrift] = {}
    for event in events:
        if "code" not in event.data:
            continue
        for used in drift(saved, version, event.data):
            if used.digest is not None and known.get(used.type) != used:
                known[used.type] = used
                yield _of(used, used.digest, event.version)


def _of(used: CodeDrift, digest: str, since_event: int) -> CodeUsed:
    return CodeUsed(
        node_type=used.type,
        since_event=since_event,
        drifted=used.drifted,
        digest=digest,
        source=used.source,
        distribution=used.distribution,
        saved=used.saved,
        summary=str(used),
        difference=used.text,
    )
