"""The history of a workflow: saves, names, the archive, and snapshot ids."""

import base64
import hashlib
from itertools import count, islice
from typing import Any

import pytest

import flowledger as fl
from flowledger.domain.workflow import decisions, snapshot_ids

from .harness import GOOD, Harness, line


def test_a_save_that_changes_definition_or_name_is_a_version_and_another_message_is_none(harness: Harness) -> None:
    save = harness.ledger.workflows.save
    first = save(line("a", "b"), workflow_id="x", by="ada", message="first")
    assert save(line("a", "b"), workflow_id="x", by="bob", message="again") == first
    assert save(line("a", "b", "c"), workflow_id="x", by="bob").version == 2
    named = save(line("a", "b", "c"), workflow_id="x", by="bob", name="The line")
    assert (named.version, named.name) == (3, "The line")
    assert save(line("a", "b", "c"), workflow_id="x", by="ada", name="The line") == named
    assert save(line("a"), workflow_id="x", by="ada").name == "The line"


def test_a_rename_keeps_id_definition_and_code(harness: Harness) -> None:
    first = harness.ledger.workflows.save(line("a", "b"), workflow_id="x", by="ada")
    renamed = harness.ledger.workflows.rename("x", "The line", by="bob")
    assert (renamed.workflow_id, renamed.version, renamed.name, renamed.by) == ("x", 2, "The line", "bob")
    assert (renamed.definition, renamed.code, renamed.digest) == (first.definition, first.code, first.digest)
    assert harness.ledger.workflows.rename("x", "The line", by="eve") == renamed
    assert harness.ledger.workflows.rename("x", None, by="bob").name is None
    assert harness.ledger.workflows.get("x", 2).name == "The line"


@pytest.mark.parametrize("name", ["", "  ", 7, "\ud800"])
def test_a_name_that_is_none_is_refused(memory_desk: Harness, name: Any) -> None:
    before = memory_desk.written()
    with pytest.raises(fl.InvalidRequest):
        memory_desk.ledger.workflows.rename("w", name)
    with pytest.raises(fl.InvalidRequest):
        memory_desk.ledger.workflows.save(GOOD, workflow_id="w", name=name)
    assert memory_desk.written() == before


def test_an_archived_workflow_is_read_but_neither_saved_nor_started(harness: Harness) -> None:
    saved = harness.ledger.workflows.get("w")
    archived = harness.ledger.workflows.archive("w", by="ada", reason="replaced by v")
    assert (archived.version, archived.archived, archived.is_latest) == (1, True, True)
    before = harness.written()
    refused = r"workflow 'w' was archived by ada at 20.*\(replaced by v\): restore it first"
    for command in (
        lambda: harness.ledger.workflows.save(line("a"), workflow_id="w"),
        lambda: harness.ledger.workflows.save(GOOD, workflow_id="w"),
        lambda: harness.ledger.workflows.rename("w", "other"),
        lambda: harness.ledger.workflows.archive("w"),
        lambda: harness.ledger.runs.start("w"),
    ):
        with pytest.raises(fl.IllegalTransition, match=refused):
            command()
    assert harness.written() == before
    assert harness.ledger.workflows.get("w") == archived
    assert harness.ledger.workflows.get("w", 1) == saved
    assert harness.ledger.workflows.get("w", 2) == archived


def test_a_run_under_way_goes_on_when_its_workflow_is_archived(harness: Harness) -> None:
    run = harness.start(lambda step: step.payload or fl.Pause("wait"))
    harness.ledger.workflows.archive("w")
    assert harness.ledger.runs.resume(run.id, payload="done").status == "completed"


def test_a_restored_workflow_runs_again(harness: Harness) -> None:
    harness.ledger.workflows.archive("w")
    restored = harness.ledger.workflows.restore("w", by="bob", message="still needed")
    assert (restored.version, restored.archived) == (1, False)
    assert harness.ledger.runs.start("w").workflow_version == 1
    assert harness.ledger.workflows.save(line("a"), workflow_id="w", expected_version=1).version == 4


def test_a_save_may_be_based_on_any_version_that_shows_the_latest_save(harness: Harness) -> None:
    harness.ledger.workflows.archive("w")
    harness.ledger.workflows.restore("w")
    assert harness.ledger.workflows.save(line("a"), workflow_id="w", expected_version=3).version == 4
    for other in (3, 5):
        with pytest.raises(fl.StaleVersion):
            harness.ledger.workflows.save(line("b"), workflow_id="w", expected_version=other)


def test_restoring_a_version_saves_it_anew(harness: Harness) -> None:
    workflows = harness.ledger.workflows
    old = workflows.get("w")
    workflows.save(line("a", "b"), workflow_id="w", by="bob", name="Pair")
    restored = workflows.restore("w", by="eve", version=1)
    assert (restored.version, restored.by, restored.message) == (3, "eve", "restored from version 1")
    assert (restored.definition, restored.digest) == (old.definition, old.digest)
    assert restored.snapshot_id != old.snapshot_id
    assert restored.name == "Pair"
    assert workflows.restore("w", by="ada", version=1) == restored
    assert workflows.restore("w", version=restored.snapshot_id) == restored
    assert workflows.restore("w", version=2, message="b is needed").message == "b is needed"


def test_restoring_a_version_of_an_archived_workflow_does_both_at_once(harness: Harness) -> None:
    workflows = harness.ledger.workflows
    workflows.save(line("a", "b"), workflow_id="w")
    workflows.archive("w")
    restored = workflows.restore("w", version=1)
    assert (restored.version, restored.archived) == (5, False)
    assert [version.kind for version in workflows.versions("w")] == ["saved", "saved", "archived", "restored", "saved"]
    workflows.archive("w")
    assert workflows.restore("w", version=5).version == 5


def test_a_restore_that_makes_no_sense_is_refused(harness: Harness) -> None:
    workflows = harness.ledger.workflows
    before = harness.written()
    with pytest.raises(fl.IllegalTransition, match="not archived"):
        workflows.restore("w")
    with pytest.raises(fl.VersionNotFound):
        workflows.restore("w", version=2)
    with pytest.raises(fl.StaleVersion):
        workflows.restore("w", version=1, expected_version=0)
    for command in (workflows.restore, workflows.archive, lambda id: workflows.rename(id, "x"), workflows.versions):
        with pytest.raises(fl.WorkflowNotFound):
            command("nowhere")
    assert harness.written() == before


def test_what_can_no_longer_run_is_not_restored(durable_url: str) -> None:
    with fl.open_ledger(durable_url) as ledger:
        ledger.workflows.save({"nodes": [{"id": "a", "type": "gone"}]}, workflow_id="x")
        ledger.workflows.save({"nodes": [{"id": "a", "type": "do"}]}, workflow_id="x")
    executors = fl.ExecutorRegistry()
    executors.register("do")(lambda step: None)
    with fl.open_ledger(durable_url, executors) as ledger:
        with pytest.raises(fl.InvalidDefinition, match="'gone'"):
            ledger.workflows.restore("x", version=1)
        assert len(ledger.workflows.versions("x")) == 2


def test_edges_that_share_an_id_are_refused_at_a_save_and_stay_readable(memory_desk: Harness) -> None:
    twins = line("a", "b", "c") | {
        "edges": [{"id": "e", "source": "a", "target": "b"}, {"id": "e", "source": "b", "target": "c"}]
    }
    before = memory_desk.written()
    with pytest.raises(fl.InvalidDefinition, match="edges: 2 edges have the id 'e'"):
        memory_desk.ledger.workflows.save(twins, workflow_id="x")
    with pytest.raises(fl.InvalidDefinition, match=r"(?s)nodes\[0\].colour.*2 edges have the id 'e'"):
        memory_desk.ledger.workflows.save(
            twins | {"nodes": [{"id": "a", "type": "do", "colour": "red"}, *twins["nodes"][1:]]}, workflow_id="x"
        )
    assert memory_desk.written() == before
    assert len(fl.WorkflowDefinition.model_validate(twins).edges) == 2


def test_versions_tell_who_did_what_and_what_it_changed(harness: Harness) -> None:
    workflows = harness.ledger.workflows
    workflows.save(line("only", "b"), workflow_id="w", by="bob", message="one more")
    workflows.rename("w", "Two", by="bob")
    workflows.archive("w", by="eve", reason="holidays")
    workflows.restore("w", by="ada")
    versions = workflows.versions("w")
    assert [(row.version, row.kind, row.by, row.message, row.is_latest) for row in versions] == [
        (1, "saved", "ada", None, False),
        (2, "saved", "bob", "one more", False),
        (3, "saved", "bob", None, True),
        (4, "archived", "eve", "holidays", False),
        (5, "restored", "ada", None, False),
    ]
    assert [str(row.changes) for row in versions] == [
        "added node 'only'",
        "added node 'b'; added edge 'only → b'",
        "renamed",
        "nothing changed",
        "nothing changed",
    ]
    for row in versions[:3]:
        saved = workflows.get("w", row.version)
        assert (row.snapshot_id, row.digest, row.name) == (saved.snapshot_id, saved.digest, saved.name)
        assert (row.by, row.taken_at) == (saved.by, saved.taken_at)


def test_a_snapshot_id_is_taken_wherever_a_version_is(harness: Harness) -> None:
    workflows = harness.ledger.workflows
    first = workflows.get("w")
    second = workflows.save(line("a", "b"), workflow_id="w", expected_version=first.snapshot_id)
    assert workflows.get("w", version=first.snapshot_id) == workflows.get("w", 1)
    assert workflows.get("w", version=second.snapshot_id) == second
    with pytest.raises(fl.StaleVersion) as refused:
        workflows.save(line("a"), workflow_id="w", expected_version=first.snapshot_id)
    assert (refused.value.expected, refused.value.actual) == (1, 2)
    for command in (
        lambda: workflows.get("w", "zzzzzzz"),
        lambda: workflows.restore("w", version="zzzzzzz"),
        lambda: workflows.save(line("a"), workflow_id="w", expected_version="zzzzzzz"),
    ):
        with pytest.raises(
            fl.VersionNotFound, match="workflow 'w' has no snapshot id 'zzzzzzz': its versions are 1 to 2"
        ):
            command()
    with pytest.raises(fl.WorkflowNotFound):
        workflows.get("nowhere", first.snapshot_id)


@pytest.mark.parametrize("wrong", [1.0, True, b"x", ["1"]])
def test_what_is_no_version_is_refused(memory_desk: Harness, wrong: Any) -> None:
    workflows = memory_desk.ledger.workflows
    for command in (
        lambda: workflows.get("w", wrong),
        lambda: workflows.restore("w", version=wrong),
        lambda: workflows.save(line("a"), workflow_id="w", expected_version=wrong),
    ):
        with pytest.raises(fl.InvalidRequest, match="whole number"):
            command()


def test_a_version_where_none_belongs_is_told(memory_desk: Harness) -> None:
    snapshot_id = memory_desk.ledger.workflows.get("w").snapshot_id
    for command in (memory_desk.ledger.runs.start, memory_desk.ledger.workflows.archive):
        with pytest.raises(fl.WorkflowNotFound, match="no id has an '@': name the version by itself"):
            command(f"w@{snapshot_id}")


def test_text_that_can_not_be_stored_is_refused_by_its_name(memory_desk: Harness) -> None:
    workflows = memory_desk.ledger.workflows
    with pytest.raises(fl.InvalidValue, match=r"^workflow_id: "):
        workflows.save(line("a"), workflow_id="\ud800")
    with pytest.raises(fl.InvalidValue, match=r"^message: "):
        workflows.save(line("a"), workflow_id="w", message="\ud800")


async def test_the_async_twins_do_the_same(memory_desk: Harness) -> None:
    workflows = memory_desk.ledger.workflows
    assert (await workflows.arename("w", "Name", by="ada")).name == "Name"
    assert (await workflows.aarchive("w", by="ada")).archived
    assert not (await workflows.arestore("w", by="ada")).archived
    assert await workflows.aversions("w") == workflows.versions("w")


@pytest.mark.parametrize("workflow_id", ["a/b", "\"quoted\" 'twice'", "🦉", "../up", "with space", "%00", "workflow:x"])
def test_any_text_is_an_id(harness: Harness, workflow_id: str) -> None:
    workflows = harness.ledger.workflows
    first = workflows.save(line("a"), workflow_id=workflow_id, by="ada")
    workflows.save(line(workflow_id, "next"), workflow_id=workflow_id, by="ada")
    workflows.archive(workflow_id)
    workflows.restore(workflow_id, version=first.snapshot_id)
    assert workflows.get(workflow_id).definition == first.definition
    assert len(workflows.versions(workflow_id)) == 5


def test_a_diff_takes_versions_snapshot_ids_and_snapshots(harness: Harness) -> None:
    workflows = harness.ledger.workflows
    first = workflows.get("w")
    second = workflows.save(line("only", "b"), workflow_id="w", by="bob")
    third = workflows.rename("w", "Two", by="bob")
    diff = workflows.diff("w", 1, 2)
    for same in (workflows.diff("w", first.snapshot_id, second), workflows.diff("w", first, second.snapshot_id)):
        assert same.to_data() == diff.to_data()
    assert diff.summary == workflows.versions("w")[1].changes
    assert [*diff.nodes.added] == ["b"]
    assert not workflows.diff("w", 2, 2)
    assert str(workflows.diff("w", 2, third).name) != "None"
    for unknown in (0, 4, "zzzzzzz"):
        with pytest.raises(fl.VersionNotFound):
            workflows.diff("w", 1, unknown)


def candidates(*ids: str) -> Any:
    return lambda *given: iter(ids)


def test_a_snapshot_id_that_another_save_has_is_passed_over(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    workflows = harness.ledger.workflows
    taken = workflows.get("w").snapshot_id
    monkeypatch.setattr(decisions, "snapshot_ids", candidates(taken, "free777", "never77"))
    assert workflows.save(line("a"), workflow_id="x").snapshot_id == "free777"
    monkeypatch.setattr(decisions, "snapshot_ids", candidates("free777", taken, "later77"))
    assert workflows.save(line("a", "b"), workflow_id="w").snapshot_id == "later77"
    assert workflows.get("x", "free777").workflow_id == "x"
    with pytest.raises(fl.VersionNotFound):
        workflows.get("w", "free777")


def test_snapshot_ids_are_seven_characters_none_of_them_a_number() -> None:
    for version in range(300):
        first, second, third = islice(snapshot_ids("w", version, "digest"), 3)
        assert len({first, second, third}) == 3
        assert all(len(each) == 7 and each.isalnum() and each == each.lower() for each in (first, second, third))
        assert not any(each.isdigit() for each in (first, second, third))


def test_a_candidate_of_digits_only_is_passed_over() -> None:
    version = next(number for number in count() if seven(number).isdigit())
    assert next(snapshot_ids("w", version, "d")) != seven(version)
    assert next(snapshot_ids("w", 1, "d")) == seven(1)


def seven(version: int) -> str:
    return base64.b32encode(hashlib.sha256(f"w\0{version}\0d".encode()).digest()).decode()[:7].lower()


def test_workflows_are_listed_by_id_in_pages(harness: Harness) -> None:
    workflows = harness.ledger.workflows
    ids = sorted(["a/b", "Z", "a", "🦉", "é", '"q"', "w"])
    for workflow_id in ids:
        workflows.save(line("a", "b"), workflow_id=workflow_id, by="bob", message="why", name=f"{workflow_id}!")
    workflows.archive("Z", by="eve")
    pages, after = [], None
    while True:
        page = workflows.list(archived=True, after=after, limit=3)
        pages.append([row.id for row in page])
        after = page.next
        if after is None:
            break
    assert [each for page in pages for each in page] == ids
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [row.id for row in workflows.list()] == [each for each in ids if each != "Z"]
    row = next(row for row in workflows.list(archived=True) if row.id == "Z")
    saved = workflows.get("Z")
    assert (row.version, row.saves, row.saved_version, row.archived) == (2, 1, 1, True)
    assert (row.snapshot_id, row.taken_at, row.by) == (saved.snapshot_id, saved.taken_at, "bob")
    assert (row.name, row.message) == ("Z!", "why")
    for wrong in (0, 1001, True):
        with pytest.raises(fl.InvalidRequest):
            workflows.list(limit=wrong)


def test_a_definition_of_five_megabytes_is_saved_compared_and_listed(store_url: str) -> None:
    nodes = [{"id": f"n{place}", "type": "do", "code": f"# {place}\n" * 60_000} for place in range(20)]
    definition = {"nodes": nodes, "edges": [], "start": "n0"}
    assert sum(len(node["code"]) for node in nodes) > 5_000_000
    with fl.open_ledger(store_url) as ledger:
        saved = ledger.workflows.save(definition, workflow_id="large", by="ada")
        assert ledger.workflows.get("large").definition.to_data() == definition
        changed = {**definition, "nodes": [nodes[0] | {"code": "short"}, *nodes[1:]]}
        ledger.workflows.save(changed, workflow_id="large", by="bob", expected_version=saved.snapshot_id)
        assert ledger.workflows.versions("large")[1].changes.nodes.changed == ("n0",)


def test_a_definition_over_the_limit_is_refused_and_nothing_is_written(harness: Harness) -> None:
    before = harness.written()
    large = {"nodes": [{"id": "a", "type": "do", "code": "x" * 5_000_000}]}
    with pytest.raises(fl.InvalidValue, match="5,000,"):
        harness.ledger.workflows.save(large, workflow_id="large")
    assert harness.written() == before
    with pytest.raises(fl.WorkflowNotFound):
        harness.ledger.workflows.get("large")
