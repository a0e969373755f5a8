"""JSON Schemas of differences: their documents are written by hand, as they leave out what didn't change."""

from typing import Any, Final, get_args

from .....domain.status import RUN_STATUSES
from .....projections.comparison.runs_model import Kind

Schema = dict[str, Any]

_TEXT: Final[Schema] = {"type": "string"}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_FLAG: Final[Schema] = {"type": "boolean"}
_OBJECTS: Final[Schema] = {"type": "object", "additionalProperties": {"type": "object"}}


def _named(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _or_null(name: str) -> Schema:
    return {"anyOf": [_named(name), {"type": "null"}]}


def _all_of(name: str) -> Schema:
    return {"type": "array", "items": _named(name)}


def _object(description: str, properties: dict[str, Schema], *optional: str) -> Schema:
    return {
        "type": "object",
        "description": description,
        "required": [name for name in properties if name not in optional],
        "properties": properties,
        "additionalProperties": False,
    }


_SIDE: Final = {"version": _COUNT, "snapshotId": _TEXT}

COMPARED: Final[dict[str, Schema]] = {
    "ValueChange": _object(
        "One value that differs",
        {
            "path": {**_TEXT, "examples": ["data.items[3]"]},
            "kind": {"enum": ["added", "removed", "changed"]},
            "before": {"description": "Absent of what was added"},
            "after": {"description": "Absent of what was removed"},
            "diff": {**_TEXT, "description": "A unified diff, of texts of several lines"},
        },
        *("before", "after", "diff"),
    ),
    "PartChange": _object(
        "A node, an edge or the code of a node type that both versions have, with its differences",
        {"id": _TEXT, "changes": _all_of("ValueChange")},
    ),
    "PartsDiff": _object(
        "What was added, removed and changed among all nodes, edges or code, by their ids",
        {"added": _OBJECTS, "removed": _OBJECTS, "changed": _all_of("PartChange")},
    ),
    "WorkflowDiff": _object(
        "What differs between two versions of a workflow",
        {
            "workflowId": _TEXT,
            "before": _object("The earlier side", _SIDE),
            "after": _object("The later side", _SIDE),
            "summary": {**_TEXT, "examples": ["~node review, +edge ship→end"]},
            "nodes": _named("PartsDiff"),
            "edges": _named("PartsDiff"),
            "code": _named("PartsDiff"),
            "start": _or_null("ValueChange"),
            "name": _or_null("ValueChange"),
            "about": _all_of("ValueChange"),
            "reordered": {**_FLAG, "description": "The same parts stand in another order"},
        },
    ),
    "ComparedRun": _object(
        "One of two runs that are compared",
        {
            "runId": _TEXT,
            "workflowId": _TEXT,
            "workflowVersion": _COUNT,
            "version": _COUNT,
            "status": {"enum": list(RUN_STATUSES)},
            "steps": _COUNT,
        },
    ),
    "ComparedOutcome": _object(
        "How one of the runs did a step", {"version": _COUNT, "outcome": {"enum": ["completed", "failed", "paused"]}}
    ),
    "ComparedStep": _object(
        "An execution in both runs, or only in one of them",
        {
            "nodeId": _TEXT,
            "visit": _COUNT,
            "attempt": _COUNT,
            "a": _or_null("ComparedOutcome"),
            "b": _or_null("ComparedOutcome"),
            "changes": _all_of("ValueChange"),
            "nodeChanged": _FLAG,
            "codeChanged": _FLAG,
        },
    ),
    "Parting": _object(
        "Where two runs part",
        {
            "kind": {"enum": list(get_args(Kind))},
            "alike": {**_COUNT, "description": "Steps that they took alike before"},
            "a": _or_null("Attempt"),
            "b": _or_null("Attempt"),
            "changes": _all_of("ValueChange"),
            "nodeChanged": _FLAG,
            "codeChanged": _FLAG,
        },
    ),
    "RunComparison": _object(
        "Two runs side by side",
        {
            "a": _named("ComparedRun"),
            "b": _named("ComparedRun"),
            "workflow": _or_null("WorkflowDiff"),
            "parted": {**_or_null("Parting"), "description": "Null: they took the same steps"},
            "steps": _all_of("ComparedStep"),
            "patch": _all_of("Operation"),
        },
    ),
}
