"""Errors go through pickle, copies and process pools with all that they say."""

import inspect
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psycopg
import pytest

import flowledger as fl
from flowledger.domain.errors import Removal
from flowledger.testing import Crash, Diverged

from .executors import Declined, TooSlow, decline, same_snapshot, version
from .values import WAYS, pickled, public_classes

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TIMEOUT = 60
SNAPSHOT = fl.Snapshot.from_json(
    '{"workflowId": "w", "status": "paused", "currentNodeId": "n", "context": {}, "version": 1, "metadata": {}}'
)

ARGUMENTS: dict[str, Any] = {
    "faults": [fl.Fault("nodes[0].type", "is unknown"), fl.Fault("edges[1]", "leads nowhere")],
    "issues": [fl.Fault("$.total", "is not a number")],
    "node_id": "n1",
    "given_up": True,
    "count": 1,
    "changes": [fl.WorkflowVersion("w", 2, "saved", "ada", NOW, "why", "a1b2c3d", None, "d1", True, fl.Changes())],
    "conflicts": ["node a"],
    "missing": "total",
    "needed": {"fraud": ("check", "again")},
    "streams": {"workflow:w": 2},
    "readers": {"token": "call"},
    "events": [fl.LaterEvent(4, "run.held", "ann", NOW), fl.LaterEvent(5, "run.released", "bob", NOW)],
    "last_run_id": "text",
    "status": "failed",
    "run": fl.Run("r", "w", 1, "o", "paused", 2, SNAPSHOT, NOW, None),
    "until": ("completed",),
    "timeout": 3.0,
    "pid": 7,
    "lease_until": NOW,
    "after": 30.0,
    "removal": Removal(NOW, "ops", "archive"),
    "kind": "run",
    "held": "text",
    **dict.fromkeys(("version", "line", "head", "expected", "stored"), 3),
    **dict.fromkeys(("actual", "asked", "known"), 5),
    **dict.fromkeys(("first", "saved_at", "used_at", "at", "answered_at"), NOW),
    **dict.fromkeys(
        (
            "name",
            "host",
            "path",
            "message",
            "command",
            "workflow_id",
            "work_order_id",
            "run_id",
            "bulk_id",
            "subject",
            "label",
            "shown",
            "stream",
            "key",
            "wait",
            "type",
        ),
        "text",
    ),
    **dict.fromkeys(("used_by", "saved_by", "reason", "by", "answered_by"), "somebody"),
}
"""For all that our errors take, by name."""


def example(kind: type[BaseException]) -> BaseException:
    if kind is fl.NothingAsOf:
        return fl.NothingAsOf(NOW, NOW, "run r")
    if not inspect.isfunction(kind.__init__):  # none of its own
        return kind("what happened, and what to do")
    parameters = [*inspect.signature(kind).parameters.values()]
    given = [ARGUMENTS[parameter.name] for parameter in parameters if parameter.kind is not parameter.KEYWORD_ONLY]
    named = {parameter.name: ARGUMENTS[parameter.name] for parameter in parameters[len(given) :]}
    return kind(*given, **named)


RUN = fl.Run(
    "r",
    "w",
    1,
    "o",
    "active",
    1,
    fl.Snapshot.from_json({"workflowId": "w", "status": "active", "currentNodeId": "a", "context": {}, "version": 1}),
    NOW,
    None,
)
ERRORS: dict[str, BaseException] = {
    **{name: example(kind) for name, kind in public_classes().items() if issubclass(kind, BaseException)},
    "an application's own": Declined("c-1", code=51, why={"limit": 3}),
    "one that is a system's error, too": TooSlow(RUN),
    "Diverged": Diverged(Path("case.jsonl"), "r", fl.Divergence("a", 1, 2, "output", "/x", 1, 2, None)),
    "Crash": Crash("before commit"),
}


def assert_same(back: BaseException, error: BaseException) -> None:
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert back.args == error.args
    assert vars(back) == vars(error)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ERRORS)
def test_every_error_comes_back_as_it_was(name: str, way: str) -> None:
    error = ERRORS[name]
    assert_same(WAYS[way](error), error)
    assert_same(WAYS[way](WAYS[way](error)), error)
    assert getattr(WAYS[way](error), "code", None) == getattr(error, "code", None)  # the one that lies in a slot


@pytest.mark.parametrize("way", WAYS)
def test_notes_come_along_and_so_does_a_cause_that_is_sure_to_arrive(way: str) -> None:
    error, cause = fl.InvalidValue("$.x", "is a set"), fl.VersionNotFound(9, 3)
    cause.__cause__ = OSError(2, "no such file", "f")
    error.__cause__ = cause
    error.add_note("in step a")
    back = WAYS[way](error)
    assert back.__notes__ == ["in step a"]
    assert_same(back.__cause__, cause)
    assert isinstance(back.__cause__.__cause__, FileNotFoundError)
    assert back.__suppress_context__


class Elsewhere(Exception):
    def __init__(self, a: int, b: int) -> None:
        super().__init__(f"{a} and {b}")


@pytest.mark.parametrize(
    "cause", [Elsewhere(1, 2), psycopg.OperationalError("away"), ValueError(object()), ExceptionGroup("g", [OSError()])]
)
def test_a_cause_that_may_not_arrive_stays_behind_and_the_error_arrives(cause: Exception) -> None:
    error = fl.StorageUnavailable("the server is away")
    error.__cause__ = cause
    back = pickled(error)
    assert_same(back, error)
    assert back.__cause__ is None


def test_a_group_of_errors_comes_back_whole() -> None:
    group = ExceptionGroup("two", [fl.VersionNotFound(9, 3), ExceptionGroup("inner", [Declined("c-1", code=51)])])
    back = pickled(group)
    assert_same(back.exceptions[0], group.exceptions[0])
    assert_same(back.exceptions[1].exceptions[0], group.exceptions[1].exceptions[0])  # type: ignore[attr-defined]


def test_an_error_that_knows_itself_comes_back_so() -> None:
    error = Declined("c-1", code=51)
    error.why = [error]
    for way in ("deep copy", *WAYS):
        if way != "copy":
            back = WAYS[way](error)
            assert back.why[0] is back


def test_process_pools_pass_errors_and_snapshots_on_and_go_on(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    executors = fl.ExecutorRegistry()
    executors.register("a")(lambda step: {"x": 1})
    with fl.open_ledger(url, executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "a", "type": "a"}]}, workflow_id="w")
        snapshot = ledger.runs.start("w").snapshot
    spawn = get_context("spawn")
    with ProcessPoolExecutor(1, spawn) as pool:
        jobs = [pool.submit(version, url, number) for number in (99, 1)]
        with pytest.raises(fl.VersionNotFound, match="has no version 99") as told:
            jobs[0].result(TIMEOUT)
        assert (told.value.asked, told.value.head) == (99, 1)
        assert "Traceback" in str(told.value.__cause__)  # the pool's own: where it was raised
        assert jobs[1].result(TIMEOUT) == 1
        with pytest.raises(Declined, match="c-1 was declined") as declined:
            pool.submit(decline, "c-1").result(TIMEOUT)
        assert declined.value.code == 51
        assert pool.submit(same_snapshot, snapshot).result(TIMEOUT) == snapshot
    with spawn.Pool(1) as pool:
        with pytest.raises(fl.VersionNotFound, match="has no version 99"):
            pool.apply_async(version, (url, 99)).get(TIMEOUT)
        assert pool.apply_async(same_snapshot, (snapshot,)).get(TIMEOUT) == snapshot
        pool.close()
        pool.join()
