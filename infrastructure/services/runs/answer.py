"""Answering what a run waits for: each answer reaches the wait that it was given for, or none."""

from typing import Any, NamedTuple

from ....domain.errors import ConcurrencyError, InvalidRequest, WaitClosed
from ....domain.execution.step_loop import CallSettings
from ....domain.ports import RecordedEvent
from ....domain.run import RunState, proceed, refuse_held, resume
from ....domain.run.events import RESUMED
from ....domain.run.waits import wait_id, wait_version
from ....domain.values.json_compare import same_json
from ....projections.runs.run import Run
from ...execution.expressions.answer_schema import check_answer
from ...execution.runner import PreparedCall
from ...repositories.optimistic_retry import OptimisticRetry
from .commands import Command, is_answered, refuse_moved_on, settle_conflict
from .run_services import RunServices


class AnswerRequest(NamedTuple):
    """An answer, and the wait that it is given for; None: the one that is open."""

    payload: Any
    wait: str | None
    settings: CallSettings
    command: Command


def answer_wait(services: RunServices, run_id: str, request: AnswerRequest) -> PreparedCall[Run]:
    """Claim the run with the answer, or recognise the answer as one that was given.

    Raises InvalidRequest (no wait of the run), InvalidAnswer, WaitClosed, RunHeld, IllegalTransition, ConcurrencyError,
    RunMovedOn, VersionNotFound, IdempotencyConflict.
    """
    command = request.command
    attempts = OptimisticRetry()
    asked = None if request.wait is None else wait_version(request.wait, run_id)
    while True:
        state = services.runs.load(run_id)
        if is_answered(services.store, state, command):
            return services.answer(state)
        refuse_moved_on(services.store, run_id, state.version, command)
        if asked is not None and not _is_open(state, asked):
            refuse_closed(services, state, asked, request.payload)
            return services.answer(state)
        event = command.mark(resume(state, request.payload, request.settings.by, services.now()))
        refuse_unfit(state, request.payload)
        try:
            return services.claim(state, event, request.settings)
        except ConcurrencyError as error:
            if request.wait is None and not _is_open(services.runs.load(run_id), event.data["wait"]):
                state = settle_conflict(services.store, services.runs, run_id, command, error)
                return services.answer(state)
            asked = event.data["wait"]  # what was decided on this question is never an answer to the next one
            attempts.check_progress(state.version, error)


def refuse_unfit(state: RunState, payload: Any) -> None:
    """Raises InvalidAnswer for an answer that the open wait doesn't take."""
    wait = state.wait
    if wait is not None and (schema := wait.get("answer")) is not None:
        check_answer(wait_id(state.run_id, state.workflow_id, wait["version"]), schema, payload)


def _is_open(state: RunState, version: int) -> bool:
    return state.wait is not None and state.wait["version"] == version


def refuse_closed(services: RunServices, state: RunState, version: int, payload: Any) -> None:
    """Returns where a closed wait was answered just so.

    Raises WaitClosed where it was answered otherwise, RunHeld or IllegalTransition where it never was, and
    InvalidRequest where the run never asked at that version.
    """
    run_id = str(state.run_id)
    wait = wait_id(run_id, state.workflow_id, version)
    if version > state.version or not _asked_at(services, state, version):
        raise InvalidRequest(f"run {run_id!r} has no wait {wait!r}: its open ones are in run.waits")
    answered = find_answer(services, run_id, version)
    if answered is None:
        refuse_held(state)
        resume(state, None, "nobody", 0)  # raises: the run has ended, or was taken elsewhere
        raise AssertionError("a run that is open for an answer has the wait")
    if not same_json(answered.data.get("payload"), payload):
        raise WaitClosed(wait, answered.by, answered.recorded_at)


def find_answer(services: RunServices, run_id: str, version: int) -> RecordedEvent | None:
    """The event that answered what the run asked at a version: between them are only a few of operators."""
    return next((event for event in services.store.read(run_id, after=version) if event.type == RESUMED), None)


def _asked_at(services: RunServices, state: RunState, version: int) -> bool:
    """Whether the run asked something at that version."""
    asked = services.runs.load(str(state.run_id), version)
    return asked.wait is not None and asked.wait["version"] == version


def go_on(services: RunServices, run_id: str, settings: CallSettings, command: Command) -> PreparedCall[Run]:
    """Claim a run that waits for a retry, is queued or was interrupted.

    Raises RunHeld, IllegalTransition, ConcurrencyError, RunMovedOn, VersionNotFound, IdempotencyConflict.
    """
    state = services.runs.load(run_id)
    if is_answered(services.store, state, command):
        return services.answer(state)
    refuse_moved_on(services.store, run_id, state.version, command)
    event = proceed(state, None, settings.by, services.now())
    try:
        return services.claim(state, None if event is None else command.mark(event), settings)
    except ConcurrencyError as error:
        found = settle_conflict(services.store, services.runs, run_id, command, error)
        return services.answer(found)
