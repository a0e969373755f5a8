"""Subjects: whom the data of runs is about. A stream for each says what belongs to it, and that it was erased.

The stream is named by the id of the subject's key. What the caller calls the subject is in no event, so that the name
can be forgotten, too.
"""

from dataclasses import dataclass, field
from typing import Final, NotRequired

from .errors import Erased, KeyMissing
from .events.envelope import Recorded
from .events.personal import AWAY_TEXT, CLOSED_TEXT, erased_text, is_erased
from .events.registry import Body, EventEntry, Registry, register
from .events.words import because
from .ports import NewEvent, RecordedEvent
from .values.clock import moment, next_time
from .values.ids import subject_stream


class SubjectBound(Recorded):
    """Runs and work orders began that belong to it."""

    streams: list[str]


class SubjectErased(Recorded):
    """Its key was destroyed: nobody reads its values any more."""

    stream_count: int
    """How many runs and work orders."""
    value_count: int
    """How many values were sealed in them."""
    reason: NotRequired[str]


GLOBALS: Final = "flowledger:globals"
"""What the key of the fingerprints of globals is kept under, among those of subjects: it is erased as they are."""

BOUND: Final = "subject.bound"
ERASED: Final = "subject.erased"


@dataclass(slots=True)
class SubjectState:
    """The fold of the stream."""

    id: str
    streams: list[str] = field(default_factory=list[str])
    erased_at: int | None = None
    recorded_at: int = 0
    version: int = 0


def bind(streams: list[str], *, by: str, now: int) -> NewEvent:
    """These belong to it."""
    return NewEvent(BOUND, {"recorded_at": now, "by": by, "streams": streams})


def erase(subject: SubjectState, values: int, *, by: str, reason: str | None, now: int) -> NewEvent:
    """It was erased."""
    data = {"recorded_at": next_time(subject.recorded_at, now), "by": by, "stream_count": len(subject.streams)}
    return NewEvent(ERASED, data | {"value_count": values} | ({} if reason is None else {"reason": reason}))


def on_bound(subject: SubjectState, data: Body) -> None:
    subject.streams += data["streams"]


def on_erased(subject: SubjectState, data: Body) -> None:
    subject.erased_at = subject.erased_at or data["recorded_at"]


def why_not(_: SubjectState) -> str | None:
    return None


def describe_bound(data: Body) -> str:
    return ", ".join(data["streams"])


def describe_erased(data: Body) -> str:
    return f"{data['value_count']:,} values in {data['stream_count']:,} streams{because(data.get('reason'))}"


def narrate_erased(event: RecordedEvent) -> str:
    return f"erased subject {event.stream.removeprefix(subject_stream(''))}: {describe_erased(event.data)}"


SUBJECT_EVENTS: Final[Registry] = register(
    EventEntry(
        name=BOUND,
        schema=SubjectBound,
        aggregate="subject",
        evolve=on_bound,
        why_not=why_not,
        index="none",
        describe=describe_bound,
        narrate=None,
        sign="·",
        tone="quiet",
    ),
    EventEntry(
        name=ERASED,
        schema=SubjectErased,
        aggregate="subject",
        evolve=on_erased,
        why_not=why_not,
        index="act",
        describe=describe_erased,
        narrate=narrate_erased,
        sign="×",
        tone="end",
    ),
)


def evolve_subject(subject: SubjectState, type: str, data: Body) -> None:
    """Fold one event into the state. Raises KeyError for an event that is none of a subject."""
    SUBJECT_EVENTS[type].evolve(subject, data)
    subject.recorded_at = data["recorded_at"]
    subject.version += 1


def shown_when_erased(at: int) -> str:
    """What stands for values that were erased at a time."""
    return erased_text(moment(at).date().isoformat())


def refuse_unreadable(label: str, shown: str | None) -> None:
    """Raises Erased or KeyMissing for a run or work order whose values can't be read; ``shown`` stands for them."""
    if shown is None:
        return
    if is_erased(shown):
        raise Erased(label, shown)
    raise KeyMissing(label, shown, _REASONS.get(shown, _LOST))


def refuse_unsealable(label: str, shown: str | None, data: Body) -> None:
    """Raises KeyMissing where a command says something for people that can't be sealed now.

    Of a subject that was erased it is kept nowhere, as all else of it.
    """
    said = [name for name in ("reason", "note") if name in data]
    if shown is None or is_erased(shown) or not said:
        return
    reason = _REASONS.get(shown, _LOST)
    raise KeyMissing(label, shown, f"{reason}; without a {said[0]}, which would be sealed, too, it can be done now")


_LOST = (
    "the key of its subject is lost, or the key ring can't unwrap it, so its values can't be read: restore the table "
    "flowledger_subject_keys, or the key ring that wrapped it"
)
_REASONS = {
    CLOSED_TEXT: "its values are sealed under the key of a subject: open the ledger with keys=, "
    "or the command line with --keys FILE",
    AWAY_TEXT: "the key ring doesn't answer, so its values can't be read now: try again when it does",
}
