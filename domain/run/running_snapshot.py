"""Snapshots of a running run after one of its steps, which is decoded when its values are read.

A walk over a long run makes many snapshots that are hardly read, so making one costs as little as possible.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from .context import Context
from .snapshot import Snapshot


def running_snapshot(
    workflow_id: str,
    metadata: Mapping[str, Any],
    context: Context,
    version: int,
    extra: Mapping[str, Any],
    read: Callable[[Snapshot, int], None],
    place: int,
) -> Snapshot:
    """A snapshot without the values of its step; ``read(snapshot, place)`` has to call ``set_step``."""
    snapshot: Snapshot = _new(Snapshot)
    _set_workflow_id(snapshot, workflow_id)
    _set_status(snapshot, "active")
    _set_context(snapshot, context)
    _set_version(snapshot, version)
    _set_metadata(snapshot, metadata)
    _set_retry_state(snapshot, None)
    _set_extra(snapshot, extra)
    _set_payload(snapshot, None)
    _set_unread(snapshot, (read, place))
    return snapshot


def set_step(snapshot: Snapshot, current_node_id: str, last_started_at: datetime, total_execution_time: int) -> None:
    """Set the values that come from the step itself."""
    _set_current_node_id(snapshot, current_node_id)
    _set_last_started_at(snapshot, last_started_at)
    _set_total_execution_time(snapshot, total_execution_time)


def _setter(name: str) -> Callable[[Snapshot, Any], None]:
    # The slot's descriptor: object.__setattr__, as frozen dataclasses use it, takes ten times as long.
    return getattr(Snapshot, name).__set__  # type: ignore[no-any-return]


_new = object.__new__
_set_workflow_id = _setter("workflow_id")
_set_status = _setter("status")
_set_current_node_id = _setter("current_node_id")
_set_context = _setter("context")
_set_version = _setter("version")
_set_last_started_at = _setter("last_started_at")
_set_total_execution_time = _setter("total_execution_time")
_set_metadata = _setter("metadata")
_set_retry_state = _setter("retry_state")
_set_extra = _setter("extra")
_set_payload = _setter("payload")
_set_unread = _setter("_unread")
