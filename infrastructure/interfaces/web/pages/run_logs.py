"""The log lines of a whole run: found by level and words, each with the step that logged it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from .....domain.errors import EventNotReadable, InvalidRequest
from .....projections.runs.attempts import Attempt, attempts
from .....projections.runs.logs import LEVELS, Level, NumberedLine, matching_lines
from ..links import Links
from .page import Page
from .query import check_names, one_of, text, whole
from .readable_run import as_far_as_it_reads, last_readable

if TYPE_CHECKING:
    from ..requests import Call

LINES: Final = 200
"""Lines of a page, and the rest of those of its last step."""


@dataclass(frozen=True, slots=True)
class StepLines:
    """The lines of one execution that were looked for."""

    attempt: Attempt
    lines: tuple[NumberedLine, ...]


@dataclass(frozen=True, slots=True)
class LogsPage:
    """A page of a run's lines, the first logged first."""

    run_id: str
    level: Level
    words: str
    steps: tuple[StepLines, ...]
    after: int
    """The version behind which it begins."""
    next: int | None
    """The version behind which the next page begins; None: no further step has such lines."""
    damage: EventNotReadable | None
    """Why the lines behind it aren't here: the event can't be read."""
    links: Links

    @property
    def many(self) -> int:
        """Lines on this page."""
        return sum(len(step.lines) for step in self.steps)

    def address(self, after: int | None = None) -> str:
        """Of another page of the same lines."""
        level = None if self.level == LEVELS[0] else self.level
        return self.links("run_logs", run=self.run_id, level=level, text=self.words, after=after)

    def line(self, attempt: Attempt, number: int) -> str:
        """The permanent address of a line, on the run's page."""
        step = self.links("run", run=self.run_id, step=attempt.node_id, version=attempt.version)
        return f"{step}#log-{number}"


def load(call: Call) -> LogsPage:
    """Raises RunNotFound, InvalidRequest, EventNotReadable (the run's first event can't be read)."""
    check_names(call.query, ("level", "text", "after"))
    return as_far_as_it_reads(call.part("run"), lambda damage: _load(call, damage))


def _load(call: Call, damage: EventNotReadable | None) -> LogsPage:
    run_id, ledger = call.part("run"), call.ledger
    level: Level = one_of(call.query, "level", LEVELS, LEVELS[0])
    words, after = text(call.query, "text") or "", whole(call.query, "after", 0)
    head = last_readable(damage) or ledger.history.header(run_id).version
    if after >= head:
        raise InvalidRequest(f"after {after}: the last version of this run is {head}")
    found: list[StepLines] = []
    many, following = 0, None
    for attempt in attempts(islice(ledger.history.events(run_id), after, head)):
        lines = tuple(matching_lines(attempt.logs, level, words))
        if lines and many >= LINES:
            following = found[-1].attempt.version
            break
        if lines:
            found.append(StepLines(attempt, lines))
            many += len(lines)
    return LogsPage(run_id, level, words, tuple(found), after, following, damage, call.links)


def to_document(page: LogsPage) -> dict[str, Any]:
    """The lines, each with its step, attempt, version, and its number among those of the step."""
    return {
        "runId": page.run_id,
        "lines": [
            {
                "nodeId": step.attempt.node_id,
                "attempt": step.attempt.attempt,
                "version": step.attempt.version,
                "number": number,
                "at": line.at.isoformat(),
                "level": line.level,
                "message": line.message,
            }
            for step in page.steps
            for number, line in step.lines
        ],
        "next": page.next,
    }


PAGES: Final = (Page("/runs/{run}/logs", "run_logs", "viewer", load, "run_logs.html", to_document),)
