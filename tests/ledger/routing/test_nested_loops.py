"""An iterator begins anew whenever its loop is entered from outside, whatever happens to the run in between."""

from collections.abc import Iterator
from typing import Any

import pytest

import flowledger as fl

LETTERS, NUMBERS, SIGNS = ["a", "b"], [1, 2], ["+", "-", "*"]
ALL = [[letter, number, sign] for letter in LETTERS for number in NUMBERS for sign in SIGNS]

THREE_DEEP: dict[str, Any] = {
    "nodes": [
        {"id": "outer", "type": "each", "data": LETTERS},
        {"id": "middle", "type": "each", "data": NUMBERS},
        {"id": "inner", "type": "each", "data": SIGNS},
        {
            "id": "body",
            "type": "body",
            "data": ["{{ nodes.outer.output }}", "{{ nodes.middle.output }}", "{{ nodes.inner.output }}"],
        },
        {"id": "end", "type": "end"},
    ],
    "edges": [
        {"source": "outer", "target": "middle", "sourceHandle": "item"},
        {"source": "middle", "target": "inner", "sourceHandle": "item"},
        {"source": "inner", "target": "body", "sourceHandle": "item"},
        {"source": "body", "target": "inner"},
        {"source": "inner", "target": "middle", "sourceHandle": "done"},
        {"source": "middle", "target": "outer", "sourceHandle": "done"},
        {"source": "outer", "target": "end", "sourceHandle": "done"},
    ],
    "start": "outer",
}


class Bodies:
    """Executors of the loops; ``play`` says what the body does."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.seen: list[tuple[str, int, int]] = []
        self.play: Any = lambda step: step.data
        self.registry = fl.ExecutorRegistry()
        self.registry.register("each")(self.each)
        self.registry.register("body", retry=fl.RetryPolicy(max_retries=1, interval=0))(self.body)
        self.registry.register("end")(lambda step: (step.runs, step.visit))

    def each(self, step: fl.StepContext) -> fl.StepResult:
        self.note(step)
        if step.runs < len(step.data):
            return fl.StepResult(step.data[step.runs], handle="item")
        return fl.StepResult(None, handle="done")

    def body(self, step: fl.StepContext) -> Any:
        self.note(step)
        return self.play(step)

    def note(self, step: fl.StepContext) -> None:
        self.keys.append(step.idempotency_key)
        self.seen.append((step.node.id, step.runs, step.visit))


@pytest.fixture
def bodies() -> Bodies:
    return Bodies()


@pytest.fixture
def ledger(bodies: Bodies, store_url: str) -> Iterator[fl.Ledger]:
    with fl.open_ledger(store_url, bodies.registry) as ledger:
        ledger.workflows.save(THREE_DEEP, workflow_id="w", by="ada")
        yield ledger


def bodies_of(run: fl.Run) -> list[Any]:
    return [result.output for result in run.snapshot.context["body"] if result.error is None]


def test_three_loops_inside_of_each_other_go_through_all_items(ledger: fl.Ledger, bodies: Bodies) -> None:
    run = ledger.runs.start("w")
    assert (run.status, bodies_of(run)) == ("completed", ALL)
    assert run.snapshot.context["end"][-1].output == [0, 1]
    assert len(set(bodies.keys)) == len(bodies.keys)
    assert ledger.history.replay(run.id, verify=True).ok


def test_each_node_counts_since_its_own_loop_was_entered(ledger: fl.Ledger, bodies: Bodies) -> None:
    ledger.runs.start("w")
    of_inner = [runs for node, runs, _ in bodies.seen if node == "inner"]
    of_body = [(runs, visit) for node, runs, visit in bodies.seen if node == "body"]
    of_middle = [runs for node, runs, _ in bodies.seen if node == "middle"]
    of_outer = [runs for node, runs, _ in bodies.seen if node == "outer"]
    assert of_inner == [0, 1, 2, 3] * 4
    assert of_body == [(0, 1), (1, 2), (2, 3)] * 4
    assert of_middle == [0, 1, 2] * 2
    assert of_outer == [0, 1, 2]


@pytest.mark.parametrize("way", ["in this process", "in another one"])
def test_pauses_retries_and_other_processes_in_the_middle_change_nothing(
    store_url: str, bodies: Bodies, way: str
) -> None:
    if store_url == "memory:" and way == "in another one":
        pytest.skip("a store in memory has no other process")
    turns = iter(["pause", "fail", "go"] * 100)

    def play(step: fl.StepContext) -> Any:
        if step.answer is not None or step.attempt > 1:
            return step.data
        match next(turns):
            case "pause":
                return fl.Pause("look")
            case "fail":
                raise RuntimeError("503")
            case _:
                return step.data

    bodies.play = play
    ledger = fl.open_ledger(store_url, bodies.registry)
    ledger.workflows.save(THREE_DEEP, workflow_id="w", by="ada")
    run = ledger.runs.start("w")
    while run.status not in ("completed", "failed"):
        if way == "in another one":
            ledger.close()
            ledger = fl.open_ledger(store_url, bodies.registry)
        run = ledger.runs.resume(run.id, payload=1) if run.status == "paused" else ledger.runs.proceed(run.id)
    assert (run.status, bodies_of(run)) == ("completed", ALL)
    assert ledger.history.replay(run.id).ok
    ledger.close()


def test_a_retry_goes_on_in_the_middle_of_all_loops(ledger: fl.Ledger, bodies: Bodies) -> None:
    def play(step: fl.StepContext) -> Any:
        if step.data == ["b", 1, "-"]:
            raise fl.NonRetryable("stop")
        return step.data

    bodies.play = play
    run = ledger.runs.start("w")
    assert run.status == "failed"
    bodies.play = lambda step: step.data
    again = ledger.runs.retry(run.id, from_node="body")
    assert (again.status, bodies_of(again)) == ("completed", ALL)
    middle = ledger.runs.retry(run.id, from_node="middle", again=True)
    assert (middle.status, bodies_of(middle)) == ("completed", ALL)


def test_a_fork_goes_on_from_any_version_as_the_run_did(ledger: fl.Ledger) -> None:
    run = ledger.runs.start("w")
    for version in range(2, run.version, 5):
        fork = ledger.runs.fork(run.id, version=version)
        assert (fork.status, bodies_of(fork)) == ("completed", ALL)


def test_what_a_debugger_is_given_is_what_the_step_was_given(ledger: fl.Ledger, bodies: Bodies) -> None:
    run = ledger.runs.start("w")
    steps = [event.version for event in ledger.history.events(run.id) if event.type == "run.step_completed"]
    given = [ledger.history.context_at(run.id, version) for version in steps[:-1]]
    assert [(step.node.id, step.runs, step.visit) for step in given] == bodies.seen


def test_what_an_edge_on_failure_ends_is_a_visit_and_no_success(bodies: Bodies) -> None:
    definition = {
        **THREE_DEEP,
        "edges": [*THREE_DEEP["edges"], {"source": "body", "target": "inner", "on": "failure"}],
    }

    def play(step: fl.StepContext) -> Any:
        if step.data[2] == "-":
            raise fl.NonRetryable("no")
        return step.data

    bodies.play = play
    with fl.open_ledger("memory:", bodies.registry) as ledger:
        ledger.workflows.save(definition, workflow_id="w", by="ada")
        run = ledger.runs.start("w")
        assert bodies_of(run) == [item for item in ALL if item[2] != "-"]
        assert [seen[1:] for seen in bodies.seen if seen[0] == "body"] == [(0, 1), (1, 2), (1, 3)] * 4
        assert len(set(bodies.keys)) == len(bodies.keys)
        assert ledger.verify().ok


def test_the_engine_alone_counts_alike_from_snapshot_to_snapshot(bodies: Bodies) -> None:
    engine = fl.Engine(fl.WorkflowDefinition.model_validate(THREE_DEEP), bodies.registry)
    snapshot = engine.begin()
    while snapshot.status == "active":
        snapshot = engine.step(snapshot)
    assert [result.output for result in snapshot.context["body"]] == ALL
