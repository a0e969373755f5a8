"""Checks that an event could have been written by flowledger: files of strangers and INSERTs may break that.

Only the event itself is checked; the registries of the aggregates say which event may follow which.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NoReturn
from uuid import UUID

from .errors import InvalidDefinition, InvalidSnapshot, InvalidValue
from .events.catalogue import EVENT_TYPES
from .events.personal import SEALED_BY, UNREADABLE, is_stand_in
from .run import STARTED
from .run.snapshot import Snapshot
from .run.trigger import check_trigger
from .values.clock import EARLIEST, LATEST, moment
from .values.idempotency import LONGEST_KEY
from .values.ids import keyed_work_order_id, workflow_stream
from .values.json import MAX_DEPTH, freeze
from .values.names import check_name
from .values.trace_ids import check_traceparent
from .work_order import OPENED
from .workflow import SAVES
from .workflow.definition import WorkflowDefinition
from .workflow.graph_faults import name_faults

# What the keys of bodies hold. A test names every key of a schema that is in none of these.

PAST_TIMES: Final = ("recorded_at", "started_at", "finished_at", "last_started_at", "asked_at")
"""Microseconds since 1970 that a clock has told."""

DUE_TIMES: Final = ("retry_at", "until", "due_at", "run_at", "lease_until", "expires_at")
"""The same, but they may lie ahead."""

COUNTS: Final = (
    "spent",
    "attempt",
    "version",
    "workflow_version",
    "live_version",
    "restored_version",
    "wait",
    "asked_version",
    "pid",
    "count",
    "stream_count",
    "value_count",
    "run_count",
    "workflow_count",
    "event_count",
    "byte_count",
    "first",
    "last",
)

RANKS: Final = ("priority",)
"""Numbers of callers, which may be negative."""

VALUES: Final = ("adopted", "payload", "trigger", "metadata", "input", "output", "answer")
"""What callers and executors gave: any JSON. Imports bound its size and depth."""

_LARGEST: Final = 2**63 - 1
"""The largest whole number that every database holds."""


class OddTimeRecorded(InvalidValue):
    """The event has a time in the future, or one that no calendar has."""


def check_recorded(type: str, data: Mapping[str, Any], body: bytes, latest: int, value_limit: int) -> None:
    """Raises InvalidValue, with the place, for the first thing in an event that no write could have produced.

    ``data`` was read from the JSON text ``body``, so nothing else is in it. ``latest`` is the latest time that it may
    have been recorded at, in microseconds since 1970; ``value_limit`` the most bytes that one of its values may take.
    """
    EVENT_TYPES[type].validate(data)
    for place, at, is_due in _times_in(data):
        if not (EARLIEST <= at <= LATEST if is_due else 0 <= at <= latest):
            _refuse_time(place, at)
    for rank in RANKS:
        if rank in data and not -_LARGEST <= data[rank] <= _LARGEST:
            raise InvalidValue(rank, f"{data[rank]} is more than a database holds")
    for place, number in _numbers_in(data):
        if not 0 <= number <= _LARGEST:
            raise InvalidValue(place, f"{number} is no number that was counted here")
    if not data["by"]:
        raise InvalidValue("by", "an actor is text, not empty")
    may_be_deep = body.count(b"[") + body.count(b"{") > MAX_DEPTH
    if may_be_deep or len(body) > value_limit:
        for place, value in _values_in(data):
            if len(body) > value_limit or _is_deep(value):
                freeze(value, place, value_limit)  # which says what is wrong, and takes its time for it
    for node_type, source in data.get("drifted", {}).items():
        # Of what has no source its name stands there, and the digest is of more than that.
        if "\n" in source:
            _check_digest(f"drifted.{node_type}", source, data.get("code", {}).get(node_type))
    if type in SAVES:
        _check_save(data)
    if "traceparent" in data:
        check_traceparent(data["traceparent"], "traceparent")
    if "adopted" in data and UNREADABLE not in data:
        _check_adopted(data)
    if type != OPENED:
        _check_key(data)


def check_names(stream: str, type: str, data: Mapping[str, Any]) -> None:
    """Checks the names in an event, and that its ids fit its stream. Raises InvalidValue.

    A check of its own, as older releases allowed more in names: a stored event isn't at fault for that.
    """
    for named in (data, data.get("edited", {})):
        for key in ("by", "channel", "name", "key", "handle"):
            if named.get(key) is not None:
                check_name(named[key], key)
    if "trigger" in data:
        check_trigger(data["trigger"])
    for key in ("id", "name", "host", "release"):
        if "worker" in data:
            check_name(data["worker"][key], f"worker.{key}")
    kind = type.partition(".")[0]
    if kind == "workflow":
        _check_workflow_id(stream, data["workflow_id"])
        for fault in name_faults(data.get("definition")):
            raise InvalidValue(f"definition.{fault.path}", fault.message)
        return
    if not is_id(stream):
        raise InvalidValue("stream", f"{stream!r} is not the id of a {kind.replace('_', ' ')}, which is a UUID")
    if kind == "work_order" and data.get("correlation_id") != stream:
        raise InvalidValue("correlation_id", f"{data.get('correlation_id')!r} is not the work order {stream!r}")
    if type == OPENED and "key" in data and keyed_work_order_id(data["workflow_id"], data["key"]) != stream:
        raise InvalidValue("key", f"the idempotency key {data['key']!r} doesn't stand for this work order")
    if type == STARTED and not is_id(data.get("correlation_id", "")):
        raise InvalidValue("correlation_id", f"{data.get('correlation_id')!r} is not the id of a work order")
    if "recorded" in data and not is_id(data["recorded"]["run_id"]):
        raise InvalidValue("recorded.run_id", f"{data['recorded']['run_id']!r} is not the id of a run")


def is_id(text: str) -> bool:
    """Whether it is the id of a run or a work order, as they are made: a UUID, in its one form."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _check_workflow_id(stream: str, workflow_id: str) -> None:
    if not workflow_id or "@" in workflow_id or workflow_stream(workflow_id) != stream:
        raise InvalidValue("workflow_id", f"{workflow_id!r} is not the workflow of stream {stream!r}")
    check_name(workflow_id, "workflow_id")


def _check_adopted(data: Mapping[str, Any]) -> None:
    try:
        snapshot = Snapshot.from_json(data["adopted"])
    except InvalidSnapshot as error:
        raise InvalidValue("adopted", str(error)) from error
    if "origin" in data or "payload" in data:
        raise InvalidValue("adopted", "a run that adopts a snapshot has no origin and no payload of its own")
    if data.get("start_node_id") != snapshot.current_node_id:
        raise InvalidValue("start_node_id", f"the adopted snapshot stands at {snapshot.current_node_id!r}")


def _check_key(data: Mapping[str, Any]) -> None:
    """Of a command: its key, the digest of what it asked for, and what it was given for."""
    key, request = data.get("key"), data.get("request")
    if (key is None) != (request is None) or (key is None and "key_of" in data):
        raise InvalidValue("key", "an idempotency key and the digest of its command come together")
    if key is not None and not 0 < len(key) <= LONGEST_KEY:
        raise InvalidValue("key", f"an idempotency key has 1 to {LONGEST_KEY:,} characters, and not {len(key):,}")
    is_lost = request is not None and SEALED_BY in data and is_stand_in(request)
    if request is not None and not (_SHA_256(request) or is_lost):
        raise InvalidValue("request", "it is not the digest of a command: 64 characters of 0 to 9 and a to f")
    if "key_of" in data and not is_id(data["key_of"]):
        raise InvalidValue("key_of", f"{data['key_of']!r} is not the id of a run, which is a UUID")


_SHA_256 = re.compile(r"[0-9a-f]{64}\Z").match


def _check_save(data: Mapping[str, Any]) -> None:
    try:
        definition = WorkflowDefinition.model_validate(data["definition"])
    except InvalidDefinition as error:
        raise InvalidValue("definition", "; ".join(map(str, error.faults[:3]))) from error
    if definition.digest != data["digest"]:
        raise InvalidValue("digest", "it is not that of the definition")
    if not _SNAPSHOT_ID(data["snapshot_id"]):
        raise InvalidValue("snapshot_id", f"{data['snapshot_id']!r} is none: seven characters of a to z and 2 to 7")
    for node_type, code in data["code"].items():
        if "source" in code:
            _check_digest(f"code.{node_type}", code["source"], code["digest"])


def _check_digest(place: str, source: str, digest: str | None) -> None:
    if hashlib.sha256(source.encode(errors="backslashreplace")).hexdigest() != digest:
        raise InvalidValue(place, "its digest is not that of the source")


_SNAPSHOT_ID = re.compile(r"(?![0-9]*\Z)[a-z2-7]{7}").fullmatch
# --- values -----------------------------------------------------------------------------------------------------------


def _refuse_time(place: str, at: int) -> NoReturn:
    if not 0 <= at <= LATEST:
        raise OddTimeRecorded(place, f"{at} µs since 1970 is no time that a clock has told")
    raise OddTimeRecorded(place, f"{moment(at).isoformat()} is ahead of the clock here")


def _times_in(data: Mapping[str, Any]) -> Iterator[tuple[str, int, bool]]:
    """Place, time, and whether that may lie ahead."""
    for key in PAST_TIMES:
        if key in data:
            yield key, data[key], False
    for key in DUE_TIMES:
        if key in data:
            yield key, data[key], True
    if "given_answer" in data:
        yield "given_answer.at", data["given_answer"]["at"], False
    if "after" in data:
        after = data["after"]
        for key in PAST_TIMES:
            if key in after:
                yield f"after.{key}", after[key], False
        for key in DUE_TIMES:
            if key in after:
                yield f"after.{key}", after[key], True
    for index, line in enumerate(data.get("logs", ())):
        yield f"logs[{index}].at", line["at"], False


def _numbers_in(data: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for key in COUNTS:
        if key in data:
            yield key, data[key]
    for name in ("after", "origin", "edited", "recorded", "worker"):
        if name in data:
            yield from ((f"{name}.{key}", data[name][key]) for key in COUNTS if key in data[name])


def _is_deep(value: Any) -> bool:
    """Whether values in it may be nested too deep."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [item for each in level for item in _items(each)]
        if not level:
            return False
    return True


def _items(value: Any) -> Iterable[Any]:
    kind = type(value)
    return value.values() if kind is dict else value if kind is list else ()


def _values_in(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What callers and executors gave, which may be any JSON."""
    for key in VALUES:
        if key in data:
            yield key, data[key]
    if "edited" in data:
        yield "edited.output", data["edited"].get("output")
