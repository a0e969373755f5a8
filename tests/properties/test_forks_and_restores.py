"""Processes fork, close, exit and are killed, stores lose their newest events, and everything happens twice at once.

What was acknowledged, and not taken away by a restore, is there; and nobody writes behind a hole.
"""

import json
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
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

from ..effort import tries
from ..hostile.values import NAME, TEXT
from ..prepared import PreparedProcess, PreparedPython
from ..storage.restorable import PostgresStore, SQLiteStore
from .forking_worker import definition, executors

MAX_WAIT = 60
"""Seconds after which a worker that doesn't answer is taken to hang."""

NUMBER = st.integers(0, 1_000)
RETRIED = ("EventsLost", "StorageUnavailable", "ConcurrencyError")
"""What a call may be refused with once, after the store has lost events."""


class Peer:
    """The other end of a worker's socket."""

    def __init__(self, listener: socket.socket) -> None:
        listener.settimeout(MAX_WAIT)
        self._channel, _ = listener.accept()
        self._channel.settimeout(MAX_WAIT)
        self._lines = self._channel.makefile("rw")
        self.opened = False

    def tell(self, *command: Any) -> None:
        print(json.dumps(command), file=self._lines, flush=True)

    def answer(self) -> list[Any]:
        answer: list[Any] = json.loads(self._lines.readline())
        assert answer[0] != "crashed", answer
        return answer

    def ask(self, *command: Any) -> list[Any]:
        self.tell(*command)
        return self.answer()

    def go(self, how: str) -> None:
        self.tell(how)
        self._lines.close()
        self._channel.close()


class World:
    """The store, its workers, and what they were told."""

    def __init__(self, url: str, folder: Path, python: PreparedPython) -> None:
        self.url = url
        self._python = python
        self.store = SQLiteStore(url) if url.startswith("sqlite") else PostgresStore(url)
        self._listener = socket.socket(socket.AF_UNIX)
        address = str(folder / f"s{os.getpid()}")
        Path(address).unlink(missing_ok=True)
        self._listener.bind(address)
        self._listener.listen()
        self._command = ["-m", f"{__package__}.forking_worker", address, url]
        self._processes: list[PreparedProcess] = []
        self.peers: list[Peer] = []
        self.runs: dict[str, int] = {}
        """Every acknowledged run, and its acknowledged version."""
        self.saved = 0
        self.kept: tuple[dict[str, int], int] | None = None
        self.lost = False

    def enter(self) -> Peer:
        """One more process, unrelated to the others."""
        self._processes.append(self._python.start(self._command))
        return self.meet()

    def meet(self) -> Peer:
        peer = Peer(self._listener)
        self.peers.append(peer)
        return peer

    def restored(self) -> None:
        assert self.kept is not None
        self.runs, self.saved = dict(self.kept[0]), self.kept[1]
        self.lost = True

    def close(self) -> None:
        for peer in self.peers:
            with suppress(OSError):  # whoever has crashed is gone already
                peer.go("exit")
        self._listener.close()
        for process in self._processes:
            try:
                process.wait(MAX_WAIT)
            finally:
                process.end()


class ForkingMachine(RuleBasedStateMachine):
    """Each example has a world of its own, which the test makes."""

    def new_world(self) -> World:
        raise NotImplementedError

    @initialize()
    def begin(self) -> None:
        self.world = self.new_world()
        with fl.open_ledger(self.world.url, executors) as ledger:
            ledger.workflows.save(definition("version 1"), workflow_id="w")
            ledger.workflows.save({"nodes": [{"id": "a", "type": "say", "data": {"text": ""}}]}, workflow_id="noise")
        self.world.saved = 1
        self.world.enter()
        self.keep()

    def call(self, peer: Peer, *command: Any) -> Any:
        """What the call answers: at the second try at the latest, where the store has lost events since the first."""
        answer = peer.ask(*command)
        if answer[0] == "refused" and answer[1] in RETRIED and self.world.lost:
            answer = peer.ask(*command)
        return answer

    def peer(self, n: int) -> Peer:
        return self.world.peers[n % len(self.world.peers)]

    def some_run(self, n: int) -> str:
        return sorted(self.world.runs)[n % len(self.world.runs)]

    # --- processes come and go ----------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.world.peers) < 4)
    @rule()
    def a_process_enters(self) -> None:
        self.world.enter()

    @precondition(lambda self: len(self.world.peers) < 5)
    @rule(n=NUMBER, busy=st.booleans())
    def a_process_forks(self, n: int, busy: bool) -> None:
        peer = self.peer(n)
        if busy:
            assert peer.ask("busy") == ["done", None]
        assert peer.ask("fork") == ["done", None]
        self.world.meet()
        if busy:
            assert peer.ask("rest") == ["done", None]

    @rule(n=NUMBER)
    def a_process_closes(self, n: int) -> None:
        assert self.peer(n).ask("close") == ["done", None]

    @precondition(lambda self: len(self.world.peers) > 1)
    @rule(n=NUMBER)
    def a_process_exits(self, n: int) -> None:
        self.world.peers.pop(n % len(self.world.peers)).go("exit")

    # --- they work ----------------------------------------------------------------------------------------------------

    @rule(n=NUMBER, key=st.none() | st.sampled_from(["one", NAME]))
    def a_run_is_started(self, n: int, key: str | None) -> None:
        kind, *answer = self.call(self.peer(n), "start", key)
        assert kind == "done", answer
        ((run_id, version, _order),) = answer
        assert version >= self.world.runs.get(run_id, 0)
        self.world.runs[run_id] = version

    @precondition(lambda self: len(self.world.peers) > 1)
    @rule(key=st.none() | st.sampled_from(["one", NAME, NAME[::-1]]))
    def two_start_at_once(self, key: str | None) -> None:
        pair = self.world.peers[:2]
        for peer in pair:
            peer.tell("start", key)
        answers = [peer.answer() for peer in pair]
        if self.world.lost:
            answers = [
                self.call(peer, "start", key) if answer[0] == "refused" else answer
                for peer, answer in zip(pair, answers, strict=True)
            ]
        assert [answer[0] for answer in answers] == ["done", "done"], answers
        for _, (run_id, version, _order) in answers:
            self.world.runs[run_id] = max(version, self.world.runs.get(run_id, 0))
        if key is not None:
            assert answers[0][1][2] == answers[1][1][2]

    @precondition(lambda self: self.world.runs)
    @rule(n=NUMBER, run=NUMBER)
    def a_run_is_resumed(self, n: int, run: int) -> None:
        run_id = self.some_run(run)
        kind, *answer = self.call(self.peer(n), "resume", run_id)
        if kind == "done":
            self.world.runs[run_id] = answer[0][0]
        else:
            assert answer[0] == "IllegalTransition", answer

    @precondition(lambda self: self.world.runs)
    @rule(n=NUMBER, run=NUMBER, what=st.sampled_from(["note", "cancel"]))
    def an_operator_acts(self, n: int, run: int, what: str) -> None:
        run_id = self.some_run(run)
        kind, answer, *_ = self.call(self.peer(n), what, run_id, *([n] if what == "note" else []))
        if kind == "done":
            self.world.runs[run_id] = answer
        else:
            assert answer == "IllegalTransition"

    @rule(n=NUMBER)
    def a_definition_is_saved(self, n: int) -> None:
        kind, answer, *more = self.call(self.peer(n), "save", f"by {n}, after version {self.world.saved} {TEXT}")
        assert kind == "done", (answer, more)
        self.world.saved = answer

    @precondition(lambda self: len(self.world.peers) > 1)
    @rule()
    def two_rebuild_at_once(self) -> None:
        pair = self.world.peers[:2]
        for peer in pair:
            peer.tell("rebuild")
        answers = [peer.answer() for peer in pair]
        assert all(answer[0] == "done" or answer[1] in RETRIED for answer in answers), answers
        assert self.world.lost or "done" in [answer[0] for answer in answers], answers

    # --- the store loses its newest events ----------------------------------------------------------------------------

    @rule()
    def keep(self) -> None:
        self.world.store.keep()
        self.world.kept = (dict(self.world.runs), self.world.saved)

    @rule()
    def an_older_copy_is_restored(self) -> None:
        self.world.store.restore()
        self.world.restored()

    @precondition(lambda self: isinstance(self.world.store, SQLiteStore))
    @rule()
    def another_file_takes_its_place(self) -> None:
        for peer in self.world.peers:
            peer.ask("close")  # as the docs demand
        store = self.world.store
        assert isinstance(store, SQLiteStore)
        store.replace()
        self.world.restored()

    # --- what must hold -----------------------------------------------------------------------------------------------

    @invariant()
    def what_was_acknowledged_is_there(self) -> None:
        if not hasattr(self, "world"):
            return
        for peer in self.world.peers:
            kind, *answer = self.call(peer, "listed")
            assert kind == "done", answer
            assert set(answer[0]) >= set(self.world.runs)
        with fl.open_ledger(self.world.url) as ledger:
            for run_id, version in self.world.runs.items():
                run = ledger.runs.get(run_id)
                assert run.version == version
                events = list(ledger.history.events(run_id))
                assert [event.version for event in events] == list(range(1, version + 1))
                if run.status == "completed":
                    told = ledger.history.workflow_of(run_id).definition.nodes[1].data["text"]
                    assert run.snapshot.context["b"][-1].output == told
            assert ledger.workflows.get("w").version == self.world.saved

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.world.close()
        with fl.open_ledger(self.world.url) as ledger:
            report = ledger.verify()
            assert report.ok, report.findings


@pytest.mark.exhaustive
@pytest.mark.scaled
def test_whoever_forks_and_whatever_is_restored_what_was_acknowledged_is_there(
    new_store_url: Callable[[], str], tmp_path: Path, prepared_python: PreparedPython
) -> None:
    class Machine(ForkingMachine):
        def new_world(self) -> World:
            return World(new_store_url(), tmp_path, prepared_python)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=tries(8), stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
