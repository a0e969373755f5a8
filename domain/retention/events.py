"""What is recorded of retention: streams that went, with what keeps all else verifiable; holds that were placed and
lifted."""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, NotRequired

from typing_extensions import TypedDict

from ..errors import Removal
from ..events.envelope import Recorded
from ..events.registry import Body, EventEntry, Registry, register
from ..events.words import because
from ..evidence.leaf import Leaf
from ..ports import NewEvent, RecordedEvent
from ..values.clock import moment, next_time
from .holds import HoldKind, HoldTarget, LegalHold, LegalHolds
from .leaves import StreamPart, pack_leaves


class RemovedStreamPart(TypedDict):
    """A stream that went, or a part of a long one: of which versions the leaves are, and the digest of the last."""

    stream: str
    first: int
    last: int
    digest: str


class RetentionRemoved(Recorded):
    """Runs and work orders, or workflows, went, whole: in the same commit their events were deleted."""

    policy: dict[str, Any]
    reason: NotRequired[str]
    run_count: int
    workflow_count: NotRequired[int]
    """Absent: none."""
    event_count: int
    byte_count: int
    archive: NotRequired[str]
    """The folder where they were written before."""
    archived: NotRequired[dict[str, str]]
    """Run, stream of a workflow, or name of a Parquet file → the SHA-256 (hex) of the file there."""
    streams: list[RemovedStreamPart]
    leaves: str
    """See ``pack_leaves``; base64. A stream of many events has several of these events, in the same commit."""


class LegalHoldPlaced(Recorded):
    kind: HoldKind
    held: str
    reason: str


class LegalHoldLifted(Recorded):
    kind: HoldKind
    held: str
    reason: NotRequired[str]


REMOVED: Final = "retention.removed"
PLACED: Final = "legal_hold.placed"
LIFTED: Final = "legal_hold.lifted"


@dataclass(slots=True)
class RetentionRecord:
    """The fold of a stream that records what went: each event says all of its own."""

    id: str
    recorded_at: int = 0
    version: int = 0


class RemovedPart(NamedTuple):
    """What one event records."""

    runs: int
    bytes: int
    streams: Sequence[StreamPart]
    leaves: Sequence[Leaf]
    archived: dict[str, str]
    workflows: int = 0


def removed(
    part: RemovedPart, policy: dict[str, Any], archive: str | None, *, by: str, reason: str | None, now: int
) -> NewEvent:
    """Streams went under a policy."""
    data: dict[str, Any] = {"recorded_at": now, "by": by, "policy": policy}
    if reason is not None:
        data["reason"] = reason
    data |= {"run_count": part.runs} | ({"workflow_count": part.workflows} if part.workflows else {})
    data |= {"event_count": len(part.leaves), "byte_count": part.bytes}
    if archive is not None:
        data |= {"archive": archive, "archived": part.archived}
    packed = b64encode(pack_leaves(part.leaves, part.streams)).decode()
    return NewEvent(REMOVED, data | {"streams": [stream._asdict() for stream in part.streams], "leaves": packed})


def packed_leaves(data: Body) -> tuple[bytes, list[StreamPart]]:
    """What ``unpack_leaves`` takes, of the body of an event."""
    return b64decode(data["leaves"]), [StreamPart(**part) for part in data["streams"]]


def removal_in(data: Body) -> Removal:
    """Who removed it, when, and where it is."""
    return Removal(moment(data["recorded_at"]), data["by"], data.get("archive"))


def legal_hold_placed(holds: LegalHolds, target: HoldTarget, *, by: str, reason: str, now: int) -> NewEvent:
    """It must stay."""
    data = {"recorded_at": next_time(holds.recorded_at, now), "by": by, "kind": target.kind, "held": target.id}
    return NewEvent(PLACED, data | {"reason": reason})


def legal_hold_lifted(holds: LegalHolds, target: HoldTarget, *, by: str, reason: str | None, now: int) -> NewEvent:
    """It may go again."""
    data = {"recorded_at": next_time(holds.recorded_at, now), "by": by, "kind": target.kind, "held": target.id}
    return NewEvent(LIFTED, data | ({} if reason is None else {"reason": reason}))


def on_placed(holds: LegalHolds, data: Body) -> None:
    target = HoldTarget(data["kind"], data["held"])
    holds.holds.setdefault(target, LegalHold(target, data["by"], data["reason"], data["recorded_at"]))


def on_lifted(holds: LegalHolds, data: Body) -> None:
    holds.holds.pop(HoldTarget(data["kind"], data["held"]), None)


def change_nothing(_record: RetentionRecord, _: Body) -> None:
    pass


def why_not(_: object) -> str | None:
    return None


def describe_removed(data: Body) -> str:
    to = f", archived to {data['archive']}" if "archive" in data else ""
    what = f"{data['run_count']:,} runs" if "workflow_count" not in data else f"{data['workflow_count']:,} workflows"
    return f"{what}, {data['event_count']:,} events{to}{because(data.get('reason'))}"


def describe_hold(data: Body) -> str:
    return f"{data['kind']} {data['held']}{because(data.get('reason'))}"


def narrate_removed(event: RecordedEvent) -> str:
    return f"removed under a retention policy: {describe_removed(event.data)}"


def narrate_placed(event: RecordedEvent) -> str:
    return f"placed a legal hold on {describe_hold(event.data)}"


def narrate_lifted(event: RecordedEvent) -> str:
    return f"lifted the legal hold on {describe_hold(event.data)}"


RETENTION_EVENTS: Final[Registry] = register(
    EventEntry(
        name=REMOVED,
        schema=RetentionRemoved,
        aggregate="retention",
        evolve=change_nothing,
        why_not=why_not,
        index="act",
        describe=describe_removed,
        narrate=narrate_removed,
        sign="×",
        tone="end",
    ),
    EventEntry(
        name=PLACED,
        schema=LegalHoldPlaced,
        aggregate="legal_hold",
        evolve=on_placed,
        why_not=why_not,
        index="act",
        describe=describe_hold,
        narrate=narrate_placed,
        sign="=",
        tone="wait",
    ),
    EventEntry(
        name=LIFTED,
        schema=LegalHoldLifted,
        aggregate="legal_hold",
        evolve=on_lifted,
        why_not=why_not,
        index="act",
        describe=describe_hold,
        narrate=narrate_lifted,
        sign="·",
        tone="quiet",
    ),
)


def evolve_legal_holds(holds: LegalHolds, type: str, data: Body) -> None:
    """Fold one event into the state. Raises KeyError for an event of another aggregate."""
    RETENTION_EVENTS[type].evolve(holds, data)
    holds.recorded_at = data["recorded_at"]
    holds.version += 1
