"""When a run that is left to a worker begins at the earliest, and before which others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ......domain.errors import InvalidRequest
from ......domain.visible import quoted
from ....presentation.inputs import read_moment
from ...rendering.frame import reader_zone
from ..query import text
from .execution import Execution

if TYPE_CHECKING:
    from ...requests import Call

_WHOLE: Final = re.compile(r"[-+]?[0-9]{1,10}")


def queueing_of(call: Call, execution: Execution) -> dict[str, Any]:
    """What the form says of it, as ``runs.start`` takes it; a time without an offset is one of the reader's zone.

    Raises InvalidRequest.
    """
    zone = reader_zone(call.request.cookies)[0]
    at = read_moment(text(call.form, "run_at"), "Not before", now=call.now, of=zone)
    if at is not None and execution.waits:
        raise InvalidRequest("A run that this server executes begins at once: leave it to a worker, or the time empty")
    return ({"run_at": at} if at is not None else {}) | _priority(call.form.get("priority", "").strip())


def _priority(typed: str) -> dict[str, int]:
    if not typed:
        return {}
    if not _WHOLE.fullmatch(typed):
        raise InvalidRequest(f"Priority {quoted(typed)} is no whole number")
    return {"priority": int(typed)}
