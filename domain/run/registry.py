"""The registry of the events of a run, and the fold that follows it."""

from collections.abc import Mapping
from typing import Any, Final

from ..events.registry import EventEntry, Registry, register
from ..events.words import describe_reason
from . import rules, transitions, words
from .events import (
    CANCELLED,
    CLAIMED,
    FAILED,
    HELD,
    METADATA_SET,
    PAUSED,
    RECOVERED,
    RELEASED,
    RESUMED,
    RETRIED,
    STARTED,
    STEP_COMPLETED,
    STEP_FAILED,
    RunCancelled,
    RunClaimed,
    RunFailed,
    RunHeld,
    RunMetadataSet,
    RunPaused,
    RunRecovered,
    RunReleased,
    RunResumed,
    RunRetried,
    RunStarted,
    StepCompleted,
    StepFailed,
)
from .state import RunState

RUN_EVENTS: Final[Registry] = register(
    EventEntry(
        name=STARTED,
        schema=RunStarted,
        aggregate="run",
        evolve=transitions.on_started,
        why_not=rules.why_not_start,
        index="run started",
        describe=words.describe_start,
        narrate=words.narrate_start,
        sign="▶",
        tone="start",
        claims=True,
    ),
    EventEntry(
        name=STEP_COMPLETED,
        schema=StepCompleted,
        aggregate="run",
        evolve=transitions.on_step_completed,
        why_not=rules.why_not_outside_of_a_step,
        index="run moved",
        describe=words.describe_step,
        narrate=None,
        sign="✓",
        tone="success",
    ),
    EventEntry(
        name=STEP_FAILED,
        schema=StepFailed,
        aggregate="run",
        evolve=transitions.on_step_failed,
        why_not=rules.why_not_outside_of_a_step,
        index="run moved",
        describe=words.describe_failure,
        narrate=None,
        sign="✗",
        tone="failure",
    ),
    EventEntry(
        name=PAUSED,
        schema=RunPaused,
        aggregate="run",
        evolve=transitions.on_paused,
        why_not=rules.why_not_pause,
        index="run moved",
        describe=words.describe_pause,
        narrate=words.narrate_pause,
        sign="‖",
        tone="wait",
        by_operator=True,
    ),
    EventEntry(
        name=RESUMED,
        schema=RunResumed,
        aggregate="run",
        evolve=transitions.on_resumed,
        why_not=rules.why_not_resume,
        index="run moved",
        describe=words.describe_resumption,
        narrate=words.narrate_resumption,
        sign="▶",
        tone="start",
        claims=True,
    ),
    EventEntry(
        name=RETRIED,
        schema=RunRetried,
        aggregate="run",
        evolve=transitions.on_retried,
        why_not=rules.why_not_retry,
        index="run moved",
        describe=words.describe_resumption,
        narrate=words.narrate_retry,
        sign="↻",
        tone="again",
        claims=True,
    ),
    EventEntry(
        name=CLAIMED,
        schema=RunClaimed,
        aggregate="run",
        evolve=transitions.on_claimed,
        why_not=rules.why_not_claim,
        index="run moved",
        describe=words.describe_claim,
        narrate=words.narrate_claim,
        sign="▶",
        tone="start",
        claims=True,
    ),
    EventEntry(
        name=RECOVERED,
        schema=RunRecovered,
        aggregate="run",
        evolve=transitions.on_recovered,
        why_not=rules.why_not_recover,
        index="run moved",
        describe=words.describe_recovery,
        narrate=words.narrate_recovery,
        sign="↻",
        tone="again",
        claims=True,
    ),
    EventEntry(
        name=HELD,
        schema=RunHeld,
        aggregate="run",
        evolve=transitions.on_held,
        why_not=rules.why_not_hold,
        index="run moved",
        describe=describe_reason,
        narrate=words.narrate_hold,
        sign="‖",
        tone="wait",
        by_operator=True,
    ),
    EventEntry(
        name=RELEASED,
        schema=RunReleased,
        aggregate="run",
        evolve=transitions.on_released,
        why_not=rules.why_not_release,
        index="run moved",
        describe=words.describe_release,
        narrate=words.narrate_release,
        sign="▶",
        tone="start",
        by_operator=True,
    ),
    EventEntry(
        name=CANCELLED,
        schema=RunCancelled,
        aggregate="run",
        evolve=transitions.on_cancelled,
        why_not=rules.why_not_end,
        index="run moved",
        describe=describe_reason,
        narrate=words.narrate_cancellation,
        sign="✗",
        tone="failure",
        by_operator=True,
    ),
    EventEntry(
        name=FAILED,
        schema=RunFailed,
        aggregate="run",
        evolve=transitions.on_failed,
        why_not=rules.why_not_end,
        index="run moved",
        describe=describe_reason,
        narrate=None,
        sign="✗",
        tone="end",
    ),
    EventEntry(
        name=METADATA_SET,
        schema=RunMetadataSet,
        aggregate="run",
        evolve=transitions.on_metadata_set,
        why_not=rules.why_not_set_metadata,
        index="noted",
        describe=words.describe_metadata,
        narrate=words.narrate_metadata,
        sign="·",
        tone="quiet",
        by_operator=True,
    ),
)

CLAIMS: Final = frozenset(name for name, entry in RUN_EVENTS.items() if entry.claims)
"""What takes hold of a run."""

BY_OPERATOR: Final = frozenset(name for name, entry in RUN_EVENTS.items() if entry.by_operator)
"""What may be appended to a run while a worker holds it."""

_EVOLVE: Final = {name: entry.evolve for name, entry in RUN_EVENTS.items()}

FOLD_REVISION = 8
"""Raise it with every change to what ``evolve`` makes of an event, or to the form in which that is kept: checkpoints of
other revisions are ignored."""


def evolve(state: RunState, type: str, data: Mapping[str, Any]) -> None:
    """Fold one event into the state."""
    _EVOLVE[type](state, data)
    state.version += 1
    state.recorded_at = data["recorded_at"]
