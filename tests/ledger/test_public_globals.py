"""Globals that are no secret: recorded as they are, and masked nowhere."""

from typing import Any

import pydantic
import pytest

import flowledger as fl

SECRET = "tr0ub4dor-&-3"


class Order(pydantic.BaseModel):
    zone: str
    auth: str = "none"
    count: int = 7


def recorded(do: Any, data: Any, given: dict[str, Any], **registered: Any) -> dict[str, Any]:
    """The last event of a run of one node."""
    executors = fl.ExecutorRegistry()
    executors.register("do", **registered)(do)
    with fl.open_ledger("memory:", executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "n", "type": "do", "data": data}]}, workflow_id="w", by="ada")
        run = ledger.runs.start("w", globals=given)
        *_, event = ledger.history.events(run.id)
        return {**event.data, "replay": ledger.history.replay(run.id, globals=given)}


def fails(step: fl.StepContext) -> Any:
    given = {name: step.globals[name] for name in sorted(step.globals)}
    step.log.info("with %r", given)
    raise ValueError(f"no {given} in {step.data}")


@pytest.mark.parametrize(
    "public",
    [
        fl.Public("production"),
        fl.Scoped(fl.Public("production"), types=("do",)),
    ],
)
def test_it_is_recorded_as_it_is_beside_what_is_masked(public: Any) -> None:
    data = {
        "zone": "{{ globals.zone }}",
        "mixed": "{{ globals.zone }} and {{ globals.token }}",
        "said": "in {{ globals.zone }}, {{ globals['zone'] + '!' }}",
        "list": ["{{ globals.zone }}", "{{ globals.token }}", 1],
        "all": "{{ globals }}",
        "computed": "{{ globals['zo' + 'ne'] }}",
        "either": "{{ true ? globals.zone : globals.token }}",
    }
    event = recorded(fails, data, {"zone": public, "token": SECRET})
    assert event["input"] == {
        "zone": "production",
        "mixed": "***",
        "said": "in production, production!",
        "list": ["production", "***", 1],
        "all": "***",
        "computed": "***",
        "either": "***",
    }
    assert "'token': '***', 'zone': 'production'" in event["error"]["message"]
    assert "'zone': 'production'" in event["logs"][0]["message"]
    assert SECRET not in str(event)
    assert event["replay"].ok


def test_an_input_that_only_reads_public_ones_is_recorded_whole() -> None:
    data = {"zone": "{{ globals.zone }}"}
    event = recorded(lambda step: None, data, {"zone": fl.Public("eu"), "token": SECRET}, input=Order)
    assert event["input"] == {"zone": "eu", "auth": "none", "count": 7}
    event = recorded(lambda step: None, data, {"zone": "eu-west", "token": SECRET}, input=Order)
    assert event["input"] == {"zone": "***", "auth": "***", "count": "***"}


def test_executors_and_expressions_get_the_value_itself() -> None:
    def do(step: fl.StepContext) -> Any:
        return [step.globals["zone"], step.globals["call"](), step.data["x"]]

    def answer() -> str:
        return "an answer"

    given = {"zone": fl.Public({"name": "eu"}), "call": fl.Public(answer)}
    event = recorded(do, {"x": "{{ globals.zone.name + '!' }}"}, given)
    assert event["output"] == [{"name": "eu"}, "an answer", "eu!"]


def test_answers_of_a_public_function_are_no_secrets_and_it_is_the_function_itself() -> None:
    def answer() -> str:
        return "an answer"

    def do(step: fl.StepContext) -> Any:
        assert step.globals["call"] is answer
        raise ValueError(f"{step.globals['call']()}, {step.globals['secret']()}")

    event = recorded(do, {}, {"call": fl.Public(answer), "secret": lambda: "s3cr3t answer"})
    assert event["error"]["message"] == "an answer, ***"


def test_a_secret_of_the_same_text_is_masked_all_the_same() -> None:
    event = recorded(fails, {}, {"zone": fl.Public("production"), "token": "production"})
    assert "production" not in event["error"]["message"]


def test_a_public_value_is_limited_as_any() -> None:
    given = {"zone": fl.Scoped(fl.Public("eu"), types=("other",))}
    event = recorded(lambda step: None, {"x": "{{ globals.zone }}"}, given)
    assert "is limited to nodes of type 'other'" in event["error"]["message"]


@pytest.mark.parametrize(
    "wrong",
    [
        fl.Public(fl.Scoped("x", types=("do",))),
        fl.Public(fl.Public("x")),
        fl.Scoped(fl.Scoped("x", types=("do",)), types=("do",)),
        fl.Scoped(fl.Public(fl.Public("x")), types=("do",)),
    ],
)
def test_the_wrong_way_round_is_refused(wrong: Any) -> None:
    with pytest.raises(fl.InvalidRequest, match=r"fl\.Scoped\(fl\.Public\(value\), …\)"):
        recorded(lambda step: None, {}, {"zone": wrong})


@pytest.mark.parametrize("wrong", [["x"], "x", 0, "", [], fl.Public({"zone": "eu"})])
def test_globals_are_a_mapping(wrong: Any) -> None:
    with pytest.raises(fl.InvalidRequest, match="globals are a mapping"):
        recorded(lambda step: None, {}, wrong)
