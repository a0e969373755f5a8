"""What a command carries besides what it asks for: the version that its caller saw, and the key that makes it known."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any, NamedTuple

from ....domain.errors import (
    ConcurrencyError,
    IdempotencyConflict,
    InvalidRequest,
    LaterEvent,
    RunMovedOn,
    VersionNotFound,
    WorkOrderRejected,
)
from ....domain.events.personal import is_stand_in
from ....domain.ports import EventStore, NewEvent
from ....domain.run import RunState
from ....domain.values.clock import moment
from ....domain.values.idempotency import check_key, command_digest
from ....domain.values.json import freeze
from ....domain.values.names import check_name
from ....domain.values.used_keys import UsedKey, find_key
from ....domain.visible import quoted
from ....domain.work_order import WorkOrderState
from ....projections.runs.run import Run, run_of
from ....projections.runs.work_order import issues_of
from ...execution.runner import PreparedCall
from ...repositories.runs import RunRepository
from ...repositories.work_orders import find_work_order


class Command(NamedTuple):
    """What a caller says of a command: where the run must stand, and how the command is known when it comes again."""

    expected_version: int | None = None
    key: str | None = None
    request: str = ""
    """With a key: the digest of what is asked for."""

    def mark(self, event: NewEvent, **more: Any) -> NewEvent:
        """The event that the command makes, with its key."""
        if self.key is None:
            return event
        return NewEvent(event.type, {**event.data, "key": self.key, "request": self.request, **more})

    def check_request(self, used: UsedKey, run_id: str) -> None:
        """Raises IdempotencyConflict where the key on record stands for anything else.

        Where nobody can read what it stands for, the key is all that is left to compare.
        """
        if used.request != self.request and not is_stand_in(used.request):
            raise IdempotencyConflict(str(self.key), used.by, moment(used.at), run_id=run_id)


PLAIN = Command()
"""It takes the run as it stands, and each time that it comes it is another one."""


def make_command(name: str, expected_version: int | None, key: str | None, **arguments: Any) -> Command:
    """The command with these arguments, which are JSON. Raises InvalidRequest, InvalidValue."""
    if expected_version is not None and (type(expected_version) is not int or expected_version < 1):
        raise InvalidRequest(f"expected_version {quoted(expected_version)} is no version of a run: they count from 1")
    if key is None:
        return PLAIN if expected_version is None else Command(expected_version)
    check_key(key)
    check_name(key, "idempotency_key")
    asked = {argument: freeze(value, argument) for argument, value in arguments.items()}
    return Command(expected_version, key, command_digest(name, **asked))


def sorted_names(names: object) -> list[str] | None:
    """Names of which the order says nothing, as an argument of a command; None for none, and for what is refused."""
    if isinstance(names, str) or not isinstance(names, Collection):
        return None
    if not all(isinstance(name, str) for name in names):
        return None
    return sorted(names) or None


def is_answered(store: EventStore, state: RunState, command: Command) -> bool:
    """Whether the command is on record in the run. Raises IdempotencyConflict where its key stands for another one."""
    if command.key is None:
        return False
    run_id = str(state.run_id)
    used = find_key(state.keys, command.key)
    if used is None:
        work_order = find_work_order(store, state.work_order_id or "")
        keyed = None if work_order is None else work_order.keys.get((run_id, command.key))
        if keyed is None:
            return False
        used = keyed.used
    command.check_request(used, run_id)
    return True


def refuse_moved_on(store: EventStore, run_id: str, version: int, command: Command) -> None:
    """Raises RunMovedOn where the run, which is at ``version``, isn't where the caller saw it; VersionNotFound where it
    has never come so far."""
    expected = command.expected_version
    if expected is None or expected == version:
        return
    if expected > version:
        raise VersionNotFound(expected, version, f"run {run_id!r}")
    later = store.read(run_id, after=expected, upto=version)
    raise RunMovedOn(
        run_id,
        expected,
        version,
        [LaterEvent(event.version, event.type, event.by, event.recorded_at) for event in later],
    )


def settle_conflict(
    store: EventStore, runs: RunRepository, run_id: str, command: Command, error: ConcurrencyError
) -> RunState:
    """The run as it stands, where the writer that was faster brought the same command.

    Raises RunMovedOn where the command was for the run as it was before, else the error.
    """
    state = runs.load(run_id)
    if is_answered(store, state, command):
        return state
    refuse_moved_on(store, run_id, state.version, command)
    raise error


def find_rerun(
    runs: RunRepository, work_order: WorkOrderState, some_id: str, command: Command
) -> PreparedCall[Run] | None:
    """The run that the command made when it came before, as it stands; None where it didn't.

    ``some_id``: what it is given for, a run or the work order. Raises IdempotencyConflict, and WorkOrderRejected where
    the input was refused then, and still is.
    """
    if command.key is None:
        return None
    keyed = work_order.keys.get((some_id, command.key))
    if keyed is None:
        used = find_key(runs.load(some_id).keys, command.key) if some_id in work_order.entries else None
        if used is not None:
            command.check_request(used, some_id)
        return None
    command.check_request(keyed.used, some_id)
    return existing_run(runs, work_order, keyed.run_id)


def existing_run(runs: RunRepository, work_order: WorkOrderState, run_id: str | None) -> PreparedCall[Run]:
    """A run that was there already, or where its input was refused the last one since.

    Raises WorkOrderRejected where there is none.
    """
    found = run_id or work_order.last_run_id
    if found is None:
        raise WorkOrderRejected(work_order.id, (work_order.rejected or {})["reason"], issues_of(work_order))
    run = replace(run_of(runs.load(found)), created=False)
    return PreparedCall(None, lambda: run)
