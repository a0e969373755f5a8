"""What an expression refers to, and that it gets this and nothing else."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowledger.domain.errors import ExpressionError
from flowledger.domain.expressions import compile_template
from flowledger.domain.expressions.lexer import tokenize
from flowledger.domain.expressions.references import ANY, Scope, find_references
from flowledger.domain.expressions.selection import Selection

from .scenes import LANGUAGE, Result, scope, value_of

SCENE = scope(
    payload={"a": {"b": [10, {"c": 1}, 30], "d": 2}, "e": 3},
    nodes={"n1": [Result(1), Result({"v": 2}, "E: boom", 2)], "n2": [Result(3)]},
)


def found(source: str) -> list[tuple[Any, ...]]:
    return [(reference.root, *reference.keys) for reference in find_references(tokenize(source))]


@pytest.mark.parametrize(
    ("source", "paths"),
    [
        ("nodes.n1.last.data.val", [("nodes", "n1", "last", "data", "val")]),
        ("nodes['fetch-user'] . all [ 0 ] .data", [("nodes", "fetch-user", "all", 0, "data")]),
        ('payload["a b"]["""c"""].labels.size()', [("payload", "a b", "c", "labels")]),
        ("payload.a // payload.z\n .b", [("payload", "a", "b")]),
        ("payload[input.i].x", [("payload",), ("input", "i")]),
        ("nodes[payload.id].last.data", [("nodes", ANY, "last", "data"), ("payload", "id")]),
        ("x.payload + 'payload' + mypayload", []),
        ("payload.xs.map(x, x.y + globals.k)", [("payload", "xs"), ("globals", "k")]),
        ("payload.a['b\\'c']", [("payload", "a")]),
        ("payload.a[-1]", [("payload", "a")]),
        ("payload.in", [("payload",)]),
    ],
)
def test_paths_are_found_in_source(source: str, paths: list[tuple[Any, ...]]) -> None:
    assert found(source) == paths


@pytest.mark.parametrize(
    ("source", "variables"),
    [
        ("payload.a.d", {"payload": {"a": {"d": 2}}}),
        ("payload.a.b[1].c + payload.e", {"payload": {"a": {"b": {1: {"c": 1}}}, "e": 3}}),
        ("payload.a.b[1] == payload.a.b", {"payload": {"a": {"b": [10, {"c": 1}, 30]}}}),
        ("payload.nope.x", {"payload": {}}),
        ("has(payload.a) && has(payload.nope)", {"payload": {"a": {}}}),
        ("has(payload.a) && payload.a.d > 1", {"payload": {"a": {"d": 2}}}),
        ("nodes.n1.last.data.v", {"nodes": {"n1": {"last": {"data": {"v": 2}}}}}),
        ("nodes.n1.last.error", {"nodes": {"n1": {"last": {"error": "E: boom"}}}}),
        ("nodes.n1.all[0].data", {"nodes": {"n1": {"all": {0: {"data": 1}}}}}),
        ("nodes.n1.output", {"nodes": {"n1": {"output": {"v": 2}}}}),
        ("nodes[payload.e].output", {"nodes": {"n1": {"output": {"v": 2}}, "n2": {"output": 3}}, "payload": {"e": 3}}),
        ("nodes.ghost.last", {"nodes": {}}),
        ("1 + 1", {}),
    ],
)
def test_only_what_is_referred_to_is_handed_to_the_language(source: str, variables: dict[str, Any]) -> None:
    assert Selection(find_references(tokenize(source))).of(SCENE) == variables


def test_a_whole_node_has_its_last_result_all_results_all_attempts_the_output_and_the_error() -> None:
    first = {"data": 1, "timestamp": 1_700_000_000_000, "attempt": 1}
    last = {"data": {"v": 2}, "timestamp": 1_700_000_000_000, "attempt": 2, "error": "E: boom"}
    assert value_of("{{ nodes.n1 }}", SCENE) == {
        "last": last,
        "all": [first],
        "attempts": [first, last],
        "output": {"v": 2},
        "error": "E: boom",
    }
    assert value_of("{{ nodes }}", SCENE).keys() == {"n1", "n2"}


NAMES = st.sampled_from(["a", "b", "last", "data", "x y", "0", "true", "ä", "__class__"])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)
PATHS = st.lists(NAMES | st.integers(0, 3), max_size=4)


def written(path: list[str | int]) -> str:
    return "payload" + "".join(f"[{key}]" if isinstance(key, int) else f"['{key}']" for key in path)


def outcome(source: str, at: Scope) -> tuple[Any, ...]:
    try:
        value = value_of(f"{{{{ {source} }}}}", at)
    except ExpressionError as error:
        return "error", str(error).rpartition("}}: ")[2]
    return type(value).__name__, value


@settings(deadline=None)
@given(JSON, PATHS)
def test_a_path_that_is_read_directly_answers_as_the_language_does(payload: Any, path: list[str | int]) -> None:
    at = scope(payload=payload)
    # Brackets make it an expression for the language.
    assert outcome(written(path), at) == outcome(f"({written(path)})", at)


@settings(deadline=None)
@given(JSON.filter(lambda payload: payload is not None), PATHS, PATHS)  # without one, it is absent, and in ``all`` null
def test_leaving_out_what_is_not_referred_to_changes_no_answer(
    payload: Any, path: list[str | int], other: list[str | int]
) -> None:
    at = scope(payload=payload)
    source = f"[{written(path)}, {written(other)}]"
    # Concatenation keeps the keys unknown until evaluation, so the language gets all of the payload.
    whole = source.replace("payload", "payload[''+'all']")
    kind, value = outcome(source, at)
    kind_of_whole, value_of_whole = outcome(whole, scope(payload={"all": payload}))
    assert kind == kind_of_whole
    if kind != "error":
        assert value == value_of_whole


def test_the_language_is_asked_at_compile_time_only_for_what_is_no_path() -> None:
    asked: list[str] = []

    class Asked:
        def compile(self, source: str) -> Any:
            asked.append(source)
            return LANGUAGE.compile(source)

    compile_template(["{{ payload.a.b[0] }}", "{{ payload.a + 1 }}"], Asked(), where="n")
    assert asked == ["payload.a + 1"]
