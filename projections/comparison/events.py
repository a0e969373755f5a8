"""What an event changed in its run: the snapshots before and after it, compared.

Results are only ever added, and the snapshots of one run share them. So the cost depends on what the event changed, not
on the number of results.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ...domain.run.context import Context
from ...domain.run.results import NodeResult, raw_data
from ...domain.run.snapshot import Snapshot, data_without_context, shallow_data
from ...domain.values.json_compare import same_json
from ...domain.values.json_pointer import Path, json_pointer


@dataclass(frozen=True, slots=True)
class StateChange:
    """One place of a Snapshot's JSON that an event changed."""

    op: Literal["add", "replace", "remove"]
    path: Path
    """Keys and list indexes, from the outside in."""
    value: Any
    """The value now; null if it was removed."""
    before: Any
    """The value before; null if it was added."""

    @property
    def pointer(self) -> str:
        """The path as a JSON Pointer (RFC 6901)."""
        return json_pointer(self.path)

    def to_data(self) -> dict[str, Any]:
        """The operation of a JSON Patch (RFC 6902)."""
        data: dict[str, Any] = {"op": self.op, "path": self.pointer}
        if self.op != "remove":
            data["value"] = self.value.raw_data() if isinstance(self.value, Context) else self.value
        return data


def state_changes(before: Snapshot | None, after: Snapshot) -> list[StateChange]:
    """The changes from the JSON of one snapshot of a run to that of a later one; None: from an empty object.

    The results of a node that had none are one addition. Raises EventNotReadable for a
    damaged result.
    """
    if before is None:
        return [StateChange("add", (key,), value, None) for key, value in shallow_data(after).items()]
    elsewhere = _differences((), data_without_context(before), data_without_context(after))
    return [*_added(before.context, after.context), *elsewhere]


def _added(before: Context, after: Context) -> Iterator[StateChange]:
    counts: dict[str, int] = {}
    for place in range(before.count, after.count):
        entry = after.history[place]
        counts[entry["node_id"]] = counts.get(entry["node_id"], 0) + 1
    for node_id, count in counts.items():
        results = after[node_id]
        first = len(results) - count
        if first == 0:
            yield StateChange("add", ("context", node_id), _result_data(results[:]), None)
            continue
        for place, result in enumerate(_result_data(results[first:]), first):
            yield StateChange("add", ("context", node_id, place), result, None)


def _result_data(results: list[NodeResult]) -> list[dict[str, Any]]:
    return [raw_data(result) for result in results]


def _differences(path: tuple[str, ...], old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[StateChange]:
    for key in [*old, *(key for key in new if key not in old)]:
        place = (*path, key)
        if key not in new:
            yield StateChange("remove", place, None, old[key])
        elif key not in old:
            yield StateChange("add", place, new[key], None)
        elif isinstance(old[key], dict) and isinstance(new[key], dict):
            yield from _differences(place, old[key], new[key])
        elif not same_json(old[key], new[key]):
            yield StateChange("replace", place, new[key], old[key])
