"""Digests of commands, and the keys under which they are sent again."""

import pytest

import flowledger as fl
from flowledger.domain.values.idempotency import LONGEST_KEY, check_key, command_digest


def test_a_command_is_the_same_whatever_the_order_of_its_arguments() -> None:
    assert command_digest("save", name="n", message="m") == command_digest("save", message="m", name="n")


def test_an_argument_of_none_is_as_if_left_out() -> None:
    assert command_digest("archive", reason=None) == command_digest("archive")


@pytest.mark.parametrize("other", [("archive", {"reason": "b"}), ("release", {"reason": "a"}), ("archive", {})])
def test_another_command_or_argument_is_another_digest(other: tuple[str, dict[str, str]]) -> None:
    assert command_digest("archive", reason="a") != command_digest(other[0], **other[1])


@pytest.mark.parametrize("key", ["", 7, None, b"k", "k" * (LONGEST_KEY + 1), "k" * 10_000_000])
def test_what_is_no_key_is_refused_in_a_short_message(key: object) -> None:
    with pytest.raises(fl.InvalidRequest) as refused:
        check_key(key)
    assert len(str(refused.value)) < 500


def test_the_longest_key_is_one() -> None:
    check_key("k" * LONGEST_KEY)
