"""An edge was taken where an execution led along it: by its handle, or as the failure edge."""

from typing import NamedTuple

from flowledger.domain.workflow.definition import Edge
from flowledger.projections.run_view.taken_edges import taken_edges


class Done(NamedTuple):
    version: int
    node_id: str
    outcome: str
    handle: str | None
    next_node_id: str | None


def edges(*given: dict[str, object]) -> list[Edge]:
    return [Edge.model_validate({"source": "a", "target": "b", **one}) for one in given]


def test_an_edge_is_taken_as_often_as_its_handle_led_there() -> None:
    both = edges({"sourceHandle": "yes"}, {"sourceHandle": "no"})
    done = [Done(2, "a", "completed", "yes", "b"), Done(5, "a", "completed", "yes", "b")]
    assert taken_edges(done, both) == {0: [2, 5]}


def test_what_failed_leads_along_the_failure_edge_whatever_its_handle_was() -> None:
    both = edges({}, {"on": "failure"})
    assert taken_edges([Done(3, "a", "failed", "yes", "b")], both) == {1: [3]}
    assert taken_edges([Done(3, "a", "completed", None, "b")], both) == {0: [3]}


def test_of_edges_that_lead_the_same_way_the_first_that_is_enabled_is_taken() -> None:
    assert taken_edges([Done(2, "a", "completed", None, "b")], edges({"enabled": False}, {}, {})) == {1: [2]}


def test_an_execution_that_led_nowhere_took_none() -> None:
    assert taken_edges([Done(2, "a", "paused", None, None)], edges({})) == {}
