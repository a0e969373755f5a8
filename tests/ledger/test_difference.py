"""What differs between two versions of a run, and where two runs part."""

import json
from collections.abc import Iterator
from itertools import pairwise, product
from typing import Any

import jsonpatch
import pytest

import flowledger as fl

from .stopwatch import Stopwatch

LINE = {
    "nodes": [{"id": "fetch", "type": "fetch"}, {"id": "charge", "type": "charge"}, {"id": "look", "type": "ask"}],
    "edges": [{"source": "fetch", "target": "charge"}, {"source": "charge", "target": "look"}],
}


class Harness:
    """Fetches, charges at the second attempt, and asks somebody; a test may set another way to charge."""

    def __init__(self, url: str) -> None:
        self.clock = Stopwatch()
        self.executors = fl.ExecutorRegistry()
        self.executors.register("fetch")(self.fetch)
        self.executors.register("charge", retry=fl.RetryPolicy(max_retries=1, interval=0))(
            lambda step: self.charge(step)
        )
        self.executors.register("ask")(lambda step: step.payload or fl.Pause("a person must look"))
        self.ledger = fl.open_ledger(url, self.executors, self.clock)
        self.ledger.workflows.save(LINE, workflow_id="w", by="ada")

    def fetch(self, step: fl.StepContext) -> Any:
        return {"a/b": step.payload, "~": {"big": ["row " * 10] * 20}, "id": step.run_id}

    def charge(self, step: fl.StepContext) -> Any:
        if step.attempt == 1:
            raise TimeoutError("too slow")
        return {"text": "one\ntwo\n", "attempt": step.attempt}

    def run(self, payload: Any = 1, answer: Any = True) -> str:
        """Run it until it ends; answer where it asks."""
        self.clock.passes(1_000)
        run = self.ledger.runs.start("w", payload=payload, by="webhook")
        while run.status == "error":
            self.clock.passes(1_000)
            run = self.ledger.runs.proceed(run.id)
        if run.status == "paused":
            run = self.ledger.runs.resume(run.id, payload=answer, by="bob")
            self.ledger.runs.set_metadata(run.id, {"seen": [1, 2]}, by="bob")
        return run.id

    def compare(self, a: str, b: str, *ignore: str) -> fl.RunComparison:
        return self.ledger.history.compare(a, b, ignore=["times", "/context/*/*/output/id", *ignore])


@pytest.fixture
def harness(store_url: str) -> Iterator[Harness]:
    harness = Harness(store_url)
    yield harness
    harness.ledger.close()


def document(snapshot: fl.Snapshot) -> Any:
    return json.loads(snapshot.to_json())


def test_the_patch_between_any_two_versions_gives_the_other_snapshot(harness: Harness) -> None:
    run_id = harness.run()
    documents = [document(snapshot) for snapshot in harness.ledger.history.snapshots(run_id)]
    assert len(documents) == 9
    for a, before in enumerate(documents, start=1):
        for b, after in enumerate(documents, start=1):
            diff = harness.ledger.history.diff(run_id, a, b)
            assert jsonpatch.apply_patch(before, json.loads(json.dumps(diff.patch))) == after
            assert bool(diff) == (a != b)


def test_patches_hold_for_node_ids_that_pointers_stumble_over(store_url: str) -> None:
    ids = ["a/b", "~", "~1", "0", "-", "é 😀", "*"]
    executors = fl.ExecutorRegistry()
    executors.register("do")(lambda step: {step.node.id: ["x" * 500, {"/": step.node.id}]})
    nodes = [{"id": id, "type": "do"} for id in ids]
    edges = [{"source": one, "target": other} for one, other in pairwise(ids)]
    with fl.open_ledger(store_url, executors) as ledger:
        ledger.workflows.save({"nodes": nodes, "edges": edges}, workflow_id="w", by="ada")
        run = ledger.runs.start("w")
        documents = [document(snapshot) for snapshot in ledger.history.snapshots(run.id)]
        for a, b in product(range(run.version), repeat=2):
            patch = ledger.history.diff(run.id, a + 1, b + 1).patch
            assert jsonpatch.apply_patch(documents[a], json.loads(json.dumps(patch))) == documents[b]
        left_out = ledger.history.diff(run.id, 1, ignore=["/context/a~1b", "/context/~0", "/context/[*]"])
    assert [placed.node_id for placed in left_out.added] == ["~1", "0", "-", "é 😀"]


def test_a_diff_says_which_result_came_of_which_node_and_attempt_and_where_the_run_stands(harness: Harness) -> None:
    run_id = harness.run()
    diff = harness.ledger.history.diff(run_id, 2, 5, ignore="times")
    assert str(diff).splitlines() == [
        f"run {run_id}: version 2 → 5",
        '~ currentNodeId: "charge" → "look"',
        "+ 'charge' attempt 1: failed: TimeoutError: too slow",
        '+ \'charge\' attempt 2: {"text": "one\\ntwo\\n", "attempt": 2}',
    ]
    back = str(harness.ledger.history.diff(run_id, 5, 2, ignore="times")).splitlines()
    assert [line[:20] for line in back[2:]] == ["- 'charge' attempt 2", "- 'charge' attempt 1"]
    assert [(placed.node_id, placed.index, placed.result.attempt) for placed in diff.added] == [
        ("charge", 0, 1),
        ("charge", 1, 2),
    ]
    waiting = str(harness.ledger.history.diff(run_id, 2, 3))
    assert '~ status: "active" → "error"' in waiting
    assert '~ metadata.pausedReason: added, "Retry attempt 1"' in waiting
    assert "~ retryState: added" in waiting
    assert '~ lastStartedAt: "2025-05-04T12:00:01+00:00" → ' in str(harness.ledger.history.diff(run_id, 3, 4))
    assert "metadata.seen: added, [1, 2]" in str(harness.ledger.history.diff(run_id, 8, 9))
    assert "nothing differs" in str(harness.ledger.history.diff(run_id, 4, 4))


def test_large_values_are_folded_with_their_size_and_digest(harness: Harness) -> None:
    run_id = harness.run()
    (line,) = (line for line in str(harness.ledger.history.diff(run_id, 1, 2)).splitlines() if line[0] == "+")
    assert line.startswith('+ \'fetch\' attempt 1: {"a/b": 1, "~"')
    assert " bytes, sha256 " in line
    assert len(line) < 200


def test_only_what_came_is_added(harness: Harness) -> None:
    run_id = harness.run()
    diff = harness.ledger.history.diff(
        run_id, 3, 5, ignore=["times", "/version", "/status", "/retryState", "/metadata"]
    )
    added = document(harness.ledger.history.snapshot(run_id, 5))["context"]["charge"][1]
    assert diff.patch == [
        {"op": "replace", "path": "/currentNodeId", "value": "look"},
        {"op": "add", "path": "/context/charge/1", "value": added},
    ]
    assert not harness.ledger.history.diff(run_id, 3, 5, ignore=["/context/ch*", "/*[!x]"])


def test_a_version_that_does_not_exist_is_told_with_those_that_do(harness: Harness) -> None:
    run_id = harness.run()
    for a, b in [(1, 99), (99, 1), (0, 1), (-1, None)]:
        with pytest.raises(fl.VersionNotFound, match=r"has no version (99|0|-1): its versions are 1 to 9"):
            harness.ledger.history.diff(run_id, a, b)
    with pytest.raises(fl.InvalidRequest, match="not a whole number"):
        harness.ledger.history.diff(run_id, "1", 2)  # type: ignore[arg-type]
    for unknown in ("nowhere", "workflow:w"):
        with pytest.raises(fl.RunNotFound):
            harness.ledger.history.diff(unknown, 1, 1)
        with pytest.raises(fl.RunNotFound):
            harness.ledger.history.compare(run_id, unknown)
    for ignore in ("context", ["/a~2"], 3):
        with pytest.raises(fl.InvalidRequest):
            harness.ledger.history.compare(run_id, run_id, ignore=ignore)  # type: ignore[arg-type]


def test_runs_that_did_the_same_do_not_part(harness: Harness) -> None:
    a, b = harness.run(), harness.run()
    found = harness.compare(a, b)
    assert found.parted is None
    assert found.patch == []
    assert "they took the same steps" in str(found)
    assert (found.a.run_id, found.b.run_id, found.a.steps) == (a, b, 5)
    # Without times and ids ignored the snapshots differ, in nothing else.
    paths = {operation["path"] for operation in harness.ledger.history.compare(a, b).patch}
    assert "/context/fetch/0/output/id" in paths
    assert all(path.endswith(("/id", "/timestamp", "/lastStartedAt")) for path in paths)


def parted(found: fl.RunComparison) -> tuple[str, int, str | None]:
    assert found.parted is not None
    there = found.parted.a or found.parted.b
    return found.parted.kind, found.parted.alike, there and there.node_id


def test_runs_part_where_what_they_were_given_differs(harness: Harness) -> None:
    a = harness.run()
    assert parted(harness.compare(a, harness.run(payload=2))) == ("payload", 0, "fetch")
    answered = harness.compare(a, harness.run(answer={"ok": False}))
    assert parted(answered) == ("payload", 4, "look")
    assert "parted after 4 steps alike: the payload of 'look' attempt 1 differs\n    payload: true → {" in str(answered)
    assert parted(harness.compare(a, harness.run(answer={"ok": False}), "/context/*/*/payload")) == (
        "output",
        4,
        "look",
    )


def test_runs_part_where_an_error_an_output_or_a_handle_differs(harness: Harness) -> None:
    a = harness.run()

    def charge(step: fl.StepContext) -> Any:
        raise fl.NonRetryable("card is stolen")

    slowly, harness.charge = harness.charge, charge
    refused = harness.compare(a, harness.run())
    assert parted(refused) == ("error", 1, "charge")
    assert '    error: "TimeoutError: too slow" → "NonRetryable: card is stolen"' in str(refused)
    told = str(refused).splitlines()
    assert '- \'charge\' attempt 2: {"text": "one\\ntwo\\n", "attempt": 2}' in told
    assert told[-2:] == ["- 'look' attempt 1: paused: a person must look", "- 'look' attempt 1: true"]

    harness.charge = lambda step: slowly(step) | {"text": "one\nthree\n"}
    other = harness.compare(a, harness.run())
    assert parted(other) == ("output", 2, "charge")
    assert "      -two" in str(other).splitlines()
    assert "      +three" in str(other).splitlines()
    harness.charge = lambda step: fl.StepResult(slowly(step), handle=None if step.attempt == 1 else "paid")
    paid = harness.compare(a, harness.run())
    assert parted(paid) == ("handle", 2, "charge")


def test_runs_part_where_one_goes_to_another_node_or_no_further(harness: Harness) -> None:
    a = harness.run()
    edges = [{"source": "fetch", "target": "look"}, {"source": "look", "target": "charge"}]
    harness.ledger.workflows.save(LINE | {"edges": edges}, workflow_id="w", by="eve")
    other = harness.compare(a, harness.run())
    assert parted(other) == ("next", 0, "fetch")
    assert other.workflow
    assert "the definitions differ: " in str(other)
    elsewhere = harness.compare(a, other.b.run_id, "/context/*/*/next")
    assert parted(elsewhere) == ("node", 1, "charge")
    assert "the first run went to 'charge' attempt 1, the second one went to 'look' attempt 1" in str(elsewhere)

    harness.ledger.workflows.save(LINE, workflow_id="w", by="eve")
    short = harness.ledger.runs.start("w", payload=1).id  # waits for its second attempt
    assert parted(harness.compare(a, short)) == ("end", 2, "charge")
    assert "the second run has no further step, the other went to 'charge' attempt 2" in str(harness.compare(a, short))
    assert "the first run has no further step" in str(harness.compare(short, a))


def test_a_parting_says_whether_node_or_code_changed(harness: Harness) -> None:
    a = harness.run()
    nodes = [*LINE["nodes"][:2], {"id": "look", "type": "ask", "data": {"who": "ops"}}]
    harness.ledger.workflows.save(LINE | {"nodes": nodes}, workflow_id="w", by="eve")
    changed = harness.compare(a, harness.run())
    assert parted(changed) == ("input", 3, "look")
    assert (changed.parted.node_changed, changed.parted.code_changed) == (True, False)
    assert "    the node isn't the same in the two definitions" in str(changed).splitlines()


def test_a_parting_says_whether_other_code_ran(durable_url: str) -> None:
    def one(step: fl.StepContext) -> int:
        return 1

    def two(step: fl.StepContext) -> int:
        return 2

    runs = []
    for code in (one, two):
        executors = fl.ExecutorRegistry()
        executors.register("do")(code)
        with fl.open_ledger(durable_url, executors) as ledger:
            if not runs:
                ledger.workflows.save({"nodes": [{"id": "n", "type": "do"}]}, workflow_id="w", by="ada")
            runs.append(ledger.runs.start("w").id)
            found = ledger.history.compare(runs[0], runs[-1], ignore="times")
    assert parted(found) == ("output", 0, "n")
    assert (found.parted.node_changed, found.parted.code_changed) == (False, True)
    assert "other code ran at 'n'" in str(found)


def test_a_retry_is_compared_with_the_results_that_it_began_with(harness: Harness) -> None:
    slowly = harness.charge

    def charge(step: fl.StepContext) -> Any:
        raise ValueError("kaputt")

    harness.charge = charge
    failed = harness.run()
    harness.charge = slowly
    retry = harness.ledger.runs.retry(failed, from_node="charge", by="bob")
    for one, other in ((failed, retry.id), (retry.id, failed)):
        found = harness.compare(one, other)
        assert parted(found) == ("error", 1, "charge")
        assert (found.steps[0].node_id, found.steps[0].a) == ("fetch", found.steps[0].b)


def test_a_comparison_is_json(harness: Harness) -> None:
    a, b = harness.run(), harness.run(payload=2)
    found = harness.ledger.history.compare(a, b)
    data = json.loads(json.dumps(found.to_data()))
    assert data == found.to_data()
    assert (data["parted"]["kind"], data["parted"]["alike"], data["a"]["runId"]) == ("payload", 0, a)
    assert data["steps"][1]["nodeId"] == "charge"
    first, second = (document(harness.ledger.history.snapshot(run_id)) for run_id in (a, b))
    assert jsonpatch.apply_patch(first, data["patch"]) == second


def test_loops_are_aligned_visit_by_visit(store_url: str) -> None:
    rounds = 3
    executors = fl.ExecutorRegistry()
    executors.register("count")(lambda step: fl.StepResult(step.runs, handle="again" if step.runs < rounds else None))
    executors.register("end")(lambda step: "done")
    nodes = [{"id": "count", "type": "count"}, {"id": "end", "type": "end"}]
    edges = [{"source": "count", "target": "count", "sourceHandle": "again"}, {"source": "count", "target": "end"}]
    with fl.open_ledger(store_url, executors) as ledger:
        ledger.workflows.save({"nodes": nodes, "edges": edges, "start": "count"}, workflow_id="w", by="ada")
        a = ledger.runs.start("w").id
        rounds = 5
        found = ledger.history.compare(a, ledger.runs.start("w").id, ignore="times")
    assert parted(found) == ("handle", 3, "count")
    assert [(step.node_id, step.visit, step.a is None, step.alike) for step in found.steps[2:]] == [
        ("count", 3, False, True),
        ("count", 4, False, False),
        ("count", 5, True, False),
        ("count", 6, True, False),
        ("end", 1, False, True),
    ]
    assert str(found).splitlines()[-3:] == [
        "+ 'count' attempt 1, visit 5: 4",
        "+ 'count' attempt 1, visit 6: 5",
        "= 'end' attempt 1",
    ]


async def test_the_async_twins_say_the_same(harness: Harness) -> None:
    a, b = harness.run(), harness.run(payload=2)
    history = harness.ledger.history
    assert (await history.adiff(a, 1, 5)).patch == history.diff(a, 1, 5).patch
    assert (await history.acompare(a, b)).to_data() == history.compare(a, b).to_data()


def test_a_workflow_diff_has_a_patch(harness: Harness) -> None:
    nodes = [{"id": "first", "type": "fetch"}, *LINE["nodes"][:2], {"id": "look", "type": "ask", "data": {"a/b": 1}}]
    harness.ledger.workflows.save(LINE | {"nodes": nodes, "start": "fetch"}, workflow_id="w", by="eve", name="Shop")
    diff = harness.ledger.workflows.diff("w", 1, 2)
    before, after = (
        {"definition": side.definition.to_data(), "code": side.code} | ({"name": side.name} if side.name else {})
        for side in (diff.before, diff.after)
    )
    assert json.dumps(jsonpatch.apply_patch(json.loads(json.dumps(before)), diff.patch), sort_keys=True) == json.dumps(
        after, sort_keys=True
    )
    assert diff.patch[:2] == [
        {"op": "add", "path": "/definition/nodes/0", "value": nodes[0]},
        {"op": "add", "path": "/definition/nodes/3/data", "value": {"a/b": 1}},
    ]


def test_a_diff_of_a_long_run_tells_what_came_between_alone() -> None:
    steps = 10_000
    executors = fl.ExecutorRegistry()
    executors.register("count")(
        lambda step: fl.StepResult(step.runs, handle="again" if step.runs < steps - 1 else None)
    )
    nodes = [{"id": "count", "type": "count"}, {"id": "end", "type": "count"}]
    edges = [{"source": "count", "target": "count", "sourceHandle": "again"}, {"source": "count", "target": "end"}]
    with fl.open_ledger("memory:", executors) as ledger:
        ledger.workflows.save({"nodes": nodes, "edges": edges, "start": "count"}, workflow_id="w", by="ada")
        run = ledger.runs.start("w", step_limit=2 * steps)
        ledger.history.snapshot(run.id)  # leaves checkpoints
        diff = ledger.history.diff(run.id, steps - 3, steps)
    paths = [operation["path"] for operation in diff.patch if operation["op"] == "add"]
    assert paths == [f"/context/count/{index}" for index in (steps - 4, steps - 3, steps - 2)]
