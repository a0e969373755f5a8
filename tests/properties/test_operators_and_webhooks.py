"""Two operators with old pages before them, a webhook that delivers again and again, and crashes: answers reach the
question that they were given for or none, what is held executes nothing, and no delivery counts twice."""

import os
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

import flowledger as fl
from flowledger.testing import Crash, Faults

from ..effort import tries

APPROVALS = {
    "nodes": [
        {"id": "manager", "type": "ask"},
        {"id": "director", "type": "ask"},
        {"id": "pay", "type": "pay"},
        {"id": "sign", "type": "ask"},
        {"id": "done", "type": "pay"},
    ],
    "start": "manager",
    "edges": [
        {"source": "manager", "target": "director"},
        {"source": "director", "target": "pay"},
        {"source": "pay", "target": "sign"},
        {"source": "sign", "target": "manager", "sourceHandle": "again"},
        {"source": "sign", "target": "done"},
    ],
}
CRASHES = st.none() | st.tuples(st.sampled_from(["crash before commit", "crash after commit"]), st.integers(0, 3))


class Page(NamedTuple):
    """What somebody looked at a while ago."""

    run: fl.Run

    @property
    def wait(self) -> str | None:
        return self.run.waits[0].id if self.run.waits else None


class Delivery(NamedTuple):
    """A command as it was sent once, and may arrive any number of times. Its answer says for which question it is."""

    what: str
    send: Callable[[Any], fl.Run]
    expected: int | None
    run_id: str


class Office(RuleBasedStateMachine):
    """``url`` is set by the test. All examples share one store, and no stream."""

    url = "memory:"
    pages = Bundle("pages")
    deliveries = Bundle("deliveries")

    def __init__(self) -> None:
        super().__init__()
        self.executors = fl.ExecutorRegistry()
        self.executors.register("ask")(self.ask)
        self.executors.register("pay")(self.pay)
        self.broken = False
        self.faults_seen: list[str] = []
        """What an executor saw and should not have seen."""
        self.runs: list[str] = []
        self.numbers = 0
        self.ledger = fl.open_ledger(self.url, self.executors)
        self.ledger.workflows.save(APPROVALS, workflow_id="w", by="ada")
        self.faults = Faults(self.ledger)

    # --- executors ----------------------------------------------------------------------------------------------------

    def ask(self, step: fl.StepContext) -> Any:
        self.watch(step)
        if step.answer is None:
            return fl.Pause(f"{step.node.id}?")
        meant = step.answer.payload["for"]
        if meant not in (step.answer.wait, "whatever is open"):
            self.faults_seen.append(f"an answer to {meant} reached {step.answer.wait}")
        handle = "again" if step.node.id == "sign" and step.answer.payload["n"] % 3 == 0 else None
        return fl.StepResult({"said": step.answer.payload["n"]}, handle=handle)

    def pay(self, step: fl.StepContext) -> Any:
        self.watch(step)
        if self.broken:
            raise fl.NonRetryable("the bank is closed")
        return {"paid": True}

    def watch(self, step: fl.StepContext) -> None:
        if self.ledger.runs.get(str(step.run_id)).held is not None:
            self.faults_seen.append(f"{step.node.id} of a held run was executed")

    # --- what happens -------------------------------------------------------------------------------------------------

    @initialize(target=pages)
    def begin(self) -> Page:
        run = self.ledger.runs.start("w", by="shop")
        self.runs.append(run.id)
        return Page(run)

    @rule(target=pages)
    def start(self) -> Page:
        return self.begin()

    @rule(target=pages, page=pages)
    def look_again(self, page: Page) -> Page:
        return Page(self.ledger.runs.get(page.run.id))

    @rule(closed=st.booleans())
    def the_bank(self, closed: bool) -> None:
        self.broken = closed

    @rule(
        target=deliveries,
        page=pages,
        what=st.sampled_from(
            [*["answer"] * 6, "answer what is open", "hold", "release", "release", "note", "retry", "proceed", "cancel"]
        ),
        by=st.sampled_from(["ann", "bob", "webhook"]),
        says_version=st.booleans(),
        has_key=st.booleans(),
    )
    def decide(self, page: Page, what: str, by: str, says_version: bool, has_key: bool) -> Delivery:
        """Somebody decides by the page before him, and sends it off."""
        self.numbers += 1
        run_id, number = page.run.id, self.numbers
        given: dict[str, Any] = {"by": by}
        if says_version:
            given["expected_version"] = page.run.version
        if has_key:
            given["idempotency_key"] = f"{what} {number}"
        payload = {"for": page.wait, "n": number}
        if what == "answer":
            # Without a question on the page there is the version, or it is meant for whatever is open.
            named = {} if page.wait is None or says_version else {"wait": page.wait}
            meant = payload if page.wait is not None else {"for": "whatever is open", "n": number}
            send = lambda runs: runs.resume(run_id, meant, **named, **given)  # noqa: E731
        elif what == "answer what is open":
            send = lambda runs: runs.resume(run_id, {"for": "whatever is open", "n": number}, **given)  # noqa: E731
        elif what == "note":
            send = lambda runs: runs.set_metadata(run_id, {"n": number}, **given)  # noqa: E731
        else:
            send = lambda runs: getattr(runs, what)(run_id, **given)  # noqa: E731
        return Delivery(what, send, given.get("expected_version"), run_id)

    @rule(delivery=deliveries, crash=CRASHES)
    def deliver(self, delivery: Delivery, crash: tuple[Any, int] | None) -> None:
        before = self.written(delivery.run_id)
        if crash is not None:
            self.faults.next(crash[0], passing=crash[1])
        try:
            run = delivery.send(self.ledger.runs)
        except Crash:
            self.reopen()
        except (fl.Conflict, fl.IllegalTransition):
            assert self.written(delivery.run_id) == before, "what was refused has written"
        else:
            if run.id not in self.runs:
                self.runs.append(run.id)
            wrote = self.written(delivery.run_id) != before
            assert delivery.expected is None or not wrote or before[0] == delivery.expected, (
                "it was for another version"
            )
        finally:
            self.faults.clear()

    def written(self, run_id: str) -> tuple[int, int]:
        """Events of the run and of its work order."""
        store = self.ledger._store
        return store.head(run_id), store.head(self.ledger.runs.get(run_id).work_order_id)

    def reopen(self) -> None:
        if self.url != "memory:":
            self.ledger.close()
            self.ledger = fl.open_ledger(self.url, self.executors)
            self.faults = Faults(self.ledger)

    # --- what holds ---------------------------------------------------------------------------------------------------

    @invariant()
    def no_executor_saw_what_it_should_not(self) -> None:
        assert self.faults_seen == []

    def teardown(self) -> None:
        try:
            streams = {*self.runs, *(self.ledger.runs.get(run).work_order_id for run in self.runs)}
            for stream in streams:
                events = list(self.ledger.history.events(stream))
                keyed = [event.data for event in events if "key" in event.data]
                keys = Counter((data.get("key_of", stream), data["key"]) for data in keyed)
                assert set(keys.values()) <= {1}, "a delivery counted twice"
                waits = Counter(event.data["wait"] for event in events if event.type == "run.resumed")
                assert set(waits.values()) <= {1}, "a question was answered twice"
            assert self.ledger.verify().ok
        finally:
            self.ledger.close()


EXAMPLES = {"memory": 150, "sqlite": 80, "postgres": 30}


@pytest.mark.scaled
def test_no_answer_goes_astray_and_no_delivery_counts_twice(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = store_url.partition(":")[0].removesuffix("ql")
    monkeypatch.setattr(Office, "url", store_url)
    run_state_machine_as_test(
        Office,
        settings=settings(
            max_examples=tries(EXAMPLES[backend]),
            stateful_step_count=30,
            derandomize="CI" in os.environ,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
