"""The JSON documents that ``--json`` prints. Keys are camelCase, times ISO 8601; a Snapshot keeps its own form."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ....domain.errors import FlowledgerError
from ....domain.visible import visible_json
from ....projections.columns import column_names, column_values
from ....projections.serialization import camel

if TYPE_CHECKING:
    from ....domain.ports import RecordedEvent
    from ....domain.workflow import WorkflowSnapshot, WorkflowVersion
    from ....projections.access import Token
    from ....projections.history_beginning import HistoryBeginning
    from ....projections.pagination import Page
    from ....projections.runs.run import Run, RunOrigin
    from ....projections.runs.summary import WorkflowSummary


def to_json(document: Any, indent: int | None = 2) -> str:
    """JSON text, indented, or with None on one line; what isn't Unicode, and control characters, are escaped."""
    return visible_json(json.dumps(document, indent=indent, ensure_ascii=False))


def run_document(run: Run) -> dict[str, Any]:
    """A run, with its snapshot."""
    return run_with(run, run.snapshot.to_data())


def run_with(run: Run, snapshot: dict[str, Any]) -> dict[str, Any]:
    """A run, with what is told of its state."""
    return {
        "id": run.id,
        "workflowId": run.workflow_id,
        "workflowVersion": run.workflow_version,
        "workOrderId": run.work_order_id,
        "status": run.status,
        "version": run.version,
        "startedAt": run.started_at.isoformat(),
        "finishedAt": None if run.finished_at is None else run.finished_at.isoformat(),
        "origin": None if run.origin is None else _origin_document(run.origin),
        "waits": [row_document(wait) for wait in run.waits],
        "held": None if run.held is None else row_document(run.held),
        "nextDueAt": None if run.next_due_at is None else run.next_due_at.isoformat(),
        **({} if run.trigger is None else {"trigger": run.trigger}),
        "snapshot": snapshot,
        **({} if run.created else {"created": False}),
    }


def _origin_document(origin: RunOrigin) -> dict[str, Any]:
    return {"kind": origin.kind, "runId": origin.run_id, "version": origin.version}


def token_document(token: Token) -> dict[str, Any]:
    """A token; its secret is told only where it was made a moment ago, as ``token``."""
    document = row_document(replace(token, secret=None))
    return document if token.secret is None else {**document, "token": token.secret}


def workflow_document(workflow: WorkflowSnapshot) -> dict[str, Any]:
    """A workflow as it was at one save."""
    return {
        "workflowId": workflow.workflow_id,
        "name": workflow.name,
        "version": workflow.version,
        "snapshotId": workflow.snapshot_id,
        "isLatest": workflow.is_latest,
        "isLive": workflow.is_live,
        "archived": workflow.archived,
        "by": workflow.by,
        "takenAt": workflow.taken_at.isoformat(),
        "message": workflow.message,
        "digest": workflow.digest,
        "definition": workflow.definition.to_data(),
        "code": dict(workflow.code),
    }


def workflow_summary_document(row: WorkflowSummary) -> dict[str, Any]:
    """A workflow in a list."""
    return row_document(row)


def version_document(version: WorkflowVersion) -> dict[str, Any]:
    """One version of a workflow's history."""
    return {**row_document(version), "summary": str(version.changes)}


def event_document(event: RecordedEvent) -> dict[str, Any]:
    """An event as it is stored; times inside ``data`` are microseconds since 1970."""
    return {
        "stream": event.stream,
        "version": event.version,
        "position": event.position,
        "type": event.type,
        "recordedAt": event.recorded_at.isoformat(),
        "by": event.by,
        "data": event.data,
        "digest": event.digest,
    }


def report_document(report: Any) -> dict[str, Any]:
    """A verification's report."""
    return {"ok": report.ok, **_to_json_value(report)}


def list_document(name: str, rows: Iterable[Any], page: Page[Any]) -> dict[str, Any]:
    """A page of a list and the cursor of the next one; of a search how far it is behind, and what was removed of it.

    Failures have work orders beside them that were rejected.
    """
    document: dict[str, Any] = {name: [row_document(row) for row in rows], "next": page.next}
    if page.behind is not None:
        document["behind"] = page.behind
    if (rejected := getattr(page, "rejected", None)) is not None:
        document["rejected"] = list_document("workOrders", rejected, rejected)
    return document | begins_document(page.begins)


def begins_document(begins: HistoryBeginning | None) -> dict[str, Any]:
    """What was removed of a list, where anything was."""
    return {} if begins is None else {"begins": row_document(begins)}


def error_document(error: Exception, message: str) -> dict[str, Any]:
    """An error: its type, its message, and the attributes of ours, such as the ``head`` of a VersionNotFound."""
    return {"error": {**error_fields(error), "type": type(error).__name__, "message": message}}


def error_fields(error: Exception) -> dict[str, Any]:
    """The attributes of an error of ours; none of any other."""
    known = vars(error) if isinstance(error, FlowledgerError) else {}
    return {camel(key): _to_json_value(value) for key, value in known.items() if not key.startswith("_")}


def row_columns(kind: type[Any]) -> list[str]:
    """The columns of a list of such rows: the names of the fields in Python."""
    return column_names(kind)


def row_values(row: Any) -> list[Any]:
    """The values of these columns."""
    return column_values(row, type(row))


def row_document(value: Any) -> dict[str, Any]:
    """A dataclass, field by field; those that have to be asked for only where they were."""
    return {
        camel(field.name): _to_json_value(getattr(value, field.name))
        for field in fields(value)
        if getattr(value, field.name) is not None or not field.metadata.get("asked_for")
    }


def _to_json_value(value: Any) -> Any:
    """Any value of an error or report as a JSON value."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if hasattr(value, "_asdict"):
        return {camel(name): _to_json_value(item) for name, item in value._asdict().items()}
    if is_dataclass(value) and not isinstance(value, type):
        return row_document(value)
    if isinstance(value, Mapping):
        return {str(key): _to_json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_json_value(item) for item in value]
    return str(value)
