"""Retry policies: how often, and how long to wait."""

from typing import Any, Literal

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
        ({"interval": 1e18}, "retry.interval"),
        ({"max_interval": LONGEST_DELAY + 1}, "retry.max_interval"),
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


# --- by what kind of error --------------------------------------------------------------------------------------------


class Declined(Exception):
    """Of an application."""


class Stolen(Declined):
    """One of its kind."""


KINDS: list[type[BaseException] | str] = [
    Declined,
    Stolen,
    TimeoutError,
    OSError,
    LookupError,
    "Declined",
    "Stolen",
    "OSError",
    "LookupError",
    "builtins.TimeoutError",
    f"{__name__}.Declined",
    "Elsewhere",
]
ERRORS = [Declined("no"), Stolen("no"), TimeoutError("slow"), KeyError("x"), ValueError("bad"), OSError("full")]

kinds = st.lists(st.sampled_from(KINDS), max_size=3)
single = st.sampled_from(ERRORS)
errors = st.recursive(
    single, lambda inner: st.builds(lambda of: ExceptionGroup("several", of), st.lists(inner, min_size=1, max_size=3))
)


def of_kind(error: Exception, listed: list[type[BaseException] | str]) -> bool:
    """Told once more, by all names that a class may be called."""
    bases = type(error).__mro__
    named = {base.__name__ for base in bases} | {f"{base.__module__}.{base.__name__}" for base in bases}
    return any(kind in named if isinstance(kind, str) else kind in bases for kind in listed)


def leaves(error: Exception) -> list[Exception]:
    if isinstance(error, ExceptionGroup):
        return [leaf for one in error.exceptions for leaf in leaves(one)]
    return [error]


@given(errors, kinds, kinds)
def test_never_wins_over_on_and_on_asks_of_all_errors_of_a_group(
    error: Exception, on: list[type[BaseException] | str], never: list[type[BaseException] | str]
) -> None:
    covered = fl.RetryPolicy(on=on, never=never).covers(error)
    if any(of_kind(one, never) for one in leaves(error)):
        assert not covered
    else:
        assert covered == (not on or all(of_kind(one, on) for one in leaves(error)))
    assert fl.RetryPolicy().covers(error)
    assert covered <= fl.RetryPolicy(on=on).covers(error)
    assert covered <= fl.RetryPolicy(never=never).covers(error)


@given(errors, kinds, kinds)
def test_a_policy_written_as_json_covers_the_same_as_one_of_classes(
    error: Exception, on: list[type[BaseException] | str], never: list[type[BaseException] | str]
) -> None:
    by_name = {
        key: [kind if isinstance(kind, str) else kind.__name__ for kind in listed]
        for key, listed in (("on", on), ("never", never))
    }
    policy = policy_from_json(by_name, "nodes[0].retry")
    assert policy.covers(error) == fl.RetryPolicy(on=on, never=never).covers(error)


def test_a_group_may_be_named_itself() -> None:
    group = ExceptionGroup("several", [Declined("no"), ValueError("bad")])
    assert fl.RetryPolicy(on=(ExceptionGroup,)).covers(group)
    assert not fl.RetryPolicy(never=("ExceptionGroup",)).covers(group)


def test_what_asks_for_a_retry_itself_needs_no_on_but_never_refuses_it() -> None:
    later = fl.RetryLater("busy", after=1)
    assert fl.RetryPolicy(on=(TimeoutError,)).covers(later)
    assert not fl.RetryPolicy(never=(fl.RetryLater,)).covers(later)


@given(
    st.floats(0, LONGEST_DELAY),
    st.floats(1, 1e6),
    st.integers(1, 10_000),
    st.floats(0, 1),
    st.floats(0, 1),
    st.one_of(st.none(), st.floats(0, LONGEST_DELAY)),
)
def test_every_delay_is_within_its_bounds_whatever_the_factor(
    interval: float, factor: float, attempt: int, jitter: float, chance: float, cap: float | None
) -> None:
    policy = fl.RetryPolicy(
        interval=interval, factor=factor, backoff="exponential", jitter=jitter, max_interval=cap, max_retries=attempt
    )
    longest = LONGEST_DELAY if cap is None else cap
    delay, following = policy.delay(attempt, chance), policy.delay(attempt + 1, chance)
    assert 0 <= delay <= longest
    assert delay <= following or delay == pytest.approx(following)
    if jitter == 0:
        assert policy.delay(1) == pytest.approx(min(interval, longest))
    if interval == 0:
        assert delay == 0


def test_an_exponential_delay_grows_by_its_factor() -> None:
    policy = fl.RetryPolicy(interval=2, backoff="exponential", factor=3)
    assert [policy.delay(attempt) for attempt in (1, 2, 3)] == [2, 6, 18]
    assert fl.RetryPolicy(interval=2, factor=3).delay(3) == 2


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"on": TimeoutError}, r"retry.on: .* is no list of exceptions: write a tuple, such as \(TimeoutError,\)"),
        ({"on": "TimeoutError"}, "retry.on: 'TimeoutError' is no list"),
        ({"on": None}, "retry.on: None is no list"),
        ({"never": {"TimeoutError": 1}}, "retry.never: .* is no list"),
        ({"on": (int,)}, r"retry.on\[0\]: .* is neither an exception class nor the name of one"),
        ({"on": (TimeoutError("x"),)}, r"retry.on\[0\]: .* is neither an exception class"),
        ({"never": ("", "a")}, r"retry.never\[0\]: '' is neither"),
        ({"on": (fl.NonRetryable,)}, r"retry.on\[0\]: a step that failed with NonRetryable is never retried: leave it"),
        ({"factor": 0.5}, "retry.factor: 0.5 is not a number, 1 or more"),
        ({"factor": "x"}, "retry.factor: 'x' is not a number"),
    ],
)
def test_a_bad_kind_is_refused_where_it_is_given(given: dict[str, Any], says: str) -> None:
    with pytest.raises(fl.InvalidDefinition, match=says):
        fl.RetryPolicy(**given)


@pytest.mark.parametrize("given", [5, int, "object", [], fl.Pause])
def test_what_is_no_schema_is_refused_where_it_is_registered(given: Any) -> None:
    with pytest.raises(fl.InvalidRequest, match=r"executor type 'a': input .* is neither a pydantic model nor a JSON"):
        fl.ExecutorRegistry().register("a", input=given)(len)


def test_what_is_no_policy_is_refused_where_it_is_registered() -> None:
    with pytest.raises(fl.InvalidRequest, match="executor type 'a': 3 is no RetryPolicy"):
        fl.ExecutorRegistry().register("a", retry=3)(len)  # type: ignore[arg-type]
