"""A patch is a valid one, leads from the one value to the other exactly, and says no more than it takes."""

import json
import random
import time
from typing import Any

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

import flowledger as fl
from flowledger.domain.values.json import freeze
from flowledger.projections.comparison.ignore import ignored_places, without_ignored
from flowledger.projections.comparison.json_patch import operations, patch_of

from ..limited import PROCESSOR_SECONDS
from .values import keys, pairs, values


def patch(before: Any, after: Any, ignore: str | list[str] = ()) -> list[dict[str, Any]]:
    return json.loads(json.dumps(patch_of(operations(before, after, ignored_places(ignore)))))


def applied(patch: list[dict[str, Any]], before: Any) -> Any:
    """By somebody else's hand."""
    return jsonpatch.apply_patch(before, patch)


def text(value: Any) -> str:
    """In which 1, 1.0 and true differ."""
    return json.dumps(value, sort_keys=True)


@given(pairs())
def test_a_patch_leads_from_the_one_value_to_the_other_exactly(pair: tuple[Any, Any]) -> None:
    before, after = pair
    there, back = patch(before, after), patch(after, before)
    assert text(applied(there, before)) == text(after)
    assert text(applied(back, after)) == text(before)
    assert (there == []) == (text(before) == text(after))
    assert patch(freeze(before), freeze(after)) == there


@given(values)
def test_nothing_leads_from_a_value_to_itself(value: Any) -> None:
    assert patch(value, json.loads(json.dumps(value))) == []


globs = st.lists(st.one_of(st.sampled_from(["*", "**", "0", "1", "[01]", "?"]), keys), min_size=1, max_size=3).map(
    lambda parts: "".join(f"/{part.replace('~', '~0').replace('/', '~1')}" for part in parts)
)


@given(pairs(), st.lists(globs, min_size=1, max_size=3))
def test_a_patch_that_ignores_places_leads_to_the_other_value_but_for_those(pair: Any, ignore: list[str]) -> None:
    before, after = pair
    ignored = ignored_places(ignore)
    found = patch(before, after, ignore)
    same = text(without_ignored(before, ignored)) == text(without_ignored(after, ignored))
    assert (found == []) == same
    assert text(without_ignored(applied(found, before), ignored)) == text(without_ignored(after, ignored))


LONG = "a long text that is the same " * 10


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([1, 2, 3], [1, 2, 3, 4], [{"op": "add", "path": "/3", "value": 4}]),
        ([1, 2, 3, 4], [2, 3, 4], [{"op": "remove", "path": "/0"}]),
        ([1, 2, 3, 4], [1, 2], [{"op": "remove", "path": "/2"}, {"op": "remove", "path": "/2"}]),
        ([1, 2, 3, 4], [1, 9, 3, 4], [{"op": "replace", "path": "/1", "value": 9}]),
        ([1, 2, 3, 4], [1, 4, 2, 3], [{"op": "move", "from": "/3", "path": "/1"}]),
        ([1, 2, 3, 4], [2, 3, 1, 4], [{"op": "move", "from": "/0", "path": "/2"}]),
        ([1, 2, 3], [7, 8, 9], [{"op": "replace", "path": "", "value": [7, 8, 9]}]),
        (
            [{"id": 1, "n": 1}, {"id": 2, "n": 1}],
            [{"id": 7, "n": 1}, {"id": 1, "n": 1}, {"id": 2, "n": 5}],
            [{"op": "add", "path": "/0", "value": {"id": 7, "n": 1}}, {"op": "replace", "path": "/2/n", "value": 5}],
        ),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, [{"op": "replace", "path": "/a/c", "value": 3}]),
        ({"a/b": {"~": 1, "": 2}}, {"a/b": {"~": 2, "": 2}}, [{"op": "replace", "path": "/a~1b/~0", "value": 2}]),
        ({"k": 1, "old": LONG}, {"k": 1, "new": LONG}, [{"op": "move", "from": "/old", "path": "/new"}]),
        ({"k": 1, "x": {"a": 1}}, {"k": 1, "x": {"b": 1}}, [{"op": "replace", "path": "/x", "value": {"b": 1}}]),
        ({"n": 1}, {"n": True}, [{"op": "replace", "path": "/n", "value": True}]),
        ({"n": 1}, {"n": 1.0}, [{"op": "replace", "path": "/n", "value": 1.0}]),
        ({"n": 0.0}, {"n": -0.0}, [{"op": "replace", "path": "/n", "value": -0.0}]),
        ({"n": None}, {}, [{"op": "remove", "path": "/n"}]),
        ({}, {"n": None}, [{"op": "add", "path": "/n", "value": None}]),
    ],
)
def test_a_patch_says_no_more_than_it_takes(before: Any, after: Any, expected: list[dict[str, Any]]) -> None:
    assert patch(before, after) == expected
    assert applied(expected, before) == after


def test_items_are_aligned_by_what_is_not_ignored_in_them() -> None:
    before = [{"at": 1, "v": "a"}, {"at": 2, "v": "b"}]
    after = [{"at": 7, "v": "new"}, {"at": 8, "v": "a"}, {"at": 9, "v": "b"}]
    assert patch(before, after, "/*/at") == [{"op": "add", "path": "/0", "value": after[0]}]


def test_values_as_deep_as_they_come_are_compared() -> None:
    def nest(bottom: Any) -> Any:
        for level in range(195):
            bottom = [bottom] if level % 2 else {"k": bottom, "same": 1}
        return bottom

    before, after = nest(1), nest(2)
    (only,) = patch(before, after)
    assert (only["op"], only["value"], only["path"].count("/")) == ("replace", 2, 195)
    assert applied([only], before) == after
    assert patch(before, after, "/**/nowhere") == [only]


def test_arrays_deep_inside_others_are_compared_item_by_item() -> None:
    """Aligning looks at all that is in an item: at each of 200 levels it would take 200 times as long."""

    def nest(bottom: Any) -> Any:
        for level in range(60):
            bottom = [level, bottom, "same"]
        return bottom

    before, after = nest([1, 2, 3, 4]), nest([2, 3, 4])
    found = patch(before, after)
    assert applied(found, before) == after
    assert {operation["op"] for operation in found} == {"replace"}
    assert [operation["op"] for operation in patch([1, 2, 3, 4], [2, 3, 4])] == ["remove"]


@pytest.mark.parametrize("kinds", [1, 2, 1_000_000])
def test_long_arrays_that_differ_all_over_take_no_time(kinds: int) -> None:
    chance = random.Random(7)
    before, after = ([chance.randrange(kinds) for _ in range(30_000)] for _ in range(2))
    before, after = [0, *before, 0, -1], [1, *after, -1]
    begun = time.process_time()
    found = patch(before, after)
    assert time.process_time() - begun < PROCESSOR_SECONDS
    assert applied(found, before) == after


@pytest.mark.parametrize(
    ("ignore", "complaint"),
    [
        ("context/a", "begins with a slash"),
        ("", "begins with a slash"),
        ("time", "a set that has a name: times"),
        ("/a~b", "~ is written ~0"),
        ("/a/~", "~ is written ~0"),
        ([3], "is text, such as"),
        (["/fine", None], "is text, such as"),
    ],
)
def test_a_malformed_path_to_ignore_is_refused(ignore: Any, complaint: str) -> None:
    with pytest.raises(fl.InvalidRequest, match=complaint):
        ignored_places(ignore)
