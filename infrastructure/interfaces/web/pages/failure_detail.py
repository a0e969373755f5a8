"""What a group of failures says when it is opened: where in the code, on which versions, of how many runs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from .....domain.errors import FlowledgerError, NotFound, StorageError
from .....projections.steps.summary import FailureGroup
from ..rendering.versions import ShownVersion
from .version_facts import read_versions

if TYPE_CHECKING:
    from ....ledger.ledger import Ledger

_FRAME = re.compile(r'^  File "([^"\n]*)", line (\d+), in .*\n(?:    (.*))?', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class CodePlace:
    """Where in an executor's code something was raised."""

    file: str
    line: int
    code: str | None


@dataclass(frozen=True, slots=True)
class OnVersion:
    """How a version has fared."""

    number: int
    version: ShownVersion | None
    """None where its save can't be read."""
    failed: int
    runs: int
    """All that were started on it in that time."""

    @property
    def share(self) -> float:
        """Percent. A run may have begun before the time that is asked for, and failed in it."""
        return min(100.0, 100 * self.failed / self.runs) if self.runs else 0.0


@dataclass(frozen=True, slots=True)
class FailureDetail:
    """What an opened group shows."""

    message: str | None
    """What the example's error said, as it said it."""
    place: CodePlace | None
    versions: tuple[OnVersion, ...]
    """The newest first: those on which any failed so, and the latest."""


def read_detail(
    ledger: Ledger, group: FailureGroup, latest: int | None, since: datetime | None, until: datetime | None
) -> FailureDetail:
    """What there is to say of the group; of an example that can't be read, nothing of its error."""
    failed = {int(count.value): count.count for count in group.versions}
    counted = ledger.history.counts("version", group.workflow_id, since=since, until=until)
    runs = {int(count.value): count.count for count in counted}
    numbers = sorted({*failed, *(() if latest is None else (latest,))}, reverse=True)
    shown = read_versions(ledger, ((group.workflow_id, number) for number in numbers))
    error = _error_of(ledger, group)
    return FailureDetail(
        None if error is None else error.get("message"),
        None if error is None else last_place(error.get("traceback", "")),
        tuple(
            OnVersion(number, shown.get((group.workflow_id, number)), failed.get(number, 0), runs.get(number, 0))
            for number in numbers
        ),
    )


def latest_of(ledger: Ledger, workflow_id: str) -> int | None:
    """The number of a workflow's last save; None where that can't be read."""
    try:
        return ledger.workflows.get(workflow_id).version
    except (NotFound, StorageError):
        return None


def _error_of(ledger: Ledger, group: FailureGroup) -> dict[str, str] | None:
    try:
        for event in ledger.history.events(group.example):
            if event.version == group.example_version:
                return dict(event.data["error"]) if "error" in event.data else None
    except FlowledgerError:  # an event of the run is damaged: its page says which
        return None
    return None


def last_place(traceback: str) -> CodePlace | None:
    """The innermost place that a traceback names."""
    found = list(_FRAME.finditer(traceback))[-1:]
    return next((CodePlace(one[1], int(one[2]), one[3]) for one in found), None)
