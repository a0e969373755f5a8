"""One step: what the executor is given, and which events its outcome makes."""

import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import BaseModel

from ..errors import (
    ExpressionError,
    Fault,
    InputInvalid,
    InvalidRequest,
    InvalidValue,
    input_invalid,
    raw_message,
)
from ..masking import MASK, Masker
from ..ports import NewEvent
from ..run import FAILED, PAUSED, STEP_COMPLETED, STEP_FAILED, RunState, envelope
from ..run.events import RecordedPlace
from ..run.waits import answer_of
from ..values.clock import micros
from ..values.json import PAUSE_KEY, freeze
from ..values.names import check_name
from ..visible import quoted
from ..workflow.definition import Node
from ..workflow.loops import Loop
from .cancellation import Cancellation
from .executors import GivenStep, Pause, StepContext, StepResult, asks_to_pause, end_log, make_read_only
from .plan import PlannedNode
from .recordable import recordable
from .retrying import retry_time
from .routing import Way, scope_after, way_after_failure, way_after_success
from .scoping import Globals
from .shutdown import find_shutdown
from .step_scope import scope_of


class Returned(NamedTuple):
    """The executor came back with a value."""

    value: Any


class Raised(NamedTuple):
    """The executor, or the preparation of its input, failed."""

    error: BaseException


class Taken(NamedTuple):
    """Nothing was executed: what is on record takes the place of what the executor would do."""

    type: str
    """Of the event that recorded it: a step's, or a pause."""
    data: Mapping[str, Any]
    """The body of that event."""
    place: RecordedPlace


Executed = Returned | Raised

Outcome = Executed | Taken


def failure_of(error: BaseException, handled: BaseException | None) -> Raised:
    """An executor's error as its failure. Raises the shutdown that it is, or that led to it.

    ``handled`` is the error that was being handled when the executor was called.
    """
    shutdown = find_shutdown(error, handled)
    if shutdown is not None:
        raise shutdown
    return Raised(error)


class Prepared(NamedTuple):
    """An executor's input is ready."""

    context: StepContext
    recorded_input: Any
    """The input with values from globals masked."""
    attempt: int


class Refusal(NamedTuple):
    """Why an input schema refuses an input; values from globals masked."""

    reason: str
    issues: Sequence[Fault]


@dataclass(frozen=True, slots=True)
class StepLimits:
    """What one step may produce."""

    max_value_bytes: int


def prepare(
    planned: PlannedNode,
    state: RunState,
    globals: Globals,
    now: Callable[[], int],
    masker: Masker,
    cancelled: Cancellation | None = None,
) -> Prepared:
    """Evaluate and validate the node's input. Raises ExpressionError, InputInvalid."""
    node = planned.node
    template = planned.template
    payload = freeze(state.payload, "payload")  # one that was read from the log isn't yet
    if template.is_constant:
        data = masked = node.data
    else:
        data, masked = template.render(scope_of(node, state, payload, globals))
        masker.add_secret(data, masked)
    model = data
    if planned.validator is not None:
        valid = planned.validator.validate(data, node.id)
        masked = valid.data if masked is data else freeze(mask_validated(valid.data, data, masked, masker))
        data, model = valid.data, valid.model
    loop = planned.loops.around(node.id)
    context = make_context(node, loop, state, data, model, payload, globals.for_executor(node), now, masker, cancelled)
    return Prepared(context, masked, context.attempt)


def make_context(
    node: Node,
    loop: Loop | None,
    state: RunState,
    data: Any,
    model: Any,
    payload: Any,
    globals: Mapping[str, Any],
    now: Callable[[], int],
    masker: Masker,
    cancelled: Cancellation | None = None,
) -> StepContext:
    """What the node's executor is given in this state. ``payload`` is the state's, frozen; ``loop`` the node's."""
    given = GivenStep(
        node,
        data,
        model,
        state.context,
        payload,
        None if state.answer is None else answer_of(state.answer, payload),
        globals,
        state.context.next_attempt(node.id),
        state.recoveries,
        loop,
        state.run_id,
        state.workflow_id,
        state.work_order_id,
        now,
        masker,
        cancelled,
    )
    return make_read_only(given)


def find_input_refusal(
    planned: PlannedNode, state: RunState, globals: Globals, now: Callable[[], int]
) -> Refusal | None:
    """Why the node's input schema refuses its input, or None. A failing expression is no refusal: it fails the step."""
    masker = globals.masker()
    try:
        prepare(planned, state, globals, now, masker)
    except InputInvalid as error:
        recordable_error = _make_recordable(error, masker)
        return Refusal(raw_message(recordable_error), recordable_error.issues)
    except ExpressionError:
        return None
    return None


def _make_recordable(error: InputInvalid, masker: Masker) -> InputInvalid:
    """The error with all its texts as they are recorded: masked before they are joined, and shortened."""
    issues = [Fault(*(recordable(text, masker, _MAX_ISSUE_TEXT) for text in issue)) for issue in error.issues]
    return input_invalid(recordable(error.node_id, masker), issues, error.count)


_MAX_ISSUE_TEXT = 400
"""Characters of the path and of the message of one issue."""


def mask_validated(value: Any, original: Any, masked: Any, masker: Masker) -> Any:
    """The validated value, masked where the original was masked, and wherever the validator put a secret."""
    if masked is original:
        return masker.value(value)
    if isinstance(value, dict) and isinstance(masked, dict):
        return {
            key if key in masked else masker.text(key): (
                mask_validated(item, original[key], masked[key], masker) if key in masked else MASK
            )
            for key, item in value.items()
        }
    if isinstance(value, list) and isinstance(masked, list) and value == original:
        return masked
    return MASK


_CLOCK_WAS_SET = 1_000_000
"""Microseconds by which two clocks differ on a step of which one was set meanwhile."""


def conclude(
    planned: PlannedNode,
    state: RunState,
    prepared: Prepared | None,
    outcome: Outcome,
    *,
    by: str,
    started_at: int,
    finished_at: int,
    took: int | None,
    chance: float,
    globals: Globals,
    masker: Masker,
    limits: StepLimits,
) -> list[NewEvent]:
    """The events of a step's outcome: one, or two where there is no way on from it.

    ``took``: microseconds by a clock that nobody sets, which counts where the other one was set meanwhile.
    """
    node_id = planned.node.id
    spent = finished_at - started_at
    if took is not None and not -_CLOCK_WAS_SET < took - spent < _CLOCK_WAS_SET:
        spent = took
    if spent < 0:
        spent = 0
    ended_at = started_at + spent
    event = envelope(state, by, ended_at if ended_at > finished_at else finished_at)
    event["node_id"] = node_id
    attempt = state.context.next_attempt(node_id) if prepared is None else prepared.attempt
    if attempt != 1:
        event["attempt"] = attempt
    if prepared is not None:
        if prepared.recorded_input != {}:
            event["input"] = prepared.recorded_input
        if lines := end_log(prepared.context):
            event["logs"] = [{**line, "message": recordable(line["message"], masker)} for line in lines]
    event["started_at"] = started_at
    event["spent"] = (state.total_time or 0) + spent
    if event["recorded_at"] != ended_at:
        event["finished_at"] = ended_at
    if isinstance(outcome, Taken):
        event["recorded"] = outcome.place
    if isinstance(outcome, Taken) and outcome.type == STEP_FAILED:
        event["error"] = outcome.data["error"]
        if "version" not in outcome.place:  # nothing came of it, so nothing leads on from it
            return [NewEvent(STEP_FAILED, event)]
    else:
        concluded = events_or_error(planned, state, outcome, event, globals, limits, masker)
        if not isinstance(concluded, Raised):
            return concluded
        event["error"] = describe_error(concluded.error, masker)
    # What isn't executed isn't retried. An executor that returned has had its effect: a value that can't be kept is no
    # reason to repeat it.
    retry_at = None
    if isinstance(outcome, Raised):
        retry_at = retry_time(planned.policy, outcome.error, attempt, finished_at, chance)
    if retry_at is not None:
        event["retry_at"] = retry_at
    elif planned.routes.on_failure:
        way = way_after_failure(planned.routes, scope_after(planned.node, state, event, globals))
        if way.fault is not None:
            event["reason"] = recordable(way.fault, masker)
        _record_way(event, way)
    return [NewEvent(STEP_FAILED, event)]


def _record_way(event: dict[str, Any], way: Way) -> None:
    if way.next_node_id is not None:
        event["next_node_id"] = way.next_node_id
    if way.no_condition_held:
        event["no_condition_held"] = True


def events_or_error(
    planned: PlannedNode,
    state: RunState,
    outcome: Outcome,
    event: Mapping[str, Any],
    globals: Globals,
    limits: StepLimits,
    masker: Masker,
) -> list[NewEvent] | Raised:
    """The events of a returned value, which all begin with ``event``; or the error, also of a value that can't be
    stored.
    """
    if isinstance(outcome, Raised):
        return outcome
    if isinstance(outcome, Taken):
        if outcome.type == PAUSED:
            asked = {key: outcome.data[key] for key in ("reason", "until", "answer") if key in outcome.data}
            return [NewEvent(PAUSED, {**event, **asked})]
        outcome = Returned(StepResult(outcome.data.get("output"), outcome.data.get("handle")))
    handled = sys.exception()
    try:
        return _conclude_return(planned, state, dict(event), outcome.value, globals, limits, masker)
    except BaseException as error:  # noqa: BLE001 - reading the value may run the executor's own code
        return failure_of(error, handled)


def _conclude_return(
    planned: PlannedNode,
    state: RunState,
    event: dict[str, Any],
    value: Any,
    globals: Globals,
    limits: StepLimits,
    masker: Masker,
) -> list[NewEvent]:
    asks = (
        isinstance(value, dict)
        and value.get(PAUSE_KEY) is True
        and asks_to_pause(value, planned.node.data, _data_seen_by(state))
    )
    if asks or isinstance(value, Pause):
        pause = value if isinstance(value, Pause) else Pause(*map(value.get, ("reason", "until", "answer")))
        if pause.reason is not None:
            event["reason"] = recordable(str(pause.reason), masker)
        if pause.until is not None:
            if not isinstance(pause.until, datetime) or pause.until.tzinfo is None:
                raise InvalidValue("until", f"{quoted(pause.until)} is not a datetime with a time zone")
            event["until"] = micros(pause.until)
        if pause.answer is not None:
            event["answer"] = answer_schema(pause.answer, planned, limits)
        return [NewEvent(PAUSED, event)]
    result = value if isinstance(value, StepResult) else StepResult(value)
    output = freeze(result.output, "output", limits.max_value_bytes)
    if output is not None:
        event["output"] = output
    handle: str | None = None
    if result.handle is not None:
        if not isinstance(result.handle, str):
            raise InvalidValue("handle", f"{quoted(result.handle)} is {type(result.handle).__name__}, a handle is text")
        event["handle"] = handle = freeze(result.handle, "handle")  # a plain str: what is recorded is what is followed
    routes = planned.routes
    next_node_id = routes.direct.get(handle)
    if next_node_id is not None:
        event["next_node_id"] = next_node_id
        return [NewEvent(STEP_COMPLETED, event)]
    if handle is not None and handle not in routes.conditional:
        check_name(handle, "handle")  # here, as an edge of an old definition may have any
    way = way_after_success(routes, handle, scope_after(planned.node, state, event, globals))
    _record_way(event, way)
    if way.fault is None:
        return [NewEvent(STEP_COMPLETED, event)]
    event["unrouted"] = True
    why = {key: event[key] for key in ("recorded_at", "by", "correlation_id") if key in event}
    return [
        NewEvent(STEP_COMPLETED, event),
        NewEvent(FAILED, why | {"reason": recordable(way.fault, masker)}),
    ]


def answer_schema(given: Any, planned: PlannedNode, limits: StepLimits) -> Any:
    """The JSON Schema of a wait's answers. Raises InvalidValue for what is neither a schema nor a pydantic model."""
    if isinstance(given, type) and issubclass(given, BaseModel):
        try:
            given = given.model_json_schema()
        except Exception as error:  # a model's own code makes its schema, and not every model has one
            raise InvalidValue("answer", f"{quoted(given.__name__)} has no JSON Schema: {error}") from error
    if not isinstance(given, Mapping):
        raise InvalidValue("answer", f"{quoted(given)} is neither a pydantic model nor a JSON Schema")
    schema = freeze(given, "answer", limits.max_value_bytes)
    try:
        planned.compile_answer(schema)
    except InvalidRequest as error:
        raise InvalidValue("answer", raw_message(error)) from None
    return schema


def _data_seen_by(state: RunState) -> Iterator[Any]:
    """The data of the run that an executor may have been given."""
    yield state.payload
    for results in state.context.values():
        yield from (result.output for result in results)


def describe_error(error: BaseException, masker: Masker) -> dict[str, str]:
    """An error as it is recorded: type, message and traceback, secrets masked."""
    if isinstance(error, InputInvalid) and error.node_id:
        error = _make_recordable(error, masker)
    handled = sys.exception()
    try:
        message = raw_message(error)
    except BaseException as failure:  # noqa: BLE001 - an executor may raise anything, also what can't be shown
        failure_of(failure, handled)  # raises a shutdown
        message = f"(its __str__ raised {type(failure).__name__})"
    described = {"type": type(error).__name__, "message": recordable(message, masker)}
    if trace := _traceback(error):
        described["traceback"] = recordable(trace, masker)
    return described


def _traceback(error: BaseException) -> str:
    """From the executor's own frame on, with the errors that led to it. Empty for what no executor raised."""
    inner = error.__traceback__.tb_next if error.__traceback__ is not None else None  # the first frame is the caller's
    if inner is None:
        return ""
    handled = sys.exception()
    try:
        return "".join(traceback.format_exception(type(error), error, inner))
    except BaseException as failure:  # noqa: BLE001 - an error that can't be shown; where it came from still can
        failure_of(failure, handled)  # raises a shutdown
        return "".join(traceback.format_tb(inner))
