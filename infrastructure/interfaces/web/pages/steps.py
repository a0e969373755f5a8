"""Steps: the attempts at nodes of all runs, the newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from .....domain.errors import InvalidRequest
from .....domain.visible import quoted
from .....projections.history_beginning import HistoryBeginning
from .....projections.steps.summary import StepSummary
from ...presentation.documents import begins_document, row_document
from ...presentation.inputs import read_moment
from ..rendering.versions import ShownVersion
from .copy_as import CopyAs, command_line, python_call
from .page import Page
from .query import check_names, text, texts, whole
from .version_facts import read_versions

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams

    from ..requests import Call

LIMIT: Final = 50


@dataclass(frozen=True, slots=True)
class StepFilters:
    """What the address asks for."""

    workflow: str | None
    node: str | None
    status: tuple[str, ...]
    error: str | None
    longer: float | None
    """Seconds."""
    since: datetime | None
    until: datetime | None
    where: tuple[str, ...]
    after: str | None
    limit: int

    def of_steps(self) -> dict[str, Any]:
        """The filters as ``history.steps`` takes them."""
        return {
            "workflow_id": self.workflow,
            "node": self.node,
            "status": self.status or None,
            "error_type": self.error,
            "longer_than": self.longer,
            "since": self.since,
            "until": self.until,
            "where": self.where,
        }

    def of_command(self) -> dict[str, Any]:
        """The filters as ``flowledger steps`` takes them."""
        found = self.of_steps()
        return {"workflow": found.pop("workflow_id"), **found}

    def query(self, **changes: Any) -> dict[str, Any]:
        """The query of an address that asks for the same but for these changes."""
        asked = {name: getattr(self, name) for name in self.__slots__ if name not in ("after", "limit")}
        return asked | {"limit": None if self.limit == LIMIT else self.limit} | changes


@dataclass(frozen=True, slots=True)
class ShownStep:
    """An attempt in the list."""

    step: StepSummary
    version: ShownVersion | None
    """None where its save can't be read."""


@dataclass(frozen=True, slots=True)
class StepsPage:
    """A page of the list."""

    filters: StepFilters
    rows: tuple[ShownStep, ...]
    next: str | None
    behind: float | None
    begins: HistoryBeginning | None
    """From when on it is whole, where it reaches back to what was removed."""
    copy_as: CopyAs


def load(call: Call) -> StepsPage:
    """The page that the address asks for. Raises InvalidRequest, WorkflowNotFound."""
    filters = read_filters(call.query)
    asked = filters.of_steps()
    found = call.ledger.history.steps(**asked, after=filters.after, limit=filters.limit)
    versions = read_versions(call.ledger, ((step.workflow_id, step.workflow_version) for step in found))
    return StepsPage(
        filters,
        tuple(ShownStep(step, versions.get((step.workflow_id, step.workflow_version))) for step in found),
        found.next,
        found.behind,
        found.begins,
        CopyAs(
            call.links.data("steps", **filters.query(after=filters.after)),
            command_line(["steps"], filters.of_command()),
            python_call("history.steps", asked),
        ),
    )


def read_filters(query: QueryParams) -> StepFilters:
    """Raises InvalidRequest, with the name of the parameter that can't be read."""
    check_names(query, NAMES)
    return StepFilters(
        text(query, "workflow"),
        text(query, "node"),
        texts(query, "status"),
        text(query, "error"),
        _seconds(text(query, "longer")),
        read_moment(text(query, "since"), "since"),
        read_moment(text(query, "until"), "until"),
        texts(query, "where"),
        text(query, "after"),
        whole(query, "limit", LIMIT),
    )


NAMES: Final = frozenset(StepFilters.__slots__)


def _seconds(said: str | None) -> float | None:
    try:
        return None if said is None else float(said)
    except ValueError:
        raise InvalidRequest(f"longer {quoted(said)} is not a number of seconds") from None


def to_document(page: StepsPage) -> dict[str, Any]:
    """The steps as the command line's ``--json`` has them."""
    return {"steps": [row_document(row.step) for row in page.rows], "next": page.next} | begins_document(page.begins)


PAGES = (Page("/steps", "steps", "viewer", load, "steps.html", to_document),)
