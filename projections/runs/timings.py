"""How long the nodes of a workflow take, how often they fail, and which save made which one slower."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from math import floor
from operator import itemgetter
from typing import Any, overload

from ...domain.run import STEP_COMPLETED, STEP_FAILED
from ...domain.values.clock import moment
from ...domain.visible import visible
from ..history_beginning import HistoryBeginning
from ..serialization import ADDED, to_json_value
from .attempts import Due, finish_time, milliseconds
from .grouping import Grouping

SAMPLES = 20
"""Steps that a node must have before and after a save for the two to be compared: with fewer, chance says more."""

RATIO = 1.5
"""How many times as long the median must be to count as slower, …"""

DIFFERENCE = 1_000
"""… and by how many microseconds: below that nobody waits."""


@dataclass(frozen=True, slots=True)
class NodeTiming:
    """The steps of one node in one group. Times are milliseconds; a pause of the node itself is no step."""

    node_id: str
    group: int | str
    """The workflow's version, or the day (UTC) on which the steps began."""
    count: int
    """The number of steps, completed or failed."""
    failures: int
    failure_rate: float
    """From 0 to 1."""
    retries: int
    """Steps that weren't the first attempt."""
    retry_rate: float
    median: float
    """Median time inside the executor."""
    p95: float
    max: float
    waiting_median: float
    """Median time from when the step was due until it began."""
    waiting_p95: float
    waiting_max: float


@dataclass(frozen=True, slots=True)
class Slowdown:
    """A save since which a node takes longer. Times are milliseconds."""

    node_id: str
    version: int
    """The version of the save."""
    by: str
    """Who saved it."""
    message: str | None
    compared_with: int
    """The last version before it that has enough steps of this node."""
    median_before: float
    median_after: float
    ratio: float
    count_before: int
    count_after: int

    def __str__(self) -> str:
        why = f", {self.message!r}" if self.message is not None else ""
        return visible(
            f"node {self.node_id!r} slower since version {self.version} ({self.by}{why}): median "
            f"{self.median_before:,.1f} ms → {self.median_after:,.1f} ms, ×{self.ratio:.1f}, "
            f"{self.count_before:,} and {self.count_after:,} samples"
        )


@dataclass(frozen=True, slots=True)
class Timings(Sequence[NodeTiming]):
    """A row for each node and group. It is a sequence of its rows: node by node, groups ascending."""

    workflow_id: str
    by: Grouping
    runs: int
    """The number of runs that were read."""
    rows: tuple[NodeTiming, ...]
    changes: tuple[Slowdown, ...]
    """Which save made which node slower; only if steps are grouped by version."""
    begins: HistoryBeginning | None = field(default=None, metadata=ADDED)
    """From when on they are whole, where they reach back to what retention policies have removed. None: they are."""

    @overload
    def __getitem__(self, index: int) -> NodeTiming: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[NodeTiming, ...]: ...
    def __getitem__(self, index: int | slice) -> NodeTiming | tuple[NodeTiming, ...]:
        return self.rows[index]

    def __len__(self) -> int:
        return len(self.rows)

    def to_data(self) -> dict[str, Any]:
        """As JSON; each change also in words."""
        changes = [{**to_json_value(change), "summary": str(change)} for change in self.changes]
        return {**to_json_value(self), "changes": changes}


@dataclass(slots=True)
class _Steps:
    """The steps of one node in one group: microseconds, one number each."""

    took: "array[int]" = field(default_factory=lambda: array("q"))
    waited: "array[int]" = field(default_factory=lambda: array("q"))
    failures: int = 0
    retries: int = 0


class TimingsFold:
    """Folds the events of runs, run by run, and keeps two numbers of each step."""

    def __init__(self, workflow_id: str, by: Grouping) -> None:
        self._workflow_id = workflow_id
        self._by: Grouping = by
        self._steps: dict[tuple[str, int | str], _Steps] = {}
        self.runs = 0

    def add(self, workflow_version: int, events: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """The steps of one run, from the types and bodies of its events. What it reused is none of its steps.

        Nor is what it took from the record instead of executing it.
        """
        self.runs += 1
        due = Due()
        for type, data in events:
            if type in (STEP_COMPLETED, STEP_FAILED) and "recorded" not in data:
                group = workflow_version if self._by == "version" else moment(data["started_at"]).date().isoformat()
                steps = self._steps.setdefault((data["node_id"], group), _Steps())
                steps.took.append(finish_time(data) - data["started_at"])
                steps.waited.append(due.waited(data["started_at"]))
                steps.failures += type == STEP_FAILED
                steps.retries += data.get("attempt", 1) > 1
            due.follow(type, data)

    def timings(self, order: Sequence[str], saved: Callable[[int], Mapping[str, Any]]) -> Timings:
        """What was found. ``order`` of the nodes, others follow; ``saved`` gives the body of a version's save."""
        places = {node_id: place for place, node_id in enumerate(order)}
        # A group is either always a version or always a day.
        found: list[tuple[str, Any, _Steps]] = sorted(
            ((node_id, group, steps) for (node_id, group), steps in self._steps.items()),
            key=lambda item: (places.get(item[0], len(places)), item[0], item[1]),
        )
        changes = _slowdowns(found, saved) if self._by == "version" else ()
        return Timings(self._workflow_id, self._by, self.runs, tuple(_timing(*item) for item in found), tuple(changes))


def _timing(node_id: str, group: int | str, steps: _Steps) -> NodeTiming:
    count = len(steps.took)
    took, waited = sorted(steps.took), sorted(steps.waited)
    return NodeTiming(
        node_id=node_id,
        group=group,
        count=count,
        failures=steps.failures,
        failure_rate=steps.failures / count,
        retries=steps.retries,
        retry_rate=steps.retries / count,
        median=milliseconds(quantile(took, 0.5)),
        p95=milliseconds(quantile(took, 0.95)),
        max=milliseconds(took[-1]),
        waiting_median=milliseconds(quantile(waited, 0.5)),
        waiting_p95=milliseconds(quantile(waited, 0.95)),
        waiting_max=milliseconds(waited[-1]),
    )


def quantile(ordered: Sequence[int], part: float) -> float:
    """Of sorted samples, interpolated as ``statistics.quantiles(…, method="inclusive")`` does."""
    place = (len(ordered) - 1) * part
    low = floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _slowdowns(
    found: Iterable[tuple[str, int, _Steps]], saved: Callable[[int], Mapping[str, Any]]
) -> Iterator[Slowdown]:
    """Each version against the last one before it that has enough steps of the node."""
    for node_id, groups in groupby(found, key=itemgetter(0)):
        before: tuple[int, list[int]] | None = None
        for _, version, steps in groups:
            if len(steps.took) < SAMPLES:
                continue
            took = sorted(steps.took)
            if before is not None and is_slower(before[1], took):
                yield _slowdown(node_id, version, saved(version), *before, took)
            before = version, took


def is_slower(before: Sequence[int], after: Sequence[int]) -> bool:
    """Whether sorted samples are slower than earlier ones, so clearly that chance and a few outliers don't do it.

    Three quarters of the later ones took longer than three quarters of the earlier ones, and the median has grown
    by half and by a millisecond.
    """
    was, now = quantile(before, 0.5), quantile(after, 0.5)
    apart = quantile(after, 0.25) > quantile(before, 0.75)
    return apart and now >= was * RATIO and now - was >= DIFFERENCE


def _slowdown(
    node_id: str, version: int, save: Mapping[str, Any], compared_with: int, before: list[int], after: list[int]
) -> Slowdown:
    was, now = quantile(before, 0.5), quantile(after, 0.5)
    return Slowdown(
        node_id=node_id,
        version=version,
        by=save["by"],
        message=save.get("message"),
        compared_with=compared_with,
        median_before=milliseconds(was),
        median_after=milliseconds(now),
        ratio=now / max(was, 1),
        count_before=len(before),
        count_after=len(after),
    )
