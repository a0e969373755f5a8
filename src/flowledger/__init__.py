"""flowledger: an event-sourced workflow snapshot store.

Every save of a workflow, and each step, pause, resume and retry of a run, is an event. Any past state is one read away.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .domain.bulk import BulkItem
    from .domain.clock import OddTime
    from .domain.context import PlacedResult
    from .domain.definition import Edge, Node, WorkflowDefinition
    from .domain.errors import (
        ConcurrencyError,
        Conflict,
        ConflictingHistory,
        EventNotReadable,
        EventsLost,
        ExpressionError,
        Fault,
        FlowledgerError,
        IdempotencyConflict,
        IllegalTransition,
        InputInvalid,
        InvalidDefinition,
        InvalidExport,
        InvalidRequest,
        InvalidSnapshot,
        InvalidValue,
        NonRetryable,
        NotFound,
        NothingAsOf,
        RunNotFound,
        StorageCorrupt,
        StorageError,
        StorageUnavailable,
        StoreReadOnly,
        VersionNotFound,
        WorkflowNotFound,
        WorkOrderNotFound,
        WorkOrderRejected,
        WouldContinue,
    )
    from .domain.executors import ExecutorRegistry, Pause, StepContext, StepResult
    from .domain.policy import RetryPolicy
    from .domain.ports import RecordedEvent
    from .domain.results import NodeResult
    from .domain.retry import RetryPreview, ReusedNode
    from .domain.run import RunHeader
    from .domain.scoping import Scoped
    from .domain.snapshot import RetryState, Snapshot
    from .domain.verification import Finding, VerifyReport
    from .domain.workflow import Changes, PartChanges, StaleVersion, WorkflowSnapshot, WorkflowVersion
    from .infrastructure.doors.batches import Batch
    from .infrastructure.doors.bulk import BulkOperation
    from .infrastructure.engine import Engine
    from .infrastructure.files import read_definition
    from .infrastructure.files.tables import write_rows
    from .infrastructure.ledger import Ledger, open_ledger
    from .infrastructure.search.index import Lag
    from .infrastructure.transfer.reports import BackupReport, ExportReport, ImportedStream, ImportReport
    from .infrastructure.walk.model import RunWalk
    from .projections.attempts import Attempt, LogEntry
    from .projections.audit import RunAudit
    from .projections.audited import (
        AuditedOrigin,
        AuditedPause,
        AuditedRun,
        AuditedWorkflow,
        AuditedWorkOrder,
        Intervention,
        Provenance,
        SinceSuccess,
        StreamRecord,
    )
    from .projections.code_used import CodeUsed
    from .projections.compared import ComparedRun, ComparedStep, Parting, RunComparison
    from .projections.divergence import Divergence
    from .projections.family import Lineage, Relative
    from .projections.lineage import ReusedResult
    from .projections.pages import Page
    from .projections.replays import ReplayedExecutor, ReplayReport
    from .projections.run_summary import RunSummary, WorkflowSummary, WorkOrderSummary
    from .projections.runs import Run, RunOrigin
    from .projections.snapshot_diff import SnapshotDiff
    from .projections.state_changes import StateChange
    from .projections.timings import NodeTiming, Slowdown, Timings
    from .projections.trail import Act
    from .projections.value_changes import ValueChange
    from .projections.work_orders import WorkOrder
    from .projections.workflow_diff import PartChange, PartsDiff, WorkflowDiff

__version__ = "0.1.0"

__all__ = [
    "Act",
    "Attempt",
    "AuditedOrigin",
    "AuditedPause",
    "AuditedRun",
    "AuditedWorkOrder",
    "AuditedWorkflow",
    "BackupReport",
    "Batch",
    "BulkItem",
    "BulkOperation",
    "Changes",
    "CodeUsed",
    "ComparedRun",
    "ComparedStep",
    "ConcurrencyError",
    "Conflict",
    "ConflictingHistory",
    "Divergence",
    "Edge",
    "Engine",
    "EventNotReadable",
    "EventsLost",
    "ExecutorRegistry",
    "ExportReport",
    "ExpressionError",
    "Fault",
    "Finding",
    "FlowledgerError",
    "IdempotencyConflict",
    "IllegalTransition",
    "ImportReport",
    "ImportedStream",
    "InputInvalid",
    "Intervention",
    "InvalidDefinition",
    "InvalidExport",
    "InvalidRequest",
    "InvalidSnapshot",
    "InvalidValue",
    "Lag",
    "Ledger",
    "Lineage",
    "LogEntry",
    "Node",
    "NodeResult",
    "NodeTiming",
    "NonRetryable",
    "NotFound",
    "NothingAsOf",
    "OddTime",
    "Page",
    "PartChange",
    "PartChanges",
    "Parting",
    "PartsDiff",
    "Pause",
    "PlacedResult",
    "Provenance",
    "RecordedEvent",
    "Relative",
    "ReplayReport",
    "ReplayedExecutor",
    "RetryPolicy",
    "RetryPreview",
    "RetryState",
    "ReusedNode",
    "ReusedResult",
    "Run",
    "RunAudit",
    "RunComparison",
    "RunHeader",
    "RunNotFound",
    "RunOrigin",
    "RunSummary",
    "RunWalk",
    "Scoped",
    "SinceSuccess",
    "Slowdown",
    "Snapshot",
    "SnapshotDiff",
    "StaleVersion",
    "StateChange",
    "StepContext",
    "StepResult",
    "StorageCorrupt",
    "StorageError",
    "StorageUnavailable",
    "StoreReadOnly",
    "StreamRecord",
    "Timings",
    "ValueChange",
    "VerifyReport",
    "VersionNotFound",
    "WorkOrder",
    "WorkOrderNotFound",
    "WorkOrderRejected",
    "WorkOrderSummary",
    "WorkflowDefinition",
    "WorkflowDiff",
    "WorkflowNotFound",
    "WorkflowSnapshot",
    "WorkflowSummary",
    "WorkflowVersion",
    "WouldContinue",
    "__version__",
    "open_ledger",
    "read_definition",
    "write_rows",
]

_NAMES = {
    "domain.bulk": "BulkItem",
    "domain.clock": "OddTime",
    "domain.context": "PlacedResult",
    "domain.definition": "Edge Node WorkflowDefinition",
    "domain.errors": (
        "ConcurrencyError Conflict ConflictingHistory EventNotReadable EventsLost ExpressionError Fault "
        "FlowledgerError IdempotencyConflict IllegalTransition InputInvalid InvalidDefinition InvalidExport "
        "InvalidRequest InvalidSnapshot InvalidValue NonRetryable NotFound NothingAsOf RunNotFound "
        "StorageCorrupt StorageError StorageUnavailable StoreReadOnly VersionNotFound WorkflowNotFound "
        "WorkOrderNotFound WorkOrderRejected WouldContinue"
    ),
    "domain.executors": "ExecutorRegistry Pause StepContext StepResult",
    "domain.policy": "RetryPolicy",
    "domain.ports": "RecordedEvent",
    "domain.results": "NodeResult",
    "domain.retry": "RetryPreview ReusedNode",
    "domain.run": "RunHeader",
    "domain.scoping": "Scoped",
    "domain.snapshot": "RetryState Snapshot",
    "domain.verification": "Finding VerifyReport",
    "domain.workflow": "Changes PartChanges StaleVersion WorkflowSnapshot WorkflowVersion",
    "infrastructure.doors.batches": "Batch",
    "infrastructure.doors.bulk": "BulkOperation",
    "infrastructure.engine": "Engine",
    "infrastructure.files": "read_definition",
    "infrastructure.files.tables": "write_rows",
    "infrastructure.ledger": "Ledger open_ledger",
    "infrastructure.search.index": "Lag",
    "infrastructure.transfer.reports": "BackupReport ExportReport ImportedStream ImportReport",
    "infrastructure.walk.model": "RunWalk",
    "projections.attempts": "Attempt LogEntry",
    "projections.audit": "RunAudit",
    "projections.audited": (
        "AuditedOrigin AuditedPause AuditedRun AuditedWorkflow AuditedWorkOrder Intervention Provenance "
        "SinceSuccess StreamRecord"
    ),
    "projections.code_used": "CodeUsed",
    "projections.compared": "ComparedRun ComparedStep Parting RunComparison",
    "projections.divergence": "Divergence",
    "projections.family": "Lineage Relative",
    "projections.lineage": "ReusedResult",
    "projections.pages": "Page",
    "projections.replays": "ReplayedExecutor ReplayReport",
    "projections.run_summary": "RunSummary WorkflowSummary WorkOrderSummary",
    "projections.runs": "Run RunOrigin",
    "projections.snapshot_diff": "SnapshotDiff",
    "projections.state_changes": "StateChange",
    "projections.timings": "NodeTiming Slowdown Timings",
    "projections.trail": "Act",
    "projections.value_changes": "ValueChange",
    "projections.work_orders": "WorkOrder",
    "projections.workflow_diff": "PartChange PartsDiff WorkflowDiff",
}
"""What each module has of that. It is loaded when the first of its names is asked for."""

_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    """A program pays for what it uses: the command line shows its help without a store, an engine runs without one."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{_MODULES[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
