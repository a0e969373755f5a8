"""Commands on workflows say what their caller saw, and are executed once however often they are sent."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flowledger as fl
from flowledger.domain.values.idempotency import LONGEST_KEY

from ..effort import tries
from ..prepared import PreparedPython
from .harness import line

Command = Callable[..., fl.WorkflowSnapshot]

COMMANDS: dict[str, Callable[[Any, int], Callable[..., fl.WorkflowSnapshot]]] = {
    "save": lambda workflows, n: lambda **given: workflows.save(line("a", f"b{n}"), workflow_id="w", **given),
    "release": lambda workflows, n: lambda **given: workflows.release("w", n, **given),
    "rename": lambda workflows, n: lambda **given: workflows.rename("w", f"name {n}", **given),
    "archive": lambda workflows, n: lambda **given: workflows.archive("w", reason=f"reason {n}", **given),
    "restore": lambda workflows, n: lambda **given: workflows.restore("w", version=n, **given),
}
"""By name: the command with the n-th of different arguments; 1 and 2 change something in the store below."""

commands = pytest.mark.parametrize("name", COMMANDS)


@pytest.fixture
def ledger(store_url: str) -> Iterator[Any]:
    with prepared(store_url) as ledger:
        yield ledger


@pytest.fixture
def in_memory() -> Iterator[Any]:
    """The same where it doesn't matter which store it is."""
    with prepared("memory:") as ledger:
        yield ledger


def prepared(url: str) -> Any:
    """A ledger with a workflow of three versions, the third live."""
    ledger = fl.open_ledger(url)
    for nodes in ("ab", "abc", "abcd"):
        ledger.workflows.save(line(*nodes), workflow_id="w", by="ann")
    return ledger


def events(ledger: Any) -> list[fl.RecordedEvent]:
    return list(ledger.history.events("workflow:w"))


def told(ledger: Any) -> list[tuple[str, Any]]:
    """The events, but for times and what is drawn from the store."""

    def settled(data: Any) -> dict[str, Any]:
        return {key: value for key, value in data.items() if key not in ("recorded_at", "snapshot_id")}

    return [(event.type, settled(event.data)) for event in events(ledger)]


# --- expected versions ------------------------------------------------------------------------------------------------


@commands
def test_a_command_that_was_decided_on_an_older_version_is_stale(ledger: Any, name: str) -> None:
    command = COMMANDS[name](ledger.workflows, 1)
    for expected in (2, 1, ledger.workflows.get("w", 2).snapshot_id):
        with pytest.raises(fl.StaleVersion, match=rf"your {name} was based on \d: ann saved at .*") as refused:
            command(by="bob", expected_version=expected)
        assert (refused.value.actual, refused.value.saved_by) == (3, "ann")
        assert [change.version for change in refused.value.changes] == [*range(refused.value.expected + 1, 4)]
    assert len(events(ledger)) == 3
    command(by="bob", expected_version=3)
    assert len(events(ledger)) == 4


@commands
@pytest.mark.parametrize("beyond", [4, 10**30, -1])
def test_a_version_that_never_was_is_stale(in_memory: Any, name: str, beyond: int) -> None:
    with pytest.raises(fl.StaleVersion):
        COMMANDS[name](in_memory.workflows, 1)(by="bob", expected_version=beyond)
    assert len(events(in_memory)) == 3


@commands
@pytest.mark.parametrize("wrong", [1.0, True, b"1", "zzzzzzz"])
def test_what_is_no_version_is_refused_before_anything_is_written(in_memory: Any, name: str, wrong: Any) -> None:
    with pytest.raises((fl.InvalidRequest, fl.VersionNotFound)):
        COMMANDS[name](in_memory.workflows, 1)(by="bob", expected_version=wrong)
    assert len(events(in_memory)) == 3


@pytest.mark.parametrize("expected", [3, 4])
def test_a_release_leaves_what_was_seen_before_it_as_it_is(in_memory: Any, expected: int) -> None:
    in_memory.workflows.release("w", 1, by="ann")
    in_memory.workflows.rename("w", "other", by="bob", expected_version=expected)
    assert in_memory.workflows.get("w").name == "other"


# --- keys -------------------------------------------------------------------------------------------------------------


@commands
def test_the_same_command_with_the_same_key_is_executed_once(durable_url: str, name: str) -> None:
    with prepared(durable_url) as ledger, fl.open_ledger(durable_url) as other:
        first = COMMANDS[name](ledger.workflows, 1)(by="bob", idempotency_key="k")
        written = events(ledger)
        assert (written[3].data["key"], len(written[3].data["request"])) == ("k", 64)
        assert COMMANDS[name](other.workflows, 1)(by="somebody else", idempotency_key="k") == first
        if name != "archive":  # which nothing but a restore may follow
            ledger.workflows.save(line("z"), workflow_id="w", by="ann")
        else:
            ledger.workflows.restore("w", by="ann")
        again = COMMANDS[name](other.workflows, 1)(by="bob", expected_version=3, idempotency_key="k")
        assert again == ledger.workflows.get("w", "live")
        assert len(events(ledger)) == len(written) + 1
        assert ledger.verify(deep=True).findings == ()


@commands
def test_the_same_key_with_anything_else_is_refused(in_memory: Any, name: str) -> None:
    COMMANDS[name](in_memory.workflows, 1)(by="bob", idempotency_key="k")
    before = events(in_memory)
    for other in COMMANDS:
        for n in (1, 2):
            if (other, n) == (name, 1):
                continue
            said = "'k' of workflow 'w' was used for another command, by bob"
            with pytest.raises(fl.IdempotencyConflict, match=said) as refused:
                COMMANDS[other](in_memory.workflows, n)(by="eve", idempotency_key="k")
            assert (refused.value.workflow_id, refused.value.used_by, refused.value.run_id) == ("w", "bob", None)
    assert events(in_memory) == before


def test_each_argument_that_matters_is_part_of_what_a_key_stands_for(in_memory: Any) -> None:
    workflows, saved = in_memory.workflows, line("a", "b1")
    given: dict[str, Any] = {"workflow_id": "w", "by": "bob", "message": "m", "name": "n", "draft": True}
    workflows.save(saved, idempotency_key="k", **given)
    for other in ({"message": None}, {"message": "M"}, {"name": None}, {"draft": False}):
        with pytest.raises(fl.IdempotencyConflict):
            workflows.save(saved, idempotency_key="k", **given | other)
    for guards in ({"expected_version": 1, "merge": True}, {"force": True}):
        assert workflows.save(saved, idempotency_key="k", **given | guards | {"by": "eve"}).version == 4
    with pytest.raises(fl.InvalidRequest, match="choose one"):
        workflows.save(saved, workflow_id="w", expected_version=4, merge=True, force=True)


@pytest.mark.parametrize("name", ["save", "release", "restore"])
def test_a_message_that_is_no_text_is_refused_with_a_key_as_without_one(in_memory: Any, name: str) -> None:
    before = events(in_memory)
    for key in (None, "k"):
        with pytest.raises(fl.InvalidValue, match="valid string"):
            COMMANDS[name](in_memory.workflows, 1)(message=datetime(2026, 1, 2, tzinfo=UTC), idempotency_key=key)
    assert events(in_memory) == before


def test_a_key_is_one_of_its_workflow(in_memory: Any) -> None:
    for workflow_id in ("x", "y"):
        in_memory.workflows.save(line("a"), workflow_id=workflow_id, idempotency_key="k")
        assert in_memory.workflows.get(workflow_id).version == 1


@commands
@pytest.mark.parametrize("key", ["", 7, b"k", "k" * (LONGEST_KEY + 1), "k" * 10_000_000, "line\nend", "\ud800"])
def test_what_is_no_key_is_refused(in_memory: Any, name: str, key: Any) -> None:
    with pytest.raises(fl.InvalidRequest) as refused:
        COMMANDS[name](in_memory.workflows, 1)(by="bob", idempotency_key=key)
    assert len(str(refused.value)) < 2000
    assert len(events(in_memory)) == 3


@pytest.mark.parametrize("name", ["save", "release", "rename", "restore"])
def test_a_command_that_changed_nothing_changes_nothing_later_either(ledger: Any, name: str) -> None:
    workflows = ledger.workflows
    same = {
        "save": lambda **given: workflows.save(line(*"abcd"), workflow_id="w", **given),
        "release": lambda **given: workflows.release("w", 3, **given),
        "rename": lambda **given: workflows.rename("w", None, **given),
        "restore": lambda **given: workflows.restore("w", version=3, **given),
    }[name]
    assert same(by="bob").version == 3
    assert len(events(ledger)) == 3
    assert same(by="bob", idempotency_key="k").version == 3
    (last,) = events(ledger)[3:]
    assert (last.type, last.data["version"], last.data["unchanged"]) == ("workflow.released", 3, True)
    assert ledger.history.trail(limit=1)[0].summary == "asked for what 'w' was already"
    assert str(workflows.versions("w")[-1]).endswith("nothing changed")
    workflows.save(line("z"), workflow_id="w", by="ann", name="other", expected_version=3)
    before = events(ledger)
    assert same(by="bob", idempotency_key="k") == workflows.get("w", "live")
    assert events(ledger) == before
    assert ledger.verify(deep=True).findings == ()


def test_a_draft_that_changed_nothing_is_no_release(ledger: Any) -> None:
    for _ in range(2):
        ledger.workflows.save(line("d"), workflow_id="new", draft=True, idempotency_key="first")
        ledger.workflows.save(line("d"), workflow_id="new", draft=True, idempotency_key="second")
    with pytest.raises(fl.VersionNotFound):
        ledger.workflows.get("new", "live")
    assert [version.is_draft for version in ledger.workflows.versions("new")] == [True, False]
    assert ledger.workflows.list()[0].live_version is None
    assert ledger.verify(deep=True).findings == ()


def test_keys_go_with_an_export(tmp_path: Path) -> None:
    executors = fl.ExecutorRegistry()
    executors.register("do")(lambda step: 1)
    with fl.open_ledger("memory:", executors) as there, fl.open_ledger("memory:") as here:
        workflows = there.workflows
        workflows.save(line("a"), workflow_id="w", idempotency_key="k")
        workflows.save(line("b"), workflow_id="w", draft=True, idempotency_key="l")
        workflows.release("w", 2, idempotency_key="m")
        workflows.release("w", 2, idempotency_key="n")
        workflows.restore("w", version=1, by="ann", idempotency_key="o")
        run = there.runs.start("w")
        there.history.export(run.id, tmp_path / "run.jsonl")
        here.history.import_(tmp_path / "run.jsonl")
        before = events(here)
        assert len(before) == 5
        here.workflows.save(line("a"), workflow_id="w", idempotency_key="k")
        here.workflows.release("w", 2, idempotency_key="n")
        with pytest.raises(fl.IdempotencyConflict):
            here.workflows.release("w", 1, idempotency_key="m")
        assert events(here) == before
        assert here.workflows.get("w", "live").version == 5
        assert here.verify(deep=True).findings == ()


RACER = """
import os
import sys
import flowledger as fl
url, name, key = sys.argv[1:]
with fl.open_ledger(url) as ledger:
    workflows = ledger.workflows
    command = {
        "save": lambda **given: workflows.save({"nodes": [{"id": "r", "type": "do"}]}, workflow_id="w", **given),
        "release": lambda **given: workflows.release("w", 1, **given),
        "rename": lambda **given: workflows.rename("w", "raced", **given),
        "archive": lambda **given: workflows.archive("w", **given),
        "restore": lambda **given: workflows.restore("w", version=1, **given),
    }[name]
    command(by=str(os.getpid()), idempotency_key=key)
"""


@commands
@pytest.mark.sampled(5)
def test_twelve_processes_with_one_key_make_one_event(
    durable_url: str, name: str, prepared_python: PreparedPython, tmp_path: Path
) -> None:
    with prepared(durable_url) as ledger:
        race = partial(prepared_python.run, ["-c", RACER, durable_url, name, "k"], cwd=tmp_path, env={**os.environ})
        with ThreadPoolExecutor(12) as pool:
            racing = [pool.submit(race) for _ in range(12)]
        assert [(done.returncode, done.stderr) for done in (each.result() for each in racing)] == [(0, "")] * 12
        assert len(events(ledger)) == 4
        assert ledger.verify().ok


class Sent:
    """A command with its key, as it can be sent again."""

    def __init__(self, name: str, n: int, key: str) -> None:
        self.name, self.n, self.key = name, n, key

    def send(self, ledger: Any) -> bool:
        """Whether it was taken."""
        try:
            COMMANDS[self.name](ledger.workflows, self.n)(by="bob", idempotency_key=self.key)
        except fl.IllegalTransition:  # it is archived, or was archived already
            return False
        return True

    def __repr__(self) -> str:
        return f"{self.name}({self.n}, {self.key})"


@given(
    sequence=st.lists(st.tuples(st.sampled_from(sorted(COMMANDS)), st.sampled_from([1, 2, 3])), max_size=8),
    data=st.data(),
)
@settings(max_examples=tries(150), deadline=None)
def test_whatever_is_delivered_again_the_log_is_that_of_each_command_once(
    sequence: list[tuple[str, int]], data: st.DataObject
) -> None:
    sent = [Sent(name, n, f"key {place}") for place, (name, n) in enumerate(sequence)]
    with prepared("memory:") as once, prepared("memory:") as again:
        delivered: list[Sent] = []
        for command in sent:
            taken = command.send(once)
            assert command.send(again) == taken
            delivered += [command] * taken
            for repeated in data.draw(st.lists(st.sampled_from(delivered), max_size=3) if delivered else st.just([])):
                repeated.send(again)
            assert told(again) == told(once)
        assert again.verify(deep=True).findings == ()
