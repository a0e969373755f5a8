"""What the page of limits promises is kept in a process that has little memory, and little time."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from tests.limited import LimitedChild

from ...effort import tries
from .grammar import expressions, payloads

PAGE = (Path(__file__).parents[3] / "docs/reference/limits.md").read_text()

SETTING = """
import sys
import flowledger as fl
from flowledger.domain.errors import ExpressionError
from flowledger.domain.expressions import Scope, compile_template
from flowledger.domain.expressions.language import Allowance, Expression
from flowledger.domain.values.json import freeze
from flowledger.infrastructure.execution.expressions.cel import CelLanguage
from flowledger.infrastructure.execution.expressions.input_schema import compile_input

def ledger(schema=None):
    executors = fl.ExecutorRegistry()
    executors.register("t", input=schema)(lambda step: 1)
    return fl.open_ledger("memory:", executors)

def save(ledger, data):
    ledger.workflows.save({"nodes": [{"id": "n", "type": "t", "data": data}]}, workflow_id="w", by="ada")

def said(call):
    try:
        return str(call())
    except fl.FlowledgerError as error:
        return str(error)

def start(source, payload=None):
    with ledger() as opened:
        save(opened, {"a": "{{ " + source + " }}"})
        return said(lambda: opened.runs.start("w", payload=payload, by="eve"))

def look_for(source):
    with ledger() as opened:
        save(opened, {})
        opened.runs.start("w", payload={"n": 1}, by="ada")
        return said(lambda: opened.history.runs(where=source))

def check(schema, data):
    return said(lambda: compile_input(schema).validate(freeze(data), "n") and "fine")

def multiplied(base, copies):
    return f"size([{base}]" + (".map(x, " + "+".join("x" * copies) + ")") * 4 + ")"

def nested(leaf, levels, key="a"):
    for _ in range(levels):
        leaf = {key: leaf}
    return leaf

def answer(question):
    return eval(question)[:20_000]
"""

TOO_MUCH = "reads or loops over too much data"

ROWS = {
    "expressions of a node's data; conditions of its edges": [
        ("start(multiplied('[' + ','.join('1' * 1600) + ']', 16))", TOO_MUCH),
        ("""start(multiplied("'" + 's' * 3400 + "'", 24))""", TOO_MUCH),
        ("start(multiplied('{' + ','.join(f'{n}:[]' for n in range(500)) + '}', 30))", TOO_MUCH),
        ("start('payload.exists(x, ' + '+'.join(['x'] * 100) + ' == 1)', ['x' * 50_000] * 1_000)", TOO_MUCH),
        (
            "start('payload.ns.all(n, payload.a.x == 1) && payload.a.y == 2',"
            " {'ns': list(range(10_000)), 'a': {'x': 1, 'y': 'y' * 30_000_000}})",
            TOO_MUCH,
        ),
        ("start('payload.all(x, payload.all(y, true))', list(range(3_000)))", TOO_MUCH),
        (
            "start('[[' + ','.join(['\\'ab\\''] * 500) + ']].map(payload, ' + '+'.join(['payload'] * 100) + ')"
            ".map(x, ' + '+'.join(['x'] * 100) + ').map(x, [x, x, x, x])')",
            TOO_MUCH,
        ),
        ("start('payload.map(a, payload.map(b, a + b)).map(c, c + c).size()', ['x' * 1_000] * 300)", TOO_MUCH),
        ("start('payload.map(x, string(bytes(x + x)))', ['é' * 10_000] * 2_000)", TOO_MUCH),
        (
            "start('payload == payload && [payload, payload] == [payload, payload]', [[n] for n in range(100_000)])",
            "completed",
        ),
        ("start('payload.map(x, x in payload)', [[n] * 10 for n in range(2_000)])", TOO_MUCH),
    ],
    "filters of a search": [("look_for(multiplied('[' + ','.join('1' * 1600) + ']', 16) + ' == payload.n')", TOO_MUCH)],
    "a pattern of `matches`": [
        ("start('payload.t.matches(payload.p)', {'t': '', 'p': '.' * 6_000_000})", "6,000,000 characters long"),
        ("start('[' + ','.join('1' * 1400) + '].exists(x, \\'a\\'.matches(\\'.{5000}\\'))')", TOO_MUCH),
        ("start('payload.t.matches(payload.p)', {'t': 'a' * 100_000, 'p': '(.|a)*a(.|a){900}'})", TOO_MUCH),
        ("start('payload.t.matches(payload.p)', {'t': 'a', 'p': '(?i)' + '\\\\w' * 2_000})", "or too large"),
    ],
    "a name that is suggested": [
        (
            "start('payload[\"' + ''.join(map(chr, range(0x4e00, 0x5da0))) + '\"]', {"
            "''.join(chr(c ^ 1) for c in range(0x4e00, 0x5da0)) + str(n): 1 for n in range(20)})",
            "unknown reference",
        ),
        (
            "start('payload[\"' + ''.join(map(chr, range(0x4e00, 0x4e28))) + '\"]', {"
            "''.join(chr(c ^ 1) for c in range(0x4e00, 0x4e28)) + str(n): 1 for n in range(100_000)})",
            "unknown reference",
        ),
    ],
    "expressions in the data of a node": [
        ("said(lambda: save(ledger(), ['{{ 1+1 }}'] * 400_000))", "there are over 1,000 expressions"),
        ("said(lambda: save(ledger(), '{{1+1}}' * 400_000))", "there are over 1,000 expressions"),
        ("said(lambda: save(ledger(), ['{{ \"' + 'x' * 4_000 + '\" }}'] * 51))", "200,000 characters of expressions"),
    ],
    "expressions in a definition, conditions of edges included": [
        (
            "said(lambda: ledger().workflows.save({'nodes': [{'id': f'n{n}', 'type': 't', "
            "'data': ['{{ 1+1 }}'] * 1_000} for n in range(6)], "
            "'edges': [{'id': str(n), 'source': f'n{n}', 'target': f'n{n + 1}'} for n in range(5)]},"
            " workflow_id='w', by='ada'))",
            "there are over 5,000 expressions",
        ),
    ],
    "whether data fits a JSON Schema": [
        ("check({'properties': {'a': {'allOf': [{'$ref': '#'}, {'$ref': '#'}]}}}, nested({}, 150))", "fine"),
        *(
            (f"''.join(check({schema}, nested(leaf, 90)) for leaf in ({{}}, 5, [], {{'a': 'b', 'z': 1}}))", "")
            for schema in (
                "{'allOf': [{'properties': {'a': {'$ref': '#'}}}, {'properties': {'a': {'$ref': '#'}}}]}",
                "{'anyOf': [{'properties': {'a': {'$ref': '#'}}, 'required': [key]} for key in 'xyza']}",
                "{'oneOf': [{'properties': {'a': {'$ref': '#'}}}, {'properties': {'a': {'$ref': '#'}, 'z': {}}}]}",
                "{'if': {'properties': {'a': {'$ref': '#'}}}, 'then': {'properties': {'a': {'$ref': '#'}}}}",
                "{'not': {'not': {'properties': {'a': {'$ref': '#'}}}}, 'properties': {'a': {'$ref': '#'}}}",
                "{'patternProperties': {'a': {'$ref': '#'}, '^a': {'$ref': '#'}, 'b?': {'$ref': '#'}}}",
                "{'dependentSchemas': {'a': {'properties': {'a': {'$ref': '#'}}}}, 'properties': {'a': {'$ref': '#'}}}",
                "{'$defs': {'n': {'allOf': [{'properties': {'a': {'$ref': '#/$defs/n'}}}],"
                " 'unevaluatedProperties': False}}, '$ref': '#/$defs/n'}",
                "{'$dynamicAnchor': 'n', 'allOf': [{'properties': {'a': {'$dynamicRef': '#n'}}}] * 2}",
                "{'allOf': [{'$ref': '#/$defs/x'}] * 2, '$defs': {'x': {'$ref': '#/$defs/y'}, 'y': {'$ref': '#'}}}",
            )
        ),
        ("check({'uniqueItems': True}, [{'a': n, 'b': [n]} for n in range(50_000)])", "fine"),
    ],
    "what is wrong with data": [
        (
            "check({'properties': {'a': {'allOf': [{'$ref': '#'}] * 2}}, 'type': 'object'}, nested(5, 90))",
            "there is too much of it",
        ),
        ("check({'items': {'type': 'integer'}}, ['x'] * 1_000_000)", "there may be more"),
        (
            "check({'anyOf': [{'items': {'type': 'integer'}}, {'type': 'object'}]}, ['x'] * 1_000_000)",
            "there is too much of it",
        ),
        (
            "check({'$defs': {'n': {'not': {}, 'properties': {'a': {'$ref': '#/$defs/n'}}}}, '$ref': '#/$defs/n'},"
            " nested('x' * 10_000_000, 150))",
            "there may be more",
        ),
    ],
    "a pattern of a JSON Schema": [
        ("check({'items': {'pattern': '^(a+)+$'}}, ['a' * 50_000 + 'b'] * 100)", "does not match"),
        ("check({'items': {'not': {'pattern': r'^(?:(a)|b|a)*\\1c$'}}}, ['a' * 60] * 150)", "backtracking"),
        ("check({'items': {'not': {'pattern': r'^(?:(a)|b|a)*\\1c$'}}}, ['a' * 60] * 19_000)", "backtracking"),
        ("check({'items': {'pattern': r'^(?:(a)|b|a)*\\1c$'}}, ['a' * 60] * 300_000)", "300,001 values for patterns"),
    ],
    "levels of a JSON Schema": [
        ("said(lambda: save(ledger(nested({}, 300, 'not')), {}))", "nested deeper than 200 levels"),
    ],
}


@pytest.fixture(scope="module")
def child() -> Iterator[LimitedChild]:
    with LimitedChild(SETTING) as started:
        yield started


@pytest.mark.parametrize(
    ("program", "said"),
    [pytest.param(*shape, id=f"{row} {number}") for row, shapes in ROWS.items() for number, shape in enumerate(shapes)],
)
@pytest.mark.sampled(4)
def test_what_is_hostile_fails_by_itself_and_ends_no_process(child: LimitedChild, program: str, said: str) -> None:
    assert said in child.ask(program)


def test_each_row_of_the_page_is_tried() -> None:
    table = PAGE.partition("| what | limit |")[2].partition("\n\n")[0]
    assert {line.split("|")[1].strip() for line in table.splitlines()[2:]} >= ROWS.keys()
    assert re.search(r"a second or two", PAGE)


EVALUATE = (
    SETTING
    + """
LANGUAGE = CelLanguage()

def payload(numbers, objects, texts, characters):
    return {
        "numbers": list(range(numbers)), "number": 7, "text": "ab" * (characters // 2),
        "objects": [{"id": number, "name": f"name {number}"} for number in range(objects)] or [{"id": 1}],
        "texts": [f"text {number}" for number in range(texts)] or ["a"],
        "nested": {"text": "é" * characters, "lists": [[1, 2]] * (objects // 2)},
    }

def answer(question):
    source, sizes = question
    try:
        Expression(source, LANGUAGE).evaluate(Scope(payload=freeze(payload(**sizes))), Allowance())
        return "a value"
    except ExpressionError as error:
        return str(error)
"""
)


@pytest.mark.scaled
def test_no_expression_ends_the_process_or_takes_longer_than_it_may() -> None:
    with LimitedChild(EVALUATE) as child:

        @settings(deadline=None, max_examples=tries(50), suppress_health_check=list(HealthCheck))
        @given(expressions(), payloads())
        def is_answered(source: str, sizes: dict[str, int]) -> None:
            assert child.ask([source, sizes])

        is_answered()


@pytest.mark.exhaustive
def test_a_child_that_takes_too_long_is_noticed() -> None:
    with LimitedChild("def answer(question):\n    while question: pass\n    return 1", seconds=1) as child:
        assert child.ask(0) == 1
        with pytest.raises(AssertionError, match="ended with -24"):
            child.ask(1)
        assert child.ask(0) == 1
