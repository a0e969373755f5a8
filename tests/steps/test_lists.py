"""Lists of steps and of failures say what the events say, whatever the filters and the pages."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import flowledger as fl
from flowledger.infrastructure.queries.index.reader import Index
from flowledger.infrastructure.queries.search.indexer import SearchIndex
from flowledger.infrastructure.queries.steps.failures import Failures, failure_query
from flowledger.infrastructure.queries.steps.page import Steps, step_query
from flowledger.infrastructure.storage.event_store import LedgerEventStore

from ..effort import tries
from .histories import BEGIN, DAY, ERRORS, NODES, append, events_of, read_failures, read_steps, stories

times = st.sampled_from([0, 1, 1_000_000, DAY, 2 * DAY]).map(
    lambda later: datetime.fromtimestamp((BEGIN + later) / 1e6, UTC)
)
step_filter_sets = st.fixed_dictionaries(
    {},
    optional={
        "workflow_id": st.sampled_from(["w", "v"]),
        "node": st.sampled_from(NODES),
        "status": st.one_of(
            st.sampled_from(["completed", "failed", "paused"]),
            st.lists(st.sampled_from(["completed", "failed", "paused"]), unique=True),
        ),
        "error_type": st.sampled_from(ERRORS),
        "longer_than": st.sampled_from([0, 0.001, timedelta(milliseconds=3.999), 0.004, 3, timedelta(days=99)]),
        "since": times,
        "until": times,
    },
)
failure_filter_sets = st.fixed_dictionaries(
    {},
    optional={
        "workflow_id": st.sampled_from(["w", "v"]),
        "node": st.sampled_from(NODES),
        "error_type": st.sampled_from(ERRORS),
        "since": times,
        "until": times,
        "retried": st.booleans(),
    },
)


def lists_of(store: LedgerEventStore) -> tuple[Steps, Failures]:
    index = Index(store.recorder)
    catch_up = SearchIndex(store, store.search, lambda: BEGIN).catch_up
    return Steps(store, index, catch_up), Failures(index, catch_up)


def pages(of: Callable[[str | None], fl.Page[Any]]) -> Iterator[Any]:
    """The items of all pages."""
    page = of(None)
    yield from page
    while page.next is not None:
        page = of(page.next)
        yield from page


def is_among(step: dict[str, Any], filters: dict[str, Any]) -> bool:
    longer_than = filters.get("longer_than")
    if isinstance(longer_than, timedelta):
        longer_than = longer_than.total_seconds()
    status = filters.get("status") or step["status"]
    return (
        all(step[column] == filters[name] for name, column in COLUMNS.items() if name in filters)
        and step["status"] in ([status] if isinstance(status, str) else status)
        and (longer_than is None or step["finished_at"] - step["started_at"] > timedelta(seconds=longer_than))
        and filters.get("since", step["started_at"]) <= step["started_at"]
        and ("until" not in filters or step["started_at"] < filters["until"])
    )


COLUMNS = {"workflow_id": "workflow_id", "node": "node_id", "error_type": "error_type"}


@pytest.mark.scaled
def test_a_list_of_steps_is_what_the_events_say(store: LedgerEventStore) -> None:
    numbers, run_ids = iter(range(10**6)), list[str]()
    steps, _ = lists_of(store)

    @settings(max_examples=tries(24), deadline=None, suppress_health_check=list(HealthCheck))
    @given(stories, st.lists(step_filter_sets, max_size=4), st.integers(2, 30))
    def check(story: list[Any], asked: list[dict[str, Any]], limit: int) -> None:
        for run in story:
            run_ids.append(f"run-{next(numbers)}")
            append(store, run_ids[-1], events_of(run))
        known = read_steps(store, run_ids)
        for filters in ({}, *asked):
            query = step_query(**{**dict.fromkeys(STEP_FILTERS), **filters})
            found = pages(lambda after: steps.page(query, (), after, limit))  # noqa: B023 - used up at once
            expected = [dict(step) for step in known if is_among(step, filters)]
            for step in expected:
                del step["position"]
            assert [{name: getattr(row, name) for name in row.__slots__} for row in found] == expected

    check()


STEP_FILTERS = ("workflow_id", "node", "status", "error_type", "longer_than", "since", "until")


@pytest.mark.scaled
def test_groups_of_failures_are_what_the_events_say(store: LedgerEventStore) -> None:
    numbers, run_ids = iter(range(10**6)), list[str]()
    _, failures = lists_of(store)

    @settings(max_examples=tries(24), deadline=None, suppress_health_check=list(HealthCheck))
    @given(stories, st.lists(failure_filter_sets, max_size=4), st.integers(1, 9))
    def check(story: list[Any], asked: list[dict[str, Any]], limit: int) -> None:
        for run in story:
            run_ids.append(f"run-{next(numbers)}")
            append(store, run_ids[-1], events_of(run))
        known = read_failures(store, run_ids)
        for filters in ({}, *asked):
            query = failure_query(**{"retried": False, **dict.fromkeys(FAILURE_FILTERS), **filters})
            found = list(pages(lambda after: failures.page(query, after, limit)))  # noqa: B023 - used up at once
            ever = [one for one in known if one["ended"] or filters.get("retried")]
            among = [one for one in ever if meets(one, filters)]
            assert [group.count for group in found] == sorted(Counter(one["kind"] for one in among).values())[::-1]
            for group in found:
                kind = (group.workflow_id, group.node_id, group.error_type, group.message)
                alike = [one for one in among if one["kind"] == kind]
                last = max(alike, key=lambda one: one["position"])
                assert told(group) == {
                    "count": len(alike),
                    "last": max(one["at"] for one in alike),
                    "first": min(one["at"] for one in ever if one["kind"] == kind),
                    "first version": min(one["version"] for one in ever if one["kind"] == kind),
                    "versions": Counter(one["version"] for one in alike),
                    "days": Counter(one["at"].date().isoformat() for one in alike),
                    "example": last["run_id"],
                }

    check()


FAILURE_FILTERS = ("workflow_id", "node", "error_type", "since", "until")


def meets(failure: dict[str, Any], filters: dict[str, Any]) -> bool:
    workflow_id, node_id, error_type, _ = failure["kind"]
    return (
        filters.get("workflow_id", workflow_id) == workflow_id
        and filters.get("node", node_id) == node_id
        and filters.get("error_type", error_type) == error_type
        and filters.get("since", failure["at"]) <= failure["at"]
        and ("until" not in filters or failure["at"] < filters["until"])
    )


def told(group: fl.FailureGroup) -> dict[str, Any]:
    for counts in (group.versions, group.days):
        assert [count.value for count in counts] == sorted(count.value for count in counts)  # type: ignore[type-var]
    return {
        "count": group.count,
        "last": group.last_seen,
        "first": group.first_seen,
        "first version": group.first_version,
        "versions": {count.value: count.count for count in group.versions},
        "days": {count.value: count.count for count in group.days},
        "example": group.example,
    }
