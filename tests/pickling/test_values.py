"""What a ledger answers can be pickled and copied, and is the same afterwards; what is no value says what to send."""

import dataclasses
import pickle
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl
from flowledger.domain.ports import RowDecoder
from flowledger.domain.run.context import Context
from flowledger.domain.run.results import ResultLog
from flowledger.domain.values.json import freeze
from flowledger.infrastructure.storage.callers import CallersConnection
from flowledger.infrastructure.storage.codec import decode

from .values import LIVE, WAYS, found, parts, pickled, public_classes

VALUES = sorted(
    name for name, public in public_classes().items() if not issubclass(public, BaseException) and name not in LIVE
)
READ_ONLY = {"Node", "RetryState", "Run", "RunAudit", "Snapshot", "WorkflowDefinition", "WorkflowSnapshot"}


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return found(tmp_path_factory.mktemp("values"))


def alike(value: Any, other: Any) -> bool:
    """Whether all parts are of the same types: what was read-only is so again."""
    return type(value) is type(other) and all(map(alike, parts(value), parts(other)))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", VALUES)
def test_every_public_value_comes_back_as_it_was(name: str, way: str, values: dict[str, Any]) -> None:
    value = values[name]
    back = WAYS[way](value)
    assert back == value
    assert repr(back) == repr(value)
    assert str(back) == str(value)
    assert WAYS[way](back) == value
    if name in READ_ONLY:
        assert alike(back, value)


@pytest.mark.parametrize("name", VALUES)
def test_every_public_dataclass_becomes_a_dict(name: str, values: dict[str, Any]) -> None:
    value = values[name]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        assert dataclasses.asdict(value).keys() == {field.name for field in dataclasses.fields(value)}


@pytest.fixture
def live(tmp_path: Path) -> Iterator[dict[str, Any]]:
    executors = fl.ExecutorRegistry()
    steps: list[fl.StepContext] = []
    executors.register("a")(lambda step: steps.append(step))
    with fl.open_ledger("memory:", executors) as ledger, closing(sqlite3.connect(":memory:")) as connection:
        saved = ledger.workflows.save({"nodes": [{"id": "a", "type": "a"}]}, workflow_id="w")
        run = ledger.runs.start("w")
        yield {
            "Ledger": ledger,
            "Worker": ledger.worker(),
            "AsyncWorker": ledger.aworker(),
            "Workflows": ledger.workflows,
            "Runs": ledger.runs,
            "History": ledger.history,
            "Search": ledger.search,
            "Engine": fl.Engine(saved.definition, executors),
            "ExecutorRegistry": executors,
            "StepContext": steps[0],
            "Telemetry": fl.Telemetry(),
            "StepCancellation": fl.StepCancellation(),
            "RunWalk": ledger.history.walk(run.id),
            "Inside": fl.Inside(CallersConnection(connection), ledger.runs, ledger.workflows),
            "AsyncSubscription": ledger.asubscribe(),
            "Subscription": ledger.subscribe(),
            "LocalKeyRing": fl.KeyRing.generate(tmp_path / "ring.json"),
            "KeyRing": type("KeyRing", (fl.KeyRing,), {"wrap": None, "unwrap": None})(),
            "BulkOperation": ledger.runs.cancel_all([run.id]),
        }


@pytest.mark.parametrize("way", WAYS)
def test_what_is_no_value_says_what_to_send_in_its_place(way: str, live: dict[str, Any]) -> None:
    assert live.keys() >= LIVE
    for name, thing in live.items():
        with pytest.raises(TypeError, match=rf"^{name} can't be pickled or copied: (send|import) "):
            WAYS[way](thing)


def test_a_pickled_snapshot_holds_what_it_shows_and_no_more(store_url: str) -> None:
    executors = fl.ExecutorRegistry()
    executors.register("count")(lambda step: fl.StepResult("x" * 1000, "again" if step.runs < 99 else None))
    loop = {"nodes": [{"id": "a", "type": "count"}], "edges": [{"source": "a", "target": "a", "sourceHandle": "again"}]}
    with fl.open_ledger(store_url, executors) as ledger:
        ledger.workflows.save(loop | {"start": "a"}, workflow_id="w")
        run = ledger.runs.start("w")
        snapshots = [*ledger.history.snapshots(run.id)]
        for count, snapshot in enumerate(snapshots):
            assert 1000 * count < len(pickle.dumps(snapshot)) < 1500 * count + 2000
    back = pickled(snapshots)  # the ledger is closed by now, and everything was read
    assert back == snapshots
    assert [len(snapshot.context.get("a", ())) for snapshot in back] == [*range(101), 100]


def test_a_result_that_can_not_be_read_is_told_where_the_snapshot_is_pickled() -> None:
    row = (2, "run.step_completed", b"no event", 1)
    context = Context(ResultLog().extend_encoded(0, [row], RowDecoder("r", decode)), 1)
    snapshot = fl.Snapshot("w", "active", "b", context, 2)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(fl.EventNotReadable, match="event 2 of stream 'r'"):
            pickle.dumps(snapshot, protocol)


def test_an_engine_goes_on_from_a_pickled_definition_and_snapshot() -> None:
    executors = fl.ExecutorRegistry()
    seen: list[Any] = []

    @executors.register("ask")
    def ask(step: fl.StepContext) -> Any:
        seen.append(step.data)
        return step.payload or fl.Pause()

    node = {"id": "a", "type": "ask", "data": {"list": [1, {"x": 2}]}, "metadata": {"retry": {"maxRetries": 1}}}
    definition = pickled(fl.WorkflowDefinition.model_validate({"nodes": [node]}))
    engine = fl.Engine(definition, executors)
    paused = pickled(engine.execute(metadata={"x": {"y": 1}}))
    assert engine.execute(paused, payload="yes").status == "completed"
    for read_only in (*seen, seen[0]["list"][1], paused.metadata, paused.metadata["x"], definition.nodes[0].metadata):
        with pytest.raises(TypeError, match="read-only"):
            read_only["x"] = 1


def test_a_value_by_itself_comes_back_as_one_that_may_be_changed() -> None:
    value = freeze({"x": [1, {"y": 2}]})
    for way in WAYS:
        back = WAYS[way](value)
        back["x"] = 3
        assert value == {"x": [1, {"y": 2}]}
