"""The registry of the events of a workflow, what each does to its state, and the fold that follows it."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from ..events.registry import Body, EventEntry, Registry, register
from ..events.words import describe_reason
from ..ports import RecordedEvent
from . import words
from .events import (
    ARCHIVED,
    CREATED,
    RELEASED,
    RESTORED,
    SAVED,
    WorkflowArchived,
    WorkflowReleased,
    WorkflowRestored,
    WorkflowSaved,
)
from .state import WorkflowState

# --- what each does ---------------------------------------------------------------------------------------------------


def on_saved(workflow: WorkflowState, data: Body) -> None:
    workflow.saved_version, workflow.saved = workflow.version, data
    workflow.live_version = data.get("live_version", workflow.version)


def on_archived(workflow: WorkflowState, data: Body) -> None:
    workflow.archived = data


def on_restored(workflow: WorkflowState, _: Body) -> None:
    workflow.archived = None


def on_released(workflow: WorkflowState, data: Body) -> None:
    workflow.live_version = data["version"]


# --- when it may follow -----------------------------------------------------------------------------------------------


def why_not_save(workflow: WorkflowState) -> str | None:
    return None if workflow.archived is None else "the workflow is archived"


def why_not_release(workflow: WorkflowState) -> str | None:
    return why_not_save(workflow) if workflow.saved_version else "nothing was saved yet"


def why_not_restore(workflow: WorkflowState) -> str | None:
    return None if workflow.archived is not None else "the workflow is not archived"


_CREATED = EventEntry(
    name=CREATED,
    schema=WorkflowSaved,
    aggregate="workflow",
    evolve=on_saved,
    why_not=why_not_save,
    index="workflow saved",
    describe=words.describe_save,
    narrate=words.narrate_save,
    sign="·",
    tone="quiet",
)

WORKFLOW_EVENTS: Final[Registry] = register(
    _CREATED,
    replace(_CREATED, name=SAVED),
    EventEntry(
        name=ARCHIVED,
        schema=WorkflowArchived,
        aggregate="workflow",
        evolve=on_archived,
        why_not=why_not_save,
        index="workflow archived",
        describe=describe_reason,
        narrate=words.narrate_archive,
        sign="·",
        tone="quiet",
    ),
    EventEntry(
        name=RESTORED,
        schema=WorkflowRestored,
        aggregate="workflow",
        evolve=on_restored,
        why_not=why_not_restore,
        index="workflow restored",
        describe=describe_reason,
        narrate=words.narrate_restoration,
        sign="·",
        tone="quiet",
    ),
    EventEntry(
        name=RELEASED,
        schema=WorkflowReleased,
        aggregate="workflow",
        evolve=on_released,
        why_not=why_not_release,
        index="workflow released",
        describe=words.describe_release,
        narrate=words.narrate_release,
        sign="·",
        tone="quiet",
    ),
)


def evolve(workflow: WorkflowState, version: int, type: str, data: Body) -> None:
    """Fold one event into the state."""
    workflow.version = version
    workflow.recorded_at = data["recorded_at"]
    if (entry := WORKFLOW_EVENTS.get(type)) is not None:  # else it stands in a stream that isn't its own
        entry.evolve(workflow, data)


def state_of(workflow_id: str, events: Iterable[RecordedEvent]) -> WorkflowState:
    """The state that a workflow's events lead to. Those before a save may be missing: it says everything anew."""
    state = WorkflowState(workflow_id)
    for event in events:
        evolve(state, event.version, event.type, event.data)
    return state
