"""Texts and values that strangers send."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

CONTROL_CHARACTERS = (
    "\x1b]0;PWNED\x07\x1b[2J",
    "\x9b31m\x85",
    "\x7f\b\r",
    "a\0b",
    "\u202eabc\u2066\u061c\u200f",
    "two\u2028lines\u2029\x0bor\x0cmore",
    "a\nFORGED line\n\tb",
)
"""What terminals obey."""

HARMLESS = (
    "[/bold] [link=https://x]y[/link] [red]",
    ":smile: {task.description} %s {0}",
    "=1+1",
    "@SUM(1;1)",
    "-1",
    "'; DROP TABLE flowledger_events; --",
    "مرحبا שלום",
    "e" + "\u0301" * 50,
    "\u200dzero\u200bwidth\ufeff",
    "\U0001f469\u200d\U0001f680",
    "--help",
    "../../etc/passwd",
    "x" * 100_000,
)
"""What some program or other takes for more than text; all are names that may be given."""

SURROGATE = "lone \udcff surrogate"

TEXT = "\x1b]0;PWNED\x07\x9b31m\x7f\0\u202e\u2028[/bold] :smile: {0} %s '; --\r\n\tline"
"""Something of each, for places where any text may stand."""

NAME = "[/bold] :smile: {0} %s '; -- =1+1 مرحبا e\u0301\u0301 \U0001f469\u200d\U0001f680"
"""The same for places where a name stands."""

TEXTS = (*CONTROL_CHARACTERS, *HARMLESS, SURROGATE, "", " ")


def deep(levels: int) -> list[Any]:
    """A list in a list, and so on."""
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def _cyclic() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["itself"] = [value]
    return value


VALUES: tuple[Any, ...] = (
    *TEXTS,
    *(10**30, -(10**30), 2**63, 2**64, -1, 0, True, int("9" * 4_000), 1.5, float("nan"), float("inf")),
    "9" * 5_000,
    datetime.max.replace(tzinfo=UTC),
    datetime.min.replace(tzinfo=UTC),
    datetime.max.replace(tzinfo=timezone(-timedelta(hours=14))),
    datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
    datetime(2026, 1, 1),  # noqa: DTZ001 - that it has no time zone is the point
    deep(100_000),
    deep(190),
    _cyclic(),
    *(b"\xff", bytearray(b"x"), object(), object, {1, 2}, len, Path("a\0b"), ..., 1j, range(3)),
    *([], {}, [None], (SURROGATE,), ["a\0b"], {SURROGATE: 1}, {1: 2}, {"a\0b": "a\0b"}, {"__pause": True, "until": 1}),
)
