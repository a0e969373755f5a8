"""Decisions on a workflow: the events of a command, or IllegalTransition."""

import base64
import hashlib
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..errors import IllegalTransition
from ..ports import NewEvent
from ..values.clock import moment, next_time
from ..visible import visible
from .definition import WorkflowDefinition
from .events import ARCHIVED, CREATED, RESTORED, SAVED, JobCode
from .state import WorkflowState


def save(
    state: WorkflowState,
    definition: WorkflowDefinition,
    code: Mapping[str, JobCode],
    *,
    name: str | None,
    by: str,
    message: str | None,
    is_taken: Callable[[str], bool],
    now: int,
) -> NewEvent | None:
    """Save a definition over the last save; None when definition, code and name are what they were.

    ``is_taken`` says whether a snapshot id stands for another save of the store. Raises IllegalTransition for an
    archived workflow.
    """
    refuse_archived(state)
    return _save_event(state, definition, code, state.version + 1, name, by, message, is_taken, now)


def archive(state: WorkflowState, by: str, reason: str | None, now: int) -> NewEvent:
    """Archive the workflow: it can then be neither saved nor started. Raises IllegalTransition when it is archived."""
    refuse_archived(state)
    return NewEvent(ARCHIVED, _body(state, by, now) | ({} if reason is None else {"reason": reason}))


def restore(
    state: WorkflowState,
    old: tuple[int, WorkflowDefinition, Mapping[str, JobCode]] | None,
    *,
    by: str,
    message: str | None,
    is_taken: Callable[[str], bool],
    now: int,
) -> list[NewEvent]:
    """Restore the workflow, and make an ``old`` definition (its version, itself, its code today) the newest one.

    Empty when nothing would change. Raises IllegalTransition when no version is named and nothing is archived.
    """
    events: list[NewEvent] = []
    if state.archived is not None:
        events.append(NewEvent(RESTORED, _body(state, by, now) | ({} if message is None else {"reason": message})))
    if old is not None:
        version, definition, code = old
        said = message if message is not None else f"restored from version {version}"
        saved = _save_event(
            state, definition, code, state.version + len(events) + 1, state.name, by, said, is_taken, now
        )
        events += [] if saved is None else [saved]
    elif not events:
        raise IllegalTransition(f"workflow {state.workflow_id!r} is not archived: name the version to restore")
    return events


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


def _save_event(
    state: WorkflowState,
    definition: WorkflowDefinition,
    code: Mapping[str, JobCode],
    version: int,
    name: str | None,
    by: str,
    message: str | None,
    is_taken: Callable[[str], bool],
    now: int,
) -> NewEvent | None:
    saved = state.saved
    is_same = saved is not None and saved["digest"] == definition.digest and saved["definition"] == definition.to_data()
    if is_same and state.code == code and state.name == name:
        return None
    candidates = snapshot_ids(state.workflow_id, version, definition.digest)
    event = _body(state, by, now)
    event["digest"] = definition.digest
    event["snapshot_id"] = next(candidate for candidate in candidates if not is_taken(candidate))
    if name is not None:
        event["name"] = name
    if message is not None:
        event["message"] = message
    event["code"] = code
    event["definition"] = definition.to_data()
    return NewEvent(CREATED if saved is None else SAVED, event)


def _body(state: WorkflowState, by: str, now: int) -> dict[str, Any]:
    return {"recorded_at": next_time(state.recorded_at, now), "by": by, "workflow_id": state.workflow_id}
