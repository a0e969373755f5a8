"""Two people change one workflow: the second is told who changed what, and may have both changes made into one."""

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl

from .harness import Harness, line


def with_data(definition: dict[str, Any], **data: Any) -> dict[str, Any]:
    nodes = [node | {"data": data[node["id"]]} if node["id"] in data else node for node in definition["nodes"]]
    return definition | {"nodes": nodes}


BASE = line("a", "b", "c")


@pytest.fixture
def workflows(harness: Harness) -> Any:
    harness.ledger.workflows.save(BASE, workflow_id="x", by="ada", message="the base")
    return harness.ledger.workflows


def test_a_stale_save_tells_who_changed_what_since_node_by_node(harness: Harness, workflows: Any) -> None:
    workflows.save(with_data(BASE, a=1), workflow_id="x", by="bob", message="tuned a")
    workflows.save(line("a", "c"), workflow_id="x", by="eve", name="Short")
    before = harness.written()
    with pytest.raises(fl.StaleVersion) as refused:
        workflows.save(with_data(BASE, b=2), workflow_id="x", by="ada", expected_version=1)
    error = refused.value
    assert (error.expected, error.actual, error.saved_by) == (1, 3, "eve")
    second, third = error.changes
    assert (second.version, second.by, second.message, second.changes.nodes.changed) == (2, "bob", "tuned a", ("a",))
    assert second.taken_at == workflows.get("x", 2).taken_at
    assert third.changes.nodes == fl.PartChanges(removed=("b",), changed=("a",))
    assert third.changes.edges == fl.PartChanges(added=("a → c",), removed=("a → b", "b → c"))
    assert third.changes.name
    assert "version 2, bob at" in str(error)
    assert "(tuned a): changed node 'a'" in str(error)
    assert "removed node 'b'" in str(error)
    assert error.conflicts == ()
    assert "or save with merge=True (--merge)" in str(error)
    assert harness.written() == before


def test_the_message_of_a_stale_save_stays_short_and_changes_has_all(workflows: Any) -> None:
    for number in range(14):
        workflows.save(with_data(BASE, a=number), workflow_id="x", by="bob")
    with pytest.raises(fl.StaleVersion) as refused:
        workflows.save(BASE, workflow_id="x", expected_version=1)
    assert [change.version for change in refused.value.changes] == list(range(2, 16))
    assert str(refused.value).count("\n") == 11
    assert "4 more before" in str(refused.value)


@pytest.mark.parametrize("expected", [0, 7, -1])
def test_a_save_based_on_what_never_was_is_stale_with_or_without_merge(workflows: Any, expected: int) -> None:
    for merge in (False, True):
        with pytest.raises(fl.StaleVersion) as refused:
            workflows.save(with_data(BASE, a=1), workflow_id="x", expected_version=expected, merge=merge)
        assert (refused.value.expected, refused.value.actual) == (expected, 1)
        assert ("there is no such save yet" in str(refused.value)) == (expected > 1)


def test_nothing_is_merged_over_a_version_before_the_first(harness: Harness, workflows: Any) -> None:
    before = harness.written()
    with pytest.raises(fl.StaleVersion):
        workflows.save(line("x", "y"), workflow_id="x", expected_version=-1, merge=True)
    assert harness.written() == before


def test_changes_to_different_parts_are_merged_on_request(harness: Harness, workflows: Any) -> None:
    theirs = with_data(line("a", "b", "c", "d"), a="theirs")
    workflows.save(theirs, workflow_id="x", by="bob")
    before = harness.written()
    merged = workflows.save(
        with_data(line("z", "a", "b", "c"), c="mine"), workflow_id="x", by="ada", expected_version=1, merge=True
    )
    assert (merged.version, merged.by, merged.message) == (3, "ada", "merged over version 2")
    assert merged.definition.to_data() == with_data(line("z", "a", "b", "c", "d"), a="theirs", c="mine")
    assert harness.written() == before + 1


def test_a_merge_keeps_its_own_message_and_the_name_that_others_gave(workflows: Any) -> None:
    workflows.rename("x", "Theirs", by="bob")
    workflows.save(with_data(BASE, a=1), workflow_id="x", by="bob")
    merged = workflows.save(with_data(BASE, b=1), workflow_id="x", message="tuned b", expected_version=1, merge=True)
    assert (merged.message, merged.name) == ("tuned b", "Theirs")


def test_the_same_change_on_both_sides_is_no_conflict_and_no_new_version(harness: Harness, workflows: Any) -> None:
    theirs = workflows.save(with_data(BASE, a=1), workflow_id="x", by="bob")
    before = harness.written()
    again = workflows.save(with_data(BASE, a=1), workflow_id="x", by="ada", expected_version=1, merge=True)
    assert again == theirs
    assert workflows.save(BASE, workflow_id="x", by="ada", expected_version=1, merge=True) == theirs
    assert harness.written() == before


@pytest.mark.parametrize(
    ("theirs", "mine", "conflicts"),
    [
        (with_data(BASE, a=1), with_data(BASE, a=2), ("node 'a'",)),
        (with_data(BASE, a=1), with_data(BASE, a=True), ("node 'a'",)),
        (with_data(BASE, b=1), line("a", "c"), ("node 'b'",)),
        (line("a", "b"), with_data(BASE, c=1), ("node 'c'",)),
        (with_data(line("a", "b", "c", "d"), d=1), with_data(line("a", "b", "c", "d"), d=2), ("node 'd'",)),
        (BASE | {"start": "a"}, BASE | {"start": "b"}, ("the start",)),
        (with_data(BASE, a=1, b=1), with_data(BASE, a=2, b=2), ("node 'a'", "node 'b'")),
    ],
)
def test_the_same_part_changed_differently_is_a_conflict_that_is_named(
    harness: Harness, workflows: Any, theirs: dict[str, Any], mine: dict[str, Any], conflicts: tuple[str, ...]
) -> None:
    workflows.save(theirs, workflow_id="x", by="bob")
    before = harness.written()
    with pytest.raises(fl.StaleVersion, match=f"both changed {', '.join(conflicts)};") as refused:
        workflows.save(mine, workflow_id="x", expected_version=1, merge=True)
    assert refused.value.conflicts == conflicts
    assert "merge=True" not in str(refused.value)
    assert [change.by for change in refused.value.changes] == ["bob"]
    assert harness.written() == before


def test_edges_with_ids_conflict_by_id(workflows: Any) -> None:
    def to(target: str) -> dict[str, Any]:
        return BASE | {"edges": [{"id": "e", "source": "a", "target": target}, {"source": "b", "target": "c"}]}

    workflows.save(to("b"), workflow_id="x")
    workflows.save(to("c") | {"start": "a"}, workflow_id="x")
    with pytest.raises(fl.StaleVersion) as refused:
        workflows.save(to("a") | {"start": "a"}, workflow_id="x", expected_version=2, merge=True)
    assert refused.value.conflicts == ("edge 'e'",)


def test_a_merge_that_breaks_the_graph_is_refused(harness: Harness, workflows: Any) -> None:
    workflows.save(line("a", "b"), workflow_id="x", by="bob")
    before = harness.written()
    leads_to_c = BASE | {"edges": [*BASE["edges"], {"source": "a", "target": "c", "sourceHandle": "skip"}]}
    with pytest.raises(fl.InvalidDefinition, match="there is no node 'c'"):
        workflows.save(leads_to_c, workflow_id="x", expected_version=1, merge=True)
    assert harness.written() == before


def test_a_merge_needs_to_know_what_the_change_was_based_on(workflows: Any) -> None:
    with pytest.raises(fl.InvalidRequest, match="expected_version"):
        workflows.save(BASE, workflow_id="x", merge=True)


def test_the_order_of_nodes_is_that_of_who_changed_it(workflows: Any) -> None:
    turned = BASE | {"nodes": BASE["nodes"][::-1]}
    workflows.save(with_data(BASE, b=1), workflow_id="x")
    merged = workflows.save(turned, workflow_id="x", expected_version=1, merge=True)
    assert [node.id for node in merged.definition.nodes] == ["c", "b", "a"]
    later = workflows.save(with_data(BASE, c=1), workflow_id="x", expected_version=1, merge=True)
    assert [node.id for node in later.definition.nodes] == ["c", "b", "a"]


@pytest.mark.exhaustive
def test_of_those_who_save_at_once_none_loses_a_change(durable_url: str) -> None:
    with fl.open_ledger(durable_url) as ledger:
        ledger.workflows.save(BASE, workflow_id="x", by="ada")
        script = str(Path(__file__).with_name("saver.py"))
        savers = {
            node: subprocess.Popen([sys.executable, script, durable_url, node, "12"], stdout=subprocess.PIPE, text=True)
            for node in "abc"
        }
        told = {node: saver.communicate()[0].splitlines() for node, saver in savers.items()}
        assert [saver.returncode for saver in savers.values()] == [0, 0, 0]
        versions = ledger.workflows.versions("x")
        assert [version.version for version in versions] == list(range(1, 38))
        for place, node in enumerate("abc"):
            mine = [version for version in versions if version.by == node]
            saved = [ledger.workflows.get("x", version.version).definition for version in mine]
            assert [definition.nodes[place].data for definition in saved] == list(range(12))
            assert all(version.changes.nodes.changed == (node,) for version in mine)
            for line_told in told[node]:
                others = json.loads(line_told)
                assert others
                assert node not in others


def test_merges_at_once_all_arrive(durable_url: str) -> None:
    with fl.open_ledger(durable_url) as ledger:
        ledger.workflows.save(BASE, workflow_id="x", by="ada")
        start = threading.Barrier(3)
        failed: list[Exception] = []

        def merge(node: str) -> None:
            start.wait()
            try:
                ledger.workflows.save(
                    with_data(BASE, **{node: node}), workflow_id="x", by=node, expected_version=1, merge=True
                )
            except Exception as error:
                failed.append(error)

        mergers = [threading.Thread(target=merge, args=(node,)) for node in "abc"]
        for merger in mergers:
            merger.start()
        for merger in mergers:
            merger.join()
        assert failed == []
        assert ledger.workflows.get("x").definition.to_data() == with_data(BASE, a="a", b="b", c="c")
        assert ledger.workflows.get("x").version == 4
