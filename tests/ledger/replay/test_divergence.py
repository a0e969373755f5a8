"""The first place at which two JSON values differ."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowledger.projections.replay.divergence import first_difference

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False, width=16) | st.sampled_from("abc~/"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "~/"]), inner, max_size=3),
    max_leaves=8,
)


def same(one: Any, other: Any) -> bool:
    """Written down once more, as plainly as can be."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return (type(one) is type(other) and one == other) or (_are_numbers(one, other) and one == other)


def _are_numbers(*values: Any) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def at(value: Any, pointer: str) -> Any:
    """What a JSON Pointer leads to; None where there is nothing."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list):
            value = value[int(key)] if int(key) < len(value) else None
        else:
            value = value.get(key)
    return value


@given(JSON, JSON)
def test_a_difference_is_found_where_there_is_one_and_shows_both_sides(one: Any, other: Any) -> None:
    found = first_difference(one, other)
    assert (found is None) == same(one, other)
    if found is not None:
        assert (found.expected, found.got) == (at(one, found.path), at(other, found.path))
        assert not same(found.expected, found.got)


@given(JSON)
def test_nothing_differs_from_itself(value: Any) -> None:
    assert first_difference(value, value) is None


@pytest.mark.parametrize(
    ("one", "other", "path", "expected", "got"),
    [
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, "/a/0/b", 1, 2),
        ({"a": True}, {"a": 1}, "/a", True, 1),
        ([1, 2], [1, 2, 3], "/2", None, 3),
        ({"a": 1}, {}, "/a", 1, None),
        ({"a": None}, {}, "", {"a": None}, {}),
        ([1, None], [1], "", [1, None], [1]),
        ({"a/b": {"~": 1}}, {"a/b": {"~": 2}}, "/a~1b/~0", 1, 2),
        ({"a": 1}, [1], "", {"a": 1}, [1]),
    ],
)
def test_the_path_is_a_json_pointer(one: Any, other: Any, path: str, expected: Any, got: Any) -> None:
    assert first_difference(one, other) == (path, expected, got)


def test_the_order_of_keys_and_the_kind_of_number_make_no_difference() -> None:
    assert first_difference({"a": 1, "b": 2}, {"b": 2.0, "a": 1}) is None
