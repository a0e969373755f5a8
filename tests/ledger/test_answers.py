"""An answer is checked by the schema of its wait before anything is written; a deadline answers where nobody did."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flowledger as fl
from flowledger.infrastructure.execution.expressions import answer_schema

from ..effort import tries


class Approval(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    approved: bool
    note: str = ""


SCHEMA = {
    "type": "object",
    "properties": {"approved": {"type": "boolean"}, "note": {"type": "string", "default": "none"}},
    "required": ["approved"],
    "additionalProperties": False,
}
WRONG: list[Any] = [{"approved": "maybe"}, {}, {"approved": 1}, {"approved": True, "by": 1}, "yes", None, [], True]


class Desk:
    """A ledger with one node that asks as it is told."""

    def __init__(self, url: str) -> None:
        self.now = datetime(2026, 3, 1, 9, tzinfo=UTC)
        self.question: Any = fl.Pause("approve?")
        self.answers: list[fl.Answer] = []
        executors = fl.ExecutorRegistry()
        executors.register("ask", retry=fl.RetryPolicy(max_retries=3, interval=0))(self.ask)
        self.ledger = fl.open_ledger(url, executors, clock=lambda: self.now)
        self.runs = self.ledger.runs
        self.ledger.workflows.save({"nodes": [{"id": "a", "type": "ask"}]}, workflow_id="w", by="ada")

    def ask(self, step: fl.StepContext) -> Any:
        if step.answer is None:
            return self.question
        self.answers.append(step.answer)
        return step.answer.payload

    def start(self, **question: Any) -> fl.Run:
        self.question = fl.Pause("approve?", **question)
        return self.runs.start("w", payload={"order": 1}, by="shop")


@pytest.fixture
def desk(store_url: str) -> Iterator[Desk]:
    desk = Desk(store_url)
    yield desk
    desk.ledger.close()


@pytest.fixture
def memory_desk() -> Desk:
    return Desk("memory:")


@pytest.mark.parametrize("schema", [Approval, SCHEMA], ids=["model", "schema"])
def test_an_answer_that_does_not_fit_is_refused_and_nothing_is_written(desk: Desk, schema: Any) -> None:
    run = desk.start(answer=schema)
    (wait,) = run.waits
    for wrong in WRONG:
        for named in (None, wait.id):
            with pytest.raises(fl.InvalidAnswer) as refused:
                desk.runs.resume(run.id, payload=wrong, by="bob", wait=named)
            assert refused.value.wait == wait.id
            assert refused.value.issues
            assert desk.runs.get(run.id) == run
    assert desk.runs.resume(run.id, payload={"approved": False}, by="bob").status == "completed"


def test_the_issues_name_the_place_and_what_is_wrong(memory_desk: Desk) -> None:
    run = memory_desk.start(answer={"type": "object", "properties": {"lines": {"items": {"minimum": 1}}}})
    with pytest.raises(fl.InvalidAnswer) as refused:
        memory_desk.runs.resume(run.id, payload={"lines": [1, 0, -1]}, by="bob")
    assert [issue.path for issue in refused.value.issues] == ["lines.1", "lines.2"]
    assert "lines.1: 0 is less than the minimum of 1" in str(refused.value)
    with pytest.raises(fl.InvalidAnswer) as refused:
        memory_desk.runs.resume(run.id, payload={"lines": [0] * 90}, by="bob")
    assert (len(refused.value.issues), refused.value.count) == (50, 90)
    assert str(refused.value).endswith("  - 40 more")


def test_an_answer_arrives_as_it_was_given(desk: Desk) -> None:
    run = desk.start(answer=SCHEMA)
    desk.runs.resume(run.id, payload={"approved": True}, by="bob")
    assert desk.answers == [fl.Answer({"approved": True}, "bob", desk.now, timed_out=False, wait=run.waits[0].id)]


@given(
    answer=st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3), st.lists, max_leaves=5)
)
@settings(max_examples=tries(25), deadline=None)
def test_what_has_no_schema_takes_any_answer_once(answer: Any) -> None:
    desk = Desk("memory:")
    run = desk.start()
    done = desk.runs.resume(run.id, payload=answer, by="bob", wait=run.waits[0].id)
    assert [given.payload for given in desk.answers] == [answer]
    assert desk.runs.resume(run.id, payload=answer, by="bob", wait=run.waits[0].id) == done
    with pytest.raises(fl.WaitClosed):
        desk.runs.resume(run.id, payload=[answer], by="bob", wait=run.waits[0].id)


def test_a_closed_wait_says_so_whatever_is_said_to_it(memory_desk: Desk) -> None:
    run = memory_desk.start(answer=SCHEMA)
    memory_desk.runs.resume(run.id, payload={"approved": True}, by="bob")
    with pytest.raises(fl.WaitClosed) as closed:
        memory_desk.runs.resume(run.id, payload="no approval at all", by="eve", wait=run.waits[0].id)
    assert closed.value.answered_by == "bob"


def test_a_held_run_refuses_also_what_would_not_fit(memory_desk: Desk) -> None:
    run = memory_desk.start(answer=SCHEMA)
    memory_desk.runs.hold(run.id, by="ops")
    with pytest.raises(fl.RunHeld):
        memory_desk.runs.resume(run.id, payload="nonsense", by="bob")


def test_a_fork_that_brings_an_answer_is_checked_by_the_question_of_its_source(desk: Desk) -> None:
    run = desk.start(answer=SCHEMA)
    written = desk.ledger.verify().events
    with pytest.raises(fl.InvalidAnswer):
        desk.runs.fork(run.id, payload={"approved": "maybe"}, by="eve")
    assert desk.ledger.verify().events == written
    assert desk.runs.fork(run.id, payload={"approved": True}, by="eve").status == "completed"


class NoSchema(pydantic.BaseModel):
    call: Any = pydantic.Field(json_schema_extra=lambda _: 1 / 0)  # type: ignore[arg-type,return-value]


BAD_SCHEMAS: dict[str, Any] = {
    "no schema": 7,
    "a list": [SCHEMA],
    "an unknown type": {"type": "approval"},
    "a bad pattern": {"pattern": "("},
    "a reference elsewhere": {"$ref": "https://example.com/s.json"},
    "no JSON": {"const": object()},
    "too large": {"enum": [f"{number:08}" for number in range(9_000)]},
    "too many patterns": {"properties": {f"p{number}": {"pattern": "[a-z]{1,1000}"} for number in range(31)}},
    "too many patterns of names": {"patternProperties": {f"{number}[a-z]+": {} for number in range(31)}},
    "a model without one": NoSchema,
}


@pytest.mark.parametrize("name", BAD_SCHEMAS)
def test_a_schema_that_no_answer_could_be_checked_by_fails_the_step_at_once(memory_desk: Desk, name: str) -> None:
    run = memory_desk.start(answer=BAD_SCHEMAS[name])
    assert run.status == "failed", "it would be as bad at a retry"
    (result,) = run.snapshot.context["a"]
    assert result.error is not None
    assert result.error.startswith("InvalidValue: answer")


def test_an_answer_that_takes_too_long_to_check_is_refused(memory_desk: Desk) -> None:
    doubling: dict[str, Any] = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)}
    run = memory_desk.start(answer={"$ref": "#/$defs/d0", "$defs": doubling | {"d40": {"type": "string"}}})
    with pytest.raises(fl.InvalidAnswer, match="too large to be checked"):
        memory_desk.runs.resume(run.id, payload="yes", by="bob")


def test_an_unusable_schema_from_elsewhere_is_told_and_nothing_is_written(
    memory_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = memory_desk.start(answer=SCHEMA)
    monkeypatch.setattr(answer_schema, "MAX_SCHEMA", 3)  # as if a release with other bounds had recorded it
    with pytest.raises(fl.IllegalTransition, match=r"its schema can't be used.*cancel the run, or fork it"):
        memory_desk.runs.resume(run.id, payload={"approved": True}, by="bob")
    assert memory_desk.runs.get(run.id) == run


def test_a_deadline_answers_where_nobody_did(desk: Desk) -> None:
    run = desk.start(answer=SCHEMA, until=desk.now + timedelta(hours=1))
    assert run.next_due_at == desk.now + timedelta(hours=1)
    with pytest.raises(fl.IllegalTransition, match="its deadline is 2026-03-01T10:00:00"):
        desk.runs.proceed(run.id, by="timer")
    desk.now += timedelta(hours=1)
    assert desk.runs.proceed(run.id, by="timer").status == "completed"
    assert desk.answers == [fl.Answer(None, "timer", desk.now, timed_out=True, wait=run.waits[0].id)]
    with pytest.raises(fl.WaitClosed):
        desk.runs.resume(run.id, payload={"approved": True}, by="bob", wait=run.waits[0].id)
    (pause,) = desk.ledger.history.audit(run.id).pauses
    assert (pause.timed_out, pause.answer, pause.until) == (True, SCHEMA, run.next_due_at)
    (event,) = (event for event in desk.ledger.history.events(run.id) if event.type == "run.resumed")
    assert event.data["timed_out"] is True


def test_somebody_may_answer_after_the_deadline_as_long_as_it_has_not(memory_desk: Desk) -> None:
    run = memory_desk.start(answer=SCHEMA, until=memory_desk.now + timedelta(hours=1))
    memory_desk.now += timedelta(hours=2)
    with pytest.raises(fl.InvalidAnswer):
        memory_desk.runs.resume(run.id, by="bob")
    memory_desk.runs.resume(run.id, payload={"approved": True}, by="bob")
    assert [answer.timed_out for answer in memory_desk.answers] == [False]


def test_a_wait_without_a_deadline_never_ends_by_itself(memory_desk: Desk) -> None:
    run = memory_desk.start()
    memory_desk.now += timedelta(days=10_000)
    with pytest.raises(fl.IllegalTransition, match="is paused: resume it"):
        memory_desk.runs.proceed(run.id, by="timer")
    assert memory_desk.runs.get(run.id).next_due_at is None


def test_an_executor_that_returns_the_answer_itself_is_told_what_to_return() -> None:
    executors = fl.ExecutorRegistry()
    executors.register("ask")(lambda step: step.answer or fl.Pause("approve?"))
    with fl.open_ledger("memory:", executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "a", "type": "ask"}]}, workflow_id="w")
        run = ledger.runs.resume(ledger.runs.start("w").id, payload=1)
        (failure,) = ledger.history.failures()
        assert run.status == "failed"
        assert "an Answer is not JSON; return its payload: step.answer.payload" in failure.message
