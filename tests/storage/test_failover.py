"""A primary dies, and the standby that takes its place lacked the newest events: processes go on, and hear of it."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest

import flowledger as fl

from .clusters import as_owner, ask, at_own_address, copy_running, run_sql, running_cluster

LOOP = {
    "nodes": [{"id": "count", "type": "count"}, {"id": "end", "type": "end"}],
    "edges": [
        {"source": "count", "target": "count", "sourceHandle": "again"},
        {"source": "count", "target": "end", "sourceHandle": "done"},
    ],
    "start": "count",
}


class Pair:
    """A primary and its asynchronous standby, and one URL that leads to whichever takes writes."""

    def __init__(self, primary: Any, standby: Any, url: str) -> None:
        self._primary = primary
        self.standby = standby
        self.url = url

    def cut(self) -> None:
        """The standby gets nothing any more of what is written from now on."""
        written = ask(self._primary.get_uri(), "SELECT pg_current_wal_lsn()")
        with psycopg.connect(self.standby.get_uri(), autocommit=True) as connection:
            replayed = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
            while connection.execute(replayed, (written,)).fetchone() != (True,):
                pass
            run_sql(self.standby.get_uri(), "ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()")
            while connection.execute("SELECT count(*) FROM pg_stat_wal_receiver").fetchone() != (0,):
                pass

    def fail_over(self) -> None:
        """The primary dies at once, and the standby is promoted."""
        folder = self._primary.pgdata
        command = [self._primary.bin_path / "pg_ctl", "-D", folder, "-m", "immediate", "stop"]
        subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL, **as_owner(folder))
        assert ask(self.standby.get_uri(), "SELECT pg_promote()") is True


@pytest.fixture(params=["socket", "tcp"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    with ExitStack() as stack:
        primary = stack.enter_context(running_cluster())
        standby = stack.enter_context(running_cluster(copy_running(primary)))
        if request.param == "tcp":
            hosts = ",".join(f"{at_own_address(server)}:5432" for server in (primary, standby))
            url = f"postgresql://postgres@{hosts}/postgres?target_session_attrs=read-write"
        else:
            folders = ",".join(str(server.pgdata) for server in (primary, standby))
            url = f"postgresql:///postgres?user=postgres&host={folders}&target_session_attrs=read-write"
        yield Pair(primary, standby, url)


@pytest.mark.sampled(3)
def test_processes_go_on_after_a_failover_that_lost_acknowledged_events(pair: Pair) -> None:
    executors = fl.ExecutorRegistry()
    failed_over: list[int] = []

    @executors.register("count")
    def count(step: fl.StepContext) -> fl.StepResult:
        if step.runs == 3 and not failed_over:
            pair.cut()
        if step.runs == 6 and not failed_over:
            lost.append(ledger.runs.start("ask", idempotency_key="lost").id)
            assert ledger.workflows.save(asking("lost"), workflow_id="ask").version == 2
            assert ledger.runs.start("ask", payload=1).snapshot.context["say"][0].output == "lost"
            for run_id in paused:
                ledger.runs.set_metadata(run_id, {"seen": True})
            failed_over.append(step.runs)
            pair.fail_over()
        return fl.StepResult(step.runs, handle="again" if step.runs < 9 else "done")

    executors.register("end")(lambda step: "end")
    executors.register("ask")(lambda step: step.payload or fl.Pause("?"))
    executors.register("say")(lambda step: step.data["text"])
    lost: list[str] = []
    with fl.open_ledger(pair.url, executors) as ledger:
        ledger.workflows.save(LOOP, workflow_id="loop")
        ledger.workflows.save(asking("kept"), workflow_id="ask")
        paused = [ledger.runs.start("ask").id for _ in range(3)]
        with pytest.raises(fl.EventsLost, match="has lost events that were in it") as told:
            ledger.runs.start("loop")
        run_id, known, stored = told.value.stream, told.value.known, told.value.stored
        assert (known, stored) == (7, 4)
        assert [event.version for event in ledger.history.events(run_id)] == [1, 2, 3, 4]
        assert ledger.runs.proceed(run_id).status == "completed"

        with pytest.raises(fl.RunNotFound):
            ledger.runs.get(lost[0])
        anew = ledger.runs.start("ask", payload=1, idempotency_key="lost")
        assert anew.snapshot.context["say"][0].output == "kept"
        assert ledger.workflows.save(asking("newer"), workflow_id="ask").version == 2
        assert ledger.runs.start("ask", payload=1).snapshot.context["say"][0].output == "newer"
        assert ledger.runs.resume(paused[0], payload=1).status == "completed"
        assert ledger.runs.cancel(paused[1]).status == "cancelled"
        assert ledger.runs.set_metadata(paused[2], {"seen": "again"}).version == 3
        assert ledger.verify().ok
    with fl.open_ledger(pair.standby.get_uri()) as fresh:
        assert fresh.verify().ok
        assert len(fresh.history.runs()) == 6


def asking(text: str) -> dict[str, Any]:
    return {
        "nodes": [{"id": "ask", "type": "ask"}, {"id": "say", "type": "say", "data": {"text": text}}],
        "edges": [{"source": "ask", "target": "say"}],
    }
