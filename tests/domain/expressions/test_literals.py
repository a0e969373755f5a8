"""A text or number as JSON writes it can be put into an expression, and is read there as what it is."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowledger.domain.errors import ExpressionError
from flowledger.infrastructure.execution.expressions.literals import read_literals

from ...effort import tries
from .scenes import LANGUAGE, scope, value_of

TEXTS = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("😀𠀀\\ud8/\"'{}")))
NUMBERS = st.one_of(
    st.integers(-(2**63), 2**64 - 1), st.sampled_from([2**63 - 1, 2**63, 2**64 - 1]), st.integers(-9, 9)
)


@given(TEXTS)
@settings(max_examples=tries(300), deadline=None)
def test_a_text_is_read_however_it_is_escaped(text: str) -> None:
    quoted = json.dumps(text)
    for literal in (quoted, json.dumps(text, ensure_ascii=False), quoted.replace("/", "\\/")):
        if len(literal) < 4_000:
            assert value_of(f"{{{{ {literal} }}}}") == text
            assert len(read_literals(literal)) == len(literal)


@given(NUMBERS)
@settings(max_examples=tries(200), deadline=None)
def test_a_number_of_64_bits_is_read_and_compared(number: int) -> None:
    assert value_of(f"{{{{ {number} }}}}") == number
    at = scope(payload={"v": number})
    for source in (f"payload.v == {number}", f"{number} in [payload.v]", f"payload.v <= {number}"):
        assert value_of(f"{{{{ {source} }}}}", at) is True
    if number < 2**64 - 1:
        assert value_of(f"{{{{ payload.v == {number + 1} }}}}", at) is False


@pytest.mark.parametrize(
    "source",
    [
        r"r'\ud83d\ude00'",
        r"'\\ud83d\\ude00'",
        "'18446744073709551615'",
        "payload.n18446744073709551615",
        "18446744073709551615u",
        "// 18446744073709551615",
        "-9223372036854775808",
        "18446744073709551616",
        "1.8446744073709551615",
        "'\\u00e9'",
    ],
)
def test_what_the_language_reads_itself_or_refuses_is_left_to_it(source: str) -> None:
    assert read_literals(source) == source


def test_a_surrogate_pair_keeps_braces_and_keys_apart() -> None:
    at = scope(payload={"😀}}": {"x": 1}})
    assert value_of(r'{{ payload["\ud83d\ude00}}"].x }}', at) == 1
    assert value_of(r'a {{ "\ud83d\ude00" }} b') == "a 😀 b"


@pytest.mark.parametrize(
    ("source", "column"),
    [
        (r'"\ud83d\ude00" + + ', 18),
        ("18446744073709551615 == == 1", 25),
        (r'"\ud83d" == 1', 1),
        (r'"\ude00\ud83d" == 1', 1),
        ("18446744073709551616 == 1", 1),
    ],
)
def test_an_error_names_the_column_in_what_was_written(source: str, column: int) -> None:
    with pytest.raises(ExpressionError, match=rf"syntax error at column {column}\b"):
        LANGUAGE.compile(source)


def test_a_long_run_of_digits_is_no_literal_to_convert() -> None:
    digits: Any = "9" * 4_000
    with pytest.raises(ExpressionError, match="syntax error at column 1"):
        LANGUAGE.compile(digits)
