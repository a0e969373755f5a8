"""Node data against an executor's input schema."""

import json
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator

from flowledger.domain.errors import InputInvalid, InvalidRequest
from flowledger.domain.values.json import FrozenDict, freeze
from flowledger.infrastructure.execution.expressions.input_schema import compile_input


class Address(BaseModel):
    city: str
    zip: str = "?"


class Person(BaseModel):
    model_config = ConfigDict(strict=True)

    name: str
    age: int
    role: str = "user"
    home: Address | None = Field(default=None, alias="homeAddress")


SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer", "minimum": 0},
        "role": {"type": "string", "default": "user"},
        "home": {"type": "object", "default": {}, "properties": {"zip": {"default": "?"}}},
        "tags": {"type": "array", "items": {"type": "object", "properties": {"kind": {"default": "plain"}}}},
    },
    "required": ["name", "age"],
}


def test_a_model_gives_an_instance_and_its_json_over_the_data() -> None:
    data = freeze({"extra": [1], "name": "Ada", "age": 36, "homeAddress": {"city": "London"}})
    valid = compile_input(Person).validate(data, "n1")
    assert valid.model == Person(name="Ada", age=36, homeAddress=Address(city="London"))
    home = {"city": "London", "zip": "?"}
    assert valid.data == {"extra": [1], "name": "Ada", "age": 36, "homeAddress": home, "role": "user"}
    assert list(valid.data)[:2] == ["extra", "name"]
    assert type(valid.data) is FrozenDict


def test_a_json_schema_fills_defaults_in_all_the_way_down() -> None:
    valid = compile_input(SCHEMA).validate(freeze({"name": "Ada", "age": 36, "tags": [{}, {"kind": "x"}]}), "n1")
    assert valid.data == {
        "name": "Ada",
        "age": 36,
        "role": "user",
        "home": {"zip": "?"},
        "tags": [{"kind": "plain"}, {"kind": "x"}],
    }
    assert valid.model is valid.data
    assert type(valid.data) is FrozenDict
    assert "default" in SCHEMA["properties"]["home"]  # type: ignore[index]


@pytest.mark.parametrize("schema", [Person, SCHEMA])
def test_every_issue_is_named_with_its_path(schema: Any) -> None:
    with pytest.raises(InputInvalid) as raised:
        compile_input(schema).validate(freeze({"name": 5}), "n1")
    text = str(raised.value)
    assert text.startswith("Validation failed for node 'n1': [{\"path\":")
    issues = json.loads(text[text.index("[") :])
    assert {issue["path"] for issue in issues} == {"name", "age"}
    assert [(issue.path, issue.message) for issue in raised.value.issues] == [tuple(one.values()) for one in issues]


def test_a_path_leads_into_lists() -> None:
    with pytest.raises(InputInvalid) as raised:
        compile_input(SCHEMA).validate(freeze({"name": "Ada", "age": 1, "tags": [{}, 5]}), "n1")
    assert [issue.path for issue in raised.value.issues] == ["tags.1"]


@pytest.mark.parametrize("schema", [Person, SCHEMA])
def test_data_that_is_no_object_is_invalid_too(schema: Any) -> None:
    for data in (None, 5, "text", [1]):
        with pytest.raises(InputInvalid):
            compile_input(schema).validate(data, "n1")


@pytest.mark.parametrize(
    "schema", [{"type": "strnig"}, {"properties": 5}, {"minimum": "x"}, int, "object", dict, object(), {"pattern": "("}]
)
def test_a_bad_schema_is_refused(schema: Any) -> None:
    with pytest.raises(InvalidRequest):
        compile_input(schema)


@pytest.mark.parametrize(
    "reference", ["https://example.invalid/schema.json", "file:///etc/passwd", "http://127.0.0.1:1/x", "other.json"]
)
def test_a_reference_to_elsewhere_is_refused_and_not_followed(reference: str) -> None:
    with pytest.raises(InvalidRequest, match=r"nothing is fetched|No base URI"):
        compile_input({"properties": {"a": {"$ref": reference}}})


def test_a_reference_inside_the_schema_works() -> None:
    schema = {"$defs": {"name": {"type": "string"}}, "properties": {"a": {"$ref": "#/$defs/name"}}}
    assert compile_input(schema).validate(freeze({"a": "x"}), "n").data == {"a": "x"}
    with pytest.raises(InputInvalid):
        compile_input(schema).validate(freeze({"a": 1}), "n")


def test_an_error_in_the_code_of_a_model_is_an_invalid_input() -> None:
    class Broken(BaseModel):
        name: str

        @field_validator("name")
        @classmethod
        def look_up(cls, name: str) -> str:
            return {"Ada": "ok"}[name]

    assert compile_input(Broken).validate(freeze({"name": "Ada"}), "n").data == {"name": "ok"}
    with pytest.raises(InputInvalid, match="KeyError: 'Bob'"):
        compile_input(Broken).validate(freeze({"name": "Bob"}), "n")


def test_all_that_is_wrong_by_a_schema_that_refers_to_itself_is_listed_while_the_ways_through_it_are_few() -> None:
    node = {"$ref": "#/$defs/node"}
    tree = {"$defs": {"node": {"required": ["id"], "properties": {"left": node, "right": node}}}, **node}
    leaf = {"id": 1, "left": {}, "right": {}}
    with pytest.raises(InputInvalid) as raised:
        compile_input(tree).validate(freeze({"id": 1, "left": leaf, "right": leaf}), "n")
    expected = ["left.left.id", "left.right.id", "right.left.id", "right.right.id"]
    assert [issue.path for issue in raised.value.issues] == expected

    twice = compile_input({"type": "object", "properties": {"a": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}})
    data: Any = {"a": {"a": 5}}
    with pytest.raises(InputInvalid) as raised:
        twice.validate(freeze(data), "n")
    assert [issue.path for issue in raised.value.issues] == ["a.a"] * 4
    for _ in range(20):
        data = {"a": data}
    with pytest.raises(InputInvalid, match="there may be more"):
        twice.validate(freeze(data), "n")


def test_a_pattern_that_refers_back_is_matched_as_before() -> None:
    schema = compile_input({"items": {"pattern": r"^(.)\1(?=!)"}})
    assert schema.validate(freeze(["aa!", "bb!?"]), "n").data == ["aa!", "bb!?"]
    with pytest.raises(InputInvalid) as raised:
        schema.validate(freeze(["aa!"] * 300 + ["ab!"]), "n")
    assert [issue.path for issue in raised.value.issues] == ["300"]
