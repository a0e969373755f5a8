"""The first place at which two JSON values differ."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowledger.domain.ports import NewEvent
from flowledger.domain.run import STEP_COMPLETED, STEP_FAILED
from flowledger.projections.replay.divergence import first_difference, outcome_difference

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
    return type(one) is type(other) and repr(one) == repr(other)


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


def test_the_order_of_keys_makes_no_difference_the_kind_of_number_does() -> None:
    assert first_difference({"a": 1, "b": 2}, {"b": 2, "a": 1}) is None
    assert first_difference({"a": 1, "b": 2}, {"b": 2.0, "a": 1}) == ("/b", 2, 2.0)


def failed(message: str, type: str = "ValueError") -> NewEvent:
    return NewEvent(STEP_FAILED, {"error": {"type": type, "message": message}})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("can't send <object object at 0x7f84173a5530>", "can't send <object object at 0x55d2a0c1e8f0>"),
        ("<function f at 0x00000001F6B7C8D9E0>: no", "<function f at 0x104b3c5e0>: no"),
        ("<weakref at 0xb7c12345; to 'A'>", "<weakref at 0xb7c12346; to 'A'>"),
        ("lock 0x7f84173a5530 is taken", "lock 0x7f84173a5531 is taken"),
        ("<A at 0xb7c12345>", "<A at 0xb7c12346>"),
    ],
)
def test_an_address_in_the_message_of_an_error_makes_no_difference(one: str, other: str) -> None:
    assert outcome_difference(failed(one), failed(other)) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("error 0x80070005", "error 0x80070057"),
        ("<A object at 0x7f84173a5530>", "<B object at 0x7f84173a5530>"),
        ("<A object at 0x7f84173a5530>", "<A object at >"),
        ("0x" + "a" * 40, "0x" + "b" * 40),
    ],
)
def test_any_other_part_of_the_message_does_and_is_shown_as_it_was(one: str, other: str) -> None:
    found = outcome_difference(failed(one), failed(other))
    assert found == ("error", ("/message", one, other))
    assert outcome_difference(failed(one), failed(one, "TypeError")) == ("error", ("/type", "ValueError", "TypeError"))


def test_an_address_anywhere_else_is_a_difference() -> None:
    one, other = (NewEvent(STEP_COMPLETED, {"output": f"<A at 0x7f84173a553{n}>"}) for n in range(2))
    assert outcome_difference(one, other) == ("output", ("", one.data["output"], other.data["output"]))
