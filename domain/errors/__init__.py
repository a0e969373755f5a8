"""The error tree. A class docstring says when it is raised; its message says what happened, where, and what to do.

FlowledgerError
├── InvalidRequest        the call itself is wrong; nothing was written
│   ├── ExecutorMissing
│   ├── GlobalsMissing
│   ├── InvalidAnswer
│   ├── InvalidDefinition
│   ├── InvalidExport
│   ├── InvalidSnapshot
│   ├── InvalidValue
│   └── NotStorable
├── NotFound
│   ├── WorkflowNotFound
│   │   └── WorkflowRemoved
│   ├── WorkOrderNotFound
│   │   └── WorkOrderRemoved
│   ├── RunNotFound
│   │   └── RunRemoved
│   ├── BulkActionNotFound
│   ├── SubjectNotFound
│   ├── VersionNotFound
│   └── NothingAsOf
├── Conflict
│   ├── ConcurrencyError
│   │   └── RunMovedOn
│   ├── ConflictingHistory
│   ├── IdempotencyConflict
│   ├── LeaseLost
│   ├── StaleVersion
│   ├── SubscriptionHeld
│   ├── UnderLegalHold
│   ├── TransactionConflict   the caller's own transaction is too old for this: do it once more
│   ├── WaitClosed
│   └── WouldContinue
├── IllegalTransition
│   ├── AlreadyRetried
│   └── RunHeld
├── Erased                the values of a run were erased
├── KeyMissing            the key of a subject isn't at hand
├── NotStamped            an authority gave no time stamp
├── NotReached            a run didn't come to stand as somebody waited for; also a TimeoutError
├── WorkOrderRejected     the workflow refuses the input; the work order is kept
├── NonRetryable          raised by executors: fail this step at once, whatever the policy says
├── RetryLater            raised by executors: try this step again at a time that they know
├── StepTimedOut          an executor took longer than its timeout; the step fails, or is tried again
├── StepCancelled         an async executor was stopped, as its run was cancelled
├── EffectNotRecorded     a reproduction or fork doesn't act on the world; the step fails
├── ExpressionError       an expression in node data has no value; the step fails
├── InputInvalid          node data breaks the executor's input schema; the step fails
└── StorageError
    ├── StorageUnavailable
    │   └── StoreReadOnly
    ├── StorageCorrupt
    ├── EventsLost        the store has lost events that this process had seen in it
    └── EventNotReadable
"""

from .base import Conflict, FlowledgerError, IllegalTransition, InvalidRequest, NotFound, raw_message, reduce_error
from .conflicts import (
    ConcurrencyError,
    ConflictingHistory,
    IdempotencyConflict,
    SubscriptionHeld,
    TransactionConflict,
    UnderLegalHold,
    WouldContinue,
)
from .evidence import NotStamped
from .not_found import (
    BulkActionNotFound,
    NothingAsOf,
    Removal,
    RunNotFound,
    RunRemoved,
    VersionNotFound,
    WorkflowNotFound,
    WorkflowRemoved,
    WorkOrderNotFound,
    WorkOrderRemoved,
)
from .requests import (
    ExecutorMissing,
    Fault,
    GlobalsMissing,
    InvalidAnswer,
    InvalidDefinition,
    InvalidExport,
    InvalidSnapshot,
    InvalidValue,
    NotStorable,
)
from .runs import AlreadyRetried, LaterEvent, LeaseLost, NotReached, RunHeld, RunMovedOn, WaitClosed
from .steps import (
    LONGEST_DELAY,
    EffectNotRecorded,
    ExpressionError,
    InputInvalid,
    NonRetryable,
    RetryLater,
    StepCancelled,
    StepTimedOut,
    WorkOrderRejected,
    input_invalid,
)
from .storage import EventNotReadable, EventsLost, StorageCorrupt, StorageError, StorageUnavailable, StoreReadOnly
from .subjects import Erased, KeyMissing, SubjectNotFound

__all__ = [
    "LONGEST_DELAY",
    "AlreadyRetried",
    "BulkActionNotFound",
    "ConcurrencyError",
    "Conflict",
    "ConflictingHistory",
    "EffectNotRecorded",
    "Erased",
    "EventNotReadable",
    "EventsLost",
    "ExecutorMissing",
    "ExpressionError",
    "Fault",
    "FlowledgerError",
    "GlobalsMissing",
    "IdempotencyConflict",
    "IllegalTransition",
    "InputInvalid",
    "InvalidAnswer",
    "InvalidDefinition",
    "InvalidExport",
    "InvalidRequest",
    "InvalidSnapshot",
    "InvalidValue",
    "KeyMissing",
    "LaterEvent",
    "LeaseLost",
    "NonRetryable",
    "NotFound",
    "NotReached",
    "NotStamped",
    "NotStorable",
    "NothingAsOf",
    "Removal",
    "RetryLater",
    "RunHeld",
    "RunMovedOn",
    "RunNotFound",
    "RunRemoved",
    "StepCancelled",
    "StepTimedOut",
    "StorageCorrupt",
    "StorageError",
    "StorageUnavailable",
    "StoreReadOnly",
    "SubjectNotFound",
    "SubscriptionHeld",
    "TransactionConflict",
    "UnderLegalHold",
    "VersionNotFound",
    "WaitClosed",
    "WorkOrderNotFound",
    "WorkOrderRejected",
    "WorkOrderRemoved",
    "WorkflowNotFound",
    "WorkflowRemoved",
    "WouldContinue",
    "input_invalid",
    "raw_message",
    "reduce_error",
]
