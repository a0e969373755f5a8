"""Which work orders a policy lets go, and why it keeps the others."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import flowledger as fl
from flowledger.domain.evidence.leaf import Leaf
from flowledger.domain.retention import (
    Decision,
    OrderToKeep,
    StreamPart,
    pack_leaves,
    unpack_leaves,
)

DAY = 24 * 3600 * 1_000_000
NOW = 1_000 * DAY


def order(id: str = "o", **more: Any) -> OrderToKeep:
    given = {"workflow_id": "w", "status": "completed", "has_ended": True, "active_at": NOW - 100 * DAY}
    return OrderToKeep(**{"id": id, "runs": 1, "bytes": 10, **given, **more})


OLD = fl.RetentionPolicy(older_than=timedelta(days=90))


@pytest.mark.parametrize(
    ("policy", "asked", "why"),
    [
        (OLD, {}, None),
        (OLD, {"active_at": NOW - 90 * DAY}, None),
        (OLD, {"active_at": NOW - 90 * DAY + 1}, "young"),
        (OLD, {"has_ended": False}, "open"),
        (OLD, {"status": "failed"}, "status"),
        (OLD, {"status": None}, "status"),
        (fl.RetentionPolicy(older_than=timedelta(days=90), status=("failed",)), {"status": None, "runs": 0}, None),
        (fl.RetentionPolicy(status=("failed",), archive="a"), {"status": None, "runs": 0}, "unarchivable"),  # type: ignore[arg-type]
        (fl.RetentionPolicy(status=("failed", "cancelled")), {"status": "cancelled"}, None),
        (fl.RetentionPolicy(keep_last=1), {}, "newest"),
        (fl.RetentionPolicy(keep_last=0), {}, None),
        (fl.RetentionPolicy(max_bytes=10), {}, "room"),
        (fl.RetentionPolicy(max_bytes=9), {}, None),
    ],
)
def test_a_work_order_goes_where_all_of_the_policy_applies(
    policy: fl.RetentionPolicy, asked: dict[str, Any], why: str | None
) -> None:
    assert Decision(policy, NOW).why_kept(order(**asked)) == why


def test_of_each_workflow_the_newest_runs_stay() -> None:
    decision = Decision(fl.RetentionPolicy(keep_last=2), NOW)
    orders = [order("1"), order("2", workflow_id="v"), order("3", runs=2), order("4"), order("5", workflow_id="v")]
    assert [decision.why_kept(each) for each in orders] == ["newest", "newest", "newest", None, "newest"]


def test_runs_that_ended_otherwise_take_no_place_among_the_newest() -> None:
    decision = Decision(fl.RetentionPolicy(keep_last=1), NOW)
    assert [decision.why_kept(order(status=status)) for status in ("failed", "completed", "completed")] == [
        "status",
        "newest",
        None,
    ]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"older_than": 90}, "older_than 90 is no length of time"),
        ({"older_than": timedelta(-1)}, "is no length of time"),
        ({"status": ("active",)}, "only runs that have ended go"),
        ({"status": ()}, "only runs that have ended go"),
        ({"keep_last": -1}, "keep_last -1"),
        ({"keep_last": True}, "keep_last True"),
        ({"max_bytes": "1GB"}, "max_bytes"),
        ({"workflow_id": 3}, "workflow_id 3"),
        ({"archive": 7}, "archive 7"),
        ({"everything": "no"}, "everything 'no'"),
        ({"archived_workflows": 1}, "archived_workflows 1"),
    ],
)
def test_a_policy_that_is_none_is_refused(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(fl.InvalidRequest, match=told):
        fl.RetentionPolicy(**wrong)


@given(
    st.lists(st.tuples(st.integers(1, 2**62), st.sampled_from("abc"), st.binary(min_size=32, max_size=32))).map(sorted)
)
def test_leaves_are_packed_and_unpacked(events: list[tuple[int, str, bytes]]) -> None:
    versions = dict.fromkeys("abc", 0)
    leaves = []
    for position, stream, hash in events:
        versions[stream] += 1
        leaves.append(Leaf(position, stream, versions[stream], hash))
    streams = [StreamPart(stream, 1, version, "") for stream, version in versions.items()]
    packed = pack_leaves(leaves, streams)
    assert list(unpack_leaves(packed, streams)) == leaves
    if packed:
        with pytest.raises(ValueError, match="these are no leaves"):
            list(unpack_leaves(packed[:-1], streams))
