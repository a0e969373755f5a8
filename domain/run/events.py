"""The events of a run."""

from collections.abc import Iterator
from typing import Any, Final, Literal, NotRequired

from typing_extensions import TypedDict

from ..events.envelope import Distribution, Keyed, LogLine, Recorded, Worker
from ..ports import RecordedEvent
from .waits import GivenAnswer


class Origin(TypedDict):
    """The run that another one continues, repeats or branches from."""

    kind: Literal["retry", "reproduction", "fork"]
    run_id: str
    version: int
    """1 and more: the results after that many events of the source are those that this run begins with. 0: none are.

    A fork begins where its source stood then: also with its status, node, retry, metadata and times.
    """


class EditedResult(TypedDict):
    """The result with which a fork replaces the last one that its source had at that version."""

    run_id: str
    """With ``version``: the event whose result it replaces."""
    version: int
    node_id: str
    attempt: NotRequired[int]
    """1 when absent."""
    handle: NotRequired[str]
    next_node_id: NotRequired[str]
    """Absent when the run is complete."""
    output: NotRequired[Any]
    """null when absent."""


class RecordedPlace(TypedDict):
    """Where the outcome of a step was taken from that was not executed in this run, as it acts on the world."""

    run_id: str
    version: NotRequired[int]
    """Of the event that recorded it. Absent where nothing was on record, so that the step failed."""


class GivenGlobals(TypedDict):
    """Which globals the run's nodes are given from a claim on: their names, and never a value."""

    fingerprints: dict[str, str]
    """By name, that of its value."""
    others: NotRequired[list[str]]
    """Names of those that have none."""
    key: NotRequired[str]
    """The id of the key under which they were made: fingerprints under different keys say nothing of each other."""
    without_key: NotRequired[str]
    """Why there was no key, and so no fingerprint."""


class RunStarted(Recorded):
    workflow_id: str
    workflow_version: int
    definition_digest: str
    start_node_id: NotRequired[str]
    """Absent where nothing is left to run: in a fork of what was complete."""
    origin: NotRequired[Origin]
    queued: NotRequired[Literal[True]]
    """Left to a worker."""
    priority: NotRequired[int]
    """Of two runs that are due, the one with the larger goes first. 0 when absent."""
    run_at: NotRequired[int]
    """Of one that is left to a worker: not before this time."""
    worker: NotRequired[Worker]
    """Who executes it; absent where it is left to a worker."""
    lease_until: NotRequired[int]
    """Until when nobody else takes the run, unless that worker renews it."""
    globals: NotRequired[GivenGlobals]
    """What its nodes are given; absent where that is nothing, it is left to a worker, or an older release wrote it."""
    effects: NotRequired[list[str]]
    """In a reproduction or a fork: the types that are executed although they act on the world."""
    code: NotRequired[dict[str, str]]
    """Node type → digest of the executor's source that will run."""
    distributions: NotRequired[dict[str, Distribution]]
    """Node type → what the executor's module was installed with, where that is known."""
    drifted: NotRequired[dict[str, str]]
    """Node type → source text, where it or its distribution differs from what the workflow's version saved."""
    trigger: NotRequired[dict[str, Any]]
    """What made somebody start it, of some ``kind``: a schedule, a message, another run."""
    payload: NotRequired[Any]
    """When absent, a fork's first step sees what its source's would have seen."""
    metadata: NotRequired[dict[str, Any]]
    """In a fork: merged into its source's key by key; null removes a key; likewise into an adopted snapshot's."""
    adopted: NotRequired[dict[str, Any]]
    """The snapshot from elsewhere, as JSON, with whose results and in whose state the run begins."""
    edited: NotRequired[EditedResult]
    asks_again: NotRequired[Literal[True]]
    """Of a fork: the node at which its source stood is visited anew, as what it asked there has changed since."""
    traceparent: NotRequired[str]
    """The span in which it was started, as W3C Trace Context writes it, where that was traced."""
    reason: NotRequired[str]
    """Why it was retried, reproduced or forked, where somebody said so."""
    given_answer: NotRequired[GivenAnswer]
    """Of a retry: its first step sees this answer of an earlier run, whose payload is that of the retry."""


class StepError(TypedDict):
    type: str
    message: str
    traceback: NotRequired[str]


class _Step(Recorded):
    node_id: str
    attempt: NotRequired[int]
    """1 when absent."""
    spent: int
    """Microseconds inside executors since the run began, this attempt included."""
    started_at: int
    finished_at: NotRequired[int]
    """``recorded_at`` when absent."""
    recorded: NotRequired[RecordedPlace]
    """It was not executed: its outcome is that of another event."""


class StepCompleted(_Step):
    handle: NotRequired[str]
    next_node_id: NotRequired[str]
    """Absent when the run is complete."""
    unrouted: NotRequired[Literal[True]]
    """No edge takes the handle, or a condition failed: a ``run.failed`` that says so follows in the same commit."""
    no_condition_held: NotRequired[Literal[True]]
    """The run is complete, as no edge that takes the handle has a condition that is true."""
    input: NotRequired[Any]
    """The node's data as the executor saw it, values from globals masked; an empty object when absent."""
    output: NotRequired[Any]
    """null when absent."""
    logs: NotRequired[list[LogLine]]


class StepFailed(_Step):
    retry_at: NotRequired[int]
    """When a retry is due; absent when there is none."""
    next_node_id: NotRequired[str]
    """Where an edge on failure leads; the run has failed when this and ``retry_at`` are absent."""
    no_condition_held: NotRequired[Literal[True]]
    """There are edges on failure, and none of their conditions is true."""
    reason: NotRequired[str]
    """Why the condition of an edge on failure couldn't be evaluated."""
    error: StepError
    input: NotRequired[Any]
    logs: NotRequired[list[LogLine]]


class RunPaused(Recorded):
    """The executor of ``node_id`` waits for an answer. Without a node: an operator's hold in older releases."""

    reason: NotRequired[str]
    until: NotRequired[int]
    answer: NotRequired[dict[str, Any]]
    """The JSON Schema of the answers that the wait takes."""
    node_id: NotRequired[str]
    attempt: NotRequired[int]
    spent: NotRequired[int]
    started_at: NotRequired[int]
    finished_at: NotRequired[int]
    recorded: NotRequired[RecordedPlace]
    """It was not executed: it asks what another event has asked."""
    input: NotRequired[Any]
    logs: NotRequired[list[LogLine]]


class _Claim(Keyed):
    worker: NotRequired[Worker]
    """Who executes the run from here on."""
    lease_until: NotRequired[int]
    """Until when nobody else takes the run, unless that worker renews it."""
    globals: NotRequired[GivenGlobals]
    """What the run's nodes are given from here on."""
    code: NotRequired[dict[str, str]]
    """Node type → digest of the code that will run from here on, where any of it changed since the run last said."""
    distributions: NotRequired[dict[str, Distribution]]
    """What that code was installed with."""
    drifted: NotRequired[dict[str, str]]
    """Node type → source text of what changed."""


class _GoOn(_Claim):
    queued: NotRequired[Literal[True]]
    """Of a fork that is left to a worker."""
    payload: NotRequired[Any]


class RunResumed(_GoOn):
    """A wait was answered. ``payload``: when absent the step that an operator's pause held back sees its own."""

    wait: NotRequired[int]
    """The version at which the run asked what this answers. Absent where an older release wrote it."""
    timed_out: NotRequired[Literal[True]]
    """Its deadline answered."""


class RunRetried(_GoOn):
    """After a failure. ``payload``: when absent the retry sees that of the attempt that it repeats."""


class RunClaimed(_Claim):
    """Begun, or gone on with after a hold, by somebody else than who queued or released it."""


class RunRecovered(_Claim):
    """Taken over from a worker that is gone."""

    handed_back: NotRequired[Literal[True]]
    """That worker stopped between two steps and gave the run back: no step was cut off."""


class RunHeld(Keyed):
    """By an operator: nothing is executed and no answer taken until it is released."""

    reason: NotRequired[str]


class RunReleased(Keyed):
    """By an operator. ``note`` is for people: no node sees it."""

    note: NotRequired[str]


class RunCancelled(Keyed):
    reason: NotRequired[str]


class RunFailed(Keyed):
    reason: str


class RunMetadataSet(Keyed):
    metadata: dict[str, Any]
    """Merged into the run's metadata key by key; null removes a key."""


STARTED: Final = "run.started"
STEP_COMPLETED: Final = "run.step_completed"
STEP_FAILED: Final = "run.step_failed"
PAUSED: Final = "run.paused"
RESUMED: Final = "run.resumed"
RETRIED: Final = "run.retried"
CLAIMED: Final = "run.claimed"
RECOVERED: Final = "run.recovered"
HELD: Final = "run.held"
RELEASED: Final = "run.released"
CANCELLED: Final = "run.cancelled"
FAILED: Final = "run.failed"
METADATA_SET: Final = "run.metadata_set"


def replaced_by(event: RecordedEvent) -> Iterator[tuple[str, int]]:
    """The event, as run and version, whose result this event replaces, if it replaces one."""
    if event.type == STARTED and (edited := event.data.get("edited")) is not None:
        yield edited["run_id"], edited["version"]
