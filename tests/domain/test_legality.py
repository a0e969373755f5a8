"""An event may follow where a decision could have led to it: every real history goes through, and nothing else does."""

from typing import Any

import pytest

from flowledger.domain.errors import IllegalTransition
from flowledger.domain.events.catalogue import EVENT_TYPES
from flowledger.domain.run import RunState, evolve
from flowledger.domain.run.legality import Legality
from flowledger.domain.workflow.definition import WorkflowDefinition
from flowledger.domain.workflow.routes import routes_of

ROUTES = routes_of(
    WorkflowDefinition.model_validate(
        {
            "nodes": [{"id": node_id, "type": "t"} for node_id in "abcdef"],
            "edges": [
                {"source": "a", "target": "b"},
                {"source": "a", "target": "a", "sourceHandle": "again"},
                {"source": "c", "target": "b", "sourceHandle": "only"},
                {"source": "d", "target": "b", "on": "failure"},
                {"source": "e", "target": "b", "when": "payload"},
                {"source": "e", "target": "a", "on": "failure", "when": "payload"},
                {"source": "f", "target": "b", "when": "payload"},
                {"source": "f", "target": "a"},
                {"source": "f", "target": "c", "enabled": False, "sourceHandle": "off"},
            ],
        }
    )
)
START = ("run.started", {"start_node_id": "a"})
QUEUED = ("run.started", {"start_node_id": "a", "queued": True})
STEP_A = ("run.step_completed", {"node_id": "a", "next_node_id": "b"})
STEP_B = ("run.step_completed", {"node_id": "b"})
LOST = ("run.step_completed", {"node_id": "c", "handle": "nowhere", "unrouted": True})
FAILURE = ("run.step_failed", {"node_id": "a", "error": {"type": "E", "message": ""}})
WAITS = ("run.step_failed", {**FAILURE[1], "retry_at": 9})
AGAIN = ("run.step_failed", {**WAITS[1], "attempt": 2})
ASKS = ("run.paused", {"node_id": "a"})
PAUSED = ("run.paused", {})
HELD, RELEASED, CLAIMED = ("run.held", {}), ("run.released", {}), ("run.claimed", {})
RESUMED, RETRIED, RECOVERED = ("run.resumed", {}), ("run.retried", {}), ("run.recovered", {})
CANCELLED, FAILED = ("run.cancelled", {}), ("run.failed", {"reason": "limit"})
NOTED = ("run.metadata_set", {"metadata": {}})
AT_C = ("run.started", {"start_node_id": "c"})
AT_D, AT_E, AT_F = (("run.started", {"start_node_id": node_id}) for node_id in "def")


def done(node_id: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "run.step_completed", {"node_id": node_id, **more}


def failed(node_id: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "run.step_failed", {"node_id": node_id, "error": {"type": "E", "message": ""}, **more}


Story = list[tuple[str, dict[str, Any]]]

LEGAL: list[Story] = [
    [START, STEP_A, STEP_B, NOTED],
    [START, ("run.step_completed", {"node_id": "a", "handle": "again", "next_node_id": "a"}), STEP_A],
    [QUEUED, RECOVERED, STEP_A],
    [QUEUED, CANCELLED],
    [START, RECOVERED, RECOVERED, STEP_A],
    [START, ASKS, RESUMED, STEP_A],
    [START, WAITS, RETRIED, AGAIN, RETRIED],
    [START, WAITS, PAUSED, RESUMED],
    [START, WAITS, HELD, RELEASED, RETRIED],
    [START, ASKS, HELD, RELEASED, RESUMED, STEP_A],
    [START, HELD, RELEASED, STEP_A],
    [START, HELD, STEP_A, RELEASED, CLAIMED, STEP_B],
    [START, HELD, ASKS, RELEASED, RESUMED],
    [START, HELD, WAITS, RELEASED, RETRIED],
    [START, PAUSED, RELEASED, STEP_A],
    [QUEUED, CLAIMED, STEP_A],
    [QUEUED, HELD, RELEASED, CLAIMED, STEP_A],
    [START, WAITS, CANCELLED, NOTED],
    [START, PAUSED, STEP_A, RESUMED, STEP_B],
    [START, PAUSED, FAILURE],
    [START, CANCELLED, STEP_A],
    [START, PAUSED, CANCELLED, ASKS],
    [START, HELD, CANCELLED, ASKS],
    [START, FAILED],
    [AT_C, LOST, FAILED],
    [AT_C, CANCELLED, LOST, NOTED],
    [AT_D, done("d")],
    [AT_D, failed("d", next_node_id="b"), STEP_B],
    [AT_D, failed("d", retry_at=9), RETRIED, failed("d", attempt=2, next_node_id="b"), STEP_B],
    [AT_D, PAUSED, failed("d", next_node_id="b"), RESUMED, STEP_B],
    [AT_D, CANCELLED, failed("d", next_node_id="b"), NOTED],
    [AT_D, failed("d")],
    [AT_E, done("e", next_node_id="b"), STEP_B],
    [AT_E, done("e", no_condition_held=True), NOTED],
    [AT_E, done("e", unrouted=True), FAILED],
    [AT_E, failed("e", next_node_id="a"), STEP_A],
    [AT_E, failed("e", no_condition_held=True)],
    [AT_F, done("f", next_node_id="a"), STEP_A],
    [AT_F, done("f", next_node_id="b"), STEP_B],
    [AT_F, done("f", handle="off", unrouted=True), FAILED],
]

ILLEGAL: list[Story] = [
    [STEP_A],
    [START, START],
    [START, STEP_B],
    [START, STEP_A, STEP_A],
    [START, STEP_A, STEP_B, STEP_B],
    [START, ("run.step_completed", {"node_id": "a", "next_node_id": "c"})],
    [START, ("run.step_completed", {"node_id": "a"})],
    [START, ("run.step_completed", {"node_id": "a", "handle": "again", "next_node_id": "b"})],
    [START, ("run.step_completed", {"node_id": "a", "next_node_id": "b", "unrouted": True})],
    [START, ("run.step_completed", {"node_id": "a", "handle": "nowhere"})],
    [START, AGAIN],
    [START, WAITS, STEP_A],
    [START, WAITS, RETRIED, WAITS],
    [START, WAITS, RESUMED],
    [START, WAITS, RECOVERED],
    [START, RESUMED],
    [START, RETRIED],
    [START, ASKS, RETRIED],
    [START, ASKS, RECOVERED],
    [START, ASKS, STEP_A],
    [START, ASKS, PAUSED],
    [START, PAUSED, STEP_A, STEP_B],
    [START, HELD, STEP_A, STEP_B],
    [START, HELD, STEP_A, RELEASED, STEP_B],
    [START, HELD, HELD],
    [START, HELD, PAUSED],
    [START, HELD, RECOVERED],
    [QUEUED, HELD, CLAIMED],
    [START, ASKS, HELD, RESUMED],
    [START, WAITS, HELD, RETRIED],
    [START, STEP_A, STEP_B, HELD],
    [START, RELEASED],
    [START, CLAIMED],
    [START, FAILURE, RETRIED],
    [START, FAILURE, CANCELLED],
    [START, FAILED, FAILED],
    [START, CANCELLED, STEP_A, STEP_B],
    [START, CANCELLED, RESUMED],
    [START, CANCELLED, PAUSED],
    [QUEUED, STEP_A],
    [AT_C, LOST, STEP_B],
    [AT_C, LOST, NOTED],
    [AT_D, failed("d", next_node_id="a")],
    [AT_D, failed("d", next_node_id="b"), failed("d", attempt=2)],
    [AT_D, failed("d", next_node_id="b", retry_at=9)],
    [AT_D, failed("d", no_condition_held=True)],
    [AT_D, done("d", next_node_id="b")],
    [AT_D, done("d", no_condition_held=True)],
    [START, failed("a", next_node_id="b")],
    [START, done("a", no_condition_held=True)],
    [AT_E, done("e")],
    [AT_E, done("e", next_node_id="a")],
    [AT_E, done("e", next_node_id="b", no_condition_held=True)],
    [AT_E, done("e", unrouted=True), STEP_B],
    [AT_E, failed("e", no_condition_held=True, retry_at=9)],
    [AT_F, done("f")],
    [AT_F, done("f", no_condition_held=True)],
    [AT_F, done("f", handle="off", next_node_id="c")],
    [("run.started", {"start_node_id": "gone"})],
    [("run.started", {})],
]


def tell(story: Story) -> None:
    state, legality = RunState("r"), Legality(ROUTES)
    for at, (type, changes) in enumerate(story):
        said = {"recorded_at": at, "by": "ada", "workflow_id": "w", "workflow_version": 1}
        said |= {"started_at": at, "spent": at}
        legality.check(state, type, said | changes)
        evolve(state, type, said | changes)
        legality.went_on(state, type, said | changes)


def name(story: Story) -> str:
    return " ".join(type.partition(".")[2] for type, _ in story)


@pytest.mark.parametrize("story", LEGAL, ids=name)
def test_what_decisions_lead_to_is_legal(story: Story) -> None:
    tell(story)


@pytest.mark.parametrize("story", ILLEGAL, ids=name)
def test_what_nobody_could_have_decided_is_not(story: Story) -> None:
    if len(story) > 1:
        tell(story[:-1])
    with pytest.raises(IllegalTransition):
        tell(story)


def test_time_spent_never_gets_less() -> None:
    with pytest.raises(IllegalTransition, match="never gets less"):
        tell([START, STEP_A, (STEP_B[0], {**STEP_B[1], "spent": 0})])


def test_an_event_of_a_kind_that_nobody_has_thought_of_may_never_follow() -> None:
    with pytest.raises(IllegalTransition):
        Legality(ROUTES).check(RunState("r"), "run.teleported", {})


def test_every_kind_of_event_may_follow_somewhere() -> None:
    """Else no import would take a run that has one."""
    assert {type for story in LEGAL for type, _ in story} == {type for type in EVENT_TYPES if type.startswith("run.")}
