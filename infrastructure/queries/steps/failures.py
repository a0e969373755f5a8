"""Groups of failures: which are alike, how many, since when, on which versions, and which can be retried."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from ....domain.errors import InvalidRequest
from ....domain.values.clock import EARLIEST
from ....domain.visible import quoted
from ....projections.counts import DAY, counts, name_of_day
from ....projections.index.query import Place
from ....projections.pagination import Page
from ....projections.runs.summary import row_moment
from ....projections.steps.query import FailureQuery
from ....projections.steps.rows import FailureRow, group_id
from ....projections.steps.summary import FailureGroup
from ..cursors import make_page, parse_cursor
from ..index.reader import Index
from ..listing import check_id, check_limit, check_text, check_time, check_workflow
from ..numbers import among
from ..search.indexer import Lag
from ..where import Where


class _Group(NamedTuple):
    fingerprint: int
    failures: int
    last_at: int
    last_position: int


@dataclass(slots=True)
class _Told:
    """What else is known of a group."""

    versions: dict[int, int] = field(default_factory=dict)
    days: dict[str, int] = field(default_factory=dict)
    first_at: int = 0
    first_version: int = 0
    retryable: int = 0
    retried: int = 0


@dataclass(frozen=True, slots=True)
class Failures:
    """Failures of all runs. They follow the log with the search, which ``catch_up`` brings up to date first."""

    index: Index
    catch_up: Callable[[], Lag]

    def page(self, query: FailureQuery, after: str | None, limit: int) -> Page[FailureGroup]:
        """A page of groups, the largest first. Raises InvalidRequest, WorkflowNotFound, StorageUnavailable."""
        check_limit(limit)
        place = parse_cursor(after, query)
        lag = self.catch_up()
        rows = self._groups(replace(query, before=place), limit + 1)
        if not rows and after is None and query.workflow_id is not None:
            check_workflow(self.index, query.workflow_id, None)
        page = make_page(rows, limit, lambda row: Place(row.failures, row.fingerprint), query)
        return Page(tuple(self._told(query, page.items)), page.next, lag.seconds)

    def _groups(self, query: FailureQuery, limit: int) -> list[_Group]:
        where = _where(query)
        having = ""
        if query.before is not None:
            where.parameters |= {"count": query.before.time, "fingerprint": query.before.position}
            having = " HAVING count(*) < :count OR (count(*) = :count AND fingerprint < :fingerprint)"
        where.parameters["limit"] = limit
        found = self.index.rows(
            "SELECT fingerprint, count(*) AS failures, max(failed_at), max(position) FROM flowledger_failures"  # noqa: S608 - our own columns and tables; values are parameters
            f"{where.sql()} GROUP BY fingerprint{having} ORDER BY failures DESC, fingerprint DESC LIMIT :limit",
            where.parameters,
        )
        return list(map(_Group._make, found))

    def _told(self, query: FailureQuery, groups: Sequence[_Group]) -> list[FailureGroup]:
        """The groups with what is known of each."""
        if not groups:
            return []
        told = {group.fingerprint: _Told() for group in groups}
        self._tell_when(query, told)
        self._tell_first(query, told)
        self._tell_retries(query, told)
        examples = self._examples([group.last_position for group in groups])
        return [
            _group(group, examples[group.last_position], told[group.fingerprint])
            for group in groups
            if group.last_position in examples  # a rebuild may have begun since
        ]

    def _tell_when(self, query: FailureQuery, told: Mapping[int, _Told]) -> None:
        where = self._within(query, told)
        where.parameters |= {"earliest": EARLIEST, "day": DAY}
        found = self.index.rows(
            "SELECT fingerprint, workflow_version, (failed_at - :earliest) / :day AS day, count(*) "  # noqa: S608 - as above
            f"FROM flowledger_failures{where.sql()} GROUP BY fingerprint, workflow_version, day",
            where.parameters,
        )
        for fingerprint, version, days, count in sorted(found, key=lambda row: row[1:3]):
            group, day = told[fingerprint], name_of_day(days)
            group.versions[version] = group.versions.get(version, 0) + count
            group.days[day] = group.days.get(day, 0) + count

    def _tell_first(self, query: FailureQuery, told: Mapping[int, _Told]) -> None:
        where = self._within(FailureQuery(retried=query.retried), told)
        found = self.index.rows(
            "SELECT fingerprint, min(failed_at), min(workflow_version) "  # noqa: S608 - as above
            f"FROM flowledger_failures{where.sql()} GROUP BY fingerprint",
            where.parameters,
        )
        for fingerprint, first_at, first_version in found:
            told[fingerprint].first_at, told[fingerprint].first_version = first_at, first_version

    def _tell_retries(self, query: FailureQuery, told: Mapping[int, _Told]) -> None:
        """Which runs can be retried, by the last run of their work order: a retry or the first one."""
        where = self._within(replace(query, retried=False), told)
        found = self.index.rows(
            f"""SELECT fingerprint,
    count(CASE WHEN last.position <= run.position AND last.status IN ('failed', 'cancelled') AND NOT workflow.archived
          THEN 1 END),
    count(CASE WHEN last.position > run.position THEN 1 END)
FROM (SELECT fingerprint, run_id FROM flowledger_failures{where.sql()}) AS failure
JOIN flowledger_index_runs AS run ON run.run_id = failure.run_id
JOIN flowledger_index_work_orders AS work ON work.work_order_id = run.work_order_id
JOIN flowledger_index_runs AS last ON last.run_id = work.last_run_id
JOIN flowledger_index_workflows AS workflow ON workflow.workflow_id = run.workflow_id
GROUP BY fingerprint""",  # noqa: S608 - as above
            where.parameters,
        )
        for fingerprint, retryable, retried in found:
            told[fingerprint].retryable, told[fingerprint].retried = retryable, retried

    def _examples(self, positions: Sequence[int]) -> dict[int, FailureRow]:
        condition, parameters = among("position", positions, self.index.dialect)
        columns = ", ".join(FailureRow._fields)
        found = self.index.rows(f"SELECT {columns} FROM flowledger_failures WHERE {condition}", parameters)  # noqa: S608 - as above
        return {row.position: row for row in map(FailureRow._make, found)}

    def _within(self, query: FailureQuery, told: Mapping[int, _Told]) -> Where:
        """The failures of these groups."""
        where = _where(query)
        condition, parameters = among("fingerprint", list(told), self.index.dialect)
        where.conditions.append(condition)
        where.parameters |= parameters
        return where


def failure_query(
    workflow_id: str | None,
    node: str | None,
    error_type: str | None,
    since: datetime | None,
    until: datetime | None,
    *,
    retried: bool,
) -> FailureQuery:
    """Check the filters. Raises InvalidRequest."""
    if type(retried) is not bool:
        raise InvalidRequest(f"retried {quoted(retried)} is neither True nor False")
    return FailureQuery(
        workflow_id=check_id(workflow_id, "workflow_id"),
        node=check_text(node, "node"),
        error_type=check_text(error_type, "error_type"),
        since=check_time(since, "since"),
        until=check_time(until, "until"),
        retried=retried,
    )


def _where(query: FailureQuery) -> Where:
    where = Where()
    if query.retried:
        where.conditions.append("ended IN (TRUE, FALSE)")  # all, as the columns of the indexes begin with it
    else:
        where.conditions.append("ended = TRUE")
    where.equal("workflow_id", "workflow_id", query.workflow_id)
    where.equal_key("node_id", "node_id", query.node)
    where.equal_key("error_type", "error_type", query.error_type)
    where.between("failed_at", query.since, query.until)
    return where


def _group(group: _Group, example: FailureRow, told: _Told) -> FailureGroup:
    return FailureGroup(
        id=group_id(group.fingerprint),
        workflow_id=example.workflow_id,
        node_id=example.node_id,
        error_type=example.error_type,
        message=example.message,
        count=group.failures,
        last_seen=row_moment(group.last_at),
        first_seen=row_moment(told.first_at),
        first_version=told.first_version,
        versions=counts(told.versions),
        days=counts(told.days),
        example=example.run_id,
        example_version=example.version,
        retryable=told.retryable,
        retried=told.retried,
    )
