"""Changes of a definition that concern several of its parts at once."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.domain.test_workflow_changes import IDS, definitions

from flowledger.domain.workflow.edits import add_node, connect, move_edge_up, remove_edge, remove_node, rename_node

NEW = "new"


def ids(definition: dict[str, Any]) -> list[str]:
    return [node["id"] for node in definition["nodes"]]


def ends(definition: dict[str, Any]) -> set[str]:
    return {edge[end] for edge in definition["edges"] for end in ("source", "target")}


@given(definitions(), st.sampled_from(IDS))
def test_a_node_that_is_removed_is_named_nowhere(definition: dict[str, Any], node: str) -> None:
    left = remove_node(definition, node)
    assert ids(left) == [each for each in ids(definition) if each != node]
    assert node not in ends(left)
    assert left.get("start") != node
    assert [edge for edge in definition["edges"] if node not in (edge["source"], edge["target"])] == left["edges"]


@given(definitions(), st.sampled_from(IDS))
def test_a_node_that_is_renamed_is_named_so_everywhere_and_can_be_renamed_back(
    definition: dict[str, Any], node: str
) -> None:
    renamed = rename_node(definition, node, NEW)
    assert node not in {*ids(renamed), *ends(renamed), renamed.get("start")}
    assert rename_node(renamed, NEW, node) == definition


@given(definitions(), st.data())
def test_a_node_that_is_added_behind_another_is_led_to_by_it_and_ways_stay_apart(
    definition: dict[str, Any], data: st.DataObject
) -> None:
    after = data.draw(st.sampled_from(ids(definition)))
    added = add_node(definition, {"id": NEW, "type": "t"}, after)
    assert ids(added)[ids(added).index(after) + 1] == NEW
    assert any((edge["source"], edge["target"]) == (after, NEW) for edge in added["edges"])
    assert usual(added, after) <= max(1, usual(definition, after))
    assert remove_node(added, NEW)["nodes"] == definition["nodes"]


def usual(definition: dict[str, Any], node: str) -> int:
    """How many edges are taken by default."""
    return sum(
        edge["source"] == node
        and edge.get("enabled") is not False
        and edge.get("on", "success") == "success"
        and not {"when", "sourceHandle"} & edge.keys()
        for edge in definition["edges"]
    )


@given(definitions(), st.data())
def test_edges_are_connected_taken_away_and_moved_among_those_of_their_node(
    definition: dict[str, Any], data: st.DataObject
) -> None:
    more = connect(definition, ids(definition)[0], ids(definition)[-1], label="mine")
    number = data.draw(st.integers(0, len(more["edges"]) - 1))
    moved = move_edge_up(more, number)
    for node in ids(definition):
        old, new = ([edge for edge in side["edges"] if edge["source"] == node] for side in (more, moved))
        assert sorted(map(repr, old)) == sorted(map(repr, new))
        if node != more["edges"][number]["source"]:
            assert old == new
    assert remove_edge(more, len(more["edges"]) - 1) == {**definition, "edges": definition["edges"]}
