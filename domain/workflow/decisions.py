"""Decisions on a workflow: the events of a command, or IllegalTransition."""

import base64
import hashlib
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from ..errors import IdempotencyConflict, IllegalTransition
from ..ports import NewEvent, RecordedEvent
from ..values.clock import moment, next_time
from ..visible import visible
from .definition import WorkflowDefinition
from .events import ARCHIVED, CREATED, RELEASED, RESTORED, SAVED, JobCode
from .state import WorkflowState


class Save(NamedTuple):
    """What a save consists of."""

    definition: WorkflowDefinition
    code: Mapping[str, JobCode]
    name: str | None
    message: str | None
    draft: bool = False
    """Whether the live version stays what it is."""
    restored_version: int | None = None
    """The version that the definition comes from, where it comes back."""


def save(state: WorkflowState, new: Save, *, by: str, is_taken: Callable[[str], bool], now: int) -> NewEvent | None:
    """Save a definition over the last save, and make it live unless it is a draft; None when nothing would change.

    Where definition, code and name are those of the last save, but that isn't live, it is released. ``is_taken`` says
    whether a snapshot id stands for another save of the store. Raises IllegalTransition for an archived workflow.
    """
    refuse_archived(state)
    return _save_or_release(state, new, state.version + 1, by, is_taken, now)


def archive(state: WorkflowState, by: str, reason: str | None, now: int) -> NewEvent:
    """Archive the workflow: it can then be neither saved nor started. Raises IllegalTransition when it is archived."""
    refuse_archived(state)
    return NewEvent(ARCHIVED, _body(state, by, now) | ({} if reason is None else {"reason": reason}))


def release(state: WorkflowState, version: int, *, by: str, message: str | None, now: int) -> NewEvent | None:
    """Make the save of a version the live one; None when it is. Raises IllegalTransition for an archived workflow."""
    refuse_archived(state)
    return None if state.live_version == version else _release_event(state, version, by, message, now)


def restore(
    state: WorkflowState,
    old: Save | None,
    *,
    by: str,
    message: str | None,
    is_taken: Callable[[str], bool],
    now: int,
) -> list[NewEvent]:
    """Restore the workflow, and make an ``old`` definition, with its code of today, the newest and the live one.

    Empty when nothing would change. Raises IllegalTransition when no version is named and nothing is archived.
    """
    events: list[NewEvent] = []
    if state.archived is not None:
        asked = {} if old is None else {"restored_version": old.restored_version}
        said = {} if message is None else {"reason": message}
        events.append(NewEvent(RESTORED, _body(state, by, now) | asked | said))
    if old is not None:
        new = _save_or_release(state, old, state.version + len(events) + 1, by, is_taken, now)
        events += [] if new is None else [new]
    elif not events:
        raise IllegalTransition(f"workflow {state.workflow_id!r} is not archived: name the version to restore")
    return events


def change_nothing(state: WorkflowState, by: str, now: int) -> NewEvent:
    """The event of a command with a key that changes nothing: sent again, when it would, it is known by that."""
    return NewEvent(RELEASED, _body(state, by, now) | {"version": state.live_version, "unchanged": True})


def with_key(event: NewEvent, key: str, request: str) -> NewEvent:
    """The event of a command that came with an idempotency key; ``request`` is the command's digest."""
    first = {name: event.data[name] for name in ("recorded_at", "by", "workflow_id")}
    return NewEvent(event.type, first | {"key": key, "request": request} | dict(event.data))


def refuse_other_request(earlier: RecordedEvent, request: str) -> None:
    """Raises IdempotencyConflict where the key that an earlier event carries stands for another command than this."""
    data = earlier.data
    if data.get("request") != request:
        raise IdempotencyConflict(data["key"], earlier.by, earlier.recorded_at, workflow_id=data["workflow_id"])


def refuse_archived(state: WorkflowState) -> None:
    """Raises IllegalTransition for an archived workflow."""
    if state.archived is None:
        return
    by, at, reason = state.archived["by"], moment(state.archived["recorded_at"]), state.archived.get("reason")
    raise IllegalTransition(
        f"workflow {state.workflow_id!r} was archived by {visible(by)} at {at.isoformat()}"
        f"{'' if reason is None else f' ({visible(reason)})'}: restore it first"
    )


def snapshot_ids(workflow_id: str, version: int, digest: str) -> Iterator[str]:
    """Seven characters that stand for one save: candidates, best first. None is digits only, as a version is."""
    salt = ""
    for number in itertools.count(1):
        seed = f"{workflow_id}\0{version}\0{digest}{salt}".encode()
        candidate = base64.b32encode(hashlib.sha256(seed).digest()).decode()[:7].lower()
        if not candidate.isdigit():
            yield candidate
        salt = f"\0{number}"


def _save_or_release(
    state: WorkflowState, new: Save, version: int, by: str, is_taken: Callable[[str], bool], now: int
) -> NewEvent | None:
    saved, data = state.saved, new.definition.to_data()
    is_same = saved is not None and saved["digest"] == new.definition.digest and saved["definition"] == data
    if is_same and state.code == new.code and state.name == new.name:
        is_settled = new.draft or state.is_live
        return None if is_settled else _release_event(state, state.saved_version, by, new.message, now)
    candidates = snapshot_ids(state.workflow_id, version, new.definition.digest)
    event = _body(state, by, now)
    event["digest"] = new.definition.digest
    event["snapshot_id"] = next(candidate for candidate in candidates if not is_taken(candidate))
    if new.name is not None:
        event["name"] = new.name
    if saved is not None and state.name != new.name:
        event["renamed"] = True
    if new.restored_version is not None:
        event["restored_version"] = new.restored_version
    if new.draft:
        event["live_version"] = state.live_version
    if new.message is not None:
        event["message"] = new.message
    event["code"] = new.code
    event["definition"] = data
    return NewEvent(CREATED if saved is None else SAVED, event)


def _release_event(state: WorkflowState, version: int, by: str, message: str | None, now: int) -> NewEvent:
    body = _body(state, by, now) | {"version": version}
    return NewEvent(RELEASED, body | ({} if message is None else {"message": message}))


def _body(state: WorkflowState, by: str, now: int) -> dict[str, Any]:
    return {"recorded_at": next_time(state.recorded_at, now), "by": by, "workflow_id": state.workflow_id}
