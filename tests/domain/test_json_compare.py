"""One rule for when JSON values are the same, and one way to write a place in them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowledger.domain.values.json_compare import canonical_json, json_digest, same_json
from flowledger.domain.values.json_pointer import json_pointer, pointer_parts

from ..projections.values import pairs, values


@given(pairs())
def test_values_are_the_same_exactly_if_their_canonical_texts_are(pair: tuple[Any, Any]) -> None:
    one, other = pair
    assert same_json(one, other) == (canonical_json(one) == canonical_json(other))
    assert same_json(one, other) == (json_digest(one) == json_digest(other))


@given(values)
def test_the_order_of_keys_changes_neither_text_nor_digest(value: Any) -> None:
    turned = dict(reversed(value.items())) if isinstance(value, dict) else value
    assert canonical_json(turned) == canonical_json(value)
    assert same_json(turned, value)


@pytest.mark.parametrize(("one", "other"), [(1, 1.0), (0.0, -0.0), (1, True), (0, None)])
def test_what_python_takes_for_equal_has_another_text(one: Any, other: Any) -> None:
    assert not same_json(one, other)


@given(st.lists(st.text()))
def test_a_pointer_reads_back_as_the_keys_that_it_was_made_of(keys: list[str]) -> None:
    pointer = json_pointer(keys)
    assert (pointer_parts(pointer) if pointer else ()) == tuple(keys)
