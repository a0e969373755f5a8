"""What may be shown, and what may be a name: one set of characters, one function."""

import inspect
import json
import re
import unicodedata
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import flowledger as fl
from flowledger.domain import errors
from flowledger.domain.values.names import check_name
from flowledger.domain.visible import quoted, visible, visible_json, visible_lines

from .test_commands import OBEYED
from .values import CONTROL_CHARACTERS, HARMLESS, NAME, SURROGATE, TEXT, deep

any_text = st.text(st.characters(), max_size=30) | st.sampled_from((*CONTROL_CHARACTERS, *HARMLESS, SURROGATE, TEXT))


@given(any_text)
def test_what_is_shown_has_nothing_that_is_obeyed(text: str) -> None:
    assert not OBEYED.search(visible(text))
    assert not set("\n\t") & set(visible(text))
    assert not OBEYED.search(visible_lines(text))


@given(any_text)
def test_what_is_not_obeyed_is_shown_as_it_is(text: str) -> None:
    assert visible(text).startswith(text) or any(
        unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in text
    )
    assert visible(visible(text)) == visible(text)
    assert visible_lines(text).count("\n") == text.count("\n")


@pytest.mark.parametrize("text", HARMLESS)
def test_scripts_emoji_and_signs_stay(text: str) -> None:
    assert visible(text) == text


json_values = st.recursive(
    st.none() | st.booleans() | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
)


@given(json_values, st.sampled_from([None, 2]))
def test_visible_json_has_the_same_value(value: Any, indent: int | None) -> None:
    for ascii_only in (True, False):
        shown = visible_json(json.dumps(value, ensure_ascii=ascii_only, indent=indent))
        assert json.loads(shown) == value
        assert not OBEYED.search(shown)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_name_is_refused_exactly_where_it_would_be_shown_with_escapes(name: str) -> None:
    if visible(name) == name:
        check_name(name, "by")
    else:
        with pytest.raises(
            fl.InvalidValue, match=r"^by: .* has \\.* at character \d+: a name has no control"
        ) as refused:
            check_name(name, "by")
        assert not OBEYED.search(str(refused.value))


LARGE = {
    "deep": deep(100_000),
    "digits": 10**5_000,
    "long": "x" * 10**6,
    "inside": {"a": deep(50)},
    "many": [1] * 10**6,
}


@pytest.mark.parametrize("value", LARGE.values(), ids=LARGE)
def test_a_quoted_value_is_short_whatever_it_is(value: Any) -> None:
    assert 0 < len(quoted(value)) < 500


def test_what_is_not_long_is_quoted_as_python_writes_it() -> None:
    for value in ("a", "it's", 7, None, [1, "b"], {"a": (1,)}, datetime(2026, 1, 1, tzinfo=UTC), 2.5):
        assert quoted(value) == repr(value)


# --- errors -----------------------------------------------------------------------------------------------------------


MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


class Odd(str):
    """Stands in an error for any attribute that messages use."""

    def isoformat(self) -> str:
        return str(self)

    @property
    def id(self) -> str:
        return str(self)

    @property
    def status(self) -> str:
        return str(self)


def every_error() -> list[type[fl.FlowledgerError]]:
    found = [one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, fl.FlowledgerError)]
    return [one for one in found if one not in (fl.NonRetryable, fl.RetryLater)]


@pytest.mark.parametrize("text", [*CONTROL_CHARACTERS, TEXT, SURROGATE, *HARMLESS])
@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_no_message_of_an_error_steers_who_reads_it(kind: type[fl.FlowledgerError], text: str) -> None:
    if "__init__" not in vars(kind):
        assert not OBEYED.search(str(kind(text)))
        return
    given: dict[str, Any] = {}
    for name in list(inspect.signature(kind).parameters):
        is_number = name in ("line", "head", "actual", "version", "known", "stored", "count", "timeout", "pid")
        lists = {
            "faults": [fl.Fault(text, text)],
            "issues": [fl.Fault(text, text)],
            "changes": [],
            "conflicts": [text],
            "streams": {text: 1},
            "needed": {text: [text]},
            "readers": {text: text},
        }
        given[name] = lists.get(name, 3 if is_number or name == "expected" else Odd(text))
    assert not OBEYED.search(str(kind(**given)))
    reasons = {name: "a reason" for name in given if name in ("message", "reason")}
    times = {
        name: MOMENT for name in given if name in ("saved_at", "used_at", "answered_at", "at", "first", "lease_until")
    }
    times |= {"asked": MOMENT} if kind is fl.NothingAsOf else {}
    said = str(kind(**given | reasons | times))
    assert not re.search("^FORGED", said, re.MULTILINE), "a name began a line of the message"


def test_the_message_of_an_application_is_recorded_as_it_is_and_shown_with_escapes(tmp_path: Any) -> None:
    executors = fl.ExecutorRegistry()

    @executors.register("t")
    def fail(step: fl.StepContext) -> None:
        raise fl.NonRetryable(TEXT)

    with fl.open_ledger(f"sqlite:///{tmp_path}/s.db", executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "n", "type": "t"}]}, workflow_id="w")
        run = ledger.runs.start("w")
        assert run.snapshot.context["n"][0].error == f"NonRetryable: {TEXT}"
        assert not OBEYED.search(str(ledger.history.audit(run.id)))


# --- where names are made ---------------------------------------------------------------------------------------------

NODE = {"id": "n", "type": "t"}


def save(ledger: fl.Ledger, **changed: Any) -> None:
    definition = {"nodes": [NODE, NODE | {"id": "m"}], "edges": [{"source": "n", "target": "m"}]}
    ledger.workflows.save({**definition, **changed}, workflow_id="other")


MAKING: dict[str, Any] = {
    "workflow_id": lambda ledger, name: ledger.workflows.save({"nodes": [NODE]}, workflow_id=name),
    "by": lambda ledger, name: ledger.workflows.save({"nodes": [NODE]}, workflow_id="w", by=name),
    "name": lambda ledger, name: ledger.workflows.rename("w", name),
    r"nodes\[0\].id": lambda ledger, name: save(ledger, nodes=[NODE | {"id": name}], edges=[]),
    r"nodes\[0\].type": lambda ledger, name: save(ledger, nodes=[NODE | {"type": name}], edges=[]),
    r"edges\[0\].id": lambda ledger, name: save(ledger, edges=[{"id": name, "source": "n", "target": "m"}]),
    r"edges\[0\].sourceHandle": lambda ledger, name: save(
        ledger, edges=[{"source": "n", "target": "m", "sourceHandle": name}]
    ),
    "idempotency_key": lambda ledger, name: ledger.runs.start("w", idempotency_key=name),
    "handle": lambda ledger, name: ledger.runs.fork(ledger.history.runs()[0].id, output=fl.StepResult(1, handle=name)),
    "executor type": lambda _ledger, name: fl.ExecutorRegistry().register(name)(len),
}


@pytest.fixture
def ledger() -> Any:
    executors = fl.ExecutorRegistry()
    executors.register("t")(lambda step: step.payload)
    with fl.open_ledger("memory:", executors) as opened:
        opened.workflows.save({"nodes": [NODE]}, workflow_id="w")
        opened.runs.start("w")
        yield opened


@pytest.mark.parametrize("place", MAKING)
@pytest.mark.parametrize("name", [*(text for text in CONTROL_CHARACTERS if "\0" not in text), SURROGATE])
def test_a_name_that_steers_is_refused_where_it_is_made(ledger: fl.Ledger, place: str, name: str) -> None:
    before = ledger.verify().events
    with pytest.raises(fl.InvalidRequest, match=rf"(?m)(^|- ){place}: ") as refused:
        MAKING[place](ledger, name)
    assert not OBEYED.search(str(refused.value))
    assert ledger.verify().events == before


@pytest.mark.parametrize("place", [place for place in MAKING if place not in ("handle", r"nodes\[0\].type")])
@pytest.mark.parametrize("name", [NAME, *HARMLESS[:10]])
def test_any_other_name_is_taken(ledger: fl.Ledger, place: str, name: str) -> None:
    if not (place == "workflow_id" and "@" in name):
        MAKING[place](ledger, name)


@pytest.mark.parametrize("name", [text for text in CONTROL_CHARACTERS if "\0" not in text])
def test_a_handle_that_steers_fails_the_step_that_returns_it(name: str) -> None:
    executors = fl.ExecutorRegistry()
    executors.register("t")(lambda step: fl.StepResult(1, handle=name))
    with fl.open_ledger("memory:", executors) as ledger:
        ledger.workflows.save({"nodes": [NODE]}, workflow_id="w")
        run = ledger.runs.start("w")
        assert run.status == "failed"
        assert "a name has no control characters" in str(run.snapshot.context["n"][0].error)
