"""Every type of event is known wherever types are told apart: a new one is missed by name."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NotRequired, Required, get_args, get_origin, get_type_hints

import pytest
from typing_extensions import is_typeddict

from flowledger.domain import soundness, subjects, tokens, viewings, views
from flowledger.domain.bulk import BulkDirectory, BulkState
from flowledger.domain.bulk import directory as bulk_directory
from flowledger.domain.bulk import events as bulk_events
from flowledger.domain.event_registry import EVENTS
from flowledger.domain.events import personal
from flowledger.domain.events.catalogue import EVENT_TYPES
from flowledger.domain.events.registry import EventEntry
from flowledger.domain.ports import RecordedEvent
from flowledger.domain.retention import LegalHolds, RetentionRecord
from flowledger.domain.retention import events as retention_events
from flowledger.domain.run import RunState
from flowledger.domain.run import events as run_events
from flowledger.domain.values.clock import moment
from flowledger.domain.work_order import WorkOrderState
from flowledger.domain.work_order import events as work_order_events
from flowledger.domain.workflow import WorkflowState
from flowledger.domain.workflow import events as workflow_events
from flowledger.infrastructure.interfaces.presentation.events import describe_event
from flowledger.infrastructure.interfaces.tui.lines import STYLES, event_line
from flowledger.projections.index.changes import PlacedEvent, changes_of, is_indexed
from flowledger.projections.runs.audit_trail import act_of
from flowledger.projections.search.entry import SEARCHED

MODULES = {
    "run": run_events,
    "work_order": work_order_events,
    "workflow": workflow_events,
    "bulk": bulk_events,
    "bulks": bulk_directory,
    "tokens": tokens,
    "views": views,
    "access": viewings,
    "subject": subjects,
    "retention": retention_events,
    "legal_hold": retention_events,
}
FLAGS = {
    "queued",
    "asks_again",
    "unrouted",
    "no_condition_held",
    "renamed",
    "unchanged",
    "timed_out",
    "handed_back",
}
"""What is there or isn't, and has no words."""
STATES: dict[str, Any] = {
    "run": RunState,
    "work_order": WorkOrderState,
    "workflow": WorkflowState,
    "bulk": BulkState,
    "bulks": BulkDirectory,
    "tokens": tokens.TokensRecord,
    "views": views.Views,
    "access": viewings.Viewings,
    "subject": subjects.SubjectState,
    "retention": RetentionRecord,
    "legal_hold": LegalHolds,
}
NOW = 1_700_000_000_000_000
NOT_SEARCHED = {
    "input",
    "definition",
    "code",
    "distributions",
    "drifted",
    "logs",
    "error",
    "origin",
    "issues",
    "after",
    "answer",
    "given_answer",
    "recorded",
    "effects",
    "worker",
    "globals",
    "act",
    "selection",
    "runs",
    "results",
    "role",
    "subject",
    "sealed_by",
    "streams",
    "policy",
    "archive",
    "archived",
    "leaves",
}
"""Objects whose words are found by other means, or not at all: their text is code, or stands in another event."""

entries = pytest.mark.parametrize("entry", EVENTS.values(), ids=list(EVENTS))


def keys(schema: Any, path: str = "") -> Iterator[tuple[str, str, Any]]:
    """Every key of a body, also of the objects in it: its path, its name, and what it holds."""
    for key, hint in get_type_hints(schema).items():
        yield f"{path}{key}", key, hint
        inner = get_args(hint)[0] if get_origin(hint) is list else hint
        if is_typeddict(inner):
            yield from keys(inner, f"{path}{key}.")


def body(schema: Any, *, full: bool) -> dict[str, Any]:
    """A body of this schema: with all of its keys, or those alone that must be there."""
    hints = get_type_hints(schema, include_extras=True)
    wanted = {key: hint for key, hint in hints.items() if full or get_origin(hint) is not NotRequired}
    return {key: example(key, hint, full=full) for key, hint in wanted.items()}


def example(key: str, hint: Any, *, full: bool) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (NotRequired, Required):
        return example(key, arguments[0], full=full)
    if key == "definition":
        return {"nodes": [{"id": "n", "type": "t"}]}
    if key == "adopted":
        return {
            "workflowId": "w",
            "status": "active",
            "currentNodeId": "w",
            "context": {},
            "version": 1,
            "metadata": {},
        }
    if key == "status":
        return "active"
    if origin is Literal:
        return arguments[0]
    if is_typeddict(hint):
        return body(hint, full=full)
    if origin is list:
        return [example(key, arguments[0], full=full)]
    if origin is dict:
        return {"t": example("", arguments[1], full=full)}
    return {int: NOW, str: "w", bool: True, Any: {"total": 1}}[hint]


def recorded(entry: EventEntry, data: Mapping[str, Any]) -> RecordedEvent:
    stream = "workflow:w" if entry.aggregate == "workflow" else "stream"
    return RecordedEvent(stream, 1, 1, entry.name, moment(NOW), data["by"], data, digest="")


def bodies(entry: EventEntry) -> list[dict[str, Any]]:
    return [body(entry.schema, full=True), body(entry.schema, full=False)]


def test_each_name_in_the_modules_of_events_is_in_the_registry() -> None:
    named = {
        value
        for aggregate, module in MODULES.items()
        for value in vars(module).values()
        if isinstance(value, str) and value.startswith(f"{aggregate}.")
    }
    assert named == set(EVENTS)


def test_each_type_of_ours_in_the_catalogue_is_in_the_registry() -> None:
    ours = {name for name, type in EVENT_TYPES.items() if type.schema.__module__.startswith("flowledger.domain")}
    assert ours == set(EVENTS)


@entries
def test_an_entry_is_of_the_aggregate_that_its_name_begins_with(entry: EventEntry) -> None:
    assert entry.name.partition(".")[0] == entry.aggregate
    assert EVENT_TYPES[entry.name].schema is entry.schema
    assert len(entry.sign) == 1
    assert entry.tone in STYLES


@entries
def test_every_key_of_a_body_is_one_whose_bounds_an_import_knows(entry: EventEntry) -> None:
    numbers = {*soundness.PAST_TIMES, *soundness.DUE_TIMES, *soundness.COUNTS, *soundness.RANKS, "at"}
    assert [path for path, key, hint in keys(entry.schema) if hint is int and key not in numbers] == []
    assert [path for path, key, hint in keys(entry.schema) if hint is Any and key not in soundness.VALUES] == []


@entries
def test_every_value_of_a_body_is_searched_or_said_not_to_be(entry: EventEntry) -> None:
    unknown = {key for key, hint in get_type_hints(entry.schema).items() if hint not in (int, str)}
    unknown -= {*FLAGS, "edited", "adopted", "kind", *SEARCHED, *NOT_SEARCHED}
    assert unknown == set()


@entries
def test_every_key_of_a_sealed_stream_is_sealed_or_said_to_be_readable(entry: EventEntry) -> None:
    if entry.aggregate in ("run", "work_order"):
        assert {
            key for key in get_type_hints(entry.schema) if key not in {*personal.STAND_INS, *personal.READABLE}
        } == set()


@entries
def test_a_body_without_its_sealed_values_still_fits_its_schema(entry: EventEntry) -> None:
    if entry.aggregate in ("run", "work_order"):
        for data in bodies(entry):
            plain, sealed = personal.split(data)
            filled = personal.fill(dict(plain), sealed, "<erased 2026-11-26>")
            assert EVENT_TYPES[entry.name].validate(filled) == filled
            assert personal.join(dict(plain), sealed) == data


@entries
def test_every_body_is_valid_and_folds_and_is_told(entry: EventEntry) -> None:
    for data in bodies(entry):
        assert EVENT_TYPES[entry.name].validate(data) == data
        state = STATES[entry.aggregate]("w")
        if entry.aggregate == "run" and "origin" in data:
            state.begin_with(RunState("w"), {**data["origin"], "kind": "retry"})
            data["origin"]["kind"] = "retry"
        entry.evolve(state, data)
        assert isinstance(entry.why_not(STATES[entry.aggregate]("w")), str | None)
        event = recorded(entry, data)
        assert entry.name not in act_of(event).summary or entry.narrate is None
        assert describe_event(event) == entry.describe(data)
        assert str(event_line(event, 3))


@entries
def test_the_index_does_with_an_event_what_its_entry_says(entry: EventEntry) -> None:
    for data in bodies(entry):
        if entry.aggregate == "run":
            data["after"] = {"status": "active", "spent": 0, "last_started_at": NOW}
        assert is_indexed(entry.name, data) == (entry.index != "none")
        if entry.index == "none":
            continue
        if "kind" in data:
            data["kind"] = "retry"
        stream = "workflow:w" if entry.aggregate == "workflow" else "stream"
        changes = changes_of([PlacedEvent(1, stream, 1, entry.name, data)])
        assert changes.tables() != {}
        is_act = entry.narrate is not None and "node_id" not in data
        assert [row["is_act"] for row in changes.changes] in ([is_act], [])
        assert changes.changes or entry.narrate is None
