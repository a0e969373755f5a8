"""Definitions: every fault at once, and nothing lost of what was given."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

import flowledger as fl
from flowledger.domain.workflow.graph_faults import name_faults, start_faults

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def faults_of(definition):
    with pytest.raises(fl.InvalidDefinition) as caught:
        fl.WorkflowDefinition.model_validate(definition)
    return [str(fault) for fault in caught.value.faults]


def test_every_fault_is_told_at_once_and_with_its_place():
    assert faults_of(
        {
            "nodes": [
                {"id": "a", "type": 5, "data": {"x": [{1}]}},
                {"id": "a", "typ": "t"},
                {"id": ""},
                {"id": "b", "type": "t", "metadata": {"retry": {"backoff": "odd"}}},
            ],
            "edges": [
                {"source": "a", "target": "ghost", "sourceHandle": "x"},
                {"source": "a", "target": "a", "sourceHandle": "x"},
                {"source": "a", "target": "a", "sourceHandle": None},
                {"source": "a", "target": "a"},
            ],
            "start": "nowhere",
        }
    ) == [
        "nodes[0].type: Input should be a valid string",
        "nodes[0].data: data.x[0]: a set is not JSON; use a sorted list",
        "nodes[1].type: Field required",
        "nodes[1].typ: is no key of a node; keep what is yours under nodes[1].metadata",
        "nodes[2].id: String should have at least 1 character",
        "nodes[2].type: Field required",
        "nodes: 2 nodes have the id 'a'",
        "edges[0].target: there is no node 'ghost'",
        "edges[1]: leaves node 'a' by the handle 'x', as edges[0] does",
        "edges[3]: leaves node 'a' by no handle, as edges[2] does",
        "nodes[3].metadata.retry.backoff: 'odd' is unknown; use 'fixed' or 'exponential'",
        "start: there is no node 'nowhere'",
    ]


@pytest.mark.parametrize("wrong", [None, 5, "text", [], {}, {"nodes": []}, {"nodes": "ab"}, {"nodes": [7], "edges": 3}])
def test_what_is_no_definition_at_all_is_refused_with_a_fault(wrong):
    assert faults_of(wrong)


def test_the_start_is_the_one_node_without_incoming_edges():
    line = {"nodes": [{"id": "b", "type": "t"}, {"id": "a", "type": "t"}], "edges": [{"source": "a", "target": "b"}]}
    assert fl.WorkflowDefinition.model_validate(line).start == "a"


def test_without_a_start_or_with_several_a_definition_says_so_when_one_is_needed():
    loop = fl.WorkflowDefinition.model_validate(
        {"nodes": [{"id": "a", "type": "t"}], "edges": [{"source": "a", "target": "a"}]}
    )
    several = fl.WorkflowDefinition.model_validate({"nodes": [{"id": "a", "type": "t"}, {"id": "b", "type": "t"}]})
    assert (loop.start, several.start) == (None, None)
    assert "every node has an incoming edge" in str(start_faults(loop)[0])
    assert "2 nodes have no incoming edge ('a', 'b')" in str(start_faults(several)[0])


def test_a_null_handle_is_no_handle():
    definition = fl.WorkflowDefinition.model_validate(
        {
            "nodes": [{"id": "a", "type": "t"}, {"id": "b", "type": "t"}],
            "edges": [{"source": "a", "target": "b", "sourceHandle": None}],
        }
    )
    assert definition.edges[0].source_handle is None


@given(data=json_values, metadata=st.none() | st.dictionaries(st.text(), json_values, max_size=2))
def test_what_was_given_comes_back_unchanged(data, metadata):
    node = {"id": "a", "type": "t", "data": data} | ({"metadata": metadata} if metadata is not None else {})
    given = {"nodes": [node], "edges": []}
    definition = fl.WorkflowDefinition.model_validate(given)
    assert definition.to_data() == given
    assert fl.WorkflowDefinition.model_validate(definition.to_data()).digest == definition.digest


def test_node_data_refuses_change():
    definition = fl.WorkflowDefinition.model_validate({"nodes": [{"id": "a", "type": "t", "data": {"x": {}}}]})
    with pytest.raises(TypeError, match="read-only"):
        definition.nodes[0].data["x"]["y"] = 1


TWO = [{"id": "a", "type": "t"}, {"id": "b", "type": "t"}]
WHOLE = {
    "name": "Orders",
    "description": "What comes in\nand goes out",
    "nodes": [
        {"id": "a", "type": "t", "data": "{{ of another language", "expressions": False, "metadata": {"x": 1, "y": 2}},
        {"id": "b", "type": "t"},
    ],
    "edges": [
        {"source": "a", "target": "b", "when": "payload.paid", "label": "paid", "metadata": {"bend": [1, 2]}},
        {"source": "a", "target": "b", "when": "{{ payload.free }}", "enabled": False},
        {"source": "a", "target": "b"},
        {"source": "a", "target": "b", "on": "failure", "when": "true"},
        {"source": "a", "target": "b", "on": "failure"},
        {"source": "b", "target": "a", "sourceHandle": "again", "on": "success"},
    ],
    "start": "a",
    "metadata": {"editor": {"zoom": 1.5}},
}


def test_all_that_a_definition_may_have_comes_back_as_it_was_given():
    definition = fl.WorkflowDefinition.model_validate(WHOLE)
    assert definition.to_data() == WHOLE
    assert fl.WorkflowDefinition.model_validate(definition).digest == definition.digest
    assert (definition.name, definition.edges[0].when, definition.edges[3].on) == ("Orders", "payload.paid", "failure")


def test_a_definition_of_before_has_the_digest_of_before():
    before = {"nodes": [{"id": "a", "type": "t"}, {"id": "b", "type": "t"}], "edges": [{"source": "a", "target": "b"}]}
    definition = fl.WorkflowDefinition.model_validate(before)
    assert definition.digest == "fffce8eaae86ff035af1ddf25eaf15405e6973df3e493c43801eaaeb34afe9f3"
    assert [*definition.to_data()] == ["nodes", "edges"]


@pytest.mark.parametrize("key", ["name", "description", "metadata", "when", "on", "label", "enabled", "expressions"])
def test_every_key_counts_in_the_digest(key):
    changed = {"when": "true", "on": "failure", "label": "l", "enabled": False, "expressions": False, "metadata": {}}
    base = {"nodes": TWO, "edges": [{"source": "a", "target": "b"}]}
    if key in ("name", "description"):
        other = base | {key: "x"}
    elif key == "expressions":
        other = base | {"nodes": [TWO[0] | {key: changed[key]}, TWO[1]]}
    else:
        other = base | {"edges": [base["edges"][0] | {key: changed[key]}]}
    digests = {fl.WorkflowDefinition.model_validate(one).digest for one in (base, other)}
    assert len(digests) == 2


@pytest.mark.parametrize(
    ("edges", "faults"),
    [
        ([{}, {}], ["edges[1]: leaves node 'a' by no handle, as edges[0] does"]),
        (
            [{}, {"when": "x"}],
            ["edges[1]: leaves node 'a' by no handle, as edges[0] does, which has no condition and so"],
        ),
        ([{"when": "x"}, {}], []),
        ([{"when": "x"}, {"when": "x"}, {"when": "y"}], []),
        ([{"when": "x"}, {}, {}], ["edges[2]: leaves node 'a' by no handle, as edges[1] does"]),
        ([{"enabled": False}, {}, {"enabled": False}], []),
        ([{}, {"on": "failure"}], []),
        ([{"on": "failure"}, {"on": "failure"}], ["edges[1]: leaves node 'a' on failure, as edges[0] does"]),
        (
            [{"on": "failure", "sourceHandle": "x"}],
            ["edges[0].sourceHandle: a node that failed has returned no handle"],
        ),
        ([{"on": "failure", "sourceHandle": None}], []),
        ([{"on": "error"}], ["edges[0].on: Input should be 'success' or 'failure'"]),
        ([{"when": ""}], ["edges[0].when: String should have at least 1 character"]),
        ([{"when": True}], ["edges[0].when: Input should be a valid string"]),
        ([{"enabled": 0}], ["edges[0].enabled: Input should be a valid boolean"]),
        ([{"metadata": []}], ["edges[0].metadata: Input should be a valid dictionary"]),
        ([{"position": 1}], ["edges[0].position: is no key of an edge; keep what is yours under edges[0].metadata"]),
    ],
)
def test_edges_of_which_one_could_never_be_taken_are_refused(edges, faults):
    given = {"nodes": TWO, "edges": [{"source": "a", "target": "b"} | edge for edge in edges]}
    if not faults:
        assert len(fl.WorkflowDefinition.model_validate(given).edges) == len(edges)
        return
    found = faults_of(given)
    assert len(found) == len(faults)
    assert all(one.startswith(expected) for one, expected in zip(found, faults, strict=True))


def test_an_edge_that_is_not_enabled_leads_nowhere():
    edges = [{"source": "b", "target": "a", "enabled": False}, {"source": "a", "target": "b"}]
    assert fl.WorkflowDefinition.model_validate({"nodes": TWO, "edges": edges}).start == "a"


def test_disabling_an_edge_makes_no_other_start():
    edges = [{"source": "a", "target": "b", "enabled": False}]
    definition = fl.WorkflowDefinition.model_validate({"nodes": TWO, "edges": edges})
    assert (definition.start, definition.roots, start_faults(definition)) == ("a", ("a", "b"), [])


def test_metadata_and_copies_of_it_refuse_change():
    definition = fl.WorkflowDefinition.model_validate(WHOLE)
    for one in (definition, copy.deepcopy(definition)):
        assert one == definition
        for part in (one, one.edges[0], one.nodes[0]):
            with pytest.raises(TypeError, match="read-only"):
                part.metadata["x"] = 1


def test_control_characters_in_the_name_and_in_labels_are_refused_in_new_definitions():
    evil = {"name": "a\x1b[2J", "nodes": TWO, "edges": [{"source": "a", "target": "b", "label": "\u202e"}]}
    assert [fault.path for fault in name_faults(evil)] == ["name", "edges[0].label"]
    assert name_faults(evil, before=evil) == []
