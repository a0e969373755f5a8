"""Comparing an answer with what was expected of it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import flowledger as fl

from .scenarios import Json, Scenario, files_named_by_the_table

HOLD_FOR_EVERY_FILE = frozenset({"D1", "D2", "D8"})
Answer = fl.Snapshot | Exception

_named_by_the_table = cache(files_named_by_the_table)


def rows_that_name(scenario: Scenario) -> set[str]:
    """The rows of the table of differences that name this scenario's file."""
    return {row for row, files in _named_by_the_table().items() if scenario.number in files}


class TextEndingIn(str):
    """Equal to every text that ends in this one: engines name error types differently."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and other.endswith(str(self))

    def __repr__(self) -> str:
        return f"<text ending in {str(self)!r}>"


class TextNaming:
    """Equal to every text that isn't empty and names all of these: for texts that are an engine's own."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, *names: str) -> None:
        self.names = names

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and other != "" and all(name in other for name in self.names)

    def __repr__(self) -> str:
        return f"<text naming {', '.join(map(repr, self.names))}>" if self.names else "<a text>"


@dataclass
class Expected:
    """The answer to one call: a snapshot, or an error that names some words, or a way through the nodes."""

    calls: list[Json] | None
    """The executor calls; None where the golden answer doesn't tell."""
    snapshot: Json | None = None
    """``version`` in it is the reference engine's and isn't compared as it is (D1)."""
    error: type[Exception] | None = None
    names: tuple[str, ...] = ()
    completes_through: list[str] | None = None
    """Where the golden snapshot ends too early to compare with: the nodes that ran, in order."""
    rows: set[str] = field(default_factory=set)
    """Rows of the table of differences that made this differ from the golden answer."""
    same_successes: bool = True
    """Whether the golden ``version`` must be the number of successful results (D1)."""
    otherwise: Callable[[Json], bool] | None = None
    """A second answer that row D11 allows, where its details aren't known beforehand."""


def answer_of(call: Callable[[], fl.Snapshot]) -> Answer:
    """The snapshot that the call returned, or the error that flowledger raised on purpose."""
    try:
        return call()
    except fl.FlowledgerError as error:
        return error


def data_of(snapshot: fl.Snapshot) -> Json:
    """The JSON object as a store would give it back."""
    data: Json = json.loads(snapshot.to_json())
    return data


def check(scenario: Scenario, expected: Expected, before: Json | None, answer: Answer, seen: list[Json]) -> None:
    """Assert that the answer and the executor calls are the expected ones, and that the table names each difference."""
    if expected.error is not None:
        assert isinstance(answer, expected.error), answer
        assert [word for word in expected.names if word not in str(answer)] == []
        assert seen == []
    elif isinstance(answer, Exception):
        raise AssertionError("flowledger refused what it should run") from answer
    else:
        _check_snapshot(expected, before, data_of(answer), seen)
    assert expected.rows <= rows_that_name(scenario) | HOLD_FOR_EVERY_FILE


def _check_snapshot(expected: Expected, before: Json | None, got: Json, seen: list[Json]) -> None:
    _check_order(got, seen)
    if before is not None and _comparable(got) != _comparable(before):
        assert got["version"] > before["version"]
    if expected.completes_through is not None:
        assert (got["status"], got["currentNodeId"]) == ("completed", None)
        assert list(got["context"]) == expected.completes_through
        return
    assert expected.snapshot is not None
    if expected.otherwise is not None and _comparable(expected.snapshot) != _comparable(got):
        assert expected.otherwise(got), f"not a difference of expressions alone: {got}"
        expected.rows.add("D11")
        return
    assert _comparable(expected.snapshot) == _comparable(got)
    assert expected.calls is None or expected.calls == seen
    if expected.same_successes:
        assert expected.snapshot["version"] == _successes(got)


def _check_order(got: Json, seen: list[Json]) -> None:
    """D15: nodes stand in the context in the order in which they first ran, whatever their ids look like."""
    ran = list(dict.fromkeys(call["nodeId"] for call in seen))
    first_ran_now = {call["nodeId"] for call in seen if call["invocation"] == 1}
    in_context = [node_id for node_id in got["context"] if node_id in first_ran_now]
    assert in_context == [node_id for node_id in ran if node_id in in_context]


def _comparable(snapshot: Json) -> Json:
    """Without what is compared apart: ``version`` (D1), and the payload that a retry will see (D7)."""
    shown = {key: value for key, value in snapshot.items() if key != "version"}
    if "retryState" in shown:
        shown["retryState"] = {key: value for key, value in shown["retryState"].items() if key != "payload"}
    return shown


def _successes(snapshot: Json) -> int:
    return sum("error" not in result for results in snapshot["context"].values() for result in results)
