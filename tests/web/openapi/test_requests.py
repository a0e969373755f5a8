"""Requests that the description allows, and ones that it doesn't: none fails, every answer is as it is described."""

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ...effort import tries
from .conftest import Visitor
from .document import ANYTHING, Document, Operation, described

DOCUMENT = described()
OPERATIONS = [each for each in DOCUMENT.operations() if each.path != "/stream"]
"""All but the one whose answer takes a minute."""
HEADERS = st.one_of(
    st.sampled_from(['"1"', '"2"', '"22"', "*", "k-1"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=12),
)
KNOWN = ("RUN", "WAITING", "GOOD", "order-approval", "1", "9", "live", "latest", "9" * 40)
"""Words of addresses that lead somewhere, RUN and its like being those of the story."""


def query_values(document: Document, parameter: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Mostly what fits, else any text."""
    fitting = document.values(parameter["schema"])
    return st.one_of(fitting, fitting, st.text(max_size=8))


@st.composite
def requests(draw: st.DrawFn, document: Document, operation: Operation) -> tuple[dict[str, str], dict[str, Any]]:
    """The words of its address, and what goes with it."""
    texts = st.text(min_size=1, max_size=8).filter(lambda text: text not in (".", ".."))  # an address loses these
    words = st.one_of(st.sampled_from(KNOWN), st.sampled_from(KNOWN), texts)
    address = {each["name"]: draw(words) for each in operation.parameters("path")}
    options: dict[str, Any] = {}
    query = {each["name"]: each for each in operation.parameters("query")}
    needed = {name for name, each in query.items() if each.get("required")}
    chosen = draw(st.sets(st.sampled_from(sorted(query)), max_size=3)) if query else set()
    params = {name: draw(query_values(document, query[name])) for name in sorted(needed | chosen)}
    options["params"] = {name: _text(value) for name, value in params.items()}
    headers = [each["name"] for each in operation.parameters("header")]
    options["headers"] = draw(st.dictionaries(st.sampled_from(headers), HEADERS, max_size=1)) if headers else {}
    if operation.body is not None:
        fitting = document.values(operation.body)
        options["json"] = draw(st.one_of(fitting, fitting, ANYTHING))
    return address, options


def _text(value: Any) -> Any:
    """A value of an address: JSON's words for what is no text."""
    if isinstance(value, list):
        return [_text(each) for each in value]
    return {None: "null", True: "true", False: "false"}.get(value, value) if not isinstance(value, str) else value


@pytest.mark.scaled
@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_every_request_is_answered_as_it_is_described(operation: Operation, visitor: Visitor) -> None:
    told = visitor.told
    ids = {"RUN": told.run, "WAITING": told.waiting, "GOOD": told.good}

    @settings(max_examples=tries(32))
    @given(requests(DOCUMENT, operation))
    def send(request: tuple[dict[str, str], dict[str, Any]]) -> None:
        words, options = request
        path = operation.path
        for name, word in words.items():
            path = path.replace("{" + name + "}", quote(ids.get(word, word), safe=""))
        answer = visitor.send(operation.method, path, **options)
        assert answer.status_code < 500, answer.text
        expected = operation.answer(answer.status_code)
        if expected is None:
            assert answer.content == b""
            return
        kind, schema = expected
        assert answer.headers["content-type"].partition(";")[0] == kind
        if kind.endswith("json"):
            assert DOCUMENT.faults(schema, answer.json()) == []
            if answer.status_code >= 400:
                assert answer.json()["status"] == answer.status_code

    send()


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("/runs/RUN/audit", "RunAudit"),
        ("/runs/GOOD/audit", "RunAudit"),
        ("/runs/RUN/compare/GOOD", "RunComparison"),
        ("/workflows/order-approval/diff?a=1&b=live", "WorkflowDiff"),
    ],
)
def test_an_audit_and_differences_are_described_down_to_their_parts(path: str, schema: str, visitor: Visitor) -> None:
    for word, run in (("RUN", visitor.told.run), ("GOOD", visitor.told.good)):
        path = path.replace(word, run)
    document = visitor.send("GET", path).json()
    described_as = {"$ref": f"#/components/schemas/{schema}"}
    assert DOCUMENT.faults(described_as, document) == []
    required = DOCUMENT.data["components"]["schemas"][schema]["required"]
    for part in required:
        assert DOCUMENT.faults(described_as, {key: document[key] for key in document if key != part}) != [], part
    assert DOCUMENT.faults(described_as, document | {"unheardOf": 1}) != []
