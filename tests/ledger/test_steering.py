"""What comes in as data is data: it neither pauses a run nor chooses its way, only an executor's code does."""

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import orjson
import pydantic
import pytest

import flowledger as fl

from .harness import Harness

ASKING = {"__pause": True, "reason": "a stranger's"}


class Open(pydantic.BaseModel, extra="allow"):
    """Keeps what it doesn't know."""


PASSING_ON: dict[str, Callable[[Any], Any]] = {
    "itself": lambda value: value,
    "a copy": dict,
    "a shallow copy": copy.copy,
    "a deep copy": copy.deepcopy,
    "a copy by unpacking": lambda value: {**value},
    "a copy by keywords": lambda value: dict(**value),
    "a copy by items": lambda value: {str(key): item for key, item in value.items()},
    "one with more": lambda value: {**value, "checked": 1},
    "a union": lambda value: {"checked": 1} | value,
    "what was written and read again": lambda value: json.loads(json.dumps(value)),
    "the same by orjson": lambda value: orjson.loads(orjson.dumps(value)),
    "the same by pickle": lambda value: pickle.loads(pickle.dumps(value)),  # noqa: S301 - what was pickled here
    "through a model": lambda value: Open.model_validate(value).model_dump(),
    "through a model of JSON": lambda value: Open.model_validate_json(json.dumps(value)).model_dump(mode="json"),
}


@pytest.mark.parametrize("how", PASSING_ON)
@pytest.mark.parametrize("whence", ["payload", "data", "expression", "context", "inside"])
def test_a_value_that_is_passed_on_doesnt_pause(memory_desk: Harness, whence: str, how: str) -> None:
    data: Any = {"data": ASKING, "expression": "{{ payload }}"}.get(whence, {})
    nodes = [{"id": "first", "type": "do"}, {"id": "second", "type": "do", "data": {"x": data}}]
    memory_desk.ledger.workflows.save(
        {"nodes": nodes, "edges": [{"source": "first", "target": "second"}]}, workflow_id="passing", by="ada"
    )

    def do(step: fl.StepContext) -> Any:
        if step.node.id == "first":
            return {"kept": step.payload}
        first = step.context["first"][0].output["kept"]
        value = {"payload": first, "context": first, "inside": first["deep"], "data": step.data["x"]}
        return PASSING_ON[how](value.get(whence, first))

    memory_desk.do = do
    run = memory_desk.ledger.runs.start("passing", payload=ASKING | {"deep": ASKING}, by="ada")
    assert run.status == "completed"
    assert run.snapshot.context["second"][0].output["__pause"] is True


@pytest.mark.parametrize("how", PASSING_ON)
def test_an_engine_alone_passes_on_what_it_was_given(how: str) -> None:
    executors = fl.ExecutorRegistry()
    executors.register("do")(lambda step: PASSING_ON[how](step.payload))
    engine = fl.Engine(fl.WorkflowDefinition.model_validate({"nodes": [{"id": "n", "type": "do"}]}), executors)
    assert engine.execute(payload=ASKING).status == "completed"


@pytest.mark.parametrize("make", [json.loads, orjson.loads, lambda text: pickle.loads(pickle.dumps(json.loads(text)))])  # noqa: S301 - a pickle of ours
def test_a_dict_out_of_another_process_or_host_is_neither_a_pause_nor_an_output(
    memory_desk: Harness, make: Callable[[str], Any]
) -> None:
    """To take it for an output would pass an approval, to take it for a pause would let a stranger hold up the run."""
    run = memory_desk.start(lambda step: make('{"__pause": true, "reason": "a person must look"}'), payload={"x": 1})
    assert run.status == "failed"
    assert "return fl.Pause(…) for the one" in str(run.snapshot.context["only"][0].error)
    assert memory_desk.ledger.history.replay(run.id).ok


@pytest.mark.parametrize("value", [False, None, 1])
def test_data_cant_make_void_what_code_asks_for(memory_desk: Harness, value: Any) -> None:
    """The key is the payload's own then, and its value the code's: nobody has passed that on."""
    run = memory_desk.start(lambda step: {**step.payload, "__pause": True}, payload={"__pause": value, "amount": 1})
    assert run.status == "failed"
    assert "return fl.Pause(…)" in str(run.snapshot.context["only"][0].error)


def test_a_text_that_mentions_the_key_doesnt_make_an_output_of_what_may_be_a_pause(memory_desk: Harness) -> None:
    payload = {"note": "please skip __pause", "__pause__": "__pause"}
    run = memory_desk.start(lambda step: json.loads('{"__pause": true}'), payload=payload)
    assert run.status == "failed"
    assert "return fl.Pause(…)" in str(run.snapshot.context["only"][0].error)


def test_what_an_expression_makes_of_its_own_doesnt_pause(memory_desk: Harness) -> None:
    memory_desk.ledger.workflows.save(
        {"nodes": [{"id": "n", "type": "do", "data": {"x": "{{ {'__pause': true} }}"}}]}, workflow_id="made", by="ada"
    )
    memory_desk.do = lambda step: dict(step.data["x"])
    assert memory_desk.ledger.runs.start("made").status == "completed"


@pytest.mark.parametrize("value", [1, 1.0, "true", "yes", [True], {"x": 1}, False, None, 0, ""])
def test_only_true_asks_for_a_pause(memory_desk: Harness, value: Any) -> None:
    run = memory_desk.start(lambda step: {"__pause": value})
    assert run.status == "completed"
    assert run.snapshot.context["only"][0].output == {"__pause": value}


@pytest.mark.parametrize(
    "asking",
    [
        lambda step: {"__pause": True},
        lambda step: {"__pause": True, "reason": "because", "data": step.payload},
        lambda step: dict(__pause=True),  # noqa: C408 - as people write it
        lambda step: {"__pause": True, **{key: 1 for key in step.payload if key != "__pause"}},
        lambda step: {"__pause": "approved" not in step.payload},
        lambda step: fl.Pause(),
    ],
)
@pytest.mark.parametrize("payload", [{"x": 1}, ASKING, {"__pause": False}])
def test_code_that_asks_for_a_pause_gets_it_whatever_came_in(
    memory_desk: Harness, asking: Callable[[fl.StepContext], Any], payload: Any
) -> None:
    assert memory_desk.start(asking, payload=payload).status == "paused"


def test_a_replay_sees_it_the_same_way(memory_desk: Harness) -> None:
    run = memory_desk.start(lambda step: dict(step.payload), payload=ASKING)
    assert memory_desk.ledger.history.replay(run.id).ok


# --- handles ----------------------------------------------------------------------------------------------------------

BRANCHES = {
    "nodes": [{"id": node, "type": "do"} for node in ("ask", "paid", "refused", "default")],
    "edges": [
        {"source": "ask", "target": "paid", "sourceHandle": "paid"},
        {"source": "ask", "target": "refused", "sourceHandle": "refused"},
        {"source": "ask", "target": "default"},
    ],
}


@pytest.mark.parametrize("key", ["handle", "__handle", "sourceHandle", "source_handle", "next_node_id", "nextNodeId"])
def test_an_output_with_a_handle_in_it_chooses_no_way(memory_desk: Harness, key: str) -> None:
    memory_desk.ledger.workflows.save(BRANCHES, workflow_id="branches", by="ada")
    memory_desk.do = lambda step: step.payload
    run = memory_desk.ledger.runs.start("branches", payload={key: "paid", "output": 1}, by="ada")
    assert list(run.snapshot.context) == ["ask", "default"]


@pytest.mark.parametrize("handle", ["", "Paid", "paid ", "pаid", "default", "null"])
def test_a_handle_out_of_data_that_no_edge_takes_ends_the_run(memory_desk: Harness, handle: str) -> None:
    memory_desk.ledger.workflows.save(BRANCHES, workflow_id="branches", by="ada")
    memory_desk.do = lambda step: fl.StepResult(None, handle=step.payload["way"])
    run = memory_desk.ledger.runs.start("branches", payload={"way": handle}, by="ada")
    assert run.status == "failed"
    assert list(run.snapshot.context) == ["ask"]
    assert repr(handle) in run.snapshot.metadata["failedReason"]


def test_a_handle_with_a_control_character_is_no_handle(memory_desk: Harness) -> None:
    memory_desk.ledger.workflows.save(BRANCHES, workflow_id="branches", by="ada")
    memory_desk.do = lambda step: fl.StepResult(None, handle=step.payload["way"])
    run = memory_desk.ledger.runs.start("branches", payload={"way": "paid\n"}, by="ada")
    assert run.status == "failed"
    assert "has \\n at character 4" in str(run.snapshot.context["ask"][0].error)


class Chameleon(str):
    """Is equal to every handle, and recorded as it is written."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash("paid")


def test_the_way_that_is_followed_is_the_one_that_is_recorded(memory_desk: Harness) -> None:
    memory_desk.ledger.workflows.save(BRANCHES, workflow_id="branches", by="ada")
    memory_desk.do = lambda step: fl.StepResult(None, handle=Chameleon("elsewhere"))
    run = memory_desk.ledger.runs.start("branches", by="ada")
    assert run.status == "failed"
    assert list(run.snapshot.context) == ["ask"]


@pytest.mark.parametrize("handle", [True, 1, ["paid"], {"handle": "paid"}])
def test_a_handle_that_is_no_text_fails_the_step(memory_desk: Harness, handle: Any) -> None:
    memory_desk.ledger.workflows.save(BRANCHES, workflow_id="branches", by="ada")
    memory_desk.do = lambda step: fl.StepResult(None, handle=step.payload["way"])
    run = memory_desk.ledger.runs.start("branches", payload={"way": handle}, by="ada")
    assert run.status == "failed"
    assert (run.snapshot.context["ask"][0].error or "").startswith("InvalidValue: handle")
