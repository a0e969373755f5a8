"""Messages of failures that are alike have the same text without what varies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowledger.projections.index.columns import KEY_LENGTH
from flowledger.projections.steps.messages import general_message


@pytest.mark.parametrize(
    ("message", "general"),
    [
        ("order 5 has no address", "order … has no address"),
        ("no answer from 10.0.0.1:8080 within 2.5 s", "no answer from … within … s"),
        ("'express'", "'…'"),
        ("it isn't 'express', and wasn't \"slow\" either", "it isn't '…', and wasn't \"…\" either"),
        ("order o-20817 of ada@example.org", "order … of …"),
        ("run 019ca6b2-1a80-760e-85eb-730f8176f23a is gone", "run … is gone"),
        ("digest deadbeefcafe differs", "digest … differs"),
        ("at 2026-11-25T14:02:11.204+01:00 the queue was full", "at … the queue was full"),
        ("<Cart object at 0x7f3a11> has no items", "<Cart object at …> has no items"),
        ("one of 'a', 'b', 'c'", "one of '…'"),
        ("one of 'a'", "one of '…'"),
        ("sizes [1, 2, 3] and [4, 5]", "sizes […] and […]"),
        ("two\n  lines,\tone blank", "two lines, one blank"),
        ("«großer» Betrag „viel“ ٣ Stück", "«…» Betrag „…“ … Stück"),
        ("don't, can't, won't", "don't, can't, won't"),
        ("", ""),
        ("an open 'quote of 3", "an open 'quote of …"),
        ("w" * 300, "w" * (KEY_LENGTH - 1) + "…"),
    ],
)
def test_what_varies_is_left_out(message: str, general: str) -> None:
    assert general_message(message) == general


texts = st.text(st.characters(codec="ascii", categories=["L"]), max_size=8).map("'{}'".format)
TEMPLATES = ("order {} has no address", "({}) was refused after {} attempts", "key={}, value={}", "{}")


@given(st.sampled_from(TEMPLATES), st.data())
def test_one_template_makes_one_message_whatever_is_put_in(template: str, data: st.DataObject) -> None:
    kinds = data.draw(st.lists(st.sampled_from(["number", "text"]), min_size=2, max_size=2))
    made = [
        template.format(*(data.draw(st.integers() if kind == "number" else texts) for kind in kinds)) for _ in range(2)
    ]
    assert len(set(map(general_message, made))) == 1


@given(st.text(max_size=60))
def test_a_message_without_what_varies_stays_as_it_is(message: str) -> None:
    general = general_message(message)
    assert general_message(general) == general


@pytest.mark.parametrize("unit", ["a", "'", "1", "a1-", "'a ", '"', "a@", ".", "…, ", "f" * 7 + " ", "«", "x@y."])
def test_a_long_message_costs_little_and_stays_short(unit: str) -> None:
    assert len(general_message(unit * (2_000_000 // len(unit)))) <= KEY_LENGTH
