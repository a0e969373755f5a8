"""Node data with expressions: what becomes of it, and what is recorded."""

from typing import Any

import pytest

from flowledger.domain.errors import ExpressionError
from flowledger.domain.expressions import compile_template
from flowledger.domain.expressions.template import as_text
from flowledger.domain.values.json import FrozenDict, FrozenList, freeze

from .scenes import LANGUAGE, Result, render, scope, value_of

SCENE = scope(
    payload={"id": 7, "ratio": 1.5, "whole": 3.0, "flag": True, "nothing": None, "tags": ["a", "b"]},
    nodes={"fetch-user": [Result({"name": "Ada"})], "n1": [Result({"val": 10}), Result({"val": 11})]},
    globals={"token": "s3cr3t-token", "nested": {"pin": 4321}},
    input={"q": "{{ 1 }}"},
)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("{{ payload.id }}", 7),
        ("{{payload.tags}}", ["a", "b"]),
        ("{{ payload.flag }}", True),
        ("{{ payload.nothing }}", None),
        ("{{ payload.id + 1 }}", 8),
        ('{{ nodes["fetch-user"].last.data.name }}', "Ada"),
        ("{{ nodes['fetch-user'].output }}", {"name": "Ada"}),
        ("{{ nodes.n1.all[0].data.val * 2 }}", 20),
        ("{{ nodes.n1.all.map(r, r.data.val) }}", [10, 11]),
        ("{{ nodes['n' + '1'].last.data.val }}", 11),
        ("{{ nodes.n1.last.timestamp }}", 1_700_000_000_000),
        ("{{ input.q }}", "{{ 1 }}"),
    ],
)
def test_a_string_that_is_one_expression_keeps_its_type(data: str, value: Any) -> None:
    assert value_of(data, SCENE) == value
    assert type(value_of(data, SCENE)) in (type(value), FrozenDict, FrozenList)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("id={{ payload.id }}", "id=7"),
        ("{{ payload.id }}-{{ payload.id }}", "7-7"),
        (" {{ payload.id }}", " 7"),
        ("[{{ payload.nothing }}]", "[]"),
        ("{{ payload.flag }}!", "true!"),
        ("{{ payload.whole }} {{ payload.ratio }}", "3 1.5"),
        ("{{ payload.tags }}.", '["a","b"].'),
        ("{{ {'k': 'ä'} }}.", '{"k":"ä"}.'),
        ("{{ '{{ 1 }}' }}.", "{{ 1 }}."),
    ],
)
def test_an_expression_in_text_becomes_text(data: str, value: str) -> None:
    assert value_of(data, SCENE) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1"), (-0.5, "-0.5"), (1e20, "100000000000000000000"), (1.5e-7, "1.5e-07"), (2**63, "9223372036854775808")],
)
def test_numbers_in_text_have_all_their_digits(value: float, text: str) -> None:
    assert as_text(value) == text


def test_only_values_are_evaluated_and_keys_keep_their_order() -> None:
    data = {"z": 1, "{{ key }}": ["{{ 1 + 1 }}", {"deep": '{{ "a" + "b" }}'}], "a": "{{ payload.id }}"}
    assert list(value_of(data, SCENE).items()) == [("z", 1), ("{{ key }}", [2, {"deep": "ab"}]), ("a", 7)]


def test_data_without_expressions_is_handed_on_as_it_is() -> None:
    data = freeze({"a": ["x", "{ {", "}}", {"b": None}]})
    template = compile_template(data, LANGUAGE, where="n")
    assert template.is_constant
    rendered = template.render(scope())
    assert rendered.value is data
    assert rendered.masked is data


def test_what_is_referred_to_is_shared_and_read_only() -> None:
    assert value_of("{{ payload.tags }}", SCENE) is SCENE.payload["tags"]
    rendered = render({"constant": ["x"], "made": "{{ payload.tags + ['c'] }}"}, SCENE)
    for value in (rendered.value, rendered.value["constant"], rendered.value["made"]):
        assert type(value) in (FrozenDict, FrozenList)
    assert rendered.masked is rendered.value


def test_results_are_not_evaluated_again() -> None:
    assert value_of("{{ payload }}", scope(payload="{{ 1 + 1 }}")) == "{{ 1 + 1 }}"


def test_whatever_comes_from_globals_is_masked_in_the_record() -> None:
    data = {
        "url": "https://x.test/{{ payload.id }}",
        "auth": ["Bearer {{ globals.token }}", "{{ payload.id }}"],
        "pin": "{{ globals.nested.pin + 1 }}",
        "all": "{{ globals }}",
        "known": "{{ has(globals.token) }}",
        "computed": "{{ [globals][0]['token'] }}",
        "constant": {"x": 1},
    }
    rendered = render(data, SCENE)
    assert rendered.value["auth"][0] == "Bearer s3cr3t-token"
    assert rendered.value["pin"] == 4322
    assert rendered.value["computed"] == "s3cr3t-token"
    assert rendered.masked == {
        "url": "https://x.test/7",
        "auth": ["***", 7],
        "pin": "***",
        "all": "***",
        "known": "***",
        "computed": "***",
        "constant": {"x": 1},
    }
    assert rendered.masked["constant"] is rendered.value["constant"]


@pytest.mark.parametrize(
    ("data", "names"),
    [
        ({"items": [{"url": "{{ nodes.ghost.last.data }}"}]}, "field data.items[0].url: {{ nodes.ghost.last.data }}: "),
        ("{{ nodes.ghost.last.data }}", "unknown reference 'ghost' in nodes"),
        ("{{ nodes.ghost.last.data + 1 }}", "unknown reference 'ghost' in nodes"),
        ("{{ nodes.fetch_user.last.data }}", "did you mean 'fetch-user'?"),
        ("{{ nodes.n1.latest.data }}", "did you mean 'last'?; it has: all, attempts, error, last, output"),
        ("{{ nodes.n1.last.error }}", "unknown reference 'error' in nodes.n1.last"),
        ("{{ nodes.n1.all[7].data }}", "nodes.n1.all has 2 items, there is no [7]"),
        ("{{ nodes.n1.all[7].data + 1 }}", "nodes.n1.all has 2 items, there is no [7]"),
        ("{{ payload.idd }}", "unknown reference 'idd' in payload, did you mean 'id'?"),
        ("{{ payload.idd * 2 }}", "unknown reference 'idd' in payload, did you mean 'id'?"),
        ("{{ payload.tags.name }}", "payload.tags is a list, it has no field 'name'"),
        ("{{ payload.tags.name + '' }}", "payload.tags is a list, it has no field 'name'"),
        ("{{ payload.nothing.x }}", "payload.nothing is null, it has no field 'x'"),
        ("{{ payload.nothing.x == 1 }}", "payload.nothing is null, it has no field 'x'"),
        ("{{ n1.last.data }}", "unknown reference 'n1', did you mean nodes['n1']?"),
        ("{{ paylod.id }}", "unknown reference 'paylod', did you mean 'payload'?"),
        ("{{ sise(payload) }}", "unknown function 'sise', did you mean 'size'?"),
        ("{{ `n1`.last.data }}", "syntax error at column 1: unexpected '`'"),
        ("{{ 1 + }}", "syntax error at column 4: it ends too early"),
        ("{{ nodes.in.output }}", '"in" is a word of the language: write ["in"] in place of .in'),
        ("{{ payload.id and true }}", "write && in place of 'and'"),
        ("{{ payload.id = 1 }}", "unexpected '='; == compares"),
        ("{{ payload.id ? 1 }}", "a ? has no : with what holds otherwise"),
        ("{{ }}", "syntax error"),
        ("{{ nodes.n1.all[.data > 1] }}", "unknown reference '.data'"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ 9223372036854775807 + 1 }}", "a number beyond 64 bits"),
        ("{{ 'a' + 1 }}", "type error: can't do string + int; convert with"),
        ("{{ string(null) }}", "type error: string(…) isn't defined for what it's given"),
        ("{{ int('x') }}", "int(…) can't take this value"),
        ("{{ payload.id.matches('a') }}", "type error: matches(…) needs a text and a pattern"),
        ("{{ 'a'.matches('(') }}", "the pattern is no regular expression"),
        ("{{ timestamp('2020-01-01T00:00:00Z') }}", "a datetime is not JSON; string(…) makes text of it"),
        ("{{ duration('1h') }}", "a timedelta is not JSON"),
        ("{{ b'abc' }}", "bytes is not JSON"),
        ("{{ 1.0 / 0.0 }}", "inf is not JSON"),
        ("{{ {1: 2} }}", "the key 1 is an int"),
    ],
)
def test_a_failure_names_node_field_expression_and_cause(data: Any, names: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        render(data, SCENE)
    assert str(raised.value).startswith("node 'n2', field data")
    assert names in str(raised.value)


def test_an_own_error_can_be_read_after_the_first_attempt_only() -> None:
    with pytest.raises(ExpressionError, match="unknown reference 'f'"):
        render("{{ nodes.f.last.error }}", scope(nodes={"f": []}))
    assert value_of("{{ nodes.f.last.error }}", scope(nodes={"f": [Result(None, "E: boom")]})) == "E: boom"
    assert value_of("{{ has(nodes.f) ? 'again' : 'first' }}", scope(nodes={"f": []})) == "first"


@pytest.mark.parametrize(
    "source",
    [
        "globals.s3cr3t",
        "int(globals.token)",
        "globals.token + 1",
        "{'a': 1}[globals.token]",
        "payload[globals.token]",
        "nodes[globals.token].last",
        "[1][globals.nested.pin]",
        "9223372036854775807 + globals.nested.pin",
        "{globals.nested.pin: 1}",
        "duration(globals.token)",
        "'a'.matches('(' + globals.token)",
        "globals.token.x",
    ],
)
def test_no_message_holds_a_value_from_globals(source: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        render(f"{{{{ {source} }}}}", SCENE)
    assert "s3cr3t-token" not in str(raised.value)
    assert "4321" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_bad_expressions_are_listed_with_the_definition_and_fail_only_when_they_are_rendered() -> None:
    template = compile_template({"a": "{{ 1 + }}", "b": ["{{ nope(1) }}", "{{ 1 }}"]}, LANGUAGE, where="n")
    assert [fault.path for fault in template.faults] == ["data.a", "data.b[0]"]
    assert "unknown function 'nope'" in str(template.faults[1])
    with pytest.raises(ExpressionError):
        template.render(scope())


def test_missing_values_can_be_asked_for_without_failing() -> None:
    assert value_of("{{ has(payload.tags) && !has(payload.nope) }}", SCENE) is True
    assert value_of("{{ has(payload.nope) ? payload.nope.deeper : 'none' }}", SCENE) == "none"
    assert value_of("{{ has(nodes.ghost) ? nodes.ghost.last.data : nodes.n1.last.data }}", SCENE) == {"val": 11}
    for empty in (None, False, 0, "", [], {}):
        assert value_of("{{ has(payload.x) }}", scope(payload={"x": empty})) is True
