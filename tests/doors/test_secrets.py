"""Globals never reach the log, unless an executor returns them."""

import json
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl

from .desk import Desk, line

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
        for kind in ("careless", "badly", "schema", "input"):
            node = {"id": "n", "type": kind, "data": data}
            ledger.workflows.save({"nodes": [node]}, workflow_id=kind)
            run = ledger.runs.start(kind, globals={"token": SECRET, "deep": {"token": SECRET}})
            assert run.status == ("completed" if kind == "input" else "failed")
            (*_, event) = ledger.history.events(run.id)
            if kind in ("careless", "input"):
                assert event.data["input"]["auth"] == "***"
        assert ledger.history.snapshot(run.id).context["n"][0].output == len(SECRET)
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"***" in stored
    assert SECRET.encode() not in stored
    assert json.dumps(SECRET)[1:-1].encode() not in stored


def test_a_secret_that_an_executor_returns_is_its_output(memory_desk: Desk) -> None:
    run = memory_desk.start(lambda step: step.globals["token"], globals={"token": SECRET})
    assert run.snapshot.context["only"][0].output == SECRET


def test_globals_are_gone_with_the_call(memory_desk: Desk) -> None:
    run = memory_desk.start(lambda step: fl.Pause("why"), globals={"token": SECRET})
    memory_desk.do = lambda step: dict(step.globals)
    assert memory_desk.ledger.runs.resume(run.id).snapshot.context["only"][0].output == {}


@pytest.mark.parametrize("returned", ["reason", "handle"])
def test_a_secret_in_a_reason_is_masked(memory_desk: Desk, returned: str) -> None:
    def careless(step: fl.StepContext) -> Any:
        token = step.globals["token"]
        return fl.Pause(f"waiting for {token}") if returned == "reason" else fl.StepResult(1, handle=token)

    memory_desk.ledger.workflows.save(line("a", "b"), workflow_id="line")
    memory_desk.do = careless
    run = memory_desk.ledger.runs.start("line", globals={"token": SECRET})
    assert SECRET not in str(run.snapshot.metadata)
