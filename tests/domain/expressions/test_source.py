"""Where an expression begins and ends in text."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowledger.domain.errors import ExpressionError
from flowledger.domain.expressions.lexer import MAX_SOURCE_LENGTH, placeholders, tokenize

from .scenes import render, scope, value_of


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        ("{{ a }}", ["a"]),
        ("{{a}}{{b}}", ["a", "b"]),
        ("x {{ '}}' }} y", ["'}}'"]),
        ('{{ "a\\"}}" }}', ['"a\\"}}"']),
        ("{{ r'}}\\' }}", ["r'}}\\'"]),
        ('{{ """ " }} """ }}', ['""" " }} """']),
        ("{{ ''' ' }} ''' }}", ["''' ' }} '''"]),
        ("{{ {'a': 1} }}", ["{'a': 1}"]),
        ("{{ {'a': {'b': 1}} }}", ["{'a': {'b': 1}}"]),
        ("{{{'a': {'b': 1}}}}", ["{'a': {'b': 1}}"]),
        ("{{ {'a': {'b': {}}}}} {{ 2 }}", ["{'a': {'b': {}}}", "2"]),
        ("{{ a }}}", ["a"]),
        ("{{\n a\n +\n b\n}}", ["a\n +\n b"]),
        ("{{ it's }} fine", ["it's"]),
        ("{{ a // b }}", ["a // b"]),
        ("no { { braces } }", []),
        ("{{ open", []),
        ("{{ 1 }} {{ open", ["1"]),
        ("}} {{", []),
        ("{{ {'a' }} x", []),
        ("{{}}", [""]),
    ],
)
def test_braces_are_paired_as_the_language_reads_them(text: str, sources: list[str]) -> None:
    assert [placeholder.source for placeholder in placeholders(text)] == sources


def test_an_unclosed_expression_is_text() -> None:
    assert value_of("{{ 1 }} and {{ 2") == "1 and {{ 2"
    assert value_of("{{ 2") == "{{ 2"


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_text_without_two_open_braces_is_left_alone(text: str) -> None:
    if "{{" not in text:
        assert value_of(text) is text


PIECES = st.sampled_from(
    ["{{", "}}", "{", "}", "'", '"', "'''", '"""', "\\", "r'", "b", "//", "\n", "payload", ".", "1", " "]
)


@settings(deadline=None)
@given(st.lists(PIECES | st.text(st.characters(exclude_categories=["Cs"]), max_size=3)).map("".join))
def test_no_text_breaks_the_scanner(text: str) -> None:
    end = 0
    for placeholder in placeholders(text):
        assert placeholder.start >= end
        assert text[placeholder.start : placeholder.start + 2] == "{{"
        assert text[placeholder.end - 2 : placeholder.end] == "}}"
        assert placeholder.source in text[placeholder.start : placeholder.end]
        end = placeholder.end
    at = 0
    for token in tokenize(text):
        assert token.start >= at
        assert text[token.start : token.end] == token.text
        at = token.end


@settings(deadline=None)
@given(
    st.lists(PIECES | st.sampled_from(["payload.a", "+", "(", ")", "[", "]", "size", "map(x,"]), max_size=12).map(
        "".join
    )
)
def test_whatever_is_written_gives_a_value_or_an_error_of_ours(source: str) -> None:
    with suppress(ExpressionError):
        render(f"{{{{ {source} }}}}", scope(payload={"a": 1}))


def test_an_expression_that_is_too_long_fails_the_step() -> None:
    at_the_limit = "1" + " " * (MAX_SOURCE_LENGTH - 2) + "1"
    for source in (at_the_limit, f" {at_the_limit} ", f"{at_the_limit}1", at_the_limit + " + 1" * 9999):
        text = f"{{{{{source}}}}}"
        with pytest.raises(
            ExpressionError, match=r"… }}: (syntax error|is [\d,]+ characters long, the limit is 4,096)"
        ):
            render(text)


def test_scanning_takes_time_by_the_length_of_the_text() -> None:
    # Any quadratic scan of these would take minutes.
    for text in ("{{" * 200_000, '{{"""\\' * 100_000, "{{ ' " * 100_000, "{{ {" * 100_000):
        assert len(list(placeholders(text))) <= 1
