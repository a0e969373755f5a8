"""Which runs a bulk action is about: named, or found by the filters of a list."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from ....domain.errors import InvalidRequest
from ....domain.values.names import check_run_id
from ....domain.visible import quoted
from ....projections.pagination import Page
from ....projections.runs.summary import RunSummary

FindRuns = Callable[..., Page[RunSummary]]
"""``history.runs``."""

FILTERS: Final = (
    "workflow_id",
    "version",
    "status",
    "node",
    "error_type",
    "by",
    "since",
    "until",
    "text",
    "where",
    "as_of",
    "due_before",
    "held",
    "queued",
    "owner",
    "failure",
    "idempotency_key",
)
"""Those of ``history.runs``."""

_PAGE: Final = 1_000


class Selected(NamedTuple):
    """The runs, in the order in which they are worked on."""

    run_ids: list[str]
    filters: Mapping[str, Any] | None
    """As JSON; None where the runs were named."""


def select(find: FindRuns, runs: Iterable[str] | None, matching: Mapping[str, Any] | None) -> Selected:
    """The runs that are named, in their order, each once; or those that match the filters now, oldest first.

    Raises InvalidRequest, WorkflowNotFound, VersionNotFound.
    """
    if (runs is None) == (matching is None):
        raise InvalidRequest("name the runs, or give the filters that they match as matching=, and not both")
    if runs is not None:
        return Selected(_named(runs), None)
    filters = _checked(matching)
    found: list[str] = []
    after: str | None = None
    while True:
        page = find(**filters, after=after, limit=_PAGE)
        found += (run.id for run in page)
        after = page.next
        if after is None:
            return Selected(found[::-1], {name: _as_json(value) for name, value in filters.items()})


def _named(runs: Iterable[str]) -> list[str]:
    if isinstance(runs, str):
        raise InvalidRequest(f"give a list of run ids, such as [{quoted(runs)}]")
    try:
        ids = list(dict.fromkeys(runs))
    except TypeError as error:
        raise InvalidRequest(f"give a list of run ids, not {quoted(runs)}: {error}") from error
    for run_id in ids:
        check_run_id(run_id)
    return ids


def _checked(matching: object) -> dict[str, Any]:
    """The filters without those that say nothing."""
    if not isinstance(matching, Mapping):
        raise InvalidRequest(f"matching {quoted(matching)} is not an object of filters")
    for name in matching:
        if name not in FILTERS:
            raise InvalidRequest(f"matching has no filter {quoted(name)}: it has {', '.join(FILTERS)}")
    return {str(name): value for name, value in matching.items() if value is not None and value not in ((), [])}


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return list(value) if isinstance(value, tuple | list | set | frozenset) else value
