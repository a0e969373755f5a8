"""Who set a value: which event brought it, what that took it from, which values stood there before."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ...domain.expressions.lexer import placeholders, tokenize
from ...domain.expressions.references import find_references
from ...domain.ports import RecordedEvent
from ...domain.run import STARTED, STEP_COMPLETED
from ...domain.run.events import RESUMED
from ...domain.values.json_compare import same_json
from ...domain.values.json_pointer import Path
from .state_series import ABSENT, StateSeries

Giver = Literal["executor", "answer", "payload", "start", "command"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One value that stood at a place."""

    version: int
    """Of the event that put it there."""
    value: Any
    """ABSENT where the event removed it."""
    event: RecordedEvent
    giver: Giver
    """Whom it is from: an executor; somebody's answer, or the payload of the start, that an executor handed on; the
    start itself; or what the event's actor commanded."""
    given_at: int | None = None
    """Of what was handed on: the version of the event that brought it."""
    given_by: str | None = None
    given_path: Path | None = None
    """Where in that payload it stood."""

    @property
    def is_gone(self) -> bool:
        """Whether the event removed it."""
        return self.value is ABSENT


@dataclass(frozen=True, slots=True)
class Reading:
    """An expression from which a value of a step's input came."""

    text: str
    """With its braces."""
    sources: tuple[Path, ...]
    """The places in the snapshot that it read, as far as its text tells."""


EventAt = Callable[[int], RecordedEvent]
"""From a version of the run to its event."""


def value_history(series: StateSeries, path: Path, value: Any, event_at: EventAt) -> tuple[Setting, ...]:
    """Who set the value at a path of the snapshot, newest first; nothing for a path that never was.

    ``value``: what stands there now, where it is inside of a result, which never changes; ABSENT: nothing does.
    """
    match path:
        case ("context", str(node_id), int(place), *inside):
            version = series.results.get((node_id, place))
            if version is None or value is ABSENT:
                return ()
            return (_of_result(event_at(version), value, tuple(inside), event_at),)
        case _:
            return _state_history(series, path, value, event_at)


def _state_history(series: StateSeries, path: Path, value: Any, event_at: EventAt) -> tuple[Setting, ...]:
    """Of a place outside of the results."""
    changes: dict[int, Any] = {}
    for leaf, known in series.leaves.items():
        if leaf == path:
            changes.update(known)
        elif leaf[: len(path)] == path:
            changes.update((version, ABSENT) for version, _ in known if version not in changes)
    whole = path not in series.leaves
    return tuple(
        _of_state(event_at(version), value if whole else changes[version]) for version in sorted(changes, reverse=True)
    )


def _of_state(event: RecordedEvent, value: Any) -> Setting:
    by_step = "node_id" in event.data
    giver: Giver = "start" if event.type == STARTED else "executor" if by_step else "command"
    return Setting(event.version, value, event, giver)


def _of_result(event: RecordedEvent, value: Any, inside: Path, event_at: EventAt) -> Setting:
    """A value in a result: handed on where the same stood at the same place of the payload that the step saw."""
    if event.type == STEP_COMPLETED and inside[:1] == ("output",):
        given = _payload_before(event, event_at)
        for source, giver in given:
            payload = source.data.get("payload")
            for place in (inside[1:], inside[2:]):
                if place and same_json(_resolve(payload, place), value):
                    return Setting(event.version, value, event, giver, source.version, source.by, place)
    return Setting(event.version, value, event, "start" if event.type == STARTED else "executor")


def _payload_before(event: RecordedEvent, event_at: EventAt) -> Iterator[tuple[RecordedEvent, Giver]]:
    """The event whose payload a step saw: the answer before it, or for a first step the start."""
    if event.version > 1:
        before = event_at(event.version - 1)
        if before.type == RESUMED:
            yield before, "answer"
        elif before.type == STARTED:
            yield before, "payload"


def find_value(document: Any, path: Path) -> Any:
    """The value at a path of a JSON document; ABSENT where there is none."""
    return _resolve(document, path)


def _resolve(value: Any, path: Path) -> Any:
    for part in path:
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, Sequence) and not isinstance(value, str) and isinstance(part, int):
            if not 0 <= part < len(value):
                return ABSENT
            value = value[part]
        else:
            return ABSENT
    return value


def readings(data: Any, path: Path, context: Mapping[str, Sequence[Any]]) -> tuple[Reading, ...]:
    """The expressions in a node's data that made the value at a path of its input.

    ``context``: of the snapshot before the step.
    """
    for end in range(len(path), -1, -1):
        template = _resolve(data, path[:end])
        if isinstance(template, str):
            return tuple(
                Reading(template[found.start : found.end], tuple(_sources(found.source, path[end:], context)))
                for found in placeholders(template)
            )
    return ()


def _sources(source: str, rest: Path, context: Mapping[str, Sequence[Any]]) -> Iterator[Path]:
    for reference in find_references(tokenize(source)):
        if reference.root != "nodes" or reference.presence_only or not reference.keys:
            continue
        node_id, *keys = reference.keys
        if not isinstance(node_id, str) or not (results := context.get(node_id)) or keys[:1] != ["output"]:
            continue
        places = tuple(key for key in keys[1:] if isinstance(key, str | int))
        yield ("context", node_id, len(results) - 1, "output", *places, *rest)
