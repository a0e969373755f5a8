"""A fingerprint tells whether a global had the same value, and nothing else."""

import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from flowledger.domain.masking.fingerprints import Fingerprints
from flowledger.domain.values.json_compare import same_json

KEY = b"k" * 32
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.text(), json_values, json_values)
def test_values_have_the_same_fingerprint_where_they_are_the_same_json(name: str, one: Any, other: Any) -> None:
    marks = Fingerprints(KEY)
    assert marks.of(name, one) == marks.of(name, json.loads(json.dumps(one)))
    assert (marks.of(name, one) == marks.of(name, other)) == same_json(one, other)


def test_it_is_hmac_over_the_name_and_the_value_cut_to_sixteen_digits() -> None:
    whole = hmac.new(KEY, b'"token"\0text\0sk-1', "sha256").hexdigest()
    assert Fingerprints(KEY).of("token", "sk-1") == whole[:16]


def test_another_key_another_name_or_another_kind_of_value_has_another_fingerprint() -> None:
    marks = Fingerprints(KEY)
    found = [marks.of("a", "1"), marks.of("b", "1"), Fingerprints(b"l" * 32).of("a", "1"), marks.of("a", 1)]
    found += [marks.of("a", b"1"), marks.of("a", ["1"]), marks.of("a", True), marks.of("a", 1.0)]
    assert len({*found}) == len(found)
    assert None not in found


def test_what_pydantic_keeps_secret_counts_as_what_it_holds() -> None:
    marks = Fingerprints(KEY)
    assert marks.of("a", SecretStr("sk-1")) == marks.of("a", "sk-1")


class _Raising(dict[str, Any]):
    def items(self) -> Any:
        raise RuntimeError("sk-secret")


def _cyclic() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


@pytest.mark.parametrize(
    "value",
    [object(), print, {1, 2}, {"a": object()}, [_Raising(a="x")], _cyclic()],
    ids=["object", "function", "set", "object in a dict", "dict that raises", "cycle"],
)
def test_what_has_no_form_as_json_text_or_bytes_has_no_fingerprint_and_raises_nothing(value: Any) -> None:
    assert Fingerprints(KEY).of("a", value) is None
