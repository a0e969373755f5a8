"""The one form in which texts are compared: capitals, widths, ligatures and ways to write an accent don't count."""

import sys
from unicodedata import category, normalize

import pytest

from flowledger.projections.search.letters import fold_text, kinds_of


def letters() -> list[str]:
    """Every character that is written in several ways, or can't be seen; of Hangul a few, as all go by one rule."""
    return [
        sign
        for number in range(sys.maxunicode + 1)
        if not 0xAC10 <= number < 0xE000
        and (
            category(sign := chr(number)) == "Cf"
            or len({sign, sign.lower(), sign.upper(), sign.title(), sign.casefold(), normalize("NFKD", sign)}) > 1
        )
    ]


def test_each_letter_of_unicode_is_the_same_however_it_is_written() -> None:
    known = letters()
    assert len(known) > 7_000
    for sign in known:
        others = {sign.lower(), sign.upper(), sign.title(), sign.casefold(), sign.swapcase()}
        others |= {normalize(form, sign) for form in ("NFC", "NFD", "NFKC", "NFKD")}
        assert {fold_text(other) for other in others} == {fold_text(sign)}, (sign, hex(ord(sign)))
        assert fold_text(fold_text(sign)) == fold_text(sign)
        assert "i" not in kinds_of(fold_text(sign))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("İSTANBUL", "istanbul"),
        ("IŞIK", "ışık"),
        ("STRASSE", "straße"),
        ("ΟΔΥΣΣΕΥΣ", "Οδυσσεύς".replace("ύ", "υ")),
        ("ᲗᲑᲘᲚᲘᲡᲘ", "თბილისი"),
        ("ᏣᎳᎩ", "ꮳꮃꭹ"),
        ("ﬁn", "FIN"),
        ("Ａ１", "a1"),
        ("ｱｶﾞ", "アガ"),
        ("co\N{SOFT HYPHEN}op", "coop"),
        ("می\N{ZERO WIDTH NON-JOINER}خواهم", "میخواهم"),
        ("ᾼ\N{COMBINING GREEK PERISPOMENI}", "ᾷ"),
    ],
)
def test_what_is_written_otherwise_is_the_same(one: str, other: str) -> None:
    assert fold_text(one) == fold_text(other)


def test_letters_that_differ_stay_apart() -> None:
    for one, other in (("e", "é"), ("が", "か"), ("کتب", "كَتَبَ"), ("हि", "ही"), ("o", "ø"), ("l", "ł")):
        assert fold_text(one) != fold_text(other)


def test_a_letter_under_a_mountain_of_marks_takes_no_mountain_of_time() -> None:
    marks = "\N{COMBINING ACUTE ACCENT}\N{COMBINING GRAVE ACCENT BELOW}\N{HALFWIDTH KATAKANA VOICED SOUND MARK}"
    for between in ("", "\N{ZERO WIDTH JOINER}"):
        piled = f"x{(marks + between) * 400_000}y"  # sorted one by one, these take the better part of an hour
        text = fold_text(piled)
        assert text[0] == "x"
        assert text[-1] == "y"
        assert len(text) == 32


def test_what_is_no_text_ends_a_word_and_nothing_else() -> None:
    assert kinds_of("a\0b\ud800c d") == "a a a a"
