"""What a lot is claimed by: runs that were only started are read at once, where the store is a server's."""

from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.operations.work import Work, WorkerOptions

from ..conftest import url_of

TWO = {
    "nodes": [{"id": "a", "type": "pass"}, {"id": "b", "type": "pass"}],
    "edges": [{"source": "a", "target": "b"}],
}


@pytest.fixture
def executors() -> fl.ExecutorRegistry:
    executors = fl.ExecutorRegistry()
    executors.register("pass")(lambda _: None)
    return executors


def test_a_run_that_was_read_with_others_is_as_it_is_read_alone(store_url: str, executors: fl.ExecutorRegistry) -> None:
    with fl.open_ledger(store_url, executors) as ledger:
        ledger.workflows.save(TWO, workflow_id="w")
        ended = ledger.runs.start("w")
        long = ledger.runs.start("w", wait=False)
        ledger.runs.set_metadata(long.id, {"longer": True})
        large = ledger.runs.start("w", {"text": "x" * 200_000}, wait=False)
        short = [
            ledger.runs.start("w", {"n": 1}, wait=False).id,
            ledger.runs.retry(ended.id, from_node="b", wait=False).id,
        ]
        store, runs = ledger._store, ledger._workers._services.runs
        found = store.of_one_event([ended.id, long.id, large.id, "nobody", *short])
        assert found.keys() == (set(short) if store.recorder.reads_places_at_once else set())
        for run_id, events in found.items():
            assert runs.load_from(run_id, events).snapshot() == runs.load(run_id).snapshot()
        orders = [run.work_order_id for run in (ended, long)]
        for stream, events in store.of_one_event(orders).items():
            with pytest.raises(fl.RunNotFound):
                runs.load_from(stream, events)


def test_runs_that_were_only_started_are_not_read_one_by_one(
    request: pytest.FixtureRequest, executors: fl.ExecutorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fl.open_ledger(url_of("postgres", request), executors) as ledger:
        ledger.workflows.save(TWO, workflow_id="w")
        runs = {ledger.runs.start("w", wait=False).id for _ in range(5)}
        ledger.runs.set_metadata(min(runs), {"longer": True})
        read: list[str] = []
        pages = ledger._store.pages

        def watched(stream: str, **bounds: Any) -> Any:
            read.append(stream)
            return pages(stream, **bounds)

        monkeypatch.setattr(ledger._store, "pages", watched)
        work = _work(ledger)
        assert len(work.take(10)) == 5
        assert runs.intersection(read) == {min(runs)}
        work.custody.close()


def _work(ledger: fl.Ledger) -> Work:
    return Work(ledger._workers._services, ledger._store, WorkerOptions(None, 10, None, None, 30.0, 30.0))
