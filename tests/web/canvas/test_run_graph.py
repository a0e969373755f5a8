"""The graph on a run's page: what each node was at the version that is shown."""

import json

from tests.web.canvas.conftest import Look
from tests.web.story import Story

from flowledger.infrastructure.interfaces.web.pages.run_graph import states_of


async def test_each_node_says_what_the_run_made_of_it(look: Look, told: Story) -> None:
    graph = (await look(f"/runs/{told.run}?step=ship")).one("svg", classes="graph")
    said = {node.attributes["data-node"]: node.attributes["aria-label"] for node in graph.find("a")}
    assert said["ship"] == "ship, book-carrier: failed, selected"
    assert said["intake"] == "intake, read-order: completed"
    assert said["decline"] == "decline, send-mail: not reached"
    assert len(graph.find("path", classes="taken")) == 8
    assert "item ×3" in [label.text for label in graph.find("text", classes="lbl")]


async def test_at_a_past_version_a_node_is_what_it_was_and_later_ones_are_marked(look: Look, told: Story) -> None:
    graph = (await look(f"/runs/{told.run}/versions/9")).one("svg", classes="graph")
    nodes = {node.attributes["data-node"]: node for node in graph.find("a")}
    assert nodes["review"].attributes["aria-label"].startswith("review, ask-person: paused")
    assert "later" not in nodes["review"].attributes["class"].split()
    assert "later" in nodes["ship"].attributes["class"].split()
    later = {edge.find("title")[0].text for edge in graph.find("g", classes="later")}
    assert "review → charge, approved" in later
    assert "score-risk → review, high" not in later


async def test_the_page_carries_what_a_node_was_for_the_slider(look: Look, told: Story) -> None:
    graph = (await look(f"/runs/{told.run}")).one("svg", classes="graph")
    nodes = {node.attributes["data-node"]: node.attributes for node in graph.find("a")}
    events = list(told.ledger.history.events(told.run))
    carried = [(version, state) for version, state in json.loads(nodes["review"]["data-states"])]
    assert carried == states_of(events)["review"]
    assert [state for _, state in carried] == ["paused", "held", "paused", "active", "completed"]


async def test_what_a_retry_took_over_is_marked(look: Look, told: Story) -> None:
    graph = (await look(f"/runs/{told.retried}")).one("svg", classes="graph")
    said = {node.attributes["data-node"]: node.attributes["aria-label"] for node in graph.find("a")}
    assert said["charge"] == "charge, charge-card: reused"
    assert said["ship"].startswith("ship, book-carrier: completed")
