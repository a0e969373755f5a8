"""The description of the API is a valid one, names what it has once, and shows an example of what it takes."""

from typing import Any

import jsonschema_rs
from openapi_spec_validator import OpenAPIV31SpecValidator

from .document import Document


def test_it_is_valid_openapi(document: Document) -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(document.data).iter_errors()] == []
    nothing = {"openapi": "3.1.0", "info": {"title": "no paths", "version": "1"}}
    assert not OpenAPIV31SpecValidator(nothing).is_valid()


def test_every_schema_is_valid_and_every_reference_leads_somewhere(document: Document) -> None:
    schemas = document.data["components"]["schemas"]
    for schema in schemas.values():
        jsonschema_rs.meta.validate(schema)
    assert set(_references(document.data)) <= {f"#/components/schemas/{name}" for name in schemas}


def test_every_operation_has_a_name_of_its_own_and_says_what_it_answers(document: Document) -> None:
    operations = document.operations()
    assert len({str(each) for each in operations}) == len(operations)
    for each in operations:
        assert any(status.startswith("2") for status in each.says["responses"])
        for status in each.says["responses"]:
            kind, schema = each.answer(int(status) if status.isdigit() else 500) or ("", {"type": "none"})
            assert schema, f"{each}: nothing is said of {kind} at {status}"


def test_what_is_sent_has_examples_that_fit(document: Document) -> None:
    shown = 0
    for each in document.operations():
        for parameter in each.parameters("path"):
            assert document.faults(parameter["schema"], parameter["example"]) == []
    for name, schema in document.data["components"]["schemas"].items():
        for example in schema.get("examples", ()):
            assert document.faults(schema, example) == [], name
            shown += 1
    bodies = {reference for each in document.operations() for reference in _references(each.body or {})}
    assert shown >= len(bodies)
    for reference in bodies:
        assert document.data["components"]["schemas"][reference.rpartition("/")[2]]["examples"], reference


def test_how_many_items_a_page_may_have_is_said(document: Document) -> None:
    limits = [
        one["schema"] for each in document.operations() for one in each.parameters("query") if one["name"] == "limit"
    ]
    assert len(limits) > 8
    for schema in limits:
        assert document.faults(schema, 0) != []
        assert document.faults(schema, 1) == document.faults(schema, 1_000) == []


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [each for inner in value.values() for each in _references(inner)]
    return [each for inner in value for each in _references(inner)] if isinstance(value, list) else []
