"""A secret in whatever form it got into a text."""

import base64
import json
from collections.abc import Callable
from reprlib import repr as short_repr
from typing import Any
from unicodedata import normalize

import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowledger.domain.masking import Masker

from ...effort import tries
from .encodings import ENCODINGS

SECRETS = ("tr0ub4dor-&-3/x+y=", "p&ss<w\"ö'rd\\1", "pässwörd %41 €", "line one\nline 'two'", "a?>~ ~~~?b>")

secrets = st.one_of(
    st.text(min_size=8, max_size=40),
    st.text("abcXYZ019-&/+=%\\\"' <>äßé€\n\t;", min_size=8, max_size=30),
    st.from_regex(r"[A-Za-z0-9+/]{8,40}", fullmatch=True),
).filter(lambda text: len(text.strip()) >= 8 and "*" not in text)

# What stands before a secret is no escape that the secret's first letters would end.
before = st.text(max_size=6).filter(lambda text: not set("\\%&") & set(text))


@pytest.mark.parametrize("how", ENCODINGS)
@pytest.mark.parametrize("secret", SECRETS)
def test_an_encoded_secret_is_masked(secret: str, how: str) -> None:
    form = ENCODINGS[how](secret)
    masked = Masker({"token": secret}).text(f"GET /?k={form}&n=1 failed")
    assert form not in masked
    assert "***" in masked
    assert masked.startswith("GET /?k=")
    assert masked.endswith("&n=1 failed")


@settings(deadline=None, max_examples=tries(300))
@given(secrets, st.sampled_from(sorted(ENCODINGS)), before, st.text(max_size=6))
def test_no_encoding_of_any_secret_survives(secret: str, how: str, before: str, behind: str) -> None:
    form = ENCODINGS[how](secret.strip())
    assert form not in Masker({"token": secret}).text(before + form + behind)


@pytest.mark.parametrize(
    ("sign", "how"),
    [("%", "JSON"), ("%", "HTML"), ("\\", "HTML"), ("\\x", "percent-encoded"), ("&#x", "JSON"), ("%a", "HTML in JSON")],
)
def test_what_looks_like_an_escape_of_another_kind_before_a_secret_doesnt_hide_it(sign: str, how: str) -> None:
    secret = "ab;'12\"ö\\x"
    form = ENCODINGS[how](secret)
    assert form not in Masker({"token": secret}).text(sign + form), how


@pytest.mark.parametrize(
    ("secrets", "text", "masked"),
    [
        (("abcdefghij", "ghijklmnop"), "x abcdefghijklmnop y", "x *** y"),
        (("abcdefgh", "cdef"), "x abcdefgh y cdef z", "x *** y *** z"),
        (("abcd", "efgh"), "abcdefgh", "***"),
        (("aXaXaX",), "aXaXaXaXaX", "***"),
    ],
)
def test_secrets_that_overlap_are_masked_as_one(secrets: tuple[str, ...], text: str, masked: str) -> None:
    assert Masker(dict(enumerate(secrets))).text(text) == masked  # type: ignore[arg-type]


@settings(deadline=None)
@given(st.text("ab", min_size=8, max_size=40), st.data())
def test_every_part_of_overlapping_secrets_is_masked(text: str, data: Any) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(text) - 4), min_size=1, max_size=4))
    spans = [(cut, data.draw(st.integers(cut + 4, len(text)))) for cut in cuts]
    masked = Masker({str(at): text[begin:end] for at, (begin, end) in enumerate(spans)}).text(text)
    # A letter that belongs to no secret is the most that may be left of it.
    covered = {at for begin, end in spans for at in range(begin, end)}
    assert len(masked.replace("***", "")) <= len(text) - len(covered)


class Settings(pydantic.BaseModel):
    """Its errors show the beginning and the end of a long text."""

    token: int


def refused_by_pydantic(secret: str) -> str:
    with pytest.raises(pydantic.ValidationError) as refused:
        Settings.model_validate({"token": secret})
    return str(refused.value)


@pytest.mark.parametrize("shorten", [refused_by_pydantic, short_repr, lambda secret: f"{secret[:20]}…"])
def test_the_ends_of_a_secret_that_was_shortened_are_masked(shorten: Callable[[str], str]) -> None:
    secret = "sk-" + "".join(f"{number:02x}" for number in range(7, 250, 5))
    shown = shorten(secret)
    assert secret[:10] in shown
    masked = Masker({"token": secret}).text(shown)
    assert secret[:10] not in masked
    assert secret[-10:] not in masked


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC"])
def test_another_way_to_write_accents_is_masked(form: Any) -> None:
    assert Masker({"token": "pâsswörd-é"}).text(normalize(form, "PÂSSWÖRD-É")) == "***"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (123456, "123456"),
        (2026, "2026"),
        (123456, base64.b64encode(b"u:123456").decode()),
        (123456, b"123456".hex()),
        (1234567, "1,234,567"),
    ],
)
def test_numbers_of_four_digits_are_masked_as_words_and_in_other_forms(value: int, text: str) -> None:
    assert "***" in Masker({"pin": value}).text(f"with {text}")


@pytest.mark.parametrize("text", ["616263", "YWJj", "abc", "\\x61bc", "%61bc", "&#97;bc"])
def test_a_short_secret_is_masked_where_it_is_a_value(text: str) -> None:
    masker = Masker({"code": "abc"})
    assert masker.text(f"code={text}") == "code=***"
    assert masker.text(f"is {text}, or {text}x") == f"is {text}, or {text}x"
    assert masker.text("=ABC, =aabc") == "=ABC, =aabc"


VALUES_ALONE = (
    "{}",
    " {} ",
    "ValueError: {}",
    "at line 3\n{}\nand so on",
    "'{}'",
    '"{}"',
    'of type "{}" (wrong)',
    "pin={}",
    "pin = {}",
    "/?pin={}&page=2",
    "pin={};user=u",
    "{{'pin': {}}}",
    '{{"pin":{}}}',
    '{{"pin": "{}", "user": "u"}}',
    "Settings(pin={}, user='u')",
    "[{}, 77]",
    "(77, {})",
    "f({})",
    "<pin>{}</pin>",
    "postgresql://user:{}@host/db",
)
WITHIN_SENTENCES = (
    "order {} in production",
    "{} items",
    "production: {} items",
    "id {}{}",
    "x{} {}x",
    "'{} items'",
    "took {} of 5",
    "host:{}",
    "{}@host",
    "at 12:{}",
    "line {}, in call",
)


@pytest.mark.parametrize(
    ("value", "shown"), [("abc", "abc"), ("10", "10"), (10, "10"), (-7, "-7"), (2.5, "2.5"), (True, "True")]
)
@pytest.mark.parametrize("text", VALUES_ALONE)
def test_what_is_short_is_masked_where_it_stands_alone(value: Any, shown: str, text: str) -> None:
    assert Masker({"it": value}).text(text.format(shown)) == text.format("***")


@pytest.mark.parametrize(
    ("value", "shown"), [("abc", "abc"), ("10", "10"), (10, "10"), (False, "False"), (True, "true")]
)
@pytest.mark.parametrize("text", WITHIN_SENTENCES)
def test_what_is_short_stays_within_a_sentence(value: Any, shown: str, text: str) -> None:
    said = text.format(shown, shown)
    assert Masker({"it": value}).text(said) == said


@settings(deadline=None, max_examples=tries(300))
@given(
    st.one_of(st.text("abcXYZ019_é", min_size=1, max_size=3), st.integers(-99, 999), st.booleans()),
    st.lists(st.text("abcXYZ019_é", min_size=1, max_size=8), min_size=1),
)
def test_no_word_of_a_sentence_is_masked_for_what_is_short(value: Any, words: list[str]) -> None:
    said = f"so {' '.join(words)} then"
    assert Masker({"it": value}).text(said) == said


@settings(deadline=None, max_examples=tries(300))
@given(st.text("abcXYZ019_é$ß&%", min_size=1, max_size=3), st.sampled_from(VALUES_ALONE[4:]))
def test_no_short_secret_survives_where_it_stands_alone(value: str, text: str) -> None:
    assert Masker({"it": value}).text(text.format(value)) == text.format("***")


def test_escapes_of_something_else_stay_as_they_are() -> None:
    text = r'a\nb %41 &lt;tr> {"x": "\u00e4"} C:\new\test 100%'
    assert Masker({"token": "s3cr3t-token"}).text(text) == text
    assert Masker({"token": "s3cr3t-token"}).text(f"{text}s3cr3t-token{text}") == f"{text}***{text}"


def test_a_secret_that_is_written_with_escapes_itself_is_masked() -> None:
    for secret in ("100%25 sure", r"C:\new\table", "&amp;lt;tr", r"\u00e4\x41\"", "%", "a%"):
        for form in (secret, json.dumps(secret)[1:-1], json.dumps(json.dumps(secret))[3:-3]):
            assert form not in Masker({"token": secret}).text(f"x={form}; y"), (secret, form)


def test_a_text_that_is_cut_shows_no_beginning_of_a_secret() -> None:
    masker = Masker({"token": "s3cr3t-token"})
    text = "x" * 95 + "s3cr3t-token" + "y" * 10
    assert masker.text(text, 100) == "x" * 95 + "***"
    assert masker.text(text, 95) == "x" * 95
    assert masker.text(text, 110) == "x" * 95 + "***" + "yyy"
    assert Masker(None).text(text, 10) == "x" * 10
