"""flowledger: an event-sourced workflow snapshot store.

Every save of a workflow, and each step, pause, resume and retry of a run, is an event. Any past state is one read away.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .domain.errors import (
        AlreadyRetried,
        BulkActionNotFound,
        ConcurrencyError,
        Conflict,
        ConflictingHistory,
        EffectNotRecorded,
        Erased,
        EventNotReadable,
        EventsLost,
        ExecutorMissing,
        ExpressionError,
        Fault,
        FlowledgerError,
        GlobalsMissing,
        IdempotencyConflict,
        IllegalTransition,
        InputInvalid,
        InvalidAnswer,
        InvalidDefinition,
        InvalidExport,
        InvalidRequest,
        InvalidSnapshot,
        InvalidValue,
        KeyMissing,
        LaterEvent,
        LeaseLost,
        NonRetryable,
        NotFound,
        NothingAsOf,
        NotReached,
        NotStamped,
        RetryLater,
        RunHeld,
        RunMovedOn,
        RunNotFound,
        RunRemoved,
        StepCancelled,
        StepTimedOut,
        StorageCorrupt,
        StorageError,
        StorageUnavailable,
        StoreReadOnly,
        SubjectNotFound,
        SubscriptionHeld,
        TransactionConflict,
        UnderLegalHold,
        VersionNotFound,
        WaitClosed,
        WorkflowNotFound,
        WorkflowRemoved,
        WorkOrderNotFound,
        WorkOrderRejected,
        WorkOrderRemoved,
        WouldContinue,
    )
    from .domain.events.integrity import Finding, VerifyReport
    from .domain.evidence.checkpoint import SignedCheckpoint
    from .domain.evidence.report import (
        ConsistencyFinding,
        ConsistencyReport,
        EndedHistory,
        RemovedHistory,
        TimeStamp,
    )
    from .domain.execution.cancellation import StepCancellation
    from .domain.execution.executors import ExecutorRegistry, Pause, StepContext, StepResult
    from .domain.execution.scoping import Public, Scoped
    from .domain.ports import RecordedEvent
    from .domain.rerun.bulk import BulkItem
    from .domain.rerun.effects import RepeatedEffect
    from .domain.rerun.retry import EarlierAnswer, RetryPreview, ReusedNode
    from .domain.retention.policy import RetentionPolicy
    from .domain.run import RunHeader
    from .domain.run.context import PlacedResult
    from .domain.run.results import NodeResult
    from .domain.run.snapshot import RetryState, Snapshot
    from .domain.run.waits import Answer, Hold, Wait
    from .domain.values.clock import OddTime
    from .domain.workflow import Changes, PartChanges, StaleVersion, WorkflowSnapshot, WorkflowVersion
    from .domain.workflow.definition import Edge, Node, WorkflowDefinition
    from .domain.workflow.retry_policy import RetryPolicy
    from .infrastructure.execution.batching import Batch
    from .infrastructure.execution.engine import Engine
    from .infrastructure.files.definition_reader import read_definition
    from .infrastructure.files.tables import write_rows
    from .infrastructure.ledger.inside import Inside
    from .infrastructure.ledger.ledger import Ledger
    from .infrastructure.ledger.open import open_ledger
    from .infrastructure.operations.async_worker import AsyncWorker
    from .infrastructure.operations.worker import Worker
    from .infrastructure.queries.search.indexer import Lag
    from .infrastructure.services.history.walk import RunWalk
    from .infrastructure.services.runs.bulk import BulkOperation
    from .infrastructure.services.subscriptions.subscription import AsyncSubscription, Subscription
    from .infrastructure.storage.sealing.key_ring import KeyRing
    from .infrastructure.telemetry.settings import Telemetry
    from .infrastructure.transfer.report import BackupReport, ExportReport, ImportedStream, ImportReport
    from .projections.access import Token
    from .projections.audit.build import RunAudit
    from .projections.audit.check import AuditCheck, AuditDifference
    from .projections.audit.code_used import CodeUsed
    from .projections.audit.model import (
        AuditedClaim,
        AuditedGlobal,
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
    from .projections.bulk import BulkFailure
    from .projections.bulk_action import BulkAction, BulkActionItem, BulkObstacle, BulkPreview
    from .projections.comparison.events import StateChange
    from .projections.comparison.runs_model import ComparedRun, ComparedStep, Parting, RunComparison
    from .projections.comparison.snapshots import SnapshotDiff
    from .projections.comparison.values import ValueChange
    from .projections.comparison.workflows import PartChange, PartsDiff, WorkflowDiff
    from .projections.counts import Count, Counts
    from .projections.erasure import ErasedPlace, ErasedRun, ErasureReport
    from .projections.history_beginning import HistoryBeginning
    from .projections.pagination import Page
    from .projections.replay.divergence import Divergence
    from .projections.replay.report import ReplayedExecutor, ReplayReport
    from .projections.retention import KeptRuns, KeptWorkflows, PlacedHold, RetentionReport
    from .projections.runs.attempts import Attempt, LogEntry, TakenFrom
    from .projections.runs.audit_trail import Act
    from .projections.runs.lineage import Lineage, Relative
    from .projections.runs.open_waits import WaitSummary
    from .projections.runs.reused_results import ReusedResult
    from .projections.runs.run import Run, RunOrigin
    from .projections.runs.summary import RunSummary, WorkflowSummary, WorkOrderSummary
    from .projections.runs.timings import NodeTiming, Slowdown, Timings
    from .projections.runs.trace_link import TraceLink
    from .projections.runs.work_order import WorkOrder
    from .projections.search.matches import Match
    from .projections.status.model import (
        Backlog,
        Health,
        HealthCheck,
        PoolUse,
        Status,
        Stranded,
        WorkflowBacklog,
    )
    from .projections.status.prometheus import metrics_text
    from .projections.steps.summary import FailureGroup, FailurePage, StepSummary
    from .projections.subscriptions import SubscriptionStatus
    from .projections.workers.status import WorkerStatus

__version__ = "0.2.0"

__all__ = [
    "Act",
    "AlreadyRetried",
    "Answer",
    "AsyncSubscription",
    "AsyncWorker",
    "Attempt",
    "AuditCheck",
    "AuditDifference",
    "AuditedClaim",
    "AuditedGlobal",
    "AuditedOrigin",
    "AuditedPause",
    "AuditedRun",
    "AuditedWorkOrder",
    "AuditedWorkflow",
    "Backlog",
    "BackupReport",
    "Batch",
    "BulkAction",
    "BulkActionItem",
    "BulkActionNotFound",
    "BulkFailure",
    "BulkItem",
    "BulkObstacle",
    "BulkOperation",
    "BulkPreview",
    "Changes",
    "CodeUsed",
    "ComparedRun",
    "ComparedStep",
    "ConcurrencyError",
    "Conflict",
    "ConflictingHistory",
    "ConsistencyFinding",
    "ConsistencyReport",
    "Count",
    "Counts",
    "Divergence",
    "EarlierAnswer",
    "Edge",
    "EffectNotRecorded",
    "EndedHistory",
    "Engine",
    "Erased",
    "ErasedPlace",
    "ErasedRun",
    "ErasureReport",
    "EventNotReadable",
    "EventsLost",
    "ExecutorMissing",
    "ExecutorRegistry",
    "ExportReport",
    "ExpressionError",
    "FailureGroup",
    "FailurePage",
    "Fault",
    "Finding",
    "FlowledgerError",
    "GlobalsMissing",
    "Health",
    "HealthCheck",
    "HistoryBeginning",
    "Hold",
    "IdempotencyConflict",
    "IllegalTransition",
    "ImportReport",
    "ImportedStream",
    "InputInvalid",
    "Inside",
    "Intervention",
    "InvalidAnswer",
    "InvalidDefinition",
    "InvalidExport",
    "InvalidRequest",
    "InvalidSnapshot",
    "InvalidValue",
    "KeptRuns",
    "KeptWorkflows",
    "KeyMissing",
    "KeyRing",
    "Lag",
    "LaterEvent",
    "LeaseLost",
    "Ledger",
    "Lineage",
    "LogEntry",
    "Match",
    "Node",
    "NodeResult",
    "NodeTiming",
    "NonRetryable",
    "NotFound",
    "NotReached",
    "NotStamped",
    "NothingAsOf",
    "OddTime",
    "Page",
    "PartChange",
    "PartChanges",
    "Parting",
    "PartsDiff",
    "Pause",
    "PlacedHold",
    "PlacedResult",
    "PoolUse",
    "Provenance",
    "Public",
    "RecordedEvent",
    "Relative",
    "RemovedHistory",
    "RepeatedEffect",
    "ReplayReport",
    "ReplayedExecutor",
    "RetentionPolicy",
    "RetentionReport",
    "RetryLater",
    "RetryPolicy",
    "RetryPreview",
    "RetryState",
    "ReusedNode",
    "ReusedResult",
    "Run",
    "RunAudit",
    "RunComparison",
    "RunHeader",
    "RunHeld",
    "RunMovedOn",
    "RunNotFound",
    "RunOrigin",
    "RunRemoved",
    "RunSummary",
    "RunWalk",
    "Scoped",
    "SignedCheckpoint",
    "SinceSuccess",
    "Slowdown",
    "Snapshot",
    "SnapshotDiff",
    "StaleVersion",
    "StateChange",
    "Status",
    "StepCancellation",
    "StepCancelled",
    "StepContext",
    "StepResult",
    "StepSummary",
    "StepTimedOut",
    "StorageCorrupt",
    "StorageError",
    "StorageUnavailable",
    "StoreReadOnly",
    "Stranded",
    "StreamRecord",
    "SubjectNotFound",
    "Subscription",
    "SubscriptionHeld",
    "SubscriptionStatus",
    "TakenFrom",
    "Telemetry",
    "TimeStamp",
    "Timings",
    "Token",
    "TraceLink",
    "TransactionConflict",
    "UnderLegalHold",
    "ValueChange",
    "VerifyReport",
    "VersionNotFound",
    "Wait",
    "WaitClosed",
    "WaitSummary",
    "WorkOrder",
    "WorkOrderNotFound",
    "WorkOrderRejected",
    "WorkOrderRemoved",
    "WorkOrderSummary",
    "Worker",
    "WorkerStatus",
    "WorkflowBacklog",
    "WorkflowDefinition",
    "WorkflowDiff",
    "WorkflowNotFound",
    "WorkflowRemoved",
    "WorkflowSnapshot",
    "WorkflowSummary",
    "WorkflowVersion",
    "WouldContinue",
    "__version__",
    "metrics_text",
    "open_ledger",
    "read_definition",
    "write_rows",
]

_NAMES = {
    "domain.rerun.bulk": "BulkItem",
    "domain.rerun.effects": "RepeatedEffect",
    "domain.values.clock": "OddTime",
    "domain.run.context": "PlacedResult",
    "domain.workflow.definition": "Edge Node WorkflowDefinition",
    "domain.errors": (
        "FlowledgerError InvalidRequest NotFound Conflict IllegalTransition "
        "ConcurrencyError ConflictingHistory WouldContinue IdempotencyConflict SubscriptionHeld TransactionConflict "
        "UnderLegalHold "
        "WorkflowNotFound WorkflowRemoved WorkOrderNotFound WorkOrderRemoved RunNotFound RunRemoved BulkActionNotFound "
        "VersionNotFound NothingAsOf "
        "Fault InvalidAnswer InvalidDefinition ExecutorMissing InvalidSnapshot InvalidExport "
        "InvalidValue GlobalsMissing "
        "Erased KeyMissing SubjectNotFound "
        "AlreadyRetried LaterEvent LeaseLost NotReached NotStamped RunHeld RunMovedOn WaitClosed "
        "WorkOrderRejected NonRetryable RetryLater StepTimedOut StepCancelled "
        "EffectNotRecorded ExpressionError InputInvalid "
        "StorageError StorageUnavailable StoreReadOnly StorageCorrupt EventsLost EventNotReadable"
    ),
    "domain.evidence.checkpoint": "SignedCheckpoint",
    "domain.evidence.report": "ConsistencyFinding ConsistencyReport EndedHistory RemovedHistory TimeStamp",
    "domain.retention.policy": "RetentionPolicy",
    "domain.execution.cancellation": "StepCancellation",
    "domain.execution.executors": "ExecutorRegistry Pause StepContext StepResult",
    "domain.workflow.retry_policy": "RetryPolicy",
    "domain.ports": "RecordedEvent",
    "domain.run.results": "NodeResult",
    "domain.rerun.retry": "EarlierAnswer RetryPreview ReusedNode",
    "domain.run": "RunHeader",
    "domain.execution.scoping": "Public Scoped",
    "domain.run.snapshot": "RetryState Snapshot",
    "domain.run.waits": "Answer Hold Wait",
    "domain.events.integrity": "Finding VerifyReport",
    "domain.workflow": "Changes PartChanges StaleVersion WorkflowSnapshot WorkflowVersion",
    "infrastructure.execution.batching": "Batch",
    "infrastructure.services.runs.bulk": "BulkOperation",
    "infrastructure.services.subscriptions.subscription": "AsyncSubscription Subscription",
    "projections.steps.summary": "FailureGroup FailurePage StepSummary",
    "projections.access": "Token",
    "projections.subscriptions": "SubscriptionStatus",
    "infrastructure.execution.engine": "Engine",
    "infrastructure.files.definition_reader": "read_definition",
    "infrastructure.files.tables": "write_rows",
    "infrastructure.ledger.inside": "Inside",
    "infrastructure.ledger.ledger": "Ledger",
    "infrastructure.ledger.open": "open_ledger",
    "infrastructure.storage.sealing.key_ring": "KeyRing",
    "infrastructure.telemetry.settings": "Telemetry",
    "infrastructure.queries.search.indexer": "Lag",
    "infrastructure.transfer.report": "BackupReport ExportReport ImportedStream ImportReport",
    "infrastructure.services.history.walk": "RunWalk",
    "projections.bulk": "BulkFailure",
    "projections.bulk_action": "BulkAction BulkActionItem BulkObstacle BulkPreview",
    "projections.counts": "Count Counts",
    "projections.runs.attempts": "Attempt LogEntry TakenFrom",
    "projections.audit.build": "RunAudit",
    "projections.audit.check": "AuditCheck AuditDifference",
    "projections.audit.model": (
        "AuditedClaim AuditedGlobal AuditedOrigin AuditedPause AuditedRun AuditedWorkflow AuditedWorkOrder "
        "Intervention Provenance SinceSuccess StreamRecord"
    ),
    "projections.audit.code_used": "CodeUsed",
    "projections.comparison.runs_model": "ComparedRun ComparedStep Parting RunComparison",
    "projections.replay.divergence": "Divergence",
    "projections.runs.lineage": "Lineage Relative",
    "projections.runs.open_waits": "WaitSummary",
    "projections.search.matches": "Match",
    "projections.runs.reused_results": "ReusedResult",
    "projections.erasure": "ErasedPlace ErasedRun ErasureReport",
    "projections.retention": "KeptRuns KeptWorkflows PlacedHold RetentionReport",
    "projections.history_beginning": "HistoryBeginning",
    "projections.pagination": "Page",
    "projections.replay.report": "ReplayedExecutor ReplayReport",
    "projections.runs.summary": "RunSummary WorkflowSummary WorkOrderSummary",
    "projections.runs.run": "Run RunOrigin",
    "projections.comparison.snapshots": "SnapshotDiff",
    "projections.comparison.events": "StateChange",
    "projections.runs.timings": "NodeTiming Slowdown Timings",
    "projections.runs.audit_trail": "Act",
    "projections.runs.trace_link": "TraceLink",
    "projections.comparison.values": "ValueChange",
    "projections.runs.work_order": "WorkOrder",
    "projections.status.model": "Backlog Health HealthCheck PoolUse Status Stranded WorkflowBacklog",
    "projections.status.prometheus": "metrics_text",
    "projections.workers.status": "WorkerStatus",
    "infrastructure.operations.worker": "Worker",
    "infrastructure.operations.async_worker": "AsyncWorker",
    "projections.comparison.workflows": "PartChange PartsDiff WorkflowDiff",
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
