"""The error tree. A class docstring says when it is raised; its message says what happened, where, and what to do.

FlowledgerError
├── InvalidRequest        the call itself is wrong; nothing was written
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
│   ├── ConflictingHistory
│   ├── IdempotencyConflict
│   ├── StaleVersion
│   └── WouldContinue
├── IllegalTransition
├── WorkOrderRejected     the workflow refuses the input; the work order is kept
├── NonRetryable          raised by executors: fail this step at once, whatever the policy says
├── ExpressionError       an expression in node data has no value; the step fails
├── InputInvalid          node data breaks the executor's input schema; the step fails
└── StorageError
    ├── StorageUnavailable
    │   └── StoreReadOnly
    ├── StorageCorrupt
    ├── EventsLost        the store has lost events that this process had seen in it
    └── EventNotReadable
"""

import copyreg
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from .visible import quoted, visible, visible_lines


def reduce_error(error: BaseException) -> tuple[Any, ...]:
    """How an error is pickled and copied: it is restored from its attributes.

    By default Python calls the class with the message, which fails for classes with arguments of their own. Traceback
    and context are not pickled, as with every error, nor is a cause that may not be readable elsewhere.
    """
    kept: Any = error.__getstate__()
    attributes, slots = kept if isinstance(kept, tuple) else (kept, None)
    state = {**(attributes or {}), **(slots or {}), "args": error.args}
    if error.__cause__ is not None and _is_portable(error.__cause__):
        state["__cause__"] = error.__cause__
    return copyreg.__newobj__, (type(error), *error.args), state  # type: ignore[attr-defined]


def raw_message(error: BaseException) -> str:
    """The message without escapes, to mask secrets in it or to record it. It is escaped where it is shown."""
    return BaseException.__str__(error) if isinstance(error, FlowledgerError) else str(error)


def _is_portable(cause: BaseException) -> bool:
    """Whether it can be unpickled anywhere: an error of ours, or a built-in one with plain arguments."""
    if isinstance(cause, FlowledgerError):
        return True
    has_plain_args = all(isinstance(arg, str | int | float | None) for arg in cause.args)
    return type(cause).__module__ == "builtins" and has_plain_args and vars(cause).keys() <= {"__notes__"}


class FlowledgerError(Exception):
    """Base of every error that flowledger raises on purpose. Its message shows control characters as escapes."""

    def __str__(self) -> str:
        return visible_lines(super().__str__())

    def __reduce__(self) -> tuple[Any, ...]:
        return reduce_error(self)


class InvalidRequest(FlowledgerError):
    """The call is wrong; nothing was written."""


class Fault(NamedTuple):
    """One thing that is wrong with a definition: where (a path such as ``edges[2].target``) and what."""

    path: str
    message: str

    def __str__(self) -> str:
        return visible(f"{self.path}: {self.message}")


class InvalidDefinition(InvalidRequest):
    """A workflow definition breaks its rules. ``faults`` lists every one of them, the message the first hundred."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(faults)
        count = f"{len(self.faults):,} faults" if len(self.faults) != 1 else "1 fault"
        lines = [f"  - {_ends_of(str(fault), _FAULT_TEXT)}" for fault in self.faults[:_FAULTS_LISTED]]
        more = len(self.faults) - len(lines)
        lines += [f"  - {more:,} more, all in .faults"] if more else []
        super().__init__(f"invalid workflow definition, {count}:\n" + "\n".join(lines))


_FAULTS_LISTED = 100
_FAULT_TEXT = 1000
"""Characters of a fault in the message."""


def _ends_of(text: str, limit: int) -> str:
    """The text, or beginning and end of one that has over ``limit`` characters, and how many it has."""
    if len(text) <= limit:
        return text
    return f"{text[: limit // 2]} … ({len(text):,} characters) … {text[len(text) - limit // 2 :]}"


class InvalidSnapshot(InvalidRequest):
    """A snapshot from outside doesn't have the shape of a snapshot. ``path`` names the place."""

    def __init__(self, path: str, message: str) -> None:
        self.path = path
        super().__init__(f"invalid snapshot at {visible(path)}: {message}")


class InvalidExport(InvalidRequest):
    """A file is not a run's export, or not as it was written; nothing was imported. ``line`` counts from 1."""

    def __init__(self, path: str, line: int, message: str) -> None:
        self.path = path
        self.line = line
        super().__init__(f"line {line} of {quoted(path)}: {message}; nothing was imported")


class InvalidValue(InvalidRequest):
    """A value isn't JSON, or too large, or can't be a name. ``path`` names the place inside it."""

    def __init__(self, path: str, message: str) -> None:
        self.path = path
        super().__init__(f"{visible(path)}: {message}")


class NotFound(FlowledgerError, LookupError):
    """Something that the caller asked for by name doesn't exist."""


class WorkflowNotFound(NotFound):
    """No workflow was ever saved under this id."""

    def __init__(self, workflow_id: str) -> None:
        self.workflow_id = workflow_id
        hint = "check the id, or save a definition under it"
        if "@" in workflow_id:
            hint = "no id has an '@', and no version belongs here: a run starts with the latest one"
        super().__init__(f"no workflow {quoted(workflow_id)} in this store: {hint}")


class WorkOrderNotFound(NotFound):
    """No work order has this id in this store."""

    def __init__(self, work_order_id: str) -> None:
        self.work_order_id = work_order_id
        super().__init__(
            f"no work order {quoted(work_order_id)} in this store: check the id, and that this is its store"
        )


class RunNotFound(NotFound):
    """No run has this id in this store."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        super().__init__(
            f"no run {quoted(run_id)} in this store: check the id, and that this is the store it was started in"
        )


class VersionNotFound(NotFound):
    """The stream has no such version, or the workflow no such snapshot id; versions run from 1 to ``head``."""

    def __init__(self, asked: int | str, head: int, subject: str = "stream") -> None:
        self.asked = asked
        self.head = head
        what = f"snapshot id {quoted(asked)}" if isinstance(asked, str) else f"version {quoted(asked)}"
        super().__init__(f"{visible(subject)} has no {what}: its versions are 1 to {head}")


class NothingAsOf(NotFound):
    """The stream began after the requested moment."""

    def __init__(self, asked: datetime, first: datetime, subject: str = "stream") -> None:
        self.asked = asked
        self.first = first
        super().__init__(f"{visible(subject)} did not exist as of {asked.isoformat()}: it began at {first.isoformat()}")


class Conflict(FlowledgerError):
    """What is stored stands in the way, usually because another writer was faster; this call wrote nothing."""


class ConcurrencyError(Conflict):
    """The stream isn't at the version that the writer expected. Read again, decide again."""

    def __init__(self, stream: str, expected: int | str, actual: int) -> None:
        self.stream = stream
        self.expected = expected
        self.actual = actual
        if isinstance(expected, int) and actual < expected:
            why = "it has never had so many events, or the store has lost some"
        else:
            why = "another writer appended first"
        super().__init__(
            f"stream {quoted(stream)} is at version {actual}, expected {expected}: "
            f"{why}; read it again before you decide what to do"
        )


class ConflictingHistory(Conflict):
    """The store and an export have different histories of a stream, from ``version`` on. Nothing was imported."""

    def __init__(self, stream: str, version: int, head: int) -> None:
        self.stream = stream
        self.version = version
        self.head = head
        super().__init__(
            f"stream {quoted(stream)} is another one from version {version} on, and has {head} events in this store: "
            "it began or went on in both places; import into a store that has none of it"
        )


class WouldContinue(Conflict):
    """An export continues streams that the store has, without ``continue_existing``. Nothing was imported.

    ``streams``: for each, how many events the file has after those of the store.
    """

    def __init__(self, streams: Mapping[str, int]) -> None:
        self.streams = dict(streams)
        listed = ", ".join(f"{events} of stream {quoted(stream)}" for stream, events in list(self.streams.items())[:5])
        more = f" and of {len(self.streams) - 5} more" if len(self.streams) > 5 else ""
        super().__init__(
            f"the file has events behind those that are in this store: {listed}{more}. Whoever wrote it goes on with "
            "what is yours: where you want that, import with continue_existing=True (--continue)"
        )


class IdempotencyConflict(Conflict):
    """The idempotency key was used before in this workflow, with another payload."""

    def __init__(self, workflow_id: str, key: str, work_order_id: str, used_by: str, used_at: datetime) -> None:
        self.workflow_id = workflow_id
        self.key = key
        self.work_order_id = work_order_id
        self.used_by = used_by
        self.used_at = used_at
        super().__init__(
            f"idempotency key {quoted(key)} of workflow {quoted(workflow_id)} was used with another payload, by "
            f"{visible(used_by)} at {used_at.isoformat()}, for work order {visible(work_order_id)}: "
            "give each input a key of its own"
        )


class IllegalTransition(FlowledgerError):
    """The command isn't possible in the state of the run or workflow; nothing was written."""


class WorkOrderRejected(FlowledgerError):
    """The first node's input schema refuses the input, so no run was started.

    The work order is kept with its input: ``runs.retry(error.work_order_id)`` runs it on a version that takes it.
    ``issues``: each path inside the node's data, and what is wrong. Values from ``globals`` are masked.
    """

    def __init__(self, work_order_id: str, reason: str, issues: Sequence[Fault] = ()) -> None:
        self.work_order_id = work_order_id
        self.reason = reason
        self.issues: tuple[Fault, ...] = tuple(issues)
        super().__init__(f"work order {visible(work_order_id)} was rejected, and is kept to be retried: {reason}")


class NonRetryable(FlowledgerError):
    """Raise it in an executor to fail the step for good, whatever the retry policy says.

    Its message is the application's and isn't escaped: a secret in an escaped text might not be recognised.
    """

    __str__ = Exception.__str__


class ExpressionError(FlowledgerError):
    """An expression in node data can't be read or evaluated. The message never holds values from ``globals``."""

    def __init__(self, message: str, *, missing: str | None = None) -> None:
        self.missing = missing
        """The missing key or index, if that is the cause; "" where the value has no parts at all."""
        super().__init__(message)


class InputInvalid(FlowledgerError):
    """A node's data breaks its executor's input schema. ``issues``: each path inside the data, and what is wrong.

    They are the first ones of ``count``: a list for each of a million items helps no reader.
    """

    def __init__(self, message: str, issues: Sequence[Fault], *, node_id: str = "", count: int | None = None) -> None:
        self.issues: tuple[Fault, ...] = tuple(issues)
        self.node_id = node_id
        self.count = len(self.issues) if count is None else count
        super().__init__(message)


def input_invalid(node_id: str, issues: Sequence[Fault], count: int) -> InputInvalid:
    """The error of a node whose data have ``count`` issues; ``issues`` are the first ones."""
    listed = json.dumps([issue._asdict() for issue in issues], ensure_ascii=False, separators=(",", ":"))
    more = "" if count <= len(issues) else f" and {count - len(issues):,} more, {count:,} in all"
    return InputInvalid(f"Validation failed for node '{node_id}': {listed}{more}", issues, node_id=node_id, count=count)


class StorageError(FlowledgerError):
    """Something is wrong with the store."""


class StorageUnavailable(StorageError):
    """The store can't be reached or can't take the write now (server away, disk full or read-only, wrong password).

    What was acknowledged before is safe. Repair the cause, then ``proceed`` with the run.
    """


class StoreReadOnly(StorageUnavailable):
    """The store can be read, but not written to: a replica, a file or disk without the right to write, a reader's role.

    Nothing is wrong with it: write where it may be written to.
    """


class NotStorable(InvalidRequest):
    """The database can't hold a value; trying again doesn't help."""


class StorageCorrupt(StorageError):
    """The store is not a flowledger store, or its content contradicts itself."""


class EventsLost(StorageError):
    """The store doesn't hold events any more that this process had written to it, or read from it.

    It was restored from a backup, or failed over to a server that lacked its newest events. Nothing was written: what
    this call was based on is gone. ``known`` is the version of ``stream`` that had been seen, ``stored`` the one that
    it has now; where that isn't below, others have written other events in place of the lost ones. The next call
    begins with what is stored: read the stream, or ``proceed`` with the run.
    """

    def __init__(self, stream: str, known: int, stored: int) -> None:
        self.stream = stream
        self.known = known
        self.stored = stored
        if stored >= known:
            what = f"event {known} of stream {quoted(stream)} is another one now, and it has {stored} events"
        elif stored == 0:
            what = f"stream {quoted(stream)} was at version {known}, and is gone"
        else:
            lost = f"event {known} is" if known == stored + 1 else f"events {stored + 1} to {known} are"
            what = f"stream {quoted(stream)} was at version {known}, and is at {stored} now: {lost} gone"
        super().__init__(
            f"the store has lost events that were in it: {what}. It was restored from a backup, or failed over to a "
            "server that lacked its newest events. Nothing was written; read it again, and go on from there "
            "(a run with proceed)"
        )


class EventNotReadable(StorageError):
    """One stored event can't be read (tampered with, truncated, of an unknown type). Other streams stay readable."""

    def __init__(self, stream: str, version: int, reason: str) -> None:
        self.stream = stream
        self.version = version
        self.reason = reason
        super().__init__(f"event {version} of stream {quoted(stream)} can't be read: {reason}")
