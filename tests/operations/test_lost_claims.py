"""The store goes away around a claim, or forgets one: no run is left with an owner who lives and doesn't execute it."""

from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import flowledger as fl
from flowledger.domain.errors import StorageUnavailable

from .until import until

ONE = {"nodes": [{"id": "a", "type": "note"}], "edges": []}


class Office:
    """A ledger whose executors count their effects."""

    def __init__(self, url: str) -> None:
        self.effects: Counter[str] = Counter()
        self.acts: list[Callable[[fl.StepContext], Any]] = []
        executors = fl.ExecutorRegistry()
        executors.register("note")(self._note)
        self.ledger = fl.open_ledger(url, executors)
        self.store: Any = self.ledger._store
        self.ledger.workflows.save(ONE, workflow_id="w")
        self.run_id = self.ledger.runs.start("w", wait=False).id

    def _note(self, step: fl.StepContext) -> Any:
        self.effects[step.effect_key] += 1
        return self.acts.pop(0)(step) if self.acts else None

    def is_completed(self) -> bool:
        return self.ledger.runs.get(self.run_id).status == "completed"

    def types(self) -> list[str]:
        return [event.type for event in self.ledger.history.events(self.run_id)]

    def given_up(self) -> int:
        ((count,),) = self.store.recorder.query("SELECT count(*) FROM flowledger_given_up", {})
        return int(count)


@pytest.fixture
def office(store_url: str) -> Iterator[Office]:
    office = Office(store_url)
    with office.ledger:
        yield office


def test_what_was_claimed_is_executed_although_the_store_goes_away_right_behind_the_claim(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    lot = office.store.leases.lot

    @contextmanager
    def breaking(*given: Any) -> Generator[Any]:
        with lot(*given) as rows:
            yield rows
        monkeypatch.undo()
        raise StorageUnavailable("the server went away")

    monkeypatch.setattr(office.store.leases, "lot", breaking)
    with office.ledger.worker():
        until(office.is_completed)
    assert office.types() == ["run.started", "run.claimed", "run.step_completed"]


def test_a_claim_that_was_stored_without_a_word_is_taken_again_by_whoever_made_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    append, given_up = office.store.append, []

    def lose_the_answer(*writes: Any) -> Any:
        append(*writes)
        monkeypatch.undo()
        raise StorageUnavailable("whether it is stored is unknown")

    office.acts = [lambda step: given_up.append(office.given_up())]
    monkeypatch.setattr(office.store, "append", lose_the_answer)
    with office.ledger.worker():
        until(office.is_completed)
    assert office.types() == ["run.started", "run.claimed", "run.recovered", "run.step_completed"]
    assert list(office.effects.values()) == [1]
    assert given_up == [0], "others would have taken what is executed"


def test_so_it_is_with_a_claim_by_a_call(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    append = office.store.append

    def lose_the_answer(*writes: Any) -> Any:
        append(*writes)
        monkeypatch.undo()
        raise StorageUnavailable("whether it is stored is unknown")

    monkeypatch.setattr(office.store, "append", lose_the_answer)
    with pytest.raises(StorageUnavailable):
        office.ledger.runs.proceed(office.run_id)
    with office.ledger.worker():
        until(office.is_completed)
    assert office.types() == ["run.started", "run.claimed", "run.recovered", "run.step_completed"]


def test_a_worker_gives_up_what_it_owns_by_the_stores_word_and_does_not_execute(office: Office) -> None:
    worker = office.ledger.worker(lease=0.3)
    work = worker._work
    work.custody.attach()
    with office.store.leases.lot(work.now(), 1) as (rows, _):
        (claim,) = [work.claims._prepare(row, work.now()) for row in rows]
        work.claims._append([claim])  # as another server has it after a failover that lost how it went on
    with worker:
        until(office.is_completed)
    assert office.types()[:3] == ["run.started", "run.claimed", "run.recovered"]


@pytest.mark.parametrize("way", ["fails", "hangs"])
def test_a_step_hears_of_a_lease_that_cannot_be_renewed_and_what_it_then_returns_is_not_recorded(
    office: Office, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str | None] = []
    renew = office.store.leases.renew
    is_back: list[bool] = []

    def stay_away(row: Any) -> None:
        if is_back:
            renew(row)
            return
        if way == "hangs":
            until(lambda: is_back)
        raise StorageUnavailable("the link is down")

    def listen(step: fl.StepContext) -> str:
        monkeypatch.setattr(office.store.leases, "renew", stay_away)
        assert step.cancelled.wait(60)
        told.append(step.cancelled.reason)
        is_back.append(True)
        return "too late"

    office.acts = [listen, lambda step: "in time"]
    with office.ledger.worker(lease=0.5):
        until(office.is_completed)
    assert told == ["taken over"]
    assert office.ledger.runs.get(office.run_id).snapshot.context["a"][0].output == "in time"
    assert office.types().count("run.step_completed") == 1


def test_what_a_step_returns_that_did_not_hear_of_it_is_recorded_as_nobody_took_the_run(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take_long(step: fl.StepContext) -> str:
        monkeypatch.setattr(office.store.leases, "renew", stay_away)
        executions = office.ledger.runs._services.executions
        until(lambda: executions._by_run[office.run_id][0].is_lost)
        return "the one"

    def stay_away(row: Any) -> None:
        raise StorageUnavailable("the link is down")

    office.acts = [take_long]
    with office.ledger.worker(lease=0.5):
        until(office.is_completed)
        monkeypatch.undo()
    assert office.types() == ["run.started", "run.claimed", "run.step_completed"]
