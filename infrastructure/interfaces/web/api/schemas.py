"""JSON Schemas of what the API answers with, made from the types of which the documents are made."""

from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from typing_extensions import is_typeddict

from .....domain.evidence.report import RemovedHistory
from .....domain.rerun.retry import RetryPreview
from .....domain.run.waits import Hold, Wait
from .....domain.status import RUN_STATUSES
from .....domain.values.roles import ROLES
from .....domain.workflow import WorkflowVersion
from .....projections.audit.build import RunAudit
from .....projections.bulk_action import BulkAction, BulkActionItem, BulkPreview
from .....projections.counts import Count
from .....projections.erasure import ErasureReport
from .....projections.history_beginning import HistoryBeginning
from .....projections.retention import PlacedHold, RetentionReport
from .....projections.runs.attempts import Attempt
from .....projections.runs.audit_trail import Act
from .....projections.runs.lineage import Lineage
from .....projections.runs.open_waits import WaitSummary
from .....projections.runs.run import RunOrigin
from .....projections.runs.summary import RunSummary, WorkflowSummary, WorkOrderSummary
from .....projections.runs.timings import Timings
from .....projections.serialization import camel
from .....projections.status.model import Health, Status
from .....projections.steps.summary import FailureGroup, StepSummary
from .compared_schemas import COMPARED

Schema = dict[str, Any]

_SIMPLE: Final[dict[Any, Schema]] = {
    Any: {},
    NoneType: {"type": "null"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    Path: {"type": "string"},
    datetime: {"type": "string", "format": "date-time"},
    timedelta: {"type": "number", "description": "Seconds"},
}


def answers(schema: Schema, *statuses: int) -> dict[int | str, Schema]:
    """What a route says of its answers, for FastAPI; without ``statuses`` it is 200."""
    content = {"application/json": {"schema": schema}}
    return {status: {"description": _SAID[status], "content": content} for status in statuses or (200,)}


_SAID: Final = {200: "It is so", 201: "It was made", 503: "This process can't work"}
ANY_OBJECT: Final[Schema] = {"type": "object"}
NOT_CHANGED: Final[dict[int | str, Schema]] = {304: {"description": "You have this version"}}


def named(name: str) -> Schema:
    """A schema among the components."""
    return {"$ref": f"#/components/schemas/{name}"}


def array(item: Schema) -> Schema:
    """Any number of these."""
    return {"type": "array", "items": item}


def listed(key: str, row: type, **beside: Schema) -> Schema:
    """A page of a list, and the cursor of the next one; ``beside``: what else it has."""
    return {
        "type": "object",
        "required": [key, "next"],
        "properties": {
            key: array(named(row.__name__)),
            "next": {"type": ["string", "null"]},
            "behind": {"type": "number", "description": "Seconds for which there have been events that a search lacks"},
            "begins": named("HistoryBeginning"),
            **beside,
        },
        "additionalProperties": False,
    }


def schema_of(kind: Any) -> Schema:
    """The schema of a value of a type; of a class of ours a reference to its own."""
    if kind in _SIMPLE:
        return _SIMPLE[kind]
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, UnionType):
        return {"anyOf": [schema_of(each) for each in arguments]}
    if origin in (tuple, list):
        return array(schema_of(arguments[0]))
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": schema_of(arguments[1])}
    return named(kind.__name__)


def _object_of(kind: type) -> Schema:
    """What the document of a class has: what may be left out isn't required."""
    hints = get_type_hints(kind)
    if is_typeddict(kind):  # stands in the log, and is told as it is there
        optional: frozenset[str] = getattr(kind, "__optional_keys__", frozenset())
        return _written(_first_line(kind), {name: schema_of(hint) for name, hint in hints.items()}, *optional)
    known = getattr(kind, "__dataclass_fields__", {})
    needed = [name for name in hints if name not in known or not known[name].metadata]
    return {
        "type": "object",
        "title": kind.__name__,
        "description": _first_line(kind),
        "required": [camel(name) for name in needed],
        "properties": {camel(name): schema_of(hint) for name, hint in hints.items()},
        "additionalProperties": False,
    }


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").partition("\n")[0]


def components() -> dict[str, Schema]:
    """Every schema that is referred to, by its name."""
    found = _WRITTEN | COMPARED
    for kind in _KINDS:
        for each in _within(kind, found):
            found[each.__name__] = _object_of(each)
    found["WorkflowVersion"]["required"].append("summary")
    found["WorkflowVersion"]["properties"]["summary"] = {**_TEXT, "description": "What it changed, in words"}
    found["RunAudit"]["required"].append("digest")
    found["RunAudit"]["properties"]["digest"] = {**_TEXT, "description": "SHA-256 (hex) of what is the run's own"}
    found["Provenance"]["required"].append("ok")
    found["Provenance"]["properties"]["ok"] = {**_SIMPLE[bool], "description": "No finding"}
    return found


def _within(kind: Any, known: Mapping[str, Schema]) -> Iterator[type]:
    """The classes of ours that a type is made of, each once."""
    if get_origin(kind) is not None:
        for each in get_args(kind):
            yield from _within(each, known)
    elif _is_ours(kind) and kind.__name__ not in known:
        yield kind
        for hint in get_type_hints(kind).values():
            yield from _within(hint, known)


def _is_ours(kind: Any) -> bool:
    """Whether a schema of its own is made of it: not of a plain value."""
    return isinstance(kind, type) and (is_dataclass(kind) or is_typeddict(kind) or hasattr(kind, "_fields"))


_KINDS: Final[tuple[type, ...]] = (
    Act,
    Attempt,
    BulkAction,
    BulkActionItem,
    BulkPreview,
    Count,
    ErasureReport,
    FailureGroup,
    Health,
    HistoryBeginning,
    Hold,
    Lineage,
    PlacedHold,
    RemovedHistory,
    RetentionReport,
    RetryPreview,
    RunAudit,
    RunOrigin,
    RunSummary,
    Status,
    StepSummary,
    Timings,
    Wait,
    WaitSummary,
    WorkflowSummary,
    WorkflowVersion,
    WorkOrderSummary,
)

_TIME: Final = _SIMPLE[datetime]
_TIME_OR_NULL: Final = {"anyOf": [_TIME, {"type": "null"}]}
_TEXT: Final = _SIMPLE[str]
_TEXT_OR_NULL: Final = {"type": ["string", "null"]}
_COUNT: Final = {"type": "integer", "minimum": 0}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _written(description: str, properties: dict[str, Schema], *optional: str) -> Schema:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "description": description, "required": required, "properties": properties}


_WRITTEN: Final[dict[str, Schema]] = {
    "Snapshot": _written(
        "A run's state, in the form of the snapshot format; members that it doesn't know are kept",
        {
            "workflowId": _TEXT,
            "status": {"enum": [status for status in RUN_STATUSES if status != "cancelled"]},
            "currentNodeId": _TEXT_OR_NULL,
            "context": {"type": "object", "additionalProperties": array(ANY_OBJECT)},
            "version": _COUNT,
            "lastStartedAt": {"type": "integer", "description": "Milliseconds since 1970"},
            "totalExecutionTime": {"type": "number", "description": "Milliseconds"},
            "metadata": ANY_OBJECT,
            "retryState": ANY_OBJECT,
        },
        *("lastStartedAt", "totalExecutionTime", "retryState"),
    ),
    "Run": _written(
        "A run as it stands",
        {
            "id": _TEXT,
            "workflowId": _TEXT,
            "workflowVersion": _COUNT,
            "workOrderId": _TEXT,
            "status": {"enum": list(RUN_STATUSES)},
            "version": _COUNT,
            "startedAt": _TIME,
            "finishedAt": _TIME_OR_NULL,
            "origin": _or_null(named("RunOrigin")),
            "waits": array(named("Wait")),
            "held": _or_null(named("Hold")),
            "nextDueAt": _TIME_OR_NULL,
            "trigger": ANY_OBJECT,
            "snapshot": named("Snapshot"),
            "created": {"type": "boolean", "description": "False: its key was known, nothing was started"},
        },
        *("trigger", "created"),
    ),
    "Workflow": _written(
        "A workflow as it was at one save",
        {
            "workflowId": _TEXT,
            "name": _TEXT_OR_NULL,
            "version": _COUNT,
            "snapshotId": _TEXT,
            "isLatest": _SIMPLE[bool],
            "isLive": _SIMPLE[bool],
            "archived": _SIMPLE[bool],
            "by": _TEXT,
            "takenAt": _TIME,
            "message": _TEXT_OR_NULL,
            "digest": _TEXT,
            "definition": ANY_OBJECT,
            "code": ANY_OBJECT,
        },
    ),
    "Event": _written(
        "An event as it is stored; times inside `data` are microseconds since 1970",
        {
            "stream": _TEXT,
            "version": _COUNT,
            "position": _COUNT,
            "type": _TEXT,
            "recordedAt": _TIME,
            "by": _TEXT,
            "data": ANY_OBJECT,
            "digest": _TEXT,
        },
    ),
    "Token": _written(
        "A token that was made; its secret, `token`, is told once",
        {
            "name": _TEXT,
            "role": {"enum": list(ROLES)},
            "madeBy": _TEXT,
            "madeAt": _TIME,
            "expiresAt": _TIME_OR_NULL,
            "lastUsedAt": _TIME_OR_NULL,
            "revokedBy": _TEXT_OR_NULL,
            "revokedAt": _TIME_OR_NULL,
            "token": _TEXT,
        },
        "token",
    ),
    "Operation": _written(
        "An operation of a JSON Patch (RFC 6902)",
        {"op": {"enum": ["add", "remove", "replace", "move"]}, "path": _TEXT, "from": _TEXT, "value": {}},
        *("from", "value"),
    ),
}
