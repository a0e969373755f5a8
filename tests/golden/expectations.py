"""What flowledger must answer where the reference engine answered what the scenario says.

The golden answer, adapted by the rows D1 to D15 of the table of differences and by nothing else. Each adaptation notes
its row, and the table must name the scenario under that row.
"""

import json
import re
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import flowledger as fl

from .bench import Bench
from .checks import Expected, TextEndingIn, TextNaming, rows_that_name
from .scenarios import Json, Scenario

TERMINAL = ("completed", "failed")
_STALE_REASON = re.compile(r"Retry attempt \d+")
_NUMBER = re.compile(r"\d+(\.\d+)?")
_OWN_TEXTS = ("Error: Jexl Error", "TypeError: ", "ReferenceError: ", "RangeError: ")
_INVALID_DATA = "Error: Validation failed for node"


def definition_faults(scenario: Scenario, *, with_start: bool = True) -> dict[str, tuple[str, ...]]:
    """Row → what is wrong with the definition under that row, as words that the refusal must name."""
    nodes, edges = scenario.workflow["nodes"], scenario.workflow["edges"]
    known = Counter(node["id"] for node in nodes)
    starts = [call["initialNodeId"] for call in scenario.calls if "initialNodeId" in call]
    exits = Counter((edge["source"], edge.get("sourceHandle")) for edge in edges)
    policies = [entry["retryPolicy"] for entry in scenario.behaviours.values() if "retryPolicy" in entry]
    faults = {
        "D12": [str(value) for policy in policies for value in _refused_in(policy)],
        "D5": [source for (source, _), count in exits.items() if count > 1],
        "D6": [
            *(node_id for node_id, count in known.items() if count > 1),
            *(edge[end] for edge in edges for end in ("source", "target") if edge[end] not in known),
            *(node["type"] for node in nodes if node["type"] not in scenario.behaviours),
            *(start for start in starts if start not in known and with_start),
        ],
    }
    return {row: tuple(words) for row, words in faults.items() if words}


def _refused_in(policy: Json) -> list[Any]:
    refused = [value for value in (policy["maxAttempts"], policy["interval"]) if not _NUMBER.fullmatch(str(value))]
    if (backoff := policy.get("backoff", "fixed")) not in ("fixed", "exponential"):
        refused.append(backoff)
    return refused


def expected_of_call(scenario: Scenario, index: int, before: Json | None, bench: Bench, spent_before: int) -> Expected:
    """What call ``index`` must answer. ``before``: the stored snapshot, patches applied; ``bench``: after the call."""
    golden = scenario.snapshots[index]
    if faults := definition_faults(scenario):
        return Expected([], error=fl.InvalidDefinition, names=next(iter(faults.values())), rows=set(faults))
    if before is not None and before["status"] in TERMINAL:
        return _of_an_ended_run(scenario, index, before)
    assert golden is not None, "only validate answers null"
    if "throws" in golden:
        return _of_a_call_that_need_not_throw(scenario, index, bench)
    return expected_of_steps(scenario, golden, scenario.executor_calls[index], before, bench, spent_before)


def _of_an_ended_run(scenario: Scenario, index: int, before: Json) -> Expected:
    """D9. Where the reference engine's run hadn't ended, it was an earlier row that ended it here."""
    earlier = scenario.previous_snapshot(index)
    rows = {"D9"} if earlier is not None and earlier["status"] in TERMINAL else set()
    if scenario.calls[index]["kind"] == "step":
        return Expected([], error=fl.IllegalTransition, rows=rows)
    return Expected([], before, rows=rows, same_successes=False)


def _of_a_call_that_need_not_throw(scenario: Scenario, index: int, bench: Bench) -> Expected:
    """Neither the definition nor the call is wrong here: the start node can be told, and ids are just strings."""
    row = "D14" if "initialNodeId" in scenario.calls[index] else "D6"
    return Expected(None, completes_through=_visited(bench), rows={row})


def _visited(bench: Bench) -> list[str]:
    return list(dict.fromkeys(seen["nodeId"] for seen in bench.seen))


def expected_of_steps(
    scenario: Scenario,
    golden: Json,
    calls: list[Json],
    before: Json | None,
    bench: Bench,
    spent_before: int = 0,
    *,
    single: bool = False,
) -> Expected:
    """What the snapshot must be after ``calls`` of executors, from the stored snapshot ``before`` on.

    ``bench``: after the steps; ``single``: no more than one step was asked for.
    """
    snapshot = deepcopy(golden)
    snapshot["totalExecutionTime"] = (before["totalExecutionTime"] if before else 0) + bench.spent - spent_before  # D2
    for result in (result for results in snapshot["context"].values() for result in results):
        result.setdefault("output", None)  # undefined there, null here
        if "error" in result:
            result["error"] = _error_here(result["error"])
    if snapshot["status"] != "error":  # D8
        snapshot.pop("retryState", None)
        if _STALE_REASON.fullmatch(str(snapshot["metadata"].get("pausedReason"))):
            del snapshot["metadata"]["pausedReason"]
    return _Adaptation(scenario, golden, before, bench, single, snapshot, deepcopy(calls)).expected()


def _error_here(text: str) -> Any:
    if text.startswith(_INVALID_DATA):
        return TextNaming(*(issue["path"] for issue in json.loads(text[text.index("[") :])))
    return TextNaming() if text.startswith(_OWN_TEXTS) else TextEndingIn(text.removeprefix("Error: "))


_THE_SAME_AS_CEL = frozenset({91, 95, 98, 101})
"""Scenarios in the range of row D11 whose expressions mean the same here."""

_FAILS_AS_CEL: dict[int, tuple[str, tuple[str, ...]]] = {
    94: ("end", ("nodes.work.all[.data.sum > 15]",)),
    97: ("n1", ("ghost",)),
    103: ("f", ("nodes.f",)),
    104: ("n1", ("ghost",)),
    106: ("n2", ("`n1`.last.data.v",)),
    107: ("n2", ("trigger",)),
}
"""Scenario → the node whose expressions fail as CEL, and what the error names."""

_OTHER_VALUES_AS_CEL: dict[int, tuple[str, Json]] = {
    92: ("n2", {"eo": 'o={"k":[1,2]}.'}),
    100: ("n2", {"v": "1-2"}),
}
"""Scenario → the node whose expressions have other values as CEL, and those values."""


@dataclass
class _Adaptation:
    """The rows that change what a step does. ``snapshot`` and ``calls`` begin as the golden ones."""

    scenario: Scenario
    golden: Json
    before: Json | None
    bench: Bench
    single: bool
    snapshot: Json
    calls: list[Json]

    def expected(self) -> Expected:
        expected = Expected(self.calls, self.snapshot, same_successes=not self.scenario.sets_snapshots)
        self.d7_a_retry_sees_the_payload(expected)
        self.d13_nothing_is_null(expected)
        self.d11_expressions_are_cel(expected)
        self.d10_what_cannot_change_is_not_retried(expected)
        self.d3_d4_edges(expected)
        return expected

    def d7_a_retry_sees_the_payload(self, expected: Expected) -> None:
        carried = (self.before or {}).get("retryState", {}).get("payload")
        if self.before is None or carried is None or not self.calls or "payload" in self.calls[0]:
            return
        expected.rows.add("D7")
        self.calls[0]["payload"] = carried
        node_id = self.calls[0]["nodeId"]
        if self.scenario.behaviour_of(node_id).keys() & {"echoPayload", "echoPayloadOrData"}:
            result = self.snapshot["context"][node_id][len(self.before["context"][node_id])]
            result["output"] = carried if "error" not in result else None

    def d13_nothing_is_null(self, expected: Expected) -> None:
        node_id = self.golden["currentNodeId"]
        if self.golden["status"] not in ("failed", "error") or not self.golden["context"].get(node_id):
            return
        if "(reading '__pause')" not in self.golden["context"][node_id][-1].get("error", ""):
            return
        assert not self.scenario.edges_from(node_id), "where a run goes on from here the golden answer doesn't tell"
        expected.rows.add("D13")
        expected.same_successes = False
        del self.snapshot["context"][node_id][-1]["error"]
        self._ends("completed", None)

    def d11_expressions_are_cel(self, expected: Expected) -> None:
        number = self.scenario.number
        if "D11" not in rows_that_name(self.scenario) or number in _THE_SAME_AS_CEL:
            return
        if number in _FAILS_AS_CEL:
            node_id, names = _FAILS_AS_CEL[number]
            if self._ran_first(node_id):
                self._fails_in_its_expressions(expected, node_id, names)
        elif number in _OTHER_VALUES_AS_CEL:
            node_id, values = _OTHER_VALUES_AS_CEL[number]
            if self._ran_first(node_id):
                self._has_other_values(expected, node_id, values)
        else:
            expected.otherwise = self._differs_by_expressions_alone

    def _ran_first(self, node_id: str) -> bool:
        return node_id in self.golden["context"] and node_id not in (self.before or {"context": {}})["context"]

    def _fails_in_its_expressions(self, expected: Expected, node_id: str, names: tuple[str, ...]) -> None:
        """The node is the last one that the reference engine ran in this call; here its executor isn't called."""
        expected.rows.add("D11")
        expected.same_successes = False
        self.snapshot["context"][node_id][-1] |= {"output": None, "error": TextNaming(*names)}
        if self.calls and self.calls[-1]["nodeId"] == node_id:
            self.calls.pop()
        self._ends("failed", node_id)

    def _has_other_values(self, expected: Expected, node_id: str, values: Json) -> None:
        """The node is an echo, and the last one."""
        expected.rows.add("D11")
        expected.same_successes = False
        result = self.snapshot["context"][node_id][-1]
        result.pop("error", None)
        result["output"] = {**(result["output"] or {}), **values}
        if not (self.calls and self.calls[-1]["nodeId"] == node_id):
            self.calls.append({"nodeId": node_id, "invocation": 1})
        self.calls[-1]["input"] = result["output"]
        self._ends("completed", None)

    def _differs_by_expressions_alone(self, got: Json) -> bool:
        """Nodes without expressions answer as there, as far as the run came; a failure is that of an expression."""
        plain = {node["id"] for node in self.scenario.workflow["nodes"] if "{{" not in json.dumps(node["data"])}
        same = all(
            all(there == here for there, here in zip(self.snapshot["context"].get(node_id, []), results, strict=False))
            for node_id, results in got["context"].items()
            if node_id in plain
        )
        return same and got["status"] != "error" and (got["status"] != "failed" or got["currentNodeId"] not in plain)

    def d10_what_cannot_change_is_not_retried(self, expected: Expected) -> None:
        if self.snapshot["status"] != "error":
            return
        text = self.golden["context"][self.golden["currentNodeId"]][-1]["error"]
        if text.startswith((_INVALID_DATA, "Error: Jexl Error")):
            expected.rows.add("D10")
            self._ends("failed", self.golden["currentNodeId"])

    def d3_d4_edges(self, expected: Expected) -> None:
        if self.golden["status"] != "completed" or self.snapshot["status"] != "completed" or not self.calls:
            return
        node_id = self.calls[-1]["nodeId"]
        edges = self.scenario.edges_from(node_id)
        null_edges = [edge for edge in edges if "sourceHandle" in edge and edge["sourceHandle"] is None]
        if null_edges and self.single:
            expected.rows.add("D4")
            self.snapshot |= {"status": "active", "currentNodeId": null_edges[0]["target"]}
        elif null_edges:
            expected.rows.add("D4")
            expected.calls = None
            expected.completes_through = list(dict.fromkeys([*_visited(self.bench), null_edges[0]["target"]]))
        elif edges:
            expected.rows.add("D3")
            self._ends("failed", node_id)
            handles = [edge["sourceHandle"] for edge in edges if "sourceHandle" in edge]
            returned = [self.bench.last_handle] if self.bench.last_handle is not None else []
            self.snapshot["metadata"]["failedReason"] = TextNaming(node_id, *returned, *handles)

    def _ends(self, status: str, node_id: str | None) -> None:
        self.snapshot |= {"status": status, "currentNodeId": node_id}
        self.snapshot.pop("retryState", None)
        self.snapshot["metadata"].pop("pausedReason", None)
