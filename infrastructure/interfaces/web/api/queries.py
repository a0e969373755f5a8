"""The filters of lists, as parameters of addresses: named as in Python, in camelCase. What isn't known is refused."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from .....projections.counts import RunGroup
from .....projections.index.query import Sort
from .....projections.runs.logs import Level
from .....projections.serialization import camel
from ....queries.listing import MAX_LIMIT
from ...presentation.inputs import read_moment, read_version


class Filters(BaseModel):
    """The parameters of one list."""

    model_config = ConfigDict(alias_generator=camel, extra="forbid")

    def arguments(self) -> dict[str, Any]:
        """What was given, as the method in Python takes it. Raises InvalidRequest."""
        return {name: _read(name, getattr(self, name)) for name in self.model_fields_set}


def _read(name: str, value: Any) -> Any:
    if name in _TIMES:
        return read_moment(value, camel(name))
    return read_version(value) if name in _VERSIONS and value is not None else value


_TIMES: Final = frozenset({"since", "until", "as_of", "at", "due_before"})
_VERSIONS: Final = frozenset({"version"})


_A_PAGE: Final[dict[str, Any]] = {"minimum": 1, "maximum": MAX_LIMIT}
_NOT_EMPTY: Final[dict[str, Any]] = {"minLength": 1}
"""Told to who reads the description; the ledger refuses others in words."""

Moment = Annotated[
    str,
    Field(
        description="`7d` (ago), `yesterday`, `2026-11`, `2026-11-05`, or a time of ISO 8601.",
        json_schema_extra=_NOT_EMPTY,
    ),
]
Cursor = Annotated[str, Field(description="`next` of the page before.", json_schema_extra=_NOT_EMPTY)]
Id = Annotated[str, Field(json_schema_extra=_NOT_EMPTY)]
Ignored = Annotated[
    str,
    Field(
        description="A JSON Pointer, `*` in it being any part, or `times`.",
        json_schema_extra={"pattern": "^(/|times$)"},
    ),
]


class Paged(Filters):
    """Which page of a list."""

    after: Cursor | None = None
    limit: int = Field(50, json_schema_extra=_A_PAGE)


class RunFilters(Filters):
    """Filters of runs; each that is given must hold."""

    workflow_id: str | None = None
    version: str | None = None
    status: list[str] = []
    node: str | None = None
    error_type: str | None = None
    by: str | None = None
    since: Moment | None = None
    until: Moment | None = None
    text: str | None = None
    where: list[str] = []
    as_of: Moment | None = None
    due_before: Moment | None = None
    held: bool | None = None
    queued: bool | None = None
    owner: str | None = None
    failure: str | None = None
    idempotency_key: str | None = None


class RunList(Paged, RunFilters):
    """Filters of runs, how they are sorted, values to show as `columns`, and which page."""

    sort: Sort = "-started"
    columns: list[str] = []


class RunCounts(RunFilters):
    """The same, and by what runs are counted."""

    group: RunGroup = "status"
    limit: int = Field(200, json_schema_extra=_A_PAGE)


class WorkOrderList(Paged):
    """Filters of work orders, and how they are sorted."""

    sort: Sort = "-started"
    workflow_id: str | None = None
    state: str | None = None
    by: str | None = None
    since: Moment | None = None
    until: Moment | None = None


class StepList(Paged):
    """Filters of steps: one row an attempt."""

    workflow_id: str | None = None
    node: str | None = None
    status: list[str] = []
    error_type: str | None = None
    longer_than: float | None = None
    since: Moment | None = None
    until: Moment | None = None
    where: list[str] = []


class WaitList(Paged):
    """Filters of open waits."""

    workflow_id: str | None = None
    node: str | None = None
    due_before: Moment | None = None


class FailureList(Paged):
    """Filters of groups of failures."""

    workflow_id: str | None = None
    node: str | None = None
    error_type: str | None = None
    since: Moment | None = None
    until: Moment | None = None
    retried: bool = False


class Trail(Paged):
    """Filters of acts."""

    by: str | None = None
    stream: Id | None = None
    since: Moment | None = None
    until: Moment | None = None
    kind: str | None = None
    channel: str | None = None


class TimingsOf(Filters):
    """How timings are grouped, and of which runs."""

    by: Literal["version", "day"] = "version"
    since: Moment | None = None
    until: Moment | None = None
    reproductions: bool = False


class WorkflowList(Paged):
    """Which workflows."""

    archived: bool = False


class PointInTime(Filters):
    """A version, or a time; neither is now."""

    version: int | None = None
    at: Moment | None = None

    def arguments(self) -> dict[str, Any]:
        """Both as Python takes them. Raises InvalidRequest."""
        return {"version": self.version, "at": read_moment(self.at, "at")}


class AuditedPoint(PointInTime):
    """The same, and whether the audit carries its proof."""

    proof: bool = False

    def arguments(self) -> dict[str, Any]:
        """All as Python takes them. Raises InvalidRequest."""
        return {**super().arguments(), "proof": self.proof}


class LogLines(Filters):
    """Lines of one node, one attempt at it, a level and those above it, or with a text in them."""

    node: str | None = None
    attempt: int | None = None
    level: Level = "debug"
    text: str = ""


class Comparison(Filters):
    """Two versions of a run; without ``b`` the latest."""

    a: int
    b: int | None = None
    ignore: list[Ignored] = []
