"""Which globals an expression can't do without, so that a call which lacks them is refused before it begins."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowledger.domain.errors import ExpressionError
from flowledger.domain.expressions import compile_template
from flowledger.domain.values.json import freeze

from ...effort import tries
from .scenes import LANGUAGE, scope


def required(data: Any) -> set[str]:
    return set(compile_template(data, LANGUAGE, where="n").required_globals)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("globals.a", "a"),
        ("globals['a']", "a"),
        ("globals.a.b.c", "a"),
        ("globals.a + globals.b", "ab"),
        ("size(globals.a)", "a"),
        ("[1, globals.a, {'k': globals.b}]", "ab"),
        ("{'k': globals.a}.k", "a"),
        ("payload[globals.a]", "a"),
        ("globals.a ? 1 : 2", "a"),
        ("globals.a == 'x' ? globals.b : globals.c", "a"),
        ("(payload.dry ? 'x' : 'y') + globals.a", "a"),
        ("globals.a.map(one, one + globals.b)", "a"),
        ("string(globals.a).startsWith(globals.b)", "ab"),
        ("!globals.a", "a"),
        ("globals.a > 3 && payload.x", ""),
        ("payload.x || globals.a", ""),
        ("(payload.x || globals.a) ? globals.b : 1", ""),
        ("[payload.x || globals.a, globals.b]", "b"),
        ("has(globals.a) ? globals.a : 'none'", ""),
        ("has(globals.a.b)", ""),
        ("'a' in globals ? globals.a : 'none'", ""),
        ("payload.dry ? null : globals.a", ""),
        ("payload.x ? globals.a : globals.a", ""),
        ("payload.items.filter(one, one == globals.a)", ""),
        ("payload.items.all(one, one == (globals.a))", ""),
        ("globals", ""),
        ("globals[payload.name]", ""),
        ("size(globals)", ""),
        ("payload.globals.a", ""),
        ("'globals.a'", ""),
        ("1 // globals.a", ""),
    ],
)
def test_what_is_read_in_any_case_is_required(source: str, names: str) -> None:
    assert required({"x": f"{{{{ {source} }}}}"}) == set(names)


def test_the_data_of_a_node_require_what_any_of_its_expressions_does() -> None:
    data = {
        "a": "Bearer {{ globals.a }} for {{ globals['b c'] }}",
        "list": [1, {"deep": "{{ globals.d }}"}],
        "guarded": "{{ has(globals.e) ? globals.e : '' }}",
        "{{ globals.key }}": "no expression",
        "text": "globals.f",
        "faulty": "{{ globals.g + }}",
    }
    assert required(data) == {"a", "b c", "d"}
    assert required({"x": 1}) == set()


NAMES = ("a", "b", "c")
expressions = st.recursive(
    st.sampled_from([*(f"globals.{name}" for name in NAMES), "has(globals.a)", "payload.yes", "true", "false"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner, inner).map(lambda parts: "({} ? {} : {})".format(*parts)),
        st.tuples(inner, st.sampled_from(["&&", "||", "==", "? true :"]), inner).map(" ".join),
        st.tuples(inner, st.sampled_from(["&&", "||", "=="]), inner).map(lambda parts: f"({' '.join(parts)})"),
        inner.map("!({})".format),
        inner.map("({} in [{0}, true])".replace("{0}", "false").format),
        inner.map("[{}].exists(one, one)".format),
        inner.map("payload.none.all(one, {})".format),
        st.tuples(inner, inner).map(lambda parts: "[{}, {}][0]".format(*parts)),
        inner.map("{{'k': {}}}.k".format),
    ),
    max_leaves=8,
)


@settings(max_examples=tries(2000), deadline=None)
@given(expressions)
def test_without_a_required_one_an_expression_has_no_value_whatever_else_there_is(source: str) -> None:
    template = compile_template(f"{{{{ {source} }}}}", LANGUAGE, where="n")
    payload = freeze({"yes": True, "no": False, "none": []})
    for missing in template.required_globals:
        for value in (True, False):
            given = {name: value for name in NAMES if name != missing}
            with pytest.raises(ExpressionError):
                template.render(scope(payload, globals=given))
