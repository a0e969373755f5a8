"""Runs are started, stepped, failed, paused, resumed, cancelled and crashed at random; the promises hold throughout."""

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import flowledger as fl
from flowledger.testing import Crash

from ..effort import tries
from ..hostile.values import NAME, TEXT
from .naive_fold import NaiveRun
from .promises import CHEAP, keep_all
from .world import Act, World

SIMPLE = [
    *(Act("complete", output) for output in (None, TEXT, {TEXT: [1, {"é": None}, TEXT]})),
    *(Act("route", handle) for handle in ("skip", "again", NAME)),
    *(Act(name, TEXT) for name in ("fail", "fail", "fatal", "blow_up")),
    *(Act("wait", reason) for reason in (TEXT, None)),
    *(Act("take", micros) for micros in (1, 2_500_000)),
    Act("not_json"),
    Act("interrupt"),
]
MEANWHILE = [
    Act(name, then) for name in ("held_meanwhile", "cancelled_meanwhile", "noted_meanwhile") for then in SIMPLE
]
ACTS = st.sampled_from([*SIMPLE * 3, *MEANWHILE])
SCRIPTS = st.lists(ACTS, min_size=1, max_size=6)
CRASHES = st.none() | st.none() | st.tuples(st.integers(0, 4), st.sampled_from(["before", "after"]))
PAYLOADS = st.sampled_from([None, {TEXT: TEXT}, [], TEXT])
STEP_LIMITS = st.sampled_from([10_000, 10_000, None, 0, 1, 3])


class LedgerMachine(RuleBasedStateMachine):
    """``url`` is set by the test. All examples share one store, and no stream."""

    url = "memory:"

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.url)
        self.touched: str | None = None
        self.kept: list[tuple[fl.Snapshot, bytes]] = []

    @initialize(script=SCRIPTS)
    def begin(self, script: list[Act]) -> None:
        self.start(script, None, None, 10_000)

    @rule(script=SCRIPTS, payload=PAYLOADS, crash=CRASHES, limit=STEP_LIMITS)
    def start(self, script: list[Act], payload: Any, crash: Any, limit: int | None) -> None:
        known = set(self.world.store.run_ids())
        runs = self.world.ledger.runs
        self.command(
            lambda: runs.start("w", payload=payload, by="ada", metadata={"n": 1}, step_limit=limit),
            script,
            crash,
            allowed=True,
            settles=True,
        )
        self.touched = next(iter(set(self.world.store.run_ids()) - known), self.touched)

    @rule()
    def start_for_a_worker(self) -> None:
        run = self.command(lambda: self.world.ledger.runs.start("w", by="ada", wait=False), [], None, allowed=True)
        assert run is not None
        assert run.status == "active"

    @precondition(lambda self: self.world.store.run_ids())
    @rule(data=st.data(), script=SCRIPTS, payload=PAYLOADS, crash=CRASHES, limit=STEP_LIMITS)
    def resume(self, data: st.DataObject, script: list[Act], payload: Any, crash: Any, limit: int | None) -> None:
        run = self.pick(data)
        runs = self.world.ledger.runs
        self.command(
            lambda: runs.resume(run.run_id, payload=payload, by=NAME, step_limit=limit),
            script,
            crash,
            allowed=run.stands == "paused" and run.held is None,
            settles=True,
        )

    @precondition(lambda self: self.world.store.run_ids())
    @rule(data=st.data(), script=SCRIPTS, crash=CRASHES, limit=STEP_LIMITS)
    def proceed(self, data: st.DataObject, script: list[Act], crash: Any, limit: int | None) -> None:
        run = self.pick(data)
        executed = len(self.world.keys)
        self.command(
            lambda: self.world.ledger.runs.proceed(run.run_id, by="worker", step_limit=limit),
            script,
            crash,
            allowed=run.status != "paused",
            settles=True,
            silent=run.ended,
        )
        assert not run.ended or len(self.world.keys) == executed, "a run that has ended ran again"

    @precondition(lambda self: self.world.store.run_ids())
    @rule(data=st.data(), script=SCRIPTS, payload=PAYLOADS, crash=CRASHES)
    def go_on(self, data: st.DataObject, script: list[Act], payload: Any, crash: Any) -> None:
        """What the run's own state asks for, so that runs get far."""
        run = self.pick(data)
        runs = self.world.ledger.runs
        if run.held is not None:
            self.command(lambda: runs.release(run.run_id, by="ops", note=TEXT), [], crash, allowed=True)
        elif run.stands == "paused":
            self.command(lambda: runs.resume(run.run_id, payload), script, crash, allowed=True, settles=True)
        elif not run.ended:
            self.command(lambda: runs.proceed(run.run_id), script, crash, allowed=True, settles=True)

    @precondition(lambda self: self.world.store.run_ids())
    @rule(
        data=st.data(),
        script=SCRIPTS,
        node=st.sampled_from([None, "a", "b", "c"]),
        crash=CRASHES,
        again=st.sampled_from([True, True, False]),
    )
    def retry(self, data: st.DataObject, script: list[Act], node: str | None, crash: Any, again: bool) -> None:
        source = self.pick(data)
        runs = self.world.ledger.runs
        if node is not None and node not in source.visits:
            with pytest.raises((fl.InvalidRequest, fl.IllegalTransition)):
                runs.retry(source.run_id, node, again=again)
            return
        last = self.world.naive(self.last_of_the_order(source.run_id))
        allowed = source.ended and last.ended and (again or not self.is_retried(source.run_id, last))
        run = self.command(
            lambda: runs.retry(source.run_id, node, by=NAME, again=again), script, crash, allowed=allowed
        )
        if run is not None:
            self.touched = run.id
            begun = self.world.naive(run.id, 1)
            count, payload = (0, self.input_of(source.run_id)) if node is None else source.visits[node]
            assert (len(begun.results), begun.payload) == (count, payload)
            history = self.world.ledger.history
            # A fork from before the first step has an input of its own, and so has what reuses its results.
            given = self.input_of(source.run_id) if node is None else history.workflow_of(source.run_id).input
            assert history.workflow_of(run.id).input == given

    @precondition(lambda self: self.world.store.run_ids())
    @rule(data=st.data(), script=SCRIPTS, crash=CRASHES)
    def reproduce(self, data: st.DataObject, script: list[Act], crash: Any) -> None:
        source = self.pick(data)
        had_begun = self.world.naive(source.run_id, 1).node is not None  # a fork of what was complete has not
        run = self.command(lambda: self.world.ledger.runs.reproduce(source.run_id), script, crash, allowed=had_begun)
        if run is not None:
            self.touched = run.id
            begun, then = self.world.naive(run.id, 1), self.world.naive(source.run_id, 1)
            assert (begun.node, begun.payload, begun.results) == (then.node, then.first_payload, then.results)

    @precondition(lambda self: self.world.store.run_ids())
    @rule(data=st.data(), script=SCRIPTS, payload=PAYLOADS, crash=CRASHES, wait=st.booleans())
    def fork(self, data: st.DataObject, script: list[Act], payload: Any, crash: Any, wait: bool) -> None:
        source = self.pick(data)
        version = data.draw(st.integers(1, source.version), label="version")
        then = self.world.naive(source.run_id, version)
        runs = self.world.ledger.runs
        if payload is not None and (then.node is None or then.held is not None):
            with pytest.raises((fl.InvalidRequest, fl.RunHeld)):
                runs.fork(source.run_id, version, payload=payload)
            return
        run = self.command(
            lambda: runs.fork(source.run_id, version, NAME, payload, metadata={TEXT: version}, wait=wait),
            script,
            crash,
            allowed=True,
        )
        if run is not None:
            self.touched = run.id
            begun = self.world.naive(run.id, 1)
            then.metadata |= {TEXT: version}
            then.payload = then.payload if payload is None else payload
            began, stood = begun.snapshot(), then.snapshot() | {"version": 1}
            for shown in (began, stood):  # whether the payload stands there depends on whether a step is under way
                shown.pop("flowledger", None)
            assert began == stood
            assert begun.visits == then.visits

    @precondition(lambda self: self.world.store.run_ids())
    @rule(data=st.data(), crash=CRASHES)
    def hold(self, data: st.DataObject, crash: Any) -> None:
        run = self.pick(data)
        allowed = not run.ended and run.held is None
        self.command(lambda: self.world.ledger.runs.hold(run.run_id, by="ops"), [], crash, allowed=allowed)

    @precondition(lambda self: self.world.store.run_ids())
    @rule(data=st.data(), crash=CRASHES, note=st.sampled_from([None, TEXT]))
    def release(self, data: st.DataObject, crash: Any, note: str | None) -> None:
        run, runs = self.pick(data), self.world.ledger.runs
        self.command(lambda: runs.release(run.run_id, "ops", note), [], crash, allowed=run.held is not None)

    @precondition(lambda self: self.world.store.run_ids())
    @rule(data=st.data(), crash=CRASHES, reason=st.sampled_from([None, TEXT]))
    def cancel(self, data: st.DataObject, crash: Any, reason: str | None) -> None:
        run = self.pick(data)
        runs = self.world.ledger.runs
        self.command(lambda: runs.cancel(run.run_id, by="ops", reason=reason), [], crash, allowed=not run.ended)

    @precondition(lambda self: self.world.store.run_ids())
    @rule(data=st.data(), metadata=st.sampled_from([{"n": TEXT}, {"n": None, TEXT: [1]}, {}]), crash=CRASHES)
    def note(self, data: st.DataObject, metadata: dict[str, Any], crash: Any) -> None:
        run = self.pick(data)
        self.command(lambda: self.world.ledger.runs.set_metadata(run.run_id, metadata), [], crash, allowed=True)

    @precondition(lambda self: self.world.store.run_ids())
    @rule(data=st.data(), bad=st.sampled_from([{1, 2}, float("nan"), b"bytes", "\ud800", 2**70]))
    def ask_for_what_cannot_be_recorded(self, data: st.DataObject, bad: Any) -> None:
        run = self.pick(data)
        before = len(self.world.store.journal[run.run_id])
        for refused in (
            lambda: self.world.ledger.runs.set_metadata(run.run_id, {"bad": bad}),
            lambda: self.world.ledger.runs.resume(run.run_id, payload=bad),
        ):
            with pytest.raises(fl.InvalidValue):
                refused()
        assert self.world.ledger.runs.get(run.run_id).version == before

    @rule(seconds=st.integers(-10, 10))
    def move_the_clock(self, seconds: int) -> None:
        self.world.clock.micros += timedelta(seconds=seconds) // timedelta(microseconds=1)

    @rule()
    def reopen(self) -> None:
        self.world.reopen()

    @invariant()
    def the_run_at_hand_keeps_its_promises(self) -> None:
        if self.touched is not None:
            for promise in CHEAP:
                promise(self.world, self.touched)

    @invariant()
    def no_snapshot_in_anyones_hands_has_changed(self) -> None:
        for snapshot, json in self.kept:
            assert snapshot.to_json() == json

    def teardown(self) -> None:
        try:
            keep_all(self.world)
        finally:
            self.world.close()

    def pick(self, data: st.DataObject) -> NaiveRun:
        run_ids = self.world.store.run_ids()
        self.touched = run_ids[data.draw(st.integers(0, len(run_ids) - 1), label="run")]
        return self.world.naive(self.touched)

    def order_of(self, run_id: str) -> list[tuple[str, dict[str, Any]]]:
        return self.world.store.journal[self.world.store.journal[run_id][0][1]["correlation_id"]]

    def last_of_the_order(self, run_id: str) -> str:
        runs = [body["run_id"] for _, body in self.order_of(run_id) if body.get("kind", "retry") == "retry"]
        return str(runs[-1])

    def is_retried(self, run_id: str, last: NaiveRun) -> bool:
        """Whether the run was retried already, or another run of its order has succeeded."""
        entered = [(body["run_id"], body.get("kind")) for _, body in self.order_of(run_id)]
        later = entered[[run for run, _ in entered].index(run_id) + 1 :]
        return any(kind == "retry" for _, kind in later) or (last.run_id != run_id and last.status == "completed")

    def input_of(self, run_id: str) -> Any:
        first = self.order_of(run_id)[0][1]["run_id"]
        return self.world.store.journal[first][0][1].get("payload")

    def command(
        self,
        do: Callable[[], fl.Run],
        script: list[Act],
        crash: Any,
        *,
        allowed: bool,
        settles: bool = False,
        silent: bool = False,
    ) -> fl.Run | None:
        """Give a command, and hold what it did against what the journal allows. None when it didn't come back."""
        before = self.sizes()
        self.world.store.crash_at = crash
        try:
            with self.world.doing(script):
                run = do()
        except Crash:
            self.world.reopen()
            return None
        except KeyboardInterrupt:
            return None
        except fl.IllegalTransition:
            assert not allowed, "a command was refused that the run's state allows"
            assert self.sizes() == before, "a refused command has written"
            return None
        finally:
            self.world.store.crash_at = None
        assert allowed, "a command was taken that the run's state forbids"
        assert not silent or self.sizes() == before, "a command that changes nothing has written"
        self.agrees(run)
        assert not settles or run.status != "active"
        return run

    def agrees(self, run: fl.Run) -> None:
        naive = self.world.naive(run.id)
        assert run.snapshot.to_data() == naive.snapshot()
        assert run.status == ("cancelled" if naive.cancelled else naive.status)
        assert run.version == naive.version
        self.kept.append((run.snapshot, run.snapshot.to_json()))

    def sizes(self) -> dict[str, int]:
        return {stream: len(events) for stream, events in self.world.store.journal.items()}


EXAMPLES = {"memory": 150, "sqlite": 40, "postgres": 24}
"""What the ledger does is the same on each; the durable ones are tried for what reopening them shows."""


@pytest.mark.scaled
def test_the_promises_hold_whatever_happens(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = store_url.partition(":")[0].removesuffix("ql")
    monkeypatch.setattr(LedgerMachine, "url", store_url)
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=tries(EXAMPLES[backend]),
            stateful_step_count=20,
            derandomize="CI" in os.environ,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
