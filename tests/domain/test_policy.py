"""Retry policies: how often, and how long to wait."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import flowledger as fl
from flowledger.domain.workflow.retry_policy import LONGEST_DELAY, policy_from_json


def test_n_retries_allow_n_failures_before_the_last():
    policy = fl.RetryPolicy(max_retries=2)
    assert [policy.allows(attempt) for attempt in (1, 2, 3)] == [True, True, False]
    assert not fl.RetryPolicy(max_retries=0).allows(1)


def test_fixed_waits_the_same_and_exponential_doubles():
    assert [fl.RetryPolicy(interval=2).delay(n) for n in (1, 2, 3)] == [2, 2, 2]
    assert [fl.RetryPolicy(interval=2, backoff="exponential").delay(n) for n in (1, 2, 3)] == [2, 4, 8]


def test_a_cap_bounds_every_delay():
    policy = fl.RetryPolicy(interval=1, backoff="exponential", jitter=1, max_interval=5)
    assert policy.delay(30, chance=1) == 5


@given(
    st.floats(0.001, 1e6),
    st.floats(0.001, 1e6),
    st.floats(0, 1),
    st.integers(1, 100),
    st.sampled_from(["fixed", "exponential"]),
)
def test_jitter_spreads_the_delays_evenly_also_at_the_cap(
    interval: float, cap: float, jitter: float, attempt: int, backoff: Literal["fixed", "exponential"]
) -> None:
    policy = fl.RetryPolicy(interval=interval, jitter=jitter, max_interval=cap, backoff=backoff)
    least, quarter, half, most = (policy.delay(attempt, chance) for chance in (0, 0.25, 0.5, 1))
    base = fl.RetryPolicy(interval=interval, max_interval=cap, backoff=backoff).delay(attempt)
    assert least == pytest.approx(base * (1 - jitter))
    assert most == pytest.approx(min(base * (1 + jitter), cap))
    assert most <= cap
    assert quarter - least == pytest.approx((most - least) / 4, abs=1e-9 * most)
    assert half - least == pytest.approx((most - least) / 2, abs=1e-9 * most)


def test_delays_never_outgrow_the_calendar():
    assert fl.RetryPolicy(max_retries=9999, backoff="exponential").delay(5000) == LONGEST_DELAY


def test_jitter_shortens_and_lengthens_by_its_share():
    policy = fl.RetryPolicy(interval=10, jitter=0.5)
    assert [policy.delay(1, chance) for chance in (0, 0.5, 1)] == [5, 10, 15]


def test_numeric_text_is_taken_as_a_number():
    policy = fl.RetryPolicy(max_retries="3", interval="1.5", jitter="0.1")
    assert (policy.max_retries, policy.interval, policy.jitter) == (3, 1.5, 0.1)


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"max_retries": "{{ globals.max }}"}, "retry.max_retries"),
        ({"max_retries": -1}, "retry.max_retries"),
        ({"max_retries": 1.5}, "retry.max_retries"),
        ({"max_retries": True}, "retry.max_retries"),
        ({"interval": float("nan")}, "retry.interval"),
        ({"interval": None}, "retry.interval"),
        ({"jitter": 2}, "retry.jitter"),
        ({"max_interval": -1}, "retry.max_interval"),
        ({"backoff": "linear"}, "retry.backoff"),
    ],
)
def test_a_bad_policy_is_refused_with_the_place(given, place):
    with pytest.raises(fl.InvalidDefinition) as caught:
        fl.RetryPolicy(**given)
    assert [fault.path for fault in caught.value.faults] == [place]


def test_every_fault_of_a_policy_is_told_at_once():
    with pytest.raises(fl.InvalidDefinition) as caught:
        policy_from_json({"maxRetries": "x", "backoff": "?", "colour": 1}, "nodes[0].metadata.retry")
    assert [fault.path for fault in caught.value.faults] == [
        "nodes[0].metadata.retry.colour",
        "nodes[0].metadata.retry.max_retries",
        "nodes[0].metadata.retry.backoff",
    ]


def test_a_node_has_its_policy_under_either_name():
    executors = fl.ExecutorRegistry()
    executors.register("fails", retry=fl.RetryPolicy(max_retries=0))(lambda step: 1 / 0)
    for named in (
        {"retry": {"maxRetries": 2, "interval": 0}},
        {"metadata": {"retry": {"maxRetries": 2, "interval": 0}}},
    ):
        definition = fl.WorkflowDefinition.model_validate({"nodes": [{"id": "a", "type": "fails", **named}]})
        assert definition.to_data()["nodes"][0] == {"id": "a", "type": "fails", **named}
        snapshot = fl.Engine(definition, executors).execute()
        while snapshot.status == "error":
            snapshot = fl.Engine(definition, executors).execute(snapshot)
        assert len(snapshot.context["a"]) == 3
