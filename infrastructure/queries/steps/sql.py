"""Queries of steps as SQL, the same for every backend.

Each filter has an index in the order of pages, so a page costs its rows. Of several statuses each has its own page, and
so has each step of slowness from the one that is asked for; the pages are merged.
"""

from collections.abc import Iterator

from ....projections.index.query import Condition
from ....projections.steps.query import StepQuery
from ....projections.steps.rows import SLOWEST, StepRow, slowness
from ...storage.sql import Dialect
from ..where import Where

_COLUMNS = ", ".join(StepRow._fields)
_NEWEST_FIRST = "ORDER BY started_at DESC, position DESC LIMIT :limit"


def steps(query: StepQuery, dialect: Dialect, limit: int) -> Condition:
    """The steps of a page, newest first."""
    where = Where(limit=limit)
    where.behind("started_at", "position", query.before)
    where.equal("workflow_id", "workflow_id", query.workflow_id)
    where.equal_key("node_id", "node_id", query.node)
    where.equal_key("error_type", "error_type", query.error_type)
    where.between("started_at", query.since, query.until)
    if query.longer_than is not None:
        where.parameters["took"] = query.longer_than
    pages = [
        f"SELECT {_COLUMNS} FROM flowledger_steps{where.sql(*branch)} {_NEWEST_FIRST}"  # noqa: S608 - our own columns and tables; values are parameters
        for branch in _branches(query, dialect)
    ]
    if len(pages) == 1:
        return Condition(pages[0], where.parameters)
    union = "\nUNION ALL\n".join(f"SELECT * FROM ({page}) AS page_{n}" for n, page in enumerate(pages))  # noqa: S608 - as above
    return Condition(f"{union}\n{_NEWEST_FIRST}", where.parameters)


def _branches(query: StepQuery, dialect: Dialect) -> Iterator[list[str]]:
    """Conditions of which a step meets one at most, and together they are those on status and on time taken."""
    statuses = [f"status = '{status}'" for status in query.status]
    if query.longer_than is not None:
        any_of_them = [f"({' OR '.join(statuses)})"] if statuses else []
        for step in range(slowness(query.longer_than), SLOWEST + 1):
            yield [f"slowness = {step}", "took > :took", *any_of_them]
    elif statuses:
        for status in statuses:
            # As its partial index is written. PostgreSQL sees that by itself, and would take it for one condition more.
            is_partial = dialect == "sqlite" and "completed" not in status
            yield [status, *(["status <> 'completed'"] if is_partial else [])]
    else:
        yield []
