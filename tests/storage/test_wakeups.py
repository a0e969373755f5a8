"""Who waits for a change of a store wakes up when any process makes one."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

import flowledger as fl
from flowledger.infrastructure.storage.sqlite import wakeups as file_wakeups
from flowledger.infrastructure.storage.wakeups import Wakeups

from ..conftest import BACKENDS, url_of
from ..testing.broken_stores import Wrapper
from .events import opened
from .test_forks import run

LONG = 60.0
"""Seconds after which a test gives up."""


@pytest.fixture(params=[*BACKENDS, "port"])
def ledgers(request: pytest.FixtureRequest) -> Iterator[tuple[fl.Ledger, fl.Ledger]]:
    """A store as two processes have it open; one ledger twice where that is impossible."""
    if request.param in ("memory", "port"):
        with opened("memory:") as store, fl.open_ledger(Wrapper(store) if request.param == "port" else store) as one:
            yield one, one
        return
    url = url_of(request.param, request)
    with fl.open_ledger(url) as one, fl.open_ledger(url) as other:
        yield one, other


def change(ledger: fl.Ledger, workflow_id: str = "w") -> None:
    """A commit that changes the index."""
    definition = fl.WorkflowDefinition.model_validate({"nodes": [{"id": "n", "type": "t"}], "edges": []})
    ledger.workflows.save(definition, workflow_id=workflow_id, by="ada")


def wakeups_of(ledger: fl.Ledger) -> Wakeups:
    return ledger._store.wakeups


def settled(wakeups: Wakeups) -> int:
    """The count, once nothing moves it any more."""
    seen = wakeups.wait(wakeups.count, 0.1)
    while (count := wakeups.wait(seen, 0.1)) != seen:
        seen = count
    return seen


def test_a_change_by_another_process_wakes_who_waits(ledgers: tuple[fl.Ledger, fl.Ledger]) -> None:
    here, there = ledgers
    seen = settled(wakeups_of(here))
    writer = Thread(target=change, args=(there,))
    writer.start()
    assert wakeups_of(here).wait(seen, LONG) > seen
    writer.join()


def test_one_own_change_wakes_at_once(ledgers: tuple[fl.Ledger, fl.Ledger]) -> None:
    here, _ = ledgers
    seen = wakeups_of(here).count
    change(here)
    assert wakeups_of(here).count > seen


def test_a_change_before_the_wait_is_not_missed(ledgers: tuple[fl.Ledger, fl.Ledger]) -> None:
    here, there = ledgers
    seen = wakeups_of(here).count  # nobody has waited yet, so nothing watches the store
    change(there)
    assert wakeups_of(here).wait(seen, LONG) > seen


def test_a_listener_is_called_until_it_is_removed(ledgers: tuple[fl.Ledger, fl.Ledger]) -> None:
    here, there = ledgers
    called = Event()
    wakeups_of(here).add_listener(called.set)
    change(there, "one")
    assert called.wait(LONG)
    wakeups_of(here).remove_listener(called.set)
    called.clear()
    change(here, "two")
    assert not called.is_set()


def test_a_listener_that_fails_fails_no_writer(
    ledgers: tuple[fl.Ledger, fl.Ledger], caplog: pytest.LogCaptureFixture
) -> None:
    here, _ = ledgers

    def fail() -> None:
        raise ZeroDivisionError

    wakeups_of(here).add_listener(fail)
    change(here)
    assert here.workflows.get("w").version == 1
    assert "a listener for changes of the store failed" in caplog.text


def test_a_listener_need_not_hear_of_claims_and_ends() -> None:
    executors = fl.ExecutorRegistry()
    executors.register("t")(lambda _: None)
    heard: list[str] = []
    with fl.open_ledger("memory:", executors) as ledger:
        wakeups_of(ledger).add_listener(lambda: heard.append("work"), lambda: False)
        wakeups_of(ledger).add_listener(lambda: heard.append("all"))
        change(ledger)
        run = ledger.runs.start("w", wait=False)
        assert heard == ["work", "all", "work", "all"]
        heard.clear()
        assert ledger.runs.proceed(run.id).status == "completed"
    assert heard[:2] == ["all", "all"], "the claim, and the end; closing tells everybody"


def test_nor_of_those_in_other_processes(request: pytest.FixtureRequest) -> None:
    postgres_url = url_of("postgres", request)
    with fl.open_ledger(postgres_url) as here, fl.open_ledger(postgres_url) as there:
        work, anything = Event(), Event()
        wakeups_of(here).add_listener(work.set, lambda: False)
        wakeups_of(here).add_listener(anything.set)
        settled(wakeups_of(here))
        for no_work in (True, False):
            work.clear()
            anything.clear()
            wakeups_of(there).notify(no_work=no_work)
            assert anything.wait(LONG)
            assert work.is_set() is not no_work


def test_closing_wakes_who_waits_and_leaves_no_thread(ledgers: tuple[fl.Ledger, fl.Ledger]) -> None:
    here, _ = ledgers
    seen = settled(wakeups_of(here))
    woken: list[int] = []
    waiting = Thread(target=lambda: woken.append(wakeups_of(here).wait(seen, LONG)))
    waiting.start()
    change(here)
    here.close()
    waiting.join(LONG)
    assert woken
    assert woken[0] > seen
    deadline = time.monotonic() + LONG
    while _watchers() and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    assert not _watchers()


def _watchers() -> list[str]:
    ours = ("flowledger-wakeups", "flowledger-notifier")
    return [thread.name for thread in threading.enumerate() if thread.name in ours]


def test_a_step_in_the_middle_of_a_run_wakes_nobody() -> None:
    executors = fl.ExecutorRegistry()
    ledgers: list[fl.Ledger] = []
    executors.register("count")(lambda step: wakeups_of(ledgers[0]).count)
    nodes = [{"id": f"n{number}", "type": "count"} for number in range(4)]
    edges = [{"source": f"n{number}", "target": f"n{number + 1}"} for number in range(3)]
    with fl.open_ledger("memory:", executors) as ledger:
        ledgers.append(ledger)
        definition = fl.WorkflowDefinition.model_validate({"nodes": nodes, "edges": edges})
        ledger.workflows.save(definition, workflow_id="w", by="ada")
        saved = wakeups_of(ledger).count
        context = ledger.runs.start("w").snapshot.context
        assert {context[node["id"]][0].output for node in nodes} == {saved + 1}  # the start
        assert wakeups_of(ledger).count == saved + 2  # and the end


def test_a_file_that_has_just_changed_looks_changed_once_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two commits in one tick of the file's clock, the second may leave it as the first one did."""
    file = tmp_path / "store.db"
    file.write_bytes(b"")
    look = file_wakeups.watch_file(file)._look
    changed_at = file.stat().st_mtime_ns
    seen = []
    for since in (1, 2, file_wakeups.TICK + 1, file_wakeups.TICK + 2):
        monkeypatch.setattr(file_wakeups, "time_ns", lambda since=since: changed_at + since)
        seen.append(look())
    assert seen[0] == seen[1] != seen[2] == seen[3]


def test_a_forked_child_waits_and_is_woken_by_its_parent_and_the_other_way_round(durable_url: str) -> None:
    said = run(
        durable_url,
        """
store = open_store(url)
from flowledger.infrastructure.ledger.open import open_ledger
import flowledger as fl
definition = fl.WorkflowDefinition.model_validate({"nodes": [{"id": "n", "type": "t"}], "edges": []})
ledger = open_ledger(url)
wakeups = ledger._store.wakeups
def settled():
    seen = wakeups.count
    while (count := wakeups.wait(seen, 0.1)) != seen:
        seen = count
    return seen
settled()
ready_in, ready_out = os.pipe()
if (child := os.fork()) == 0:
    seen = settled()
    os.write(ready_out, b"x")
    woken = wakeups.wait(seen, 60) > seen
    ledger.workflows.save(definition, workflow_id="child", by="ada")
    ledger.close()
    os._exit(0 if woken else 1)
os.read(ready_in, 1)
ledger.workflows.save(definition, workflow_id="parent", by="ada")
say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
seen = wakeups.count
while "child" not in [w.id for w in ledger.workflows.list().items]:
    seen = wakeups.wait(seen, 60)
before = settled()
from threading import Thread
other = open_ledger(url)
Thread(target=lambda: other.workflows.save(definition, workflow_id="later", by="ada")).start()
say(wakeups.wait(before, 60) > before)
ledger.close(); other.close(); store.close()
""",
    )
    assert said == [0, True]
