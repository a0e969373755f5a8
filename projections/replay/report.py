"""The results of executing recorded runs again: one run, and many."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..bulk import BulkFailure
from ..serialization import to_json_value
from .divergence import Divergence


@dataclass(frozen=True, slots=True)
class ReplayedExecutor:
    """What a replay did with the steps of one node type, and how its executor is registered."""

    type: str
    deterministic: bool
    effects: bool
    executed: int
    taken: int
    """Steps whose outcome was taken from the record."""
    code_changed: bool | None
    """Whether the executor isn't the code that ran last; None if the run doesn't say which code that was."""


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """The result of replaying a run: whether everything came out as it was recorded."""

    run_id: str
    workflow_id: str
    workflow_version: int
    version: int
    """The number of events that are as recorded: all of them, or those before the divergence."""
    steps: int
    """The number of recorded steps that were looked at, the diverging one included."""
    executed: int
    """The number of steps that were executed again; a step whose input can't be made isn't executed."""
    taken: int
    """The number of outcomes that were taken from the record."""
    executors: tuple[ReplayedExecutor, ...]
    """The executors that a step called for, by node type."""
    divergence: Divergence | None
    ignored_code: bool = False
    """Whether changed code was left out of account."""
    against: int | None = None
    """The version of the workflow that was tried instead of the run's own; None: its own."""

    @property
    def ok(self) -> bool:
        """Whether nothing diverged."""
        return self.divergence is None

    @property
    def code_changed(self) -> tuple[str, ...]:
        """The types of executors whose code isn't the code that ran last."""
        return tuple(executor.type for executor in self.executors if executor.code_changed)

    @property
    def remark(self) -> str | None:
        """That outcomes agree although code has changed; None where either isn't so."""
        if not self.code_changed or (self.divergence is not None and self.divergence.kind != "code"):
            return None
        ignored = ", which is left out of account" if self.ignored_code else ""
        changed = ", ".join(map(repr, self.code_changed))
        return f"what was executed ({self.executed:,}) came out as recorded; code has changed since{ignored}: {changed}"

    def to_data(self) -> dict[str, Any]:
        """As JSON, keys in camelCase."""
        return {"ok": self.ok, **to_json_value(self)}

    def __str__(self) -> str:
        found = "nothing diverged" if self.divergence is None else f"{self.divergence.kind}: {self.divergence}"
        remark = "" if self.remark is None else f"; {self.remark}"
        return f"{self.steps} steps ({self.executed} executed, {self.taken} taken from the record): {found}{remark}"


Replayed = ReplayReport | BulkFailure
"""The result for one run of many."""


@dataclass(frozen=True, slots=True)
class ReplayFinding:
    """One kind of divergence, or of failure, among many runs."""

    kind: str
    count: int
    example: Replayed
    """The first one."""
    run_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReplaySummary:
    """What came of replaying many runs."""

    runs: int
    steps: int
    executed: int
    taken: int
    findings: tuple[ReplayFinding, ...]
    """The most frequent kind first."""
    code_changed: Mapping[str, int]
    """Executors' types → runs whose outcomes agree although that code isn't the code that ran last."""
    behind: float | None = None
    """Where runs were searched for: for how many seconds there have been events that the search doesn't know."""

    @property
    def ok(self) -> bool:
        """Whether no run diverged, each could be replayed, and a search for them has missed none."""
        return not self.findings and not self.behind

    def to_data(self) -> dict[str, Any]:
        """As JSON, keys in camelCase."""
        data = {"ok": self.ok, **to_json_value(self)}
        if self.behind is None:
            del data["behind"]
        return data


def summary_of(replayed: Iterable[Replayed], behind: float | None = None) -> ReplaySummary:
    """The sums, and one example of each kind of finding; ``behind`` of the search that found the runs."""
    runs = steps = executed = taken = 0
    found: dict[str, list[Replayed]] = {}
    recoded: Counter[str] = Counter()
    for outcome in replayed:
        runs += 1
        if isinstance(outcome, BulkFailure):
            found.setdefault(outcome.kind, []).append(outcome)
            continue
        steps, executed, taken = steps + outcome.steps, executed + outcome.executed, taken + outcome.taken
        if outcome.remark is not None:
            recoded.update(outcome.code_changed)
        if outcome.divergence is not None:
            found.setdefault(outcome.divergence.kind, []).append(outcome)
    findings = [
        ReplayFinding(kind, len(outcomes), outcomes[0], tuple(outcome.run_id for outcome in outcomes))
        for kind, outcomes in found.items()
    ]
    findings.sort(key=lambda finding: (-finding.count, finding.kind))
    return ReplaySummary(runs, steps, executed, taken, tuple(findings), dict(sorted(recoded.items())), behind)
