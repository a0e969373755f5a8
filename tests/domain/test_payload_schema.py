"""What may be in a payload follows from what the first node takes of it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from tests.effort import tries

from flowledger.domain.execution.payload_schema import payload_schema


class Line(BaseModel):
    sku: str


class Order(BaseModel):
    id: str
    line: Line
    note: str | None = None


def test_each_part_that_is_handed_on_has_the_rule_of_the_input() -> None:
    data = {"id": "{{ payload.order.id }}", "line": {"sku": "{{ payload.sku }}"}, "note": "{{ payload.note }}"}
    found = payload_schema(Order, data)
    assert found is not None
    order = {"type": "object", "required": ["id"], "properties": {"id": {"title": "Id", "type": "string"}}}
    assert found.schema["properties"]["order"] == order
    assert found.schema["properties"]["sku"]["type"] == "string"
    assert found.schema["required"] == ["order", "sku", "note"]
    assert found.in_payload("line.sku") == "sku"
    assert found.in_payload("id") == "order.id"


def test_an_object_that_is_handed_on_whole_brings_its_definitions() -> None:
    found = payload_schema(Order, {"line": "{{ payload.line }}"})
    assert found is not None
    assert found.schema["properties"]["line"] == {"$ref": "#/$defs/Line"}
    assert "Line" in found.schema["$defs"]
    assert found.in_payload("line.sku") == "line.sku"


def test_a_payload_that_is_all_of_the_input_has_its_schema() -> None:
    schema = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
    found = payload_schema(schema, "{{ payload }}")
    assert found is not None
    assert found.schema == schema
    assert found.in_payload("id") == "id"


def test_what_an_expression_computes_with_may_be_anything_and_be_missing() -> None:
    found = payload_schema(Order, {"id": "order {{ payload.number }}", "note": "{{ has(payload.note) ? 'a' : 'b' }}"})
    assert found is not None
    assert found.schema == {"type": "object", "properties": {"number": {}}} | {"$defs": found.schema["$defs"]}


@pytest.mark.parametrize("data", [{}, {"id": "o-1"}, {"id": "{{ nodes.a.output }}"}, {"id": "{{ payload[0] }}"}, None])
def test_of_a_payload_that_nothing_is_taken_from_nothing_is_known(data: Any) -> None:
    assert payload_schema(Order, data) is None


_NAMES = st.sampled_from(["a", "b", "c"])
_DATA = st.recursive(
    st.lists(_NAMES, min_size=1, max_size=3).map(lambda keys: "{{ payload." + ".".join(keys) + " }}"),
    lambda inner: st.dictionaries(_NAMES, inner, min_size=1, max_size=3),
    max_leaves=6,
)


@given(data=st.dictionaries(_NAMES, _DATA, min_size=1, max_size=3))
@settings(max_examples=tries(60))
def test_a_part_of_the_input_comes_from_where_its_expression_says(data: dict[str, Any]) -> None:
    found = payload_schema({}, data)
    assert found is not None

    def check(part: Any, path: tuple[str, ...]) -> None:
        if isinstance(part, dict):
            for name, inner in part.items():
                check(inner, (*path, name))
        else:
            assert found.in_payload(".".join(path)) == part.removeprefix("{{ payload.").removesuffix(" }}")

    check(data, ())
