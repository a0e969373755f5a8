"""Globals never reach the log, unless an executor returns them."""

import dataclasses
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pydantic
import pytest

import flowledger as fl
from flowledger.domain.execution.recordable import MAX_ERROR_TEXT
from flowledger.domain.masking import LONGEST_FORM, Masker

from .harness import Harness, line

SECRET = "tr0ub4dor-&-3"


def test_secrets_are_nowhere_in_the_file(tmp_path: Path) -> None:
    def careless(step: fl.StepContext) -> Any:
        token = step.globals["token"]
        step.log.info("calling with %s", token)
        step.log.debug("headers %r", {"auth": f"Bearer {token}"})
        try:
            raise ConnectionError(f"401 for {token}")
        except ConnectionError:
            step.log.exception("failed")
            raise ValueError(f"no access with {token!r}") from None

    def badly_typed(step: fl.StepContext) -> Any:
        return {step.globals["token"]: {1}}

    def honest(step: fl.StepContext) -> Any:
        return step.data

    executors = fl.ExecutorRegistry()
    executors.register("careless")(careless)
    executors.register("badly")(badly_typed)
    executors.register("schema", input={"type": "object", "properties": {"auth": {"type": "integer"}}})(honest)
    executors.register("input")(lambda step: len(step.data["auth"]))
    token = "{{ globals.token }}"
    data = {"auth": token, "mixed": f"Bearer {token}!", "nested": [{"t": token}]}
    path = tmp_path / "secrets.db"
    with fl.open_ledger(f"sqlite:///{path}", executors) as ledger:
        given = {"token": SECRET, "deep": {"token": SECRET}}
        for kind in ("careless", "badly", "schema", "input"):
            node = {"id": "n", "type": kind, "data": data}
            ledger.workflows.save({"nodes": [node]}, workflow_id=kind)
            if kind == "schema":
                with pytest.raises(fl.WorkOrderRejected):
                    ledger.runs.start(kind, globals=given)
                continue
            run = ledger.runs.start(kind, globals=given)
            assert run.status == ("completed" if kind == "input" else "failed")
            (*_, event) = ledger.history.events(run.id)
            if kind in ("careless", "input"):
                assert event.data["input"]["auth"] == "***"
        assert ledger.history.snapshot(run.id).context["n"][0].output == len(SECRET)
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"***" in stored
    assert SECRET.encode() not in stored
    assert json.dumps(SECRET)[1:-1].encode() not in stored


def test_a_secret_that_an_executor_returns_is_its_output(memory_desk: Harness) -> None:
    run = memory_desk.start(lambda step: step.globals["token"], globals={"token": SECRET})
    assert run.snapshot.context["only"][0].output == SECRET


def test_globals_are_gone_with_the_call(memory_desk: Harness) -> None:
    run = memory_desk.start(lambda step: fl.Pause("why"), globals={"token": SECRET})
    memory_desk.do = lambda step: dict(step.globals)
    assert memory_desk.ledger.runs.resume(run.id).snapshot.context["only"][0].output == {}


@pytest.mark.parametrize("returned", ["reason", "handle"])
def test_a_secret_in_a_reason_is_masked(memory_desk: Harness, returned: str) -> None:
    def careless(step: fl.StepContext) -> Any:
        token = step.globals["token"]
        return fl.Pause(f"waiting for {token}") if returned == "reason" else fl.StepResult(1, handle=token)

    memory_desk.ledger.workflows.save(line("a", "b"), workflow_id="line")
    memory_desk.do = careless
    run = memory_desk.ledger.runs.start("line", globals={"token": SECRET})
    assert SECRET not in str(run.snapshot.metadata)


@pytest.mark.parametrize(
    "before", [MAX_ERROR_TEXT - 5, MAX_ERROR_TEXT - len(SECRET) - 20, MAX_ERROR_TEXT + LONGEST_FORM - 5]
)
@pytest.mark.parametrize("secrets", [1, 9000])
def test_a_secret_at_the_end_of_a_text_that_is_cut_is_masked(memory_desk: Harness, before: int, secrets: int) -> None:
    def fails(step: fl.StepContext) -> None:
        many = " ".join([step.globals["token"]] * secrets)
        raise ValueError(many + "x" * (before - len(many)) + step.globals["token"] + "y" * 90_000)

    run = memory_desk.start(fails, globals={"token": SECRET})
    message = list(memory_desk.ledger.history.events(run.id))[-1].data["error"]["message"]
    assert SECRET[:5] not in message
    assert "cut here" in message


class Keyed(pydantic.BaseModel):
    """A model that puts its input into a key."""

    auth: str

    @pydantic.model_serializer
    def _by_secret(self) -> dict[str, str]:
        return {self.auth: "prod", "auth": self.auth}


def test_a_secret_that_a_model_makes_a_key_of_is_masked() -> None:
    registry = fl.ExecutorRegistry()
    registry.register("call", input=Keyed)(lambda step: None)
    with fl.open_ledger("memory:", registry) as ledger:
        node = {"id": "a", "type": "call", "data": {"auth": "{{ globals.token }}"}}
        ledger.workflows.save({"nodes": [node]}, workflow_id="w", by="ada")
        run = ledger.runs.start("w", globals={"token": SECRET}, by="ada")
        event = list(ledger.history.events(run.id))[-1]
    assert run.status == "completed"
    assert event.data["input"] == {"auth": "***", "***": "***"}


class Derived(pydantic.BaseModel):
    """A model that puts its input into places of its own."""

    auth: str = pydantic.Field(serialization_alias="authorization")
    parts: list[str] = []

    @pydantic.field_validator("parts")
    @classmethod
    def _in_order(cls, parts: list[str]) -> list[str]:
        return sorted(parts)

    @pydantic.computed_field  # type: ignore[prop-decorator]
    @property
    def header(self) -> str:
        return f"Bearer {self.auth}"


def test_a_secret_that_a_model_puts_elsewhere_stays_masked(memory_desk: Harness) -> None:
    data = {"auth": "{{ globals.token }}", "parts": ["zzz", "{{ globals.token }}"], "plain": "kept"}
    registry = fl.ExecutorRegistry()
    registry.register("call", input=Derived)(lambda step: step.data["plain"])
    with fl.open_ledger("memory:", registry) as ledger:
        ledger.workflows.save({"nodes": [{"id": "a", "type": "call", "data": data}]}, workflow_id="w")
        run = ledger.runs.start("w", globals={"token": SECRET})
        event = list(ledger.history.events(run.id))[-1]
    assert run.status == "completed"
    assert event.data["input"]["plain"] == "kept"
    assert SECRET not in str(event.data)


def test_what_an_expression_made_of_a_secret_is_masked_in_logs_and_errors(memory_desk: Harness) -> None:
    registry = fl.ExecutorRegistry()

    @registry.register("call")
    def call(step: fl.StepContext) -> None:
        step.log.info("using %s", step.data["pin"])
        raise ValueError(f"bad pin {step.data['pin']}")

    with fl.open_ledger("memory:", registry) as ledger:
        node = {"id": "a", "type": "call", "data": {"pin": "{{ globals.pin * 2 }}"}}
        ledger.workflows.save({"nodes": [node]}, workflow_id="w")
        run = ledger.runs.start("w", globals={"pin": 123456})
        event = list(ledger.history.events(run.id))[-1]
    assert "246912" not in str(event.data)
    assert event.data["error"]["message"] == "bad pin ***"


@pytest.mark.parametrize("kind", ["uuid", "model", "dataclass"])
def test_secrets_of_other_types_are_masked_too(kind: str) -> None:
    secret = {"uuid": UUID(int=77), "model": Derived(auth=SECRET), "dataclass": Holder(SECRET)}[kind]
    shown = {"uuid": str(UUID(int=77))}.get(kind, SECRET)
    assert shown not in Masker({"it": secret}).text(f"failed with {secret!s} and {shown}")


@dataclasses.dataclass
class Holder:
    token: str
