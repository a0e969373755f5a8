"""flowledger: an event-sourced workflow snapshot store.

Every save of a workflow, and each step, pause, resume and retry of a run, is an event. Any past state is one read away.
"""

from .domain.definition import Edge, Node, WorkflowDefinition
from .domain.errors import (
    ConcurrencyError,
    Conflict,
    EventNotReadable,
    ExpressionError,
    Fault,
    FlowledgerError,
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
)
from .domain.executors import ExecutorRegistry, Pause, StepContext, StepResult
from .domain.policy import RetryPolicy
from .domain.ports import RecordedEvent
from .domain.results import NodeResult
from .domain.run import RunHeader
from .domain.snapshot import RetryState, Snapshot
from .domain.verification import Finding, VerifyReport
from .domain.workflow import Changes, PartChanges, WorkflowSnapshot, WorkflowVersion
from .infrastructure.doors.batches import Batch
from .infrastructure.engine import Engine
from .infrastructure.ledger import Ledger, open_ledger
from .projections.runs import Run
from .projections.workflow_diff import PartChange, PartsDiff, ValueChange, WorkflowDiff

__version__ = "0.1.0"

__all__ = [
    "Batch",
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
    "IllegalTransition",
    "InputInvalid",
    "InvalidDefinition",
    "InvalidRequest",
    "InvalidSnapshot",
    "InvalidValue",
    "Ledger",
    "Node",
    "NodeResult",
    "NonRetryable",
    "NotFound",
    "NothingAsOf",
    "PartChange",
    "PartChanges",
    "PartsDiff",
    "Pause",
    "RecordedEvent",
    "RetryPolicy",
    "RetryState",
    "Run",
    "RunHeader",
    "RunNotFound",
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
    "WorkflowDefinition",
    "WorkflowDiff",
    "WorkflowNotFound",
    "WorkflowSnapshot",
    "WorkflowVersion",
    "__version__",
    "open_ledger",
]
