"""A step stands where it stood in the version before, wherever a workflow is drawn."""

from typing import Any

from tests.web.client import local
from tests.web.reading import Element, read

import flowledger as fl

Places = dict[str, tuple[str, str]]


def graph(*edges: str) -> dict[str, Any]:
    """Of edges as ``ab``; each step stays below the first."""
    names = dict.fromkeys("".join(edges))
    return {
        "nodes": [{"id": name, "type": "ship"} for name in names],
        "edges": [{"source": a, "target": b, "sourceHandle": b} for a, b in edges],
    }


def places(page: Element) -> Places:
    """Of each step."""
    nodes = page.find("svg", classes="graph")[0].find(classes="node")
    boxes = {node.attributes["data-node"]: node.one("rect", classes="box").attributes for node in nodes}
    return {name: (box["x"], box["y"]) for name, box in boxes.items()}


def left(drawn: Places, name: str) -> int:
    return int(drawn[name][0])


async def test_in_the_graph_of_a_run_steps_stay_where_those_of_the_version_before_stood(ledger: fl.Ledger) -> None:
    first, second = graph("ab", "ac"), graph("ad", "ac", "ab")
    pages: dict[str, Places] = {}
    async with local(ledger) as client:
        for name, saves in (("changed", (first, second)), ("fresh", (second,))):
            for definition in saves:
                ledger.workflows.save(definition, workflow_id=name)
                run = ledger.runs.start(name)
                pages[f"{name} {len(definition['nodes'])}"] = places(read((await client.get(f"/runs/{run.id}")).text))
    before, after, fresh = pages["changed 3"], pages["changed 4"], pages["fresh 4"]
    assert [left(each, "b") < left(each, "c") for each in (before, after)] == [True, True]
    assert left(fresh, "c") < left(fresh, "b"), "drawn afresh they would stand the other way round"
