"""flowledger: an event-sourced workflow snapshot store.

Every save of a workflow, and each step, pause, resume and retry of a run, is an event. Any past state is one read away.
"""

from .domain.bulk import BulkItem
from .domain.definition import Edge, Node, WorkflowDefinition
from .domain.errors import (
    ConcurrencyError,
    Conflict,
    EventNotReadable,
    ExpressionError,
    Fault,
    FlowledgerError,
    IdempotencyConflict,
    IllegalTransition,
    InputInvalid,
    InvalidDefinition,
    InvalidRequest,
    InvalidSnapshot,
    InvalidValue,
    NonRetryable,
    NotFound,
    NothingAsOf,
    RunNotFound,
    StaleVersion,
    StorageCorrupt,
    StorageError,
    StorageUnavailable,
    VersionNotFound,
    WorkflowNotFound,
    WorkOrderNotFound,
    WorkOrderRejected,
)
from .domain.executors import ExecutorRegistry, Pause, StepContext, StepResult
from .domain.policy import RetryPolicy
from .domain.ports import RecordedEvent
from .domain.results import NodeResult
from .domain.retry import RetryPreview, ReusedNode
from .domain.run import RunHeader
from .domain.snapshot import RetryState, Snapshot
from .domain.verification import Finding, VerifyReport
from .domain.workflow import Changes, PartChanges, WorkflowSnapshot, WorkflowVersion
from .infrastructure.doors.batches import Batch
from .infrastructure.doors.bulk import BulkOperation
from .infrastructure.engine import Engine
from .infrastructure.files import read_definition
from .infrastructure.files.tables import write_rows
from .infrastructure.ledger import Ledger, open_ledger
from .infrastructure.search.index import Lag
from .projections.lineage import ReusedResult
from .projections.pages import Page
from .projections.run_summary import RunSummary, WorkflowSummary, WorkOrderSummary
from .projections.runs import Run, RunOrigin
from .projections.work_orders import WorkOrder
from .projections.workflow_diff import PartChange, PartsDiff, ValueChange, WorkflowDiff

__version__ = "0.1.0"

__all__ = [
    "Batch",
    "BulkItem",
    "BulkOperation",
    "Changes",
    "ConcurrencyError",
    "Conflict",
    "Edge",
    "Engine",
    "EventNotReadable",
    "ExecutorRegistry",
    "ExpressionError",
    "Fault",
    "Finding",
    "FlowledgerError",
    "IdempotencyConflict",
    "IllegalTransition",
    "InputInvalid",
    "InvalidDefinition",
    "InvalidRequest",
    "InvalidSnapshot",
    "InvalidValue",
    "Lag",
    "Ledger",
    "Node",
    "NodeResult",
    "NonRetryable",
    "NotFound",
    "NothingAsOf",
    "Page",
    "PartChange",
    "PartChanges",
    "PartsDiff",
    "Pause",
    "RecordedEvent",
    "RetryPolicy",
    "RetryPreview",
    "RetryState",
    "ReusedNode",
    "ReusedResult",
    "Run",
    "RunHeader",
    "RunNotFound",
    "RunOrigin",
    "RunSummary",
    "Snapshot",
    "StaleVersion",
    "StepContext",
    "StepResult",
    "StorageCorrupt",
    "StorageError",
    "StorageUnavailable",
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
    "__version__",
    "open_ledger",
    "read_definition",
    "write_rows",
]
