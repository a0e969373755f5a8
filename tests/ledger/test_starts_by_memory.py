"""A process remembers what a workflow starts with, so a start is one append; and what others did since is seen."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from threading import Event
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from pydantic import BaseModel

import flowledger as fl
from flowledger.infrastructure.ledger.stores import open_store
from flowledger.infrastructure.services.runs import known_starts
from flowledger.infrastructure.storage.event_store import LedgerEventStore
from flowledger.infrastructure.testing.racing import run_together
from flowledger.testing import Faults

from ..storage.robbery import lose_newest
from ..testing.broken_stores import Wrapper


class Order(BaseModel):
    amount: int


def saying(text: Any, type: str = "say") -> dict[str, Any]:
    return {"nodes": [{"id": "say", "type": type, "data": {"amount": text}}]}


class Office:
    """A process that starts runs, and another one that saves; in memory they share the store."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked_for_globals = 0
        self.executors = fl.ExecutorRegistry()
        self.executors.register("say", input=Order)(lambda step: step.data)
        self.store: LedgerEventStore = open_store(url)
        self.ledger = fl.open_ledger(self.store, self.executors, globals=self.globals)
        self.runs = self.ledger.runs
        self.other = fl.open_ledger(self.store if url == "memory:" else url)
        self.save(1)
        assert self.version() == 1

    def globals(self, run: fl.Run) -> dict[str, Any]:
        self.asked_for_globals += 1
        return {}

    def save(self, text: Any, type: str = "say", **given: Any) -> int:
        return self.other.workflows.save(saying(text, type), workflow_id="w", by="ada", **given).version

    def version(self, **given: Any) -> int:
        """That of a run that is started now."""
        return self.runs.start("w", {"amount": 1, "sum": 2}, **given).workflow_version

    def meanwhile(self, monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
        """Let it happen between what the next start decides and what it appends."""
        real, acts = self.store.append_while, [act]

        def append_while(*given: Any) -> list[int]:
            if acts:
                acts.pop()()
            return real(*given)

        monkeypatch.setattr(self.store, "append_while", append_while)


@pytest.fixture
def office(store_url: str) -> Iterator[Office]:
    office = Office(store_url)
    with office.ledger, office.other:
        yield office


@pytest.fixture
def reads(office: Office, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is read from the store of the one that starts."""
    names: list[str] = []

    def noting(name: str, real: Any) -> Any:
        def read(*given: Any, **options: Any) -> Any:
            names.append(f"{name} {given[0]}")
            return real(*given, **options)

        return read

    for name in ("head", "read", "pages", "beginning", "header", "events_at"):
        monkeypatch.setattr(office.store, name, noting(name, getattr(office.store, name)))
    return names


@pytest.mark.parametrize("wait", [True, False])
def test_a_start_reads_nothing(office: Office, reads: list[str], wait: bool) -> None:
    assert office.version(wait=wait) == 1
    assert reads == []
    assert office.version(wait=wait, version="live") == 1
    assert reads == []


@pytest.mark.parametrize("wait", [True, False])
def test_whatever_was_acknowledged_before_a_start_is_seen_by_it(office: Office, wait: bool) -> None:
    workflows = office.other.workflows
    office.save(2)
    assert office.version(wait=wait) == 2
    draft = office.save(3, draft=True)
    assert office.version(wait=wait) == 2
    workflows.release("w", draft, by="ada")
    assert office.version(wait=wait) == draft
    workflows.release("w", 1, by="ada")
    assert office.version(wait=wait) == 1
    workflows.archive("w", by="ada")
    for _ in range(2):
        with pytest.raises(fl.IllegalTransition, match="archived"):
            office.version(wait=wait)
    workflows.restore("w", by="ada", version=2)
    assert office.version(wait=wait) == office.other.workflows.get("w", "live").version
    assert office.ledger.verify().ok


ACTS = ["save", "draft", "release", "release the first", "archive", "restore", "start", "start", "other"]


@given(acts=st.lists(st.sampled_from(ACTS), min_size=4, max_size=25))
def test_a_start_uses_what_a_process_that_remembers_nothing_would(acts: list[str]) -> None:
    office = Office("memory:")
    workflows = office.other.workflows
    for number, act in enumerate(acts, 2):
        do: dict[str, Callable[[], object]] = {
            "save": partial(office.save, number),
            "draft": partial(office.save, number, draft=True),
            "release": lambda: workflows.release("w", "latest", by="ada"),
            "release the first": lambda: workflows.release("w", 1, by="ada"),
            "archive": lambda: workflows.archive("w", by="ada"),
            "restore": lambda: workflows.restore("w", by="ada", version=1),
            "start": lambda: start_in(office.ledger),
            "other": lambda: start_in(office.other),
        }
        found = outcome(do[act])
        if act in ("start", "other"):
            assert found == outcome(lambda: start_in(fl.open_ledger(office.store)))


def start_in(ledger: fl.Ledger) -> int:
    return ledger.runs.start("w", {}, wait=False).workflow_version


def said(run: fl.Run) -> Any:
    return run.snapshot.context["say"][-1].output


def outcome(act: Callable[[], object]) -> object:
    try:
        return act()
    except fl.FlowledgerError as error:
        return str(error)


# --- overtaken --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wait", [True, False])
def test_a_save_that_comes_before_the_append_is_what_the_run_starts_with(
    office: Office, monkeypatch: pytest.MonkeyPatch, wait: bool
) -> None:
    office.meanwhile(monkeypatch, lambda: office.save(2))
    run = office.runs.start("w", wait=wait)
    assert (run.workflow_version, run.status) == (2, "completed" if wait else "active")
    assert [row.id for row in office.ledger.history.runs("w")] == [run.id, *first_run(office)]
    assert office.ledger.verify().ok


def first_run(office: Office) -> list[str]:
    return [row.id for row in office.ledger.history.runs("w")][-1:]


def test_an_archive_that_comes_before_the_append_refuses_the_start(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.meanwhile(monkeypatch, lambda: office.other.workflows.archive("w", by="ada"))
    with pytest.raises(fl.IllegalTransition, match="archived"):
        office.version()
    assert len(list(office.ledger.history.runs("w"))) == 1


def test_a_key_that_another_process_used_before_the_append_is_answered_with_its_run(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[fl.Run] = []
    office.meanwhile(
        monkeypatch, lambda: started.append(office.other.runs.start("w", wait=False, idempotency_key="order 7"))
    )
    run = office.runs.start("w", wait=False, idempotency_key="order 7")
    assert (run.id, run.created) == (started[0].id, False)


# --- what is decided by what is outdated counts for nothing -----------------------------------------------------------


def test_an_input_is_rejected_by_the_version_that_is_live_alone(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    for_amount, for_sum = {"amount": 1, "sum": "many"}, {"amount": "many", "sum": 1}
    office.save("{{ payload.amount }}")
    assert office.runs.start("w", for_amount).workflow_version == 2
    office.save("{{ payload.sum }}")
    assert office.runs.start("w", for_sum).workflow_version == 3
    with pytest.raises(fl.WorkOrderRejected):
        office.runs.start("w", for_amount)
    office.meanwhile(monkeypatch, lambda: office.save("{{ payload.amount }}"))
    assert office.runs.start("w", for_amount).workflow_version == 4
    office.meanwhile(monkeypatch, lambda: office.save("{{ payload.sum }}"))
    with pytest.raises(fl.WorkOrderRejected):
        office.runs.start("w", for_amount)
    states = [order.state for order in office.ledger.history.work_orders("w")]
    assert sorted(states) == ["rejected"] * 2 + ["success"] * 4


def test_a_missing_executor_is_told_of_the_version_that_is_live_alone(office: Office) -> None:
    office.save(2, type="lacking")
    for _ in range(2):
        with pytest.raises(fl.ExecutorMissing):
            office.version()
    office.save(3)
    assert office.version() == 3


def test_globals_are_asked_for_once_where_what_is_remembered_is_so(office: Office) -> None:
    office.asked_for_globals = 0
    office.version()
    assert office.asked_for_globals == 1


# --- the store --------------------------------------------------------------------------------------------------------


def test_a_save_that_the_store_has_lost_is_believed_no_more(
    office: Office, store_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    office.save(2, type="lacking")
    with pytest.raises(fl.ExecutorMissing):
        office.version()  # so it is remembered, and nothing is stored behind it
    lose_newest(office.store, store_url)
    with fl.open_ledger(office.store if store_url == "memory:" else store_url) as fresh:
        fresh.workflows.save(saying(3), workflow_id="w", by="bob")
        run = office.runs.start("w", wait=False)
        assert (run.workflow_version, said(office.runs.proceed(run.id))) == (2, {"amount": 3})
    assert "workflow:w" in caplog.text


@pytest.mark.parametrize("point", ["connection lost before commit", "connection lost after commit"])
def test_a_start_whose_acknowledgement_is_lost_is_stored_once(office: Office, point: Any) -> None:
    Faults(office.ledger).next(point)
    run = office.runs.start("w", wait=False)
    assert [row.id for row in office.ledger.history.runs("w")][:-1] == [run.id]


class WithoutGuards(Wrapper):
    """A store that somebody else has written, and that knows of no guards."""

    can_guard = False

    def append_while(self, *_: Any) -> None:
        raise AssertionError("asked for what it can't do")


def test_a_store_without_guards_is_read_at_each_start(tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with fl.open_ledger(WithoutGuards(open_store(url))) as ledger, fl.open_ledger(url) as other:
        for version in range(1, 4):
            other.workflows.save(saying(version), workflow_id="w", by="ada")
            assert [start_in(ledger) for _ in range(2)] == [version] * 2


def test_of_many_workflows_those_are_remembered_that_were_read_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_starts, "KNOWN_STARTS", 2)
    office = Office("memory:")
    for workflow in "abcab":
        office.other.workflows.save(saying(1), workflow_id=workflow, by="ada")
        assert office.runs.start(workflow, wait=False).workflow_id == workflow
        assert len(office.runs._services._known_starts._known) <= 2


# --- at the same time -------------------------------------------------------------------------------------------------


def test_starts_beside_saves_use_what_was_acknowledged_before_they_began(office: Office) -> None:
    saved, done = [1], Event()

    def save() -> int:
        try:
            for number in range(2, 12):
                saved[0] = office.save(number)
        finally:
            done.set()
        return 0

    def start() -> int:
        count = 0
        while not done.is_set() or not count:
            acknowledged = saved[0]
            assert start_in(office.ledger) >= acknowledged
            count += 1
        return count

    outcomes = run_together([save, start, start, start])
    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
    runs = list(office.ledger.history.runs("w", limit=1000))
    assert len(runs) == 1 + sum(outcomes)  # type: ignore[arg-type]
    assert office.ledger.verify().ok


@pytest.mark.parametrize("wait", [True, False])
def test_a_child_that_was_forked_with_the_memory_sees_what_its_parent_saves(durable_url: str, wait: bool) -> None:
    office = Office(durable_url)
    with office.ledger, office.other:
        saved, told = os.pipe(), os.pipe()
        if (child := os.fork()) == 0:
            try:
                os.read(saved[0], 1)
                os.write(told[1], str(office.version(wait=wait)).encode())
            finally:
                os._exit(0)
        office.save(2)
        os.write(saved[1], b".")
        os.waitpid(child, 0)
        with closing(os.fdopen(told[0], "rb")) as answer:
            os.close(told[1])
            assert answer.read() == b"2"
        for end in saved:
            os.close(end)
