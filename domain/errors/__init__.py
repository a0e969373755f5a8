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
│   ├── WorkOrderNotFound
│   ├── RunNotFound
│   ├── VersionNotFound
│   └── NothingAsOf
├── Conflict
│   ├── ConcurrencyError
│   │   └── RunMovedOn
│   ├── ConflictingHistory
│   ├── IdempotencyConflict
│   ├── StaleVersion
│   ├── SubscriptionHeld
│   ├── WaitClosed
│   └── WouldContinue
├── IllegalTransition
│   ├── AlreadyRetried
│   └── RunHeld
├── NotReached            a run didn't come to stand as somebody waited for; also a TimeoutError
├── WorkOrderRejected     the workflow refuses the input; the work order is kept
├── NonRetryable          raised by executors: fail this step at once, whatever the policy says
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
from .conflicts import ConcurrencyError, ConflictingHistory, IdempotencyConflict, SubscriptionHeld, WouldContinue
from .not_found import NothingAsOf, RunNotFound, VersionNotFound, WorkflowNotFound, WorkOrderNotFound
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
from .runs import AlreadyRetried, LaterEvent, NotReached, RunHeld, RunMovedOn, WaitClosed
from .steps import EffectNotRecorded, ExpressionError, InputInvalid, NonRetryable, WorkOrderRejected, input_invalid
from .storage import EventNotReadable, EventsLost, StorageCorrupt, StorageError, StorageUnavailable, StoreReadOnly

__all__ = [
    "AlreadyRetried",
    "ConcurrencyError",
    "Conflict",
    "ConflictingHistory",
    "EffectNotRecorded",
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
    "LaterEvent",
    "NonRetryable",
    "NotFound",
    "NotReached",
    "NotStorable",
    "NothingAsOf",
    "RunHeld",
    "RunMovedOn",
    "RunNotFound",
    "StorageCorrupt",
    "StorageError",
    "StorageUnavailable",
    "StoreReadOnly",
    "SubscriptionHeld",
    "VersionNotFound",
    "WaitClosed",
    "WorkOrderNotFound",
    "WorkOrderRejected",
    "WorkflowNotFound",
    "WouldContinue",
    "input_invalid",
    "raw_message",
    "reduce_error",
]
