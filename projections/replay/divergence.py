"""Where a step that was executed again differs from what was recorded of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from ...domain.ports import NewEvent
from ...domain.run import PAUSED, STEP_COMPLETED, STEP_FAILED
from ...domain.values.brief import brief
from ...domain.values.json_compare import same_scalar
from ...domain.values.json_pointer import json_pointer
from ...domain.visible import visible_lines
from ..serialization import to_json_value

DivergenceKind = Literal[
    "definition", "order", "missing executor", "masked input", "input", "error", "pause", "output", "handle", "code"
]


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first thing in a replay that differs from the record."""

    node_id: str | None
    """None if the whole definition differs."""
    attempt: int | None
    version: int
    """The version of the event that recorded the step."""
    kind: DivergenceKind
    """What differs, or why the step couldn't be compared."""
    path: str
    """JSON Pointer into what differs, such as the output; empty for the whole."""
    expected: Any
    """What was recorded there; None: nothing."""
    got: Any
    """What is there now; None: nothing."""
    code_changed: bool | None
    """Whether the executor isn't the code that ran; None if the run doesn't say which code that was."""

    def to_data(self) -> dict[str, Any]:
        """As JSON, keys in camelCase."""
        data: dict[str, Any] = to_json_value(self)
        return data

    def __str__(self) -> str:
        step = "" if self.node_id is None else f", node {self.node_id!r}, attempt {self.attempt}"
        return visible_lines(f"version {self.version}{step}: {self._what()}{_CODE[self.code_changed]}")

    def _what(self) -> str:
        sentence = _SENTENCES.get(self.kind, f"{self.kind}{self.path} differs")
        if self.kind in _WITHOUT_VALUES:
            return sentence
        return f"{sentence}: recorded {brief(self.expected)}, now {brief(self.got)}"


_SENTENCES: Mapping[str, str] = {
    "definition": "the definition is not the one that the run recorded",
    "order": "the definition leads to another node",
    "missing executor": "no executor is registered for its type",
    "masked input": "it needs globals, which are never recorded: pass them to the replay",
    "code": "taken from the record, but by now its code may do something else",
}
_WITHOUT_VALUES = frozenset({"masked input", "code"})
_CODE = {
    True: "; its code has changed since",
    False: "; its code is the same",
    None: "",
}


class Difference(NamedTuple):
    """The first place at which two JSON values differ: a JSON Pointer into both, and what is there (None: nothing)."""

    path: str
    expected: Any
    got: Any


def first_difference(expected: Any, got: Any) -> Difference | None:
    """None when both are the same JSON: the order of keys doesn't count, but 1 isn't 1.0: expressions tell them apart.

    A null that only one of two objects or arrays has is shown by the two themselves.
    """
    # A shortcut: equal reprs are equal values, as they distinguish 1 from 1.0, true and "1".
    return None if expected is got or repr(expected) == repr(got) else _first_difference(expected, got)


def _first_difference(expected: Any, got: Any) -> Difference | None:
    if isinstance(expected, dict) and isinstance(got, dict):
        return _in_objects(expected, got)
    if isinstance(expected, list) and isinstance(got, list):
        return _in_arrays(expected, got)
    return None if same_scalar(expected, got) else Difference("", expected, got)


def _in_objects(expected: dict[str, Any], got: dict[str, Any]) -> Difference | None:
    if expected.keys() == got.keys():
        for key, was in expected.items():
            if (found := _first_difference(was, got[key])) is not None:
                return found._replace(path=json_pointer((key,)) + found.path)
        return None
    key = next(key for key in expected | got if key not in expected or key not in got)
    return _in_one(json_pointer((key,)), expected.get(key), got.get(key)) or Difference("", expected, got)


def _in_arrays(expected: list[Any], got: list[Any]) -> Difference | None:
    for place, (was, now) in enumerate(zip(expected, got, strict=False)):
        if (found := _first_difference(was, now)) is not None:
            return found._replace(path=f"/{place}{found.path}")
    if len(expected) == len(got):
        return None
    end = min(len(expected), len(got))
    only = _in_one(f"/{end}", *(items[end] if end < len(items) else None for items in (expected, got)))
    return only or Difference("", expected, got)


def _in_one(path: str, expected: Any, got: Any) -> Difference | None:
    """The value that only one side has; None for a null, which can't be distinguished from an absent value."""
    return None if expected is None and got is None else Difference(path, expected, got)


def outcome_difference(recorded: NewEvent, got: NewEvent) -> tuple[DivergenceKind, Difference] | None:
    """The first thing that differs in what became of a step: its error, its pause, its output, its handle.

    Not compared are times, logs and tracebacks, and until when a pause lasts, only whether it has an end. Nor are
    addresses in the message of an error, as each process has others.
    """
    if recorded.type != STEP_COMPLETED or got.type != STEP_COMPLETED:
        was, now = _error(*recorded), _error(*got)
        if not _same_error(was, now) and (found := first_difference(was, now)) is not None:
            return "error", found
        if (found := first_difference(_pause(*recorded), _pause(*got))) is not None:
            return "pause", found
    for kind in _RETURNED:
        was, now = recorded.data.get(kind), got.data.get(kind)
        if was is not now and (found := first_difference(was, now)) is not None:
            return kind, found
    return None


def _error(type: str, data: Mapping[str, Any]) -> Any:
    return {key: data["error"][key] for key in ("type", "message")} if type == STEP_FAILED else None


def _same_error(one: Any, other: Any) -> bool:
    """Whether two errors are of one type, and their messages the same but for addresses in memory."""
    if one is None or other is None or one["type"] != other["type"]:
        return False
    return _ADDRESS.sub("0x", one["message"]) == _ADDRESS.sub("0x", other["message"])


_ADDRESS = re.compile(r"(?<= at )0x[0-9a-fA-F]+(?=[>;])|\b0x[0-9a-fA-F]{9,18}\b")
"""As a repr writes it, or a number that is too large for an error code of 32 bits, and too small for a digest."""


def _pause(type: str, data: Mapping[str, Any]) -> Any:
    return {"reason": data.get("reason"), "until": "until" in data} if type == PAUSED else None


_RETURNED: tuple[DivergenceKind, ...] = ("output", "handle")
