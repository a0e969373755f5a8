"""A claim may be stored although its worker is told otherwise, and what a worker gave up it may claim again."""

from collections.abc import Callable, Iterator

import pytest

import flowledger as fl
from flowledger.infrastructure.execution.runner import run_steps
from flowledger.infrastructure.operations.work import Work, WorkerOptions
from flowledger.infrastructure.services.runs.slots import Turns


@pytest.fixture
def ledger(store_url: str) -> Iterator[fl.Ledger]:
    executors = fl.ExecutorRegistry()
    executors.register("note")(lambda step: step.node.id)
    executors.register("stop")(_interrupt)
    with fl.open_ledger(store_url, executors) as ledger:
        for kind in ("note", "stop"):
            ledger.workflows.save({"nodes": [{"id": "a", "type": kind}]}, workflow_id=kind)
        yield ledger


@pytest.fixture
def worker(ledger: fl.Ledger) -> Iterator[Callable[[str], Work]]:
    """Makes the part of a worker that needs no threads."""
    made: list[Work] = []

    def make(name: str) -> Work:
        made.append(Work(ledger._workers._services, ledger._store, WorkerOptions(name, 8, None, None, 30.0, 30.0)))
        return made[-1]

    yield make
    for work in made:
        work.custody.close()


def _interrupt(_: fl.StepContext) -> None:
    raise KeyboardInterrupt


def lose_the_answer(ledger: fl.Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next append is stored, guarded or not, and its writer doesn't hear of it."""

    def losing(real: Callable[..., object]) -> Callable[..., list[int]]:
        def append(*given: object) -> list[int]:
            real(*given)
            monkeypatch.undo()
            raise fl.StorageUnavailable("whether it is stored is unknown")

        return append

    for name in ("append", "append_while"):
        monkeypatch.setattr(ledger._store, name, losing(getattr(ledger._store, name)))


def execute(ledger: fl.Ledger, work: Work) -> list[str]:
    """Claim and execute what there is to be claimed."""
    calls = work.take(8)
    for call in calls:
        assert call.work is not None
        run_steps(*call.work, ledger._threads)
    return [call.result().status for call in calls]


def types(ledger: fl.Ledger, run_id: str) -> list[str]:
    return [event.type.removeprefix("run.") for event in ledger.history.events(run_id)]


def test_a_run_is_recovered_whose_worker_was_not_told_that_it_has_it(
    ledger: fl.Ledger, worker: Callable[[str], Work], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ledger.runs.start("note", wait=False)
    lose_the_answer(ledger, monkeypatch)
    assert worker("one").take(8) == []
    assert types(ledger, run.id) == ["started", "claimed"]
    assert execute(ledger, worker("other")) == ["completed"]
    assert types(ledger, run.id) == ["started", "claimed", "recovered", "step_completed"]


@pytest.mark.parametrize("call", ["start", "proceed", "retry"])
def test_so_is_one_whose_caller_was_not_told(
    ledger: fl.Ledger, worker: Callable[[str], Work], monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    run = ledger.runs.start("note", wait=call != "proceed")
    lose_the_answer(ledger, monkeypatch)
    with pytest.raises(fl.StorageUnavailable):
        ledger.runs.start("note") if call == "start" else getattr(ledger.runs, call)(run.id)
    assert execute(ledger, worker("one")) == ["completed"]
    assert ledger.history.runs(status="active").items == ()


def test_such_a_recovery_does_not_count_as_one(
    ledger: fl.Ledger, worker: Callable[[str], Work], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ledger.runs.start("note", wait=False)
    lose_the_answer(ledger, monkeypatch)
    one = worker("one")
    one.take(8)
    one.take(8)
    recovered = next(event for event in ledger.history.events(run.id) if event.type == "run.recovered")
    assert recovered.data["handed_back"] is True


def test_what_a_worker_claims_again_is_not_taken_from_it(ledger: fl.Ledger, worker: Callable[[str], Work]) -> None:
    run = ledger.runs.start("stop", wait=False)
    one, other = worker("one"), worker("other")
    (call,) = one.take(8)
    assert call.work is not None
    with pytest.raises(KeyboardInterrupt):
        run_steps(*call.work, ledger._threads)
    (again,) = one.take(8)
    assert again.work is not None
    assert one.take(8) == other.take(8) == []
    assert types(ledger, run.id) == ["started", "claimed", "recovered"]


def test_of_two_who_give_up_a_run_neither_hides_the_other(ledger: fl.Ledger, worker: Callable[[str], Work]) -> None:
    run = ledger.runs.start("note", wait=False)
    one, other = worker("one"), worker("other")
    one.take(8)
    one.custody.give_up(run.id, handed_back=True)
    other.take(8)
    other.custody.give_up(run.id, handed_back=True)
    one.custody.give_up(run.id, handed_back=True)  # it comes late, as the store was away
    assert execute(ledger, worker("third")) == ["completed"]


def test_a_worker_whose_lease_was_over_for_a_while_takes_nothing_from_itself(
    ledger: fl.Ledger, worker: Callable[[str], Work]
) -> None:
    run = ledger.runs.start("note", wait=False)
    one = worker("one")
    (call,) = one.take(8)
    ledger._store.leases.expire(one.custody.id, 0)
    assert one.take(8) == []
    assert call.work is not None
    run_steps(*call.work, ledger._threads)
    assert types(ledger, run.id) == ["started", "claimed", "step_completed"]


def test_whoever_executes_a_run_in_vain_gives_up_nothing_of_who_executes_it_too(
    ledger: fl.Ledger, worker: Callable[[str], Work]
) -> None:
    run = ledger.runs.start("note", wait=False)
    one, other = worker("one"), worker("other")
    one.take(8)
    state = one.services.runs.load(run.id)
    in_vain = one.custody.begin(state)
    one.custody.end(in_vain, state, Turns(one.custody.slots, run.id))
    assert other.take(8) == []


def test_a_run_that_is_cancelled_before_a_worker_comes_is_offered_to_nobody(
    ledger: fl.Ledger, worker: Callable[[str], Work]
) -> None:
    run = ledger.runs.start("note", wait=False)
    ledger.runs.cancel(run.id)
    assert ledger._store.recorder.query(
        "SELECT count(*) FROM flowledger_index_runs WHERE ready_at IS NOT NULL", {}
    ) == [(0,)]
    assert worker("one").take(8) == []
