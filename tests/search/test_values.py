"""Filters by value: what a database decides, CEL decides alike."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from flowledger.domain.errors import InvalidRequest, InvalidValue
from flowledger.domain.expressions.language import Allowance
from flowledger.infrastructure.queries.search.filters import Filter
from flowledger.infrastructure.queries.search.query import search_query
from flowledger.infrastructure.queries.search.sql import condition
from flowledger.infrastructure.storage.event_store import LedgerEventStore
from flowledger.projections.index.query import RunQuery
from flowledger.projections.search import SEARCH_REVISION, SearchEntry, document_of

from ..effort import tries
from .events import NOW, append, completed, index_of, keys, scalars, searched, started, values

PATHS = (
    "payload",
    'payload["a"]',
    "payload.b",
    'payload["a b"]',
    "payload.a.b",
    "payload.a[0]",
    'payload["0"]',
    "payload[1]",
    "output.n",
    'output["n/1"].a',
    "metadata.a",
    'payload["c.d"]',
    'payload[""]',
)
CONSTANTS = (
    "1",
    "-2.5",
    "0",
    "0.1",
    "1e-7",
    "10",
    '"acme"',
    '""',
    '"a b"',
    "true",
    "false",
    "null",
    '"Straße"',
    "[1]",
    "0x10",
    "9.999999999999998",
    "9007199254740993",
    '"\\u00e9"',
    "10000000000000000.0",
    "18446744073709551615",
    "9223372036854775808",
    '"\\ud83d\\ude42 ok"',
)
OPERATORS = ("==", "!=", "<", "<=", ">", ">=")

comparisons = st.one_of(
    st.builds("{} {} {}".format, st.sampled_from(PATHS), st.sampled_from(OPERATORS), st.sampled_from(CONSTANTS)),
    st.builds("{} {} {}".format, st.sampled_from(CONSTANTS), st.sampled_from(OPERATORS), st.sampled_from(PATHS)),
)
others = st.sampled_from(["has(payload.a)", "size(payload.b) > 1", 'payload.a.startsWith("a")', "payload.a in [1, 2]"])
expressions = st.recursive(
    st.one_of(comparisons, comparisons, st.sampled_from(PATHS), others),
    lambda inner: st.one_of(
        inner.map("!({})".format),
        st.builds("({} && {})".format, inner, inner),
        st.builds("{} || {}".format, inner, inner).map("({})".format),
        st.builds("{} && {}".format, inner, inner),
    ),
    max_leaves=4,
)
ofttimes = st.dictionaries(st.sampled_from(["a", "b", "a b", "0", "c.d", ""]), st.one_of(values, scalars), max_size=4)


def in_store(store: LedgerEventStore, run_id: str, events: list[Any]) -> None:
    entry = SearchEntry(run_id, NOW, 1)
    for event in events:
        entry.add(event.type, event.data)
    store.search.restart(SEARCH_REVISION)
    assert store.search.save(store.search.progress(), store.log_batch(0), [entry])


@pytest.mark.scaled
def test_a_database_answers_as_cel_does(store: LedgerEventStore) -> None:
    append(store, "run", [started()])

    @settings(max_examples=tries(300), deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.one_of(ofttimes, values), values, ofttimes, expressions)
    @example({"a": 2**53 + 1}, None, {}, "payload.a > 9007199254740992.0")
    @example({"a": [1]}, None, {}, 'payload["a"] == 1')
    @example({"a": 1}, None, {}, "payload.a[0] != 2")
    @example({"a": [{"b": 1}]}, None, {}, "payload.a.b < 2")
    @example({"a": "y" * 1_001}, None, {}, 'payload["a"] != 1')
    @example({"b": "x"}, None, {}, "!(payload.b < 1)")
    def check(payload: Any, output: Any, metadata: dict[str, Any], source: str) -> None:
        events = [started(payload, metadata=metadata), completed("n", output), completed("n/1", {"a": output})]
        in_store(store, "run", events)
        one = Filter(source)
        whole = document_of((event.type, event.data) for event in events)
        expected = one.matches(whole, Allowance())
        found = condition(store.recorder.dialect, None, [one])
        ((may, sure),) = store.recorder.query(
            f"SELECT ({found.sql}) IS TRUE, {found.certain} FROM flowledger_search AS s",
            found.parameters,
        )
        kept = store.search.entries(["run"])["run"].document
        assert may or not expected
        assert expected or not (may and sure)
        if one.exact and not one.may_miss(kept) and "\\" not in source:
            assert bool(may and sure) == expected
        if not one.may_miss(kept):
            assert one.matches(kept, Allowance()) == expected

    check()


@pytest.mark.parametrize("number", [2**64 - 1, 2**63, 2**63 - 1, -(2**63), 2**53 + 1])
def test_any_number_that_can_be_stored_is_found_and_none_beside_it(store: LedgerEventStore, number: int) -> None:
    append(store, "run", [started({"v": number}, metadata={"v": [number]}), completed("n", {"v": number})])
    near = number - 1 if number > 0 else number + 1
    for path in ("payload.v", "output.n.v", "metadata.v[0]"):
        assert found(store, f"{path}={number}") == ["run"]
        assert found(store, f"{path} == {number} && {path} >= {number}") == ["run"]
        assert found(store, f"{path}={near}") == found(store, f"{path}!={number}") == []


@pytest.mark.parametrize(
    ("shorthand", "expression"),
    [
        ("payload.customer=acme", 'payload["customer"] == "acme"'),
        ("payload.customer = acme ltd", 'payload["customer"] == "acme ltd"'),
        ("payload.customer!=acme", 'payload["customer"] != "acme"'),
        ("output.fetch-user.score>10", 'output["fetch-user"]["score"] > 10'),
        ("payload.items[0].price<=2.5", 'payload["items"][0]["price"] <= 2.5'),
        ('output["a/b c"].ok=true', 'output["a/b c"]["ok"] == true'),
        ('payload.zip="01234"', 'payload["zip"] == "01234"'),
        ("payload.zip=01234", 'payload["zip"] == "01234"'),
        ("payload.x=NaN", 'payload["x"] == "NaN"'),
        ('payload.note=it\'s "so"', 'payload["note"] == "it\'s \\"so\\""'),
    ],
)
def test_the_shorthand_is_short_for_an_expression(shorthand: str, expression: str) -> None:
    short, long = Filter(shorthand), Filter(expression)
    assert short.term == long.term
    assert short.exact == long.exact


@pytest.mark.parametrize(
    ("source", "said", "column"),
    [
        ("payload.a ==", "it ends too early", 13),
        ("payload.a == acme", "unknown name 'acme' at column 14", 14),
        ("paylod.a == 1", "did you mean 'payload'", 1),
        ("payload.a == 1 &&& payload.b", "column 18", 18),
        ("payload.a.sise() > 1", "unknown function 'sise', did you mean 'size'", None),
        ("globals.key == 'x'", "filters see payload, output and metadata", 1),
        ("payload.a = 1 && payload.b = 2", "write == in an expression", None),
        ("", "is empty", None),
        ("   ", "is empty", None),
        ("(" * 20 + "payload.a" + ")" * 20, "levels of brackets", None),
        ("payload.a == " + "1" * 5_000, "5,013 characters long", None),
        (7, "is int, not text", None),
    ],
)
def test_a_filter_that_cannot_be_read_says_where(source: Any, said: str, column: int | None) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Filter(source)
    message = str(refused.value)
    assert said in message
    if column is not None:
        assert message.endswith(f"  {source}\n  {' ' * (column - 1)}^")


def test_a_filter_that_costs_too_much_is_stopped() -> None:
    greedy = Filter("payload.a.exists(x, payload.a.exists(y, x + y == -1))")
    document = {"payload": {"a": list(range(100))}, "output": {}, "metadata": {}}
    assert not greedy.matches(document, Allowance())
    with pytest.raises(InvalidRequest, match=r"too much data.*narrow the search down"):
        greedy.matches(document, Allowance(100_000))


@given(ofttimes, st.one_of(keys, st.just("a")), scalars)
def test_any_key_and_any_text_can_be_asked_for(payload: dict[str, Any], key: str, value: Any) -> None:
    asked = Filter(f"payload[{in_cel(key)}] == {in_cel(str(value))}")
    document = {"payload": payload | {key: str(value)}, "output": {}, "metadata": {}}
    assert asked.matches(document, Allowance())


def in_cel(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def test_the_filters_of_the_reference_page_can_be_read() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/search.md").read_text()
    filters = re.findall(r"^\| `((?:payload|output|metadata)[.\[].*?)` \|", page, re.MULTILINE)
    assert len(filters) == 5
    for source in filters:
        Filter(source.replace("\\|", "|"))


@pytest.mark.parametrize("node_id", ["a\0b", "a\N{REPLACEMENT CHARACTER}b"])
def test_an_output_is_found_whatever_its_node_is_called(store: LedgerEventStore, node_id: str) -> None:
    append(store, "run", [started(), completed(node_id, "here")])
    for asked in ("a\0b", "a\N{REPLACEMENT CHARACTER}b"):
        expected = ["run"] if asked == node_id else []
        assert found(store, f"output[{in_cel(asked)}] == 'here'") == expected


def found(store: LedgerEventStore, *where: str) -> list[str]:
    index_of(store).catch_up()
    search = search_query(None, where)
    assert search is not None
    return [row.run_id for row in searched(store).page(RunQuery(), search, 10)]


def test_a_filter_that_is_no_unicode_is_refused() -> None:
    with pytest.raises(InvalidValue, match="lone surrogate"):
        Filter("payload.a == '\ud800'")


def test_a_filter_that_computes_the_name_of_a_node_reads_what_was_left_out(store: LedgerEventStore) -> None:
    append(store, "run", [started({"node": "large"}), completed("large", "x" * 2_000)])
    assert found(store, "output[payload.node].startsWith('xx')") == ["run"]
