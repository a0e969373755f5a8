"""Models, dataclasses, times, UUIDs, Decimals and enums, at every door through which values come in."""

import dataclasses
import enum
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pydantic
import pytest

import flowledger as fl
from flowledger.domain.values.names import check_name

from .harness import GOOD, Harness


class Colour(enum.Enum):
    RED = "red"


class Line(pydantic.BaseModel):
    day: date


@dataclasses.dataclass
class Receipt:
    amount: Decimal
    at: datetime
    lines: list[Line]


GIVEN = {
    Colour.RED: Receipt(Decimal("1.10"), datetime(2026, 2, 3, 4, 5, tzinfo=UTC), [Line(day=date(2026, 2, 3))]),
    "ids": (uuid.UUID(int=1), Colour.RED),
    "times": [time(4, 5), timedelta(hours=1), date(2026, 2, 3)],
}
KEPT = {
    "red": {"amount": "1.10", "at": "2026-02-03T04:05:00Z", "lines": [{"day": "2026-02-03"}]},
    "ids": ["00000000-0000-0000-0000-000000000001", "red"],
    "times": ["04:05:00", "PT1H", "2026-02-03"],
}


def test_every_door_converts_what_applications_have(harness: Harness) -> None:
    runs, history = harness.ledger.runs, harness.ledger.history
    run = harness.start(lambda step: step.payload or fl.Pause("more"), metadata={"given": GIVEN})
    assert run.snapshot.metadata["given"] == KEPT
    run = runs.resume(run.id, payload=GIVEN)
    assert run.snapshot.context["only"][-1].output == KEPT
    run = runs.set_metadata(run.id, {"later": GIVEN})
    assert history.snapshot(run.id).metadata["later"] == KEPT

    started = harness.start(lambda step: [step.payload], payload=GIVEN)
    assert history.snapshot(started.id).context["only"][-1].output == [KEPT]
    assert history.replay(started.id).ok
    returned = harness.start(lambda step: fl.StepResult(GIVEN))
    assert history.snapshot(returned.id).context["only"][-1].output == KEPT
    for edit in (GIVEN, fl.StepResult(GIVEN)):
        forked = runs.fork(returned.id, version=returned.version, output=edit)
        assert history.snapshot(forked.id).context["only"][-1].output == KEPT

    assert history.replay(returned.id).ok
    assert harness.ledger.verify().ok


async def test_async_doors_do_the_same(memory_desk: Harness) -> None:
    memory_desk.do = lambda step: {"echo": step.payload, "own": GIVEN}
    run = await memory_desk.ledger.runs.astart("w", payload=GIVEN)
    assert run.snapshot.context["only"][-1].output == {"echo": KEPT, "own": KEPT}


def test_the_engine_alone_does_the_same() -> None:
    executors = fl.ExecutorRegistry()
    executors.register("do")(lambda step: [step.payload, GIVEN])
    snapshot = fl.Engine(fl.WorkflowDefinition.model_validate(GOOD), executors).execute(payload=GIVEN, metadata=GIVEN)
    assert snapshot.context["only"][-1].output == [KEPT, KEPT]
    assert fl.Snapshot.from_json(snapshot.to_json()).metadata == KEPT


def test_names_and_messages_are_not_converted(harness: Harness) -> None:
    before, day = harness.written(), date(2026, 2, 3)
    doors: list[Callable[[], Any]] = [
        lambda: harness.ledger.runs.start("w", by=day),  # type: ignore[arg-type]
        lambda: harness.ledger.workflows.save(GOOD, workflow_id="v", by=day),  # type: ignore[arg-type]
        lambda: harness.ledger.workflows.save(GOOD, workflow_id="v", message=day),  # type: ignore[arg-type]
        lambda: harness.ledger.runs.start("w", idempotency_key=day),  # type: ignore[arg-type]
    ]
    for door in doors:
        with pytest.raises((fl.InvalidValue, fl.InvalidRequest)):
            door()
    assert harness.written() == before
    with pytest.raises(fl.InvalidValue, match="handle: a date is not JSON"):
        check_name(day, "handle")


class Dies(pydantic.BaseModel):
    @pydantic.model_serializer
    def die(self) -> Any:
        raise SystemExit("from a serializer")


class Lies(dict[str, Any]):
    def get(self, *_: Any) -> Any:
        raise KeyError("unreadable")


class Speechless:
    def __str__(self) -> str:
        raise OSError("no words")


@pytest.mark.parametrize(
    "make",
    [
        lambda: {"deep": [b"x"]},
        lambda: Dies(),
        lambda: Lies(x=1),
        lambda: fl.Pause(Speechless()),  # type: ignore[arg-type]
        lambda: fl.Pause("when?", until=5),  # type: ignore[arg-type]
        lambda: fl.StepResult(1, handle=b"x"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_kept_fails_for_good_so_the_effect_is_not_done_again(
    harness: Harness, make: Callable[[], Any]
) -> None:
    done: list[int] = []

    @harness.executors.register("charge", retry=fl.RetryPolicy(max_retries=3, interval=0))
    def charge(step: fl.StepContext) -> Any:
        done.append(step.attempt)
        return make()

    harness.ledger.workflows.save({"nodes": [{"id": "c", "type": "charge"}]}, workflow_id="c")
    run = harness.ledger.runs.start("c")
    assert (run.status, done) == ("failed", [1])
    assert run.snapshot.retry_state is None


class Upload(pydantic.BaseModel):
    name: str
    content: bytes = b"\xff"
    ratio: float = float("nan")


def test_an_input_that_cannot_be_kept_is_refused_before_the_effect(harness: Harness) -> None:
    done: list[Any] = []
    harness.executors.register("send", input=Upload)(lambda step: done.append(step.input))
    node = {"id": "s", "type": "send"}
    for data, place in (({"name": "x"}, "utf-8"), ({"name": "x", "content": "fine"}, "data.ratio: nan is not JSON")):
        harness.ledger.workflows.save({"nodes": [node | {"data": data}]}, workflow_id="s")
        with pytest.raises(fl.WorkOrderRejected, match=place):
            harness.ledger.runs.start("s")
    assert done == []
