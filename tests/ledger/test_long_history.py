"""Fifty saves of one definition of twenty nodes with long code: each is given back byte for byte."""

import json
import random
from typing import Any

import pytest

import flowledger as fl

SAVES = 50
NODES = 20


def definitions(seed: int) -> list[dict[str, Any]]:
    """Each differs from the one before in one node, or in its code by one line."""
    chance = random.Random(seed)
    words = ["return", "π", "🦉", "\t", "\r\n", "'", '"', "\\", "\u2028", "x = 1", "\x00", "  "]
    nodes = [{"id": f"n{place}", "type": "do", "data": {"at": place}, "code": ""} for place in range(NODES)]
    edges = [{"source": f"n{place}", "target": f"n{place + 1}"} for place in range(NODES - 1)]
    made = []
    for number in range(SAVES):
        for place in range(NODES) if number == 0 else [chance.randrange(NODES)]:
            lines = (" ".join(chance.choices(words, k=8)) for _ in range(200))
            nodes[place] = nodes[place] | {"code": "\n".join([f"# {number}", *lines])}
        made.append({"nodes": list(nodes), "edges": edges})
    return made


@pytest.mark.exhaustive
def test_each_of_fifty_saves_is_given_back_byte_for_byte(store_url: str) -> None:
    made = definitions(seed=4)
    with fl.open_ledger(store_url) as ledger:
        saved = [
            ledger.workflows.save(definition, workflow_id="long", by="ada", expected_version=number)
            for number, definition in enumerate(made)
        ]
        assert len({snapshot.snapshot_id for snapshot in saved}) == SAVES
        for number, definition in enumerate(made, start=1):
            found = ledger.workflows.get("long", number)
            assert json.dumps(found.definition.to_data()) == json.dumps(definition)
            assert found.digest == saved[number - 1].digest == fl.WorkflowDefinition.model_validate(definition).digest
            assert found.is_latest == (number == SAVES)
            assert ledger.workflows.get("long", saved[number - 1].snapshot_id) == found
        versions = ledger.workflows.versions("long")
        assert [version.snapshot_id for version in versions] == [snapshot.snapshot_id for snapshot in saved]
        assert all(len(version.changes.nodes.changed) == 1 for version in versions[1:])
        assert ledger.verify().ok
