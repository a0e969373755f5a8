"""JSON that comes from people and files has one meaning, or is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import flowledger as fl
from flowledger.domain.values.json_text import read_json

values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@given(values)
def test_what_json_is_reads_as_it_is(value: Any) -> None:
    text = json.dumps(value)
    assert read_json(text) == read_json(text.encode()) == value


@given(values, st.text(), values, values)
def test_a_key_that_comes_twice_is_refused_and_named_wherever_it_is(outer: Any, key: str, one: Any, two: Any) -> None:
    name = json.dumps(key)
    text = f'[{json.dumps(outer)}, {{"x": {{{name}: {json.dumps(one)}, "{"y" * 99}": 1, {name}: {json.dumps(two)}}}}}]'
    with pytest.raises(ValueError, match="comes twice in one object") as caught:
        read_json(text)
    assert repr(key) in str(caught.value)


@pytest.mark.parametrize("text", [b"\xff", "{", "", "NaN", "[Infinity]", "[" * 100_000, "1 2", "\ufeff1"])
def test_what_is_no_json_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_json(text)


def test_many_keys_take_no_longer_for_one_that_comes_twice() -> None:
    members = ",".join(f'"{number}":0' for number in range(200_000))
    with pytest.raises(ValueError, match="'199999' comes twice"):
        read_json(f'{{{members},"199999":1}}')


def test_a_snapshot_with_a_key_twice_is_refused() -> None:
    text = '{"workflowId": "w", "workflowId": "v"}'
    for given_as in (text, text.encode()):
        with pytest.raises(fl.InvalidSnapshot, match="'workflowId' comes twice"):
            fl.Snapshot.from_json(given_as)
