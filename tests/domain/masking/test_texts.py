"""Values of globals in errors, tracebacks and logs."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from flowledger.domain.masking import Masker

GLOBALS: dict[str, Any] = {
    "token": "s3cr3t-token",
    "longer": "s3cr3t-token-2",
    "nested": [{"deep": ("p@$$(w)ord", {"x": b"bytes-secret"})}],
    "short": "abc",
    "pin": 4321,
    "ratio": 2.5,
    "digits": "987654",
    "flag": True,
    "nothing": None,
    "empty": "",
    "blank": "     ",
    "key": '-----BEGIN-----\nline one "quoted"\nline två\n-----END-----',
    "typed": SecretStr("typed-secret"),
}


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Bearer s3cr3t-token!", "Bearer ***!"),
        ("xs3cr3t-tokenx", "x***x"),
        ("s3cr3t-token-2", "***"),
        ("p@$$(w)ord", "***"),
        ("bytes-secret and typed-secret", "*** and ***"),
        ("abc abcd 'abc' (abc)", "abc abcd '***' (***)"),
        ("4321 54321 =4321;", "*** 54321 =***;"),
        ("2.5 and 12.5, ratio=2.5", "2.5 and 12.5, ratio=***"),
        ("x987654x", "x***x"),
        ("True true None null     .", "True true None null     ."),
        ('line one "quoted"', "***"),
        ("nothing here", "nothing here"),
    ],
)
def test_values_are_replaced(text: str, masked: str) -> None:
    assert Masker(GLOBALS).text(text) == masked


@pytest.mark.parametrize("form", [str, repr, json.dumps, lambda key: json.dumps(key, ensure_ascii=False)])
def test_a_value_of_many_lines_is_replaced_in_every_form(form: Any) -> None:
    masked = Masker(GLOBALS).text(f"failed with {form(GLOBALS['key'])} here")
    assert "line" not in masked
    assert "BEGIN" not in masked


def test_one_line_of_a_value_of_many_lines_is_replaced() -> None:
    assert Masker(GLOBALS).text("at 'line två'") == "at '***'"


@pytest.mark.parametrize("globals", [None, {}])
def test_without_globals_the_text_is_handed_back(globals: Any) -> None:
    text = "as it is"
    assert Masker(globals).text(text) is text


def test_globals_may_hold_themselves_and_any_object() -> None:
    globals: dict[str, Any] = {"client": object(), "token": "s3cr3t-token"}
    globals["self"] = [globals]
    assert Masker(globals).text("s3cr3t-token") == "***"


@settings(deadline=None)
@given(st.lists(st.text(min_size=4).filter(str.strip), min_size=1, max_size=4), st.text(), st.text())
def test_no_long_text_survives(secrets: list[str], before: str, after: str) -> None:
    masker = Masker({"all": secrets})
    for secret in secrets:
        rest = masker.text(before + secret + after)
        assert secret not in rest or secret in "***"
        assert rest == masker.text(before + secret + after)
