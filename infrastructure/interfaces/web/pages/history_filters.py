"""The filters of History: read from the address, written into addresses, said in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from ...presentation.inputs import read_moment, read_version
from .history_columns import SORTS, USUAL
from .query import check_names, flag, one_of, text, texts, whole

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams

LIMIT: Final = 25
"""Rows of a page where the address doesn't say it."""


@dataclass(frozen=True, slots=True)
class HistoryFilters:
    """What the address asks for, as it says it, and as the ledger takes it."""

    asked: Mapping[str, str | tuple[str, ...]]
    """Parameters by their names, those left out that say nothing."""
    workflow: str | None
    version: int | str | None
    status: tuple[str, ...]
    node: str | None
    error: str | None
    by: str | None
    since: datetime | None
    until: datetime | None
    text: str | None
    where: tuple[str, ...]
    as_of: datetime | None
    due_before: datetime | None
    held: bool | None
    queued: bool | None
    failure: str | None
    """The id of a group of failures."""
    sort: str
    """One of the orders of ``history.runs``."""
    column: tuple[str, ...]
    """Values that are shown of each run, such as ``payload.order_id``."""
    after: str | None
    limit: int
    open: tuple[str, ...]
    """Ids of work orders and runs that are opened."""

    def of_runs(self) -> dict[str, Any]:
        """The filters as ``history.runs`` takes them."""
        return {
            "workflow_id": self.workflow,
            "version": self.version,
            "status": self.status or None,
            "node": self.node,
            "error_type": self.error,
            "by": self.by,
            "since": self.since,
            "until": self.until,
            "text": self.text,
            "where": self.where,
            "as_of": self.as_of,
            "due_before": self.due_before,
            "held": self.held,
            "queued": self.queued,
            "failure": self.failure,
        }

    def of_list(self) -> dict[str, Any]:
        """The same, with the order and the columns."""
        sort = None if self.sort == USUAL else self.sort
        return {**self.of_runs(), "sort": sort, "columns": self.column}

    def of_command(self) -> dict[str, Any]:
        """The filters as ``flowledger history`` takes them."""
        found = self.of_runs()
        workflow, version = found.pop("workflow_id"), found.pop("version")
        for name in ("held", "queued"):
            found[f"not_{name}"] = found[name] is False
        shown = {"sort": None if self.sort == USUAL else self.sort, "column": self.column}
        return {"workflow": workflow if version is None else f"{workflow}@{version}", **found, **shown}

    @property
    def of_filters(self) -> dict[str, Any]:
        """The query of an address that means the same runs, whatever page of them is shown how."""
        return {name: value for name, value in self.query().items() if name not in ("limit", "sort", "column")}

    def toggled(self, id: str) -> dict[str, Any]:
        """The query of an address that opens a work order or run, or closes it."""
        opened = tuple(each for each in self.open if each != id) if id in self.open else (*self.open, id)
        return self.query(open=tuple(sorted(opened)), after=self.after)

    def query(self, **changes: str | tuple[str, ...] | None) -> dict[str, Any]:
        """The query of an address that asks for the same but for these changes; None takes a filter away.

        A change of filters leads to the first page, where nothing is opened.
        """
        kept = {name: value for name, value in self.asked.items() if name not in ("after", "open")} | changes
        return {name: value for name, value in kept.items() if (name, value) != ("sort", USUAL)}


def read_filters(query: QueryParams) -> HistoryFilters:
    """Raises InvalidRequest, with the name of the parameter that can't be read."""
    check_names(query, NAMES)
    version = text(query, "version")
    asked: dict[str, str | tuple[str, ...]] = {}
    for name in sorted(NAMES):
        values = texts(query, name)
        if values:
            asked[name] = values if name in _SEVERAL else values[-1]
    return HistoryFilters(
        asked=asked,
        workflow=text(query, "workflow"),
        version=None if version is None else read_version(version),
        status=texts(query, "status"),
        node=text(query, "node"),
        error=text(query, "error"),
        by=text(query, "by"),
        since=read_moment(text(query, "since"), "since"),
        until=read_moment(text(query, "until"), "until"),
        text=text(query, "text"),
        where=texts(query, "where"),
        as_of=read_moment(text(query, "as_of"), "as_of"),
        due_before=read_moment(text(query, "due_before"), "due_before"),
        held=flag(query, "held"),
        queued=flag(query, "queued"),
        failure=text(query, "failure"),
        sort=one_of(query, "sort", SORTS, USUAL),
        column=texts(query, "column"),
        after=text(query, "after"),
        limit=whole(query, "limit", LIMIT),
        open=texts(query, "open"),
    )


_SEVERAL: Final = frozenset({"status", "where", "open", "column"})
NAMES: Final = frozenset(field.name for field in fields(HistoryFilters)) - {"asked"}
"""The parameters of the page."""
