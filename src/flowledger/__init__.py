"""flowledger: an event-sourced workflow snapshot store.

Every save of a workflow, and each step, pause, resume and retry of a run, is an event. Any past state is one read away.
"""

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
