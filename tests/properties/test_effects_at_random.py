"""One piece of work has one effect key, and whoever doesn't name an effect repeats none, whatever is done to runs."""

from collections import defaultdict
from contextlib import suppress
from typing import Any, NamedTuple

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

import flowledger as fl

from ..effort import tries

DEFINITION = {
    "nodes": [{"id": "pay", "type": "pay"}, {"id": "think", "type": "think"}, {"id": "mail", "type": "mail"}],
    "edges": [
        {"source": "pay", "target": "think"},
        {"source": "think", "target": "mail"},
        {"source": "think", "target": "pay", "sourceHandle": "again"},
    ],
    "start": "pay",
}
ACTS = ("done", "done", "fails", "fails for good", "asks", "dies")
COMMANDS = ("start", "proceed", "answer", "cancel", "retry", "retry from", "reproduce", "fork", "fork", "fork edited")
EXAMPLES = {"memory": 480, "sqlite": 24, "postgres": 16}


class Work(NamedTuple):
    work_order_id: str | None
    node_id: str
    number: int


class Office:
    """A ledger; its executors do what the script says, and tell what they did to the world."""

    def __init__(self, url: str) -> None:
        executors = fl.ExecutorRegistry()
        policy = fl.RetryPolicy(max_retries=2, interval=0)
        executors.register("think", retry=policy)(self.execute)
        for type in ("pay", "mail"):
            executors.register(type, retry=policy, effects=True)(self.execute)
        self.ledger = fl.open_ledger(url, executors)
        self.ledger.workflows.save(DEFINITION, workflow_id="w", by="ada")
        self.script: list[str] = []
        self.run_ids: list[str] = []
        self.named: dict[str, tuple[str, ...]] = {}
        """Run → the effects that it names."""
        self.naming: tuple[str, ...] = ()
        self.keys: dict[Work, set[str]] = defaultdict(set)
        self.works: dict[str, set[Work]] = defaultdict(set)
        self.did: dict[Work, set[str]] = defaultdict(set)
        """What was done or tried → in which runs."""
        self.faults: list[str] = []
        """An executor's own error would be recorded as the failure of its step."""

    def execute(self, step: fl.StepContext) -> Any:
        results = step.context.get(step.node.id, ())
        number = 1 + sum(result.error is None for result in results)
        work = Work(step.work_order_id, step.node.id, number)
        self.keys[work].add(step.effect_key)
        self.works[step.effect_key].add(work)
        if step.node.type != "think":
            self.check(step, work)
        act = self.script.pop() if self.script else "done"
        if act == "dies":
            raise KeyboardInterrupt
        if act == "asks" and step.answer is None:
            return fl.Pause("sure?")
        self.did[work].add(str(step.run_id))
        if act == "fails":
            raise TimeoutError
        if act == "fails for good":
            raise fl.NonRetryable
        again = step.node.id == "think" and number < 3
        return fl.StepResult({"by": step.run_id, "number": number}, handle="again" if again else None)

    def check(self, step: fl.StepContext, work: Work) -> None:
        run_id = str(step.run_id)
        origin = self.ledger.runs.get(run_id).origin
        if origin is None or origin.kind == "retry" or step.node.type in self.named.get(run_id, self.naming):
            return
        if origin.kind == "reproduction" or not self.did[work] <= {run_id}:
            self.faults.append(f"a {origin.kind} did it again, though nobody named it: {work}")

    def do(self, command: str, place: int, script: list[str], names: tuple[str, ...]) -> None:
        self.script, self.naming = list(script), names
        before = set(self.known())
        with suppress(fl.IllegalTransition, fl.InvalidRequest, fl.WaitClosed, KeyboardInterrupt):
            self.command(command, place, names)
        for run_id in set(self.known()) - before:
            self.run_ids.append(run_id)
            self.named[run_id] = names

    def known(self) -> list[str]:
        return [row.id for row in self.ledger.history.runs(limit=1000)]

    def command(self, command: str, place: int, names: tuple[str, ...]) -> None:
        runs = self.ledger.runs
        if command == "start" or not self.run_ids:
            runs.start("w", payload={"order": place})
            return
        run_id = self.run_ids[place % len(self.run_ids)]
        version = 1 + place % runs.get(run_id).version
        match command:
            case "proceed":
                runs.proceed(run_id)
            case "answer":
                runs.resume(run_id, payload=place % 2)
            case "cancel":
                runs.cancel(run_id)
            case "retry":
                runs.retry(run_id, again=True)
            case "retry from":
                runs.retry(run_id, from_node=("pay", "think", "mail")[place % 3], again=True)
            case "reproduce":
                runs.reproduce(run_id, effects=names)
            case "fork":
                runs.fork(run_id, version, effects=names)
            case _:
                runs.fork(run_id, version, output={"edited": place}, effects=names)

    def check_reproductions(self) -> None:
        """What a reproduction takes is what its source did in the end."""
        for run_id in self.run_ids:
            run = self.ledger.runs.get(run_id)
            if run.origin is None or run.origin.kind != "reproduction" or self.named[run_id]:
                continue
            source = self.ledger.runs.get(run.origin.run_id).snapshot.context
            for node in ("pay", "mail"):
                got, was = (
                    [result.output for result in context.get(node, ()) if result.error is None]
                    for context in (run.snapshot.context, source)
                )
                assert got == was[: len(got)]


SCRIPTS = st.lists(st.sampled_from(ACTS), max_size=4)
NAMES = st.sampled_from([(), (), ("pay",), ("mail", "pay")])
PROGRAMS = st.lists(st.tuples(st.sampled_from(COMMANDS), st.integers(0, 60), SCRIPTS, NAMES), min_size=4, max_size=14)


@pytest.mark.scaled
def test_one_work_has_one_key_and_no_effect_is_repeated_unnamed(store_url: str) -> None:
    backend = "postgres" if store_url.startswith("postgres") else store_url.partition(":")[0]

    @settings(max_examples=tries(EXAMPLES[backend]), deadline=None, suppress_health_check=list(HealthCheck))
    @given(program=PROGRAMS)
    def holds(program: list[tuple[str, int, list[str], tuple[str, ...]]]) -> None:
        office = Office(store_url)
        with office.ledger:
            for command in program:
                office.do(*command)
            office.check_reproductions()
        assert office.faults == []
        assert [keys for keys in office.keys.values() if len(keys) != 1] == []
        assert [works for works in office.works.values() if len(works) != 1] == []

    holds()
