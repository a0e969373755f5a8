"""The golden scenarios as data, with virtual times made real."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
FOLDERS = [DATA, *(Path(folder) for folder in [os.environ.get("FLOWLEDGER_GOLDEN")] if folder)]
T0 = 1_700_000_000_000
"""Where the scenarios' clock stands at first: milliseconds since 1970."""

_VIRTUAL_TIME = re.compile(r"<t0\+(\d+)>")
Json = dict[str, Any]


def with_real_times(value: Any) -> Any:
    """``"<t0+5>"`` becomes ``T0 + 5``, wherever it stands."""
    if isinstance(value, dict):
        return {key: with_real_times(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_real_times(item) for item in value]
    found = _VIRTUAL_TIME.fullmatch(value) if isinstance(value, str) else None
    return T0 + int(found[1]) if found else value


@dataclass(frozen=True)
class Scenario:
    """One scenario file; ``number`` is what the table of differences calls it."""

    name: str
    number: int
    data: Json

    @property
    def workflow(self) -> Json:
        return self.data["workflow"]

    @property
    def behaviours(self) -> Json:
        return self.data["nodeBehaviours"]

    @property
    def calls(self) -> list[Json]:
        return self.data["calls"]

    @property
    def validates(self) -> bool:
        return bool(self.data.get("validate"))

    @property
    def sets_snapshots(self) -> bool:
        """Whether a call replaces the stored snapshot by one whose ``version`` says nothing about its results."""
        return any("setSnapshot" in call for call in self.calls)

    @cached_property
    def snapshots(self) -> list[Json | None]:
        """After each call: a snapshot, ``{"throws": text}``, or None after a validation that passed."""
        return with_real_times(self.data["snapshots"])

    @cached_property
    def step_snapshots(self) -> list[list[Json]]:
        """After each single step inside each call; empty where the scenario doesn't give them."""
        given = with_real_times(self.data.get("stepSnapshots", []))
        return [given[index] or [] if index < len(given) else [] for index in range(len(self.calls))]

    @cached_property
    def executor_calls(self) -> list[list[Json]]:
        return with_real_times(self.data["executorCalls"])

    def behaviour_of(self, node_id: str) -> Json:
        """What the executor of this node does, unwrapped from its ``then``s."""
        kind = next(node["type"] for node in self.workflow["nodes"] if node["id"] == node_id)
        behaviour = self.behaviours[kind]["behaviour"]
        while "then" in behaviour:
            behaviour = behaviour["then"]
        return behaviour

    def edges_from(self, node_id: str) -> list[Json]:
        return [edge for edge in self.workflow["edges"] if edge["source"] == node_id]

    def previous_snapshot(self, index: int) -> Json | None:
        """What the reference engine's caller had stored before call ``index``: a call that throws changes nothing."""
        stored = [snapshot for snapshot in self.snapshots[:index] if snapshot and "throws" not in snapshot]
        return stored[-1] if stored else None


def patched(call: Json, stored: Json | None) -> Json | None:
    """The stored snapshot as the call's caller changes it beforehand."""
    if "setSnapshot" in call:
        stored = with_real_times(call["setSnapshot"])
    return stored and {**stored, **with_real_times(call.get("patchSnapshot", {}))}


def all_scenarios() -> list[Scenario]:
    """Every scenario file that is kept here, and those of a folder that ``FLOWLEDGER_GOLDEN`` names."""
    paths = {path.name: path for folder in FOLDERS for path in sorted(folder.glob("[0-9][0-9][0-9]-*.json"))}.values()
    if not paths:
        raise FileNotFoundError(f"there are no golden scenarios in {DATA}")
    return [Scenario(path.stem, int(path.stem[:3]), json.loads(path.read_text("utf-8"))) for path in paths]


def files_named_by_the_table() -> dict[str, set[int]]:
    """Row of the README's table of differences → the numbers of the files that it names (``075-079, 034``)."""
    rows: dict[str, set[int]] = {}
    for line in (DATA / "README.md").read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if re.fullmatch(r"D\d+", cells[0]):
            rows[cells[0]] = set(_numbers(cells[-1]))
    return rows


def _numbers(text: str) -> Iterator[int]:
    if text == "all":
        yield from range(1000)
    for first, last in re.findall(r"(\d{3})(?:-(\d{3}))?", text):
        yield from range(int(first), int(last or first) + 1)
