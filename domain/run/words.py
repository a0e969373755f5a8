"""The events of a run in words: in a list of events, and in the audit trail."""

from ..events.registry import Body
from ..events.words import because
from ..ports import RecordedEvent
from ..values.brief import brief
from ..values.clock import OddTime, moment
from .results import error_text

# --- in a list of events ----------------------------------------------------------------------------------------------


def describe_start(data: Body) -> str:
    origin = data.get("origin")
    came = f", {origin['kind']} of {origin['run_id']}@{origin['version']}" if origin else ""
    given = f" with {brief(data['payload'])}" if "payload" in data else ""
    if (adopted := data.get("adopted")) is not None:
        came = f", adopted at version {adopted['version']}, {adopted['status']}"
    edited = data.get("edited")
    replaced = f", {edited['node_id']} edited: {brief(edited.get('output'))}" if edited else ""
    named = f", executes {', '.join(data['effects'])} anew" if "effects" in data else ""
    asks = ", asks again" if "asks_again" in data else ""
    answer = data.get("given_answer")
    answered = f", with the answer of {answer['by']} to {answer['wait']}" if answer else ""
    return f"{data['workflow_id']}@{data['workflow_version']}{came}{given}{replaced}{named}{asks}{answered}"


def describe_step(data: Body) -> str:
    by = f"by {data['handle']!r} " if "handle" in data else ""
    return f"{by}→ {_destination(data)}: {brief(data.get('output'))}{_taken(data)}"


def _destination(data: Body) -> str:
    """Where a completed step leads."""
    if "unrouted" in data:
        return "no edge"
    end = "end, as no condition is true" if "no_condition_held" in data else "end"
    next_node_id: str = data.get("next_node_id", end)
    return next_node_id


def describe_failure(data: Body) -> str:
    if "retry_at" in data:
        then = f"retry due {_time(data['retry_at'])}"
    elif "next_node_id" in data:
        then = f"→ {data['next_node_id']}"
    else:
        why = ", as no condition is true" if "no_condition_held" in data else because(data.get("reason"))
        then = f"the run has failed{why}"
    return f"{error_text(data['error'])}{_taken(data)}; {then}"


def describe_pause(data: Body) -> str:
    until = f" until {moment(data['until']).isoformat()}" if "until" in data else ""
    answer = f"; its answer fits {brief(data['answer'])}" if "answer" in data else ""
    return f"{data.get('reason', 'paused')}{until}{answer}{_taken(data)}"


def describe_resumption(data: Body) -> str:
    if "timed_out" in data:
        return "its deadline has passed, and nobody answered"
    return f"with {brief(data['payload'])}" if "payload" in data else ""


def describe_claim(_: Body) -> str:
    return ""


def describe_release(data: Body) -> str:
    return data.get("note", "")  # type: ignore[no-any-return]


def describe_recovery(_: Body) -> str:
    return "taken over from a worker that is gone"


def describe_metadata(data: Body) -> str:
    return brief(data["metadata"])


def _taken(data: Body) -> str:
    if (place := data.get("recorded")) is None:
        return ""
    if "version" not in place:
        return ", not executed"
    return f", as recorded in run {place['run_id']}@{place['version']}"


def _time(at: int) -> str:
    shown = moment(at)
    return str(shown) if isinstance(shown, OddTime) else shown.strftime("%H:%M:%S.%f")[:-3]


# --- in the audit trail -----------------------------------------------------------------------------------------------


def narrate_start(event: RecordedEvent) -> str:
    data = event.data
    of = f"of {data['workflow_id']!r} version {data['workflow_version']}"
    origin = data.get("origin")
    if "adopted" in data:
        return f"adopted a snapshot as run {event.stream} {of}"
    if origin is None:
        return f"started run {event.stream} {of}"
    verb = {"retry": "retried", "reproduction": "reproduced", "fork": "forked"}.get(origin["kind"], origin["kind"])
    at = f" at version {origin['version']}" if origin["kind"] == "fork" else ""
    return f"{verb} run {origin['run_id']}{at} as run {event.stream} {of}{because(data.get('reason'))}"


def narrate_pause(event: RecordedEvent) -> str:
    return f"paused run {event.stream}{because(event.data.get('reason'))}"


def narrate_resumption(event: RecordedEvent) -> str:
    how = ", as its deadline had passed" if "timed_out" in event.data else _with_payload(event.data)
    return f"resumed run {event.stream}{how}"


def narrate_retry(event: RecordedEvent) -> str:
    return f"went on with a due retry of run {event.stream}{_with_payload(event.data)}"


def narrate_claim(event: RecordedEvent) -> str:
    return f"went on with run {event.stream}"


def narrate_hold(event: RecordedEvent) -> str:
    return f"held run {event.stream}{because(event.data.get('reason'))}"


def narrate_release(event: RecordedEvent) -> str:
    return f"released run {event.stream}{because(event.data.get('note'))}"


def narrate_recovery(event: RecordedEvent) -> str:
    return f"took over run {event.stream}"


def narrate_cancellation(event: RecordedEvent) -> str:
    return f"cancelled run {event.stream}{because(event.data.get('reason'))}"


def narrate_metadata(event: RecordedEvent) -> str:
    return f"set metadata of run {event.stream}: {', '.join(map(repr, event.data['metadata']))}"


def _with_payload(data: Body) -> str:
    return " with a payload" if "payload" in data else ""
