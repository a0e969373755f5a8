"""A context is a view of a shared history: cheap to extend, impossible to change."""

import copy
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowledger.domain.run.context import Context
from flowledger.domain.run.results import ResultLog


def entry(output=None, *, error=None, at=0, attempt=1):
    body = {"recorded_at": at, "attempt": attempt, "output": output}
    return body | ({"error": {"type": "E", "message": error}} if error else {})


def extended(context, node_id, body):
    return Context(context.history.extend(context.count, {"node_id": node_id, **body}), context.count + 1)


def empty():
    return Context(ResultLog(), 0)


def test_an_older_view_never_sees_what_came_later():
    first = extended(empty(), "a", entry(1))
    second = extended(first, "a", entry(2))
    third = extended(second, "b", entry(3))

    assert [result.output for result in first["a"]] == [1]
    assert "b" not in second
    assert [result.output for result in third["a"]] == [1, 2]
    assert list(third) == ["a", "b"]


def test_views_of_one_run_share_one_history():
    first = extended(empty(), "a", entry(1))
    assert extended(first, "a", entry(2)).history is first.history


def test_going_on_from_an_older_view_branches_and_leaves_the_other_branch_alone():
    first = extended(empty(), "a", entry(1))
    one = extended(first, "a", entry("one"))
    other = extended(first, "a", entry("other"))

    assert [result.output for result in one["a"]] == [1, "one"]
    assert [result.output for result in other["a"]] == [1, "other"]


def test_many_threads_that_go_on_from_one_view_each_get_their_own_branch():
    base = extended(empty(), "a", entry("base"))

    def grow(worker):
        context = base
        for step in range(50):
            context = extended(context, "a", entry((worker, step)))
        return [result.output for result in context["a"]]

    with ThreadPoolExecutor(8) as pool:
        grown = list(pool.map(grow, range(8)))

    assert grown == [["base", *([worker, step] for step in range(50))] for worker in range(8)]


def test_attempts_count_failures_since_the_last_success():
    context = empty()
    assert context.next_attempt("a") == 1
    context = extended(context, "a", entry(error="boom"))
    assert context.next_attempt("a") == 2
    context = extended(context, "a", entry(error="boom", attempt=2))
    assert context.next_attempt("a") == 3
    context = extended(context, "a", entry("fine", attempt=3))
    assert (context.next_attempt("a"), context.tally("a").successes) == (1, 1)


def test_outputs_refuse_change_and_copies_of_them_do_not():
    context = extended(empty(), "a", entry({"list": [1]}))
    output = context["a"][-1].output

    with pytest.raises(TypeError, match="read-only"):
        output["list"].append(2)
    with pytest.raises(TypeError, match="read-only"):
        output["new"] = 1
    mine = copy.deepcopy(output)
    mine["list"].append(2)
    assert context["a"][-1].output == {"list": [1]}


def test_indexing_is_that_of_a_list():
    context = extended(extended(empty(), "a", entry(1)), "a", entry(2))
    results = context["a"]
    assert (results[0].output, results[-1].output, len(results), len(results[:1])) == (1, 2, 2, 1)
    for wrong in (2, -3):
        with pytest.raises(IndexError):
            results[wrong]
    with pytest.raises(KeyError):
        context["nobody"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=30))
def test_every_view_equals_a_plain_copy_made_at_that_moment(steps):
    context, plain, moments = empty(), {}, []
    for at, (node_id, fails) in enumerate(steps):
        body = entry(error="boom", at=at * 1000) if fails else entry(at, at=at * 1000)
        context = extended(context, node_id, body)
        shown = {"output": body["output"], "timestamp": at, "attempt": 1} | ({"error": "E: boom"} if fails else {})
        plain = {**plain, node_id: [*plain.get(node_id, []), shown]}
        moments.append((context, plain))

    for view, expected in moments:
        assert view.to_data() == expected
        for node_id in "abc":
            wins = [item for item in expected.get(node_id, []) if "error" not in item]
            assert view.tally(node_id).successes == len(wins)
