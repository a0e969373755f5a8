"""Two operators with old pages before them, a webhook that delivers again and again, and crashes: answers reach the
question that they were given for or none, what is held executes nothing, and no delivery counts twice."""

import os
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

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


class Delivery(NamedTuple):
    """A command as it was sent once, and may arrive any number of times. Its answer says for which question it is."""

    send: Callable[[Any], fl.Run]
    expected: int | None
    run_id: str


def call(method: str, run_id: str, *given: Any, **named: Any) -> fl.Run:
    *given, runs = given
    run: fl.Run = getattr(runs, method)(run_id, *given, **named)
    return run


def recent(data: st.DataObject, made: list[Any]) -> Any:
    """One of the last."""
    return made[-1 - data.draw(st.integers(0, min(len(made), 4) - 1), label="how old")]


class Office(RuleBasedStateMachine):
    """``url`` is set by the test. All examples share one store, and no stream."""

    url = "memory:"

    def __init__(self) -> None:
        super().__init__()
        self.executors = fl.ExecutorRegistry()
        self.executors.register("ask")(self.ask)
        self.executors.register("pay")(self.pay)
        self.broken = False
        self.faults_seen: list[str] = []
        """What an executor saw and should not have seen."""
        self.runs: list[str] = []
        self.pages: list[fl.Run] = []
        self.deliveries: list[Delivery] = []
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

    @initialize()
    def begin(self) -> None:
        self.look(self.ledger.runs.start("w", by="shop"))

    @rule()
    def start(self) -> None:
        if len(self.runs) < 3:
            self.begin()

    @rule(data=st.data())
    def look_again(self, data: st.DataObject) -> None:
        self.look(self.ledger.runs.get(data.draw(st.sampled_from(self.runs), label="run")))

    @rule(closed=st.booleans())
    def the_bank(self, closed: bool) -> None:
        self.broken = closed

    @rule(
        data=st.data(),
        what=st.sampled_from(
            [
                *["answer"] * 6,
                "answer what is open",
                "hold",
                "release",
                "release",
                "note",
                "note",
                "retry",
                "proceed",
                "cancel",
            ]
        ),
        by=st.sampled_from(["ann", "bob", "webhook"]),
        says=st.sampled_from([(), ("key",), ("key",), ("version",), ("key", "version")]),
        crash=CRASHES,
    )
    def act(self, data: st.DataObject, what: str, by: str, says: tuple[str, ...], crash: Any) -> None:
        """Somebody decides by a page before him, which may be an old one, and sends it off."""
        page = recent(data, self.pages)
        self.numbers += 1
        run_id, number = page.id, self.numbers
        given: dict[str, Any] = {"by": by}
        if "version" in says:
            given["expected_version"] = page.version
        if "key" in says:
            given["idempotency_key"] = f"{what} {number}"
        wait = page.waits[0].id if page.waits else None
        if what.startswith("answer"):
            is_named = what == "answer" and wait is not None
            payload = {"for": wait if is_named else "whatever is open", "n": number}
            named = {"wait": wait} if is_named and "version" not in says else {}
            send = partial(call, "resume", run_id, payload=payload, **named, **given)
        elif what == "note":
            send = partial(call, "set_metadata", run_id, {"n": number}, **given)
        else:
            send = partial(call, what, run_id, **given)
        self.deliveries.append(Delivery(send, given.get("expected_version"), run_id))
        self.deliver(self.deliveries[-1], crash)

    @rule(data=st.data(), crash=CRASHES)
    def deliver_again(self, data: st.DataObject, crash: Any) -> None:
        if self.deliveries:
            self.deliver(recent(data, self.deliveries), crash)

    def deliver(self, delivery: Delivery, crash: Any) -> None:
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
            self.look(run)
            wrote = self.written(delivery.run_id) != before
            assert delivery.expected is None or not wrote or before[0] == delivery.expected, (
                "it was for another version"
            )
        finally:
            self.faults.clear()

    def look(self, run: fl.Run) -> None:
        self.pages.append(run)
        if run.id not in self.runs:
            self.runs.append(run.id)

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


EXAMPLES = {"memory": 150, "sqlite": 40, "postgres": 20}


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
