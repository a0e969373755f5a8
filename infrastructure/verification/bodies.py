"""Bodies of events against what flowledger could have written: finds those of older imports, or of an INSERT."""

from collections.abc import Iterable
from typing import Any

from ...domain.errors import InvalidValue
from ...domain.events.integrity import Finding
from ...domain.soundness import OddTimeRecorded, check_recorded
from ...domain.values.clock import AHEAD
from ..storage.event_store import LedgerEventStore
from ..storage.recorder import EventRow
from .inspector import Inspector


class BodyInspector(Inspector):
    """Reports each event that flowledger can't have written. Lists show such events as far as they can."""

    def __init__(self, store: LedgerEventStore, now: int) -> None:
        self._largest = store.max_event_bytes  # an event stored under another limit is no fault
        self._latest = now + AHEAD

    def event(self, row: EventRow, data: dict[str, Any] | None) -> Iterable[Finding]:
        if data is None:
            return ()
        try:
            check_recorded(row.type, data, row.encoded or b"", self._latest, self._largest)
        except OddTimeRecorded as error:
            return (Finding(row.stream, row.version, "time", str(error)),)
        except InvalidValue as error:
            return (Finding(row.stream, row.version, "odd", f"{error}: no write of ours records that"),)
        return ()
