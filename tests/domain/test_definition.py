"""Definitions: every fault at once, and nothing lost of what was given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import flowledger as fl
from flowledger.domain.workflow.graph_faults import start_faults

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
