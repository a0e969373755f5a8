"""Definitions come from people who aren't trusted: no expression takes the process down, or reaches into it."""

import subprocess
import sys
from typing import Any

import pytest

from flowledger.domain.errors import ExpressionError
from flowledger.domain.expressions import compile_template
from flowledger.domain.expressions.language import Allowance
from flowledger.infrastructure.execution.expressions.guard import guard
from flowledger.infrastructure.execution.expressions.regex import regex_cost

from .scenes import LANGUAGE, Result, Scope, render, scope, value_of


def fault_of(source: str) -> str:
    (fault,) = compile_template(f"{{{{ {source} }}}}", LANGUAGE, where="n").faults
    return fault.message.rpartition("}}: ")[2]


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("+".join(["1"] * 2000), "has over 128 operators and selections in a chain"),
        ("payload" + ".a" * 500 + " + 1", "has over 128 operators and selections in a chain"),
        ("-" * 500 + "1", "has over 128 operators and selections in a chain"),
        ("[" + "(1+1+1+1+1+1)+" * 30 + "1" + ",(" * 10 + "1+" * 125 + "1" + ")" * 10 + "]", "has over 128 operators"),
        ("payload[0]" * 1 + "[0]" * 200 + "+1", "has over 128 operators and selections in a chain"),
        ("(" * 17 + "1" + ")" * 17, "has more than 16 levels of brackets"),
        ("[" * 1000, "has more than 16 levels of brackets"),
        ("payload + '" + "x" * 5000 + "'", "characters long, the limit is 4,096"),
        ("[1].map(a,[1].map(b,[1].map(c,1)))", "has loops nested more than 2 deep"),
        ("[1].map(x,x)" + ".map(x,x)" * 4, "has 5 loops, the limit is 4"),
        ("[1].map((x), x)", "write .map(name, …)"),
        ("[1].map(x.y, x)", "write .map(name, …)"),
        ("[1]" + (".map(x,[" + ",".join("x" * 400) + "])") * 4, "reads or loops over too much data"),
        ("[1].sortBy(x, x)", "unknown function 'sortBy'"),
        ("optional.of(1)", "unknown function 'of'"),
    ],
)
def test_source_over_a_limit_is_a_fault_of_the_definition(source: str, fault: str) -> None:
    assert fault in fault_of(source)


ITEMS = [{"id": number, "name": f"item {number}", "tags": ["a", "b"]} for number in range(20_000)]


@pytest.mark.parametrize(
    ("source", "payload"),
    [
        ("payload.map(x, x.id)", ITEMS),
        ("payload.filter(x, x.id == 1)", ITEMS),
        ("payload.all(x, payload.size() > 0)", ITEMS),
        ("[" + ",".join(["payload"] * 300) + "]", ITEMS),
        ("payload.exists(x, payload.exists(y, x == -y)) || true", list(range(1, 3000))),
        ("payload.map(x, payload.map(y, [x, y]))", list(range(500))),
        ("payload.map(x, payload.exists(y, y < 0))", list(range(2000))),
        ("payload + payload", "x" * 63_000_000),
        ("payload.ns.map(x, payload.text)", {"ns": list(range(2000)), "text": "x" * 100_000}),
        ("[1]" + (".map(x,[" + ",".join("x" * 99) + "])") * 4, None),
        ("payload.matches('(a|b)*a(a|b){1000}c')", "ab" * 50_000),
        ("payload.matches('((a{100}){100}){100}')", "ab" * 50_000),
        ("payload.exists(x, 'a'.matches('\\\\w{99}'))", list(range(3000))),
    ],
)
@pytest.mark.sampled(4)
def test_an_evaluation_that_would_cost_too_much_is_stopped(source: str, payload: Any) -> None:
    with pytest.raises(ExpressionError, match="reads or loops over too much data"):
        render(f"{{{{ {source} }}}}", scope(payload=payload))


def test_all_expressions_of_a_node_share_one_allowance() -> None:
    at = scope(payload={"items": ITEMS, "text": "x" * 30_000_000})
    assert value_of("{{ size(payload.items) }}", at) == 20_000
    with pytest.raises(ExpressionError, match="too much data"):
        render(["{{ size(payload.items) }}"] * 50, at)
    with pytest.raises(ExpressionError, match="makes a text of over"):
        render("{{ payload.text }}," * 3, at)
    assert len(value_of(["{{ payload.text }}"] * 50, at)) == 50  # shared, not copied


def test_a_value_that_is_too_deep_for_the_interpreter_is_refused_and_can_still_be_handed_on() -> None:
    deep: Any = 1
    for _ in range(150):
        deep = [deep]
    at = scope(payload={"deep": deep})
    with pytest.raises(ExpressionError, match="a value of more than 64 levels"):
        render("{{ [payload.deep] }}", at)
    assert value_of("{{ payload.deep }}", at) is at.payload["deep"]


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("payload.map(x, x * 2)", [2, 4, 6]),
        ("payload.filter(x, x > 1)", [2, 3]),
        ("payload.map(x, x > 1, x * 2)", [4, 6]),
        ("payload.all(x, x > 0)", True),
        ("payload.exists(x, x == 2)", True),
        ("payload.exists_one(x, x > 2)", True),
        ("{'a': 1}.map(k, k)", ["a"]),
        ("{'a': 1, 'b': 2}.all(k, k in ['a', 'b'])", True),
        ("payload.filter(x, x > 1).map(x, {'n': x}).map(o, o.n)", [2, 3]),
        ("payload.map(x, payload.map(y, x * y))", [[1, 2, 3], [2, 4, 6], [3, 6, 9]]),
        ("payload.map(x, payload.filter(y, y < x).size())", [0, 1, 2]),
        ("payload.map(x, x == 1 ? 'a' : 'b') // done", ["a", "b", "b"]),
        ("payload.map(payload, payload + 1)", [2, 3, 4]),
        ("payload.map(x, ['map(x, 1)', '.all(x, ('])[0]", ["map(x, 1)", ".all(x, ("]),
        ("payload.map(x, matches('a', 'a'))", [True, True, True]),
        ("['ab', 'b'].filter(s, s.matches('^a'))", ["ab"]),
        ("'matches('.contains('matches(')", True),
        ("[payload.exists(x, x > 1 / 0) || true]", [True]),
        ("payload.map(x, payload.map(y, x * y)).map(z, z.map(w, w + 1)).size()", 3),
        ("payload.map(x, .y) == [] || true", True),
    ],
)
def test_the_meter_changes_no_value(source: str, value: Any) -> None:
    assert value_of(f"{{{{ {source} }}}}", scope(payload=[1, 2, 3])) == value


def test_every_loop_is_on_the_meter() -> None:
    guarded = guard("a.map(x, b.exists(y, y.matches('_guard')), x)")
    assert guarded is not None
    inner = "b.exists(y, _guard_1() ? (y._guard_matches('_guard')) : _guard__stop)"
    assert guarded.source == f"a.map(x, _guard_0() ? ({inner}) : _guard__stop, x)"


def test_lists_of_a_size_that_occurs_are_within_the_allowance() -> None:
    orders = [{"id": number, "sku": f"s-{number}", "price": number * 1.5, "open": True} for number in range(500)]
    at = scope(payload={"orders": orders, "ids": list(range(500)), "limit": 100.0})
    opened = "payload.orders.filter(o, o.open && o.price > payload.limit).map(o, {'id': o.id, 'sku': o.sku})"
    assert len(value_of(f"{{{{ {opened} }}}}", at)) == 433
    assert value_of("{{ payload.orders.exists(o, o.id in payload.ids && o.sku == 's-499') }}", at) is True
    assert value_of("{{ payload.orders.exists(o, o.sku.matches('^s-4\\\\d9$')) }}", at) is True


def test_one_large_element_among_many_small_ones_costs_what_it_weighs() -> None:
    orders = [{"id": number, "lines": [{"n": 1}]} for number in range(1500)]
    orders[7]["text"] = "x" * 2_000_000
    at = scope(payload={"orders": orders, "names": {str(number): number for number in range(1500)}})
    assert value_of("{{ payload.orders.map(o, o.id) }}", at) == list(range(1500))
    assert value_of("{{ payload.orders.exists(o, o.lines.exists(l, l.n == 2 || o.id == 1400)) }}", at) is True
    assert value_of("{{ payload.orders.map(o, payload.names[string(o.id)]).size() }}", at) == 1500


def test_a_name_that_a_loop_takes_from_the_payload_weighs_what_the_loop_gives_it() -> None:
    large = "['" + "x" * 2000 + "']"
    multiplied = ".map(payload, " + "+".join(["payload"] * 60) + ")"
    assert "too much data" in fault_of(f"{large}{multiplied}{multiplied}{multiplied}")


def test_what_the_library_takes_and_the_meter_cannot_read_is_refused() -> None:
    assert fault_of("payload{a: 1}") == "syntax error: this is no expression that could be evaluated"


@pytest.mark.parametrize(
    ("pattern", "repeats"),
    [
        ("a", 1),
        ("a{3}", 3),
        ("a{3,}b{2,7}", 7),
        ("(a{3}){5}", 15),
        ("a{2}{3}", 6),
        ("((a){9}){9}+{2}", 162),
        ("a{0}", 1),
    ],
)
def test_the_cost_of_a_pattern_grows_with_its_counts(pattern: str, repeats: int) -> None:
    cost = regex_cost("x" * 1000, pattern) - regex_cost("", pattern)
    assert cost == 16 * 1000 * len(pattern) * repeats


def test_a_pattern_may_not_hide_its_counts_in_comments() -> None:
    with pytest.raises(ExpressionError, match="the flag x"):
        value_of("{{ 'a'.matches('(?ix)a{#}\\n9}') }}")


def test_an_interruption_comes_out_of_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    template = compile_template("{{ [1, 2].exists(x, x > 5) || true }}", LANGUAGE, where="n")
    monkeypatch.setattr(Allowance, "spend", interrupted)
    with pytest.raises(KeyboardInterrupt):
        template.render(scope())


class Client:
    password = "s3cr3t"

    def __getitem__(self, key: str) -> str:
        return self.password


@pytest.mark.parametrize(
    "source",
    [
        "__import__('os').system('true')",
        "__builtins__",
        "payload.__class__",
        "payload.__class__.__mro__[1]",
        "''.__class__",
        "payload.keys()",
        "payload.items",
        "nodes.n1.last.data.__init__.__globals__",
        "nodes.n1.last.output",
        "nodes.n1.all.append(1)",
        "nodes.n1.all.__len__",
        "'{0.__class__}'.format(payload)",
        "globals.client.password",
        "globals.client.password + ''",
        "globals.client['password']",
        "globals.client",
        "string(globals.client)",
        "[globals.client]",
        "globals.function()",
        "globals['function'](1)",
        "globals.function.__code__",
        "eval('1')",
        "getattr(payload, 'a')",
        "open('/etc/passwd')",
        "_guard0()",
        "[1].map(x, _guard0())",
        "_guardstop",
        "dyn(payload).__dict__",
        "type(payload)(1)",
    ],
)
def test_nothing_of_python_is_reachable(source: str) -> None:
    at = Scope(nodes={"n1": [Result({"a": 1})]}, payload={"a": 1}, globals={"client": Client(), "function": print})
    with pytest.raises(ExpressionError) as raised:
        render(f"{{{{ {source} }}}}", at)
    assert "s3cr3t" not in str(raised.value)


SMALL_STACK = """
import threading, sys
from flowledger.domain.errors import ExpressionError
from flowledger.domain.expressions import Scope, compile_template
from flowledger.domain.values.json import freeze
from flowledger.infrastructure.execution.expressions.cel import CelLanguage

deep = 1
for level in range(60):
    deep = [deep] if level % 2 else {"a": deep}
at = Scope(payload=freeze({"deep": deep, "xs": [1, 2], "text": "ab" * 500}))
outcomes = []

def run():
    for source in SOURCES:
        try:
            outcomes.append(type(compile_template("{{ " + source + " }}", CelLanguage(), where="n").render(at).value))
        except ExpressionError as error:
            outcomes.append(error)

threading.stack_size(256 * 1024)
thread = threading.Thread(target=run)
thread.start()
thread.join()
assert len(outcomes) == len(SOURCES), outcomes
print("survived", sum(isinstance(outcome, type) for outcome in outcomes))
"""

AT_THE_LIMITS = [
    "(" * 16 + "1" + "+1" * 112 + ")" * 16,
    "[" * 16 + "1" + "]" * 16,
    "{'a':" * 16 + "1" + "}" * 16,
    "string(" * 16 + "1" + ")" * 16,
    "+".join(["1"] * 128),
    "payload" + ".a" * 127 + " + 1",
    "-" * 128 + "1",
    "false?1:" * 60 + "1",
    "(" * 14 + "payload.xs.map(x,payload.xs.map(y,1" + "+1" * 60 + ")" * 16,
    "payload.xs.map(x,payload.xs.filter(y," + "(" * 14 + "y>0" + ")" * 16,
    "[payload.deep].map(x,[x]).map(x,[x]).map(x,[x])",
    "payload.deep == payload.deep",
    "[" * 15 + "payload.deep" + "]" * 15,
    "payload.text.matches('" + "(" * 240 + "a" + ")" * 240 + "')",
    "payload.text.matches('" + "(a|" * 240 + "a" + ")" * 240 + "')",
    "payload.text.matches('" + "a|" * 1900 + "a')",
]

OVER_THE_LIMITS = [
    "+".join(["1"] * 20_000),
    "payload" + ".a" * 100_000,
    "1 + payload" + ".a" * 2000,
    "(" * 3000 + "1" + ")" * 3000,
    "((((" * 200,
    "[1]" + ".map(x,[x,x,x,x,x,x,x,x,x,x])" * 7,
    "1" + "\\n" * 70_000 + "+",
]


def test_a_thread_with_a_small_stack_survives_every_expression() -> None:
    program = f"SOURCES = {AT_THE_LIMITS + OVER_THE_LIMITS!r}\n" + SMALL_STACK
    done = subprocess.run([sys.executable, "-"], input=program, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("survived ")
    assert int(done.stdout.split()[1]) >= 12
