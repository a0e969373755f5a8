"""A process that changes one node of workflow ``x`` again and again: ``saver.py URL NODE TIMES``.

Each change is based on what was the latest then. Prints what it is told when another process was faster.
"""

import json
import sys

import flowledger as fl


def main(url: str, node: str, times: int) -> None:
    with fl.open_ledger(url) as ledger:
        for number in range(times):
            while True:
                base = ledger.workflows.get("x")
                definition = base.definition.to_data()
                nodes = [
                    part.to_data() | ({"data": number} if part.id == node else {}) for part in base.definition.nodes
                ]
                try:
                    ledger.workflows.save(
                        definition | {"nodes": nodes}, workflow_id="x", by=node, expected_version=base.version
                    )
                    break
                except fl.StaleVersion as stale:
                    print(json.dumps([change.by for change in stale.changes]))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
