"""Two runs side by side, as they are told: up to where they are alike, where they part, and what each did after."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal, get_args

from ...domain.lazy import lazy
from ...domain.run.results import error_text
from ...domain.run.snapshot import Snapshot
from ...domain.status import RunStatus
from ...domain.visible import visible_lines
from ..runs.attempts import Attempt
from ..serialization import to_json_value
from .ignore import Ignored
from .json_patch import operations, patch_of
from .values import ValueChange, abbreviate, change_lines
from .workflows import WorkflowDiff

Kind = Literal["end", "node", "input", "payload", "error", "outcome", "output", "handle", "next", "reason"]
"""In what two runs part: one has no further step, they go to other nodes, or at the same node other things go in or
come out. Causes stand before what comes of them."""

INSIDE: tuple[Kind, ...] = get_args(Kind)[2:]


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """One of two runs that are compared."""

    run_id: str
    workflow_id: str
    workflow_version: int
    status: RunStatus
    """A Snapshot's, or ``cancelled``."""
    steps: int
    """The number of executions, including those whose results it reused."""
    snapshot: Snapshot

    def to_data(self) -> dict[str, Any]:
        """As JSON, without the snapshot."""
        return {
            "runId": self.run_id,
            "workflowId": self.workflow_id,
            "workflowVersion": self.workflow_version,
            "version": self.snapshot.version,
            "status": self.status,
            "steps": self.steps,
        }


@dataclass(frozen=True, slots=True)
class ComparedStep:
    """One step of the comparison: an execution in both runs, or only in one of them."""

    node_id: str
    visit: int
    """1 until the node first succeeds, then 2, and so on."""
    attempt: int
    a: Attempt | None
    b: Attempt | None
    changes: tuple[ValueChange, ...] = ()
    """What differs in ``input``, ``payload``, ``error``, ``outcome``, ``output``, ``handle``, ``next``, ``reason``."""
    node_changed: bool = False
    """Whether the node differs between the two definitions."""
    code_changed: bool = False
    """Whether different code ran."""

    @property
    def label(self) -> str:
        """What to call it."""
        again = "" if self.visit == 1 else f", visit {self.visit}"
        return f"{self.node_id!r} attempt {self.attempt}{again}"

    @property
    def alike(self) -> bool:
        """Whether both runs have it, with the same input and outcome."""
        return self.a is not None and self.b is not None and not self.changes

    def to_data(self) -> dict[str, Any]:
        """As JSON; of the executions their outcome and the version of the event that recorded it."""
        return {
            "nodeId": self.node_id,
            "visit": self.visit,
            "attempt": self.attempt,
            "a": _brief(self.a),
            "b": _brief(self.b),
            "changes": [change.to_data() for change in self.changes],
            "nodeChanged": self.node_changed,
            "codeChanged": self.code_changed,
        }

    def lines(self) -> Iterator[str]:
        """``=`` alike, ``~`` in both but not alike, ``-`` only in the first run, ``+`` only in the second one."""
        sign = "-" if self.b is None else "+" if self.a is None else "~" if self.changes else "="
        only = self.a if self.b is None else self.b if self.a is None else None
        outcome = "" if only is None else f": {_outcome(only)}"
        yield f"{sign} {self.label}{outcome}"
        for change in self.changes:
            yield from change_lines(change, "    ")


@dataclass(frozen=True, slots=True)
class Parting:
    """Where two runs part."""

    kind: Kind
    alike: int
    """The number of steps that they took alike before."""
    a: Attempt | None
    """The first step of the first run that isn't alike; None: it has no further step."""
    b: Attempt | None
    changes: tuple[ValueChange, ...] = ()
    """What differs, of this kind."""
    node_changed: bool = False
    """Whether this node differs between the definitions."""
    code_changed: bool = False
    """Whether different code ran there."""

    def __str__(self) -> str:
        return visible_lines("\n".join(self.lines()))

    def lines(self) -> Iterator[str]:
        """A sentence, and what differs, line by line."""
        yield f"parted after {self.alike:,} step{'s' * (self.alike != 1)} alike: {self._what()}"
        for change in self.changes:
            yield from change_lines(change, "    ")
        if self.node_changed:
            yield "    the node isn't the same in the two definitions"
        if self.code_changed:
            yield "    the code that ran isn't the same"

    def _what(self) -> str:
        if self.a is None or self.b is None:
            ended, goes_on = ("first", self.b) if self.a is None else ("second", self.a)
            return f"the {ended} run has no further step" + (
                "" if goes_on is None else f", the other {_destination(goes_on)}"
            )
        if self.kind == "node":
            return f"the first run {_destination(self.a)}, the second one {_destination(self.b)}"
        return f"the {self.kind} of {self.a.node_id!r} attempt {self.a.attempt} differs"

    def to_data(self) -> dict[str, Any]:
        """As JSON, the executions with all of their values."""
        return {
            "kind": self.kind,
            "alike": self.alike,
            "a": to_json_value(self.a),
            "b": to_json_value(self.b),
            "changes": [change.to_data() for change in self.changes],
            "nodeChanged": self.node_changed,
            "codeChanged": self.code_changed,
        }


@dataclass(frozen=True)
class RunComparison:
    """Two runs, with their steps aligned. ``str()`` for people."""

    a: ComparedRun
    b: ComparedRun
    workflow: WorkflowDiff
    """The difference between the workflow versions that they used; falsy when there is none."""
    parted: Parting | None
    """Where they first differ; None: they took the same steps."""
    steps: tuple[ComparedStep, ...]
    """The steps of both, in the order of the first run."""
    _ignored: Ignored | None = field(repr=False)

    @lazy
    def patch(self) -> list[dict[str, Any]]:
        """JSON Patch (RFC 6902) from the first run's Snapshot to that of the second one, but for what is ignored."""
        a, b = (run.snapshot.to_data() for run in (self.a, self.b))
        return patch_of(operations(a, b, self._ignored))

    def __str__(self) -> str:
        return visible_lines("\n".join(self.lines()))

    def lines(self) -> Iterator[str]:
        """Line by line: the two runs, where they part, and the steps from there on."""
        for sign, run in (("-", self.a), ("+", self.b)):
            yield (
                f"{sign} run {run.run_id} of {run.workflow_id}@{run.workflow_version}: "
                f"{run.status}, {run.steps:,} step{'s' * (run.steps != 1)}"
            )
        if self.workflow:
            yield f"the definitions differ: {self.workflow.summary}"
        if other := dict.fromkeys(repr(step.node_id) for step in self.steps if step.code_changed):
            yield f"other code ran at {', '.join(other)}"
        if self.parted is None:
            yield "they took the same steps"
            return
        yield from self.parted.lines()
        yield "what each did from there on:"
        yield from _summary_lines(self.steps[self.parted.alike :])

    def to_data(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "a": self.a.to_data(),
            "b": self.b.to_data(),
            "workflow": self.workflow.to_data() if self.workflow else None,
            "parted": None if self.parted is None else self.parted.to_data(),
            "steps": [step.to_data() for step in self.steps],
            "patch": self.patch,
        }


def _summary_lines(steps: tuple[ComparedStep, ...]) -> Iterator[str]:
    """Step by step; those that are alike, and lie together, on one line."""
    for alike, group in groupby(steps, lambda step: step.alike):
        those = list(group)
        if alike and len(those) > 1:
            yield f"= {len(those):,} steps alike, from {those[0].label} to {those[-1].label}"
            continue
        for step in those:
            yield from step.lines()


def _destination(done: Attempt) -> str:
    return f"went to {done.node_id!r} attempt {done.attempt}"


def _outcome(done: Attempt) -> str:
    if done.error is not None:
        return f"failed: {error_text(done.error)}"
    if done.outcome == "paused":
        return "paused" if done.reason is None else f"paused: {done.reason}"
    return abbreviate(done.output)


def _brief(done: Attempt | None) -> dict[str, Any] | None:
    return None if done is None else {"version": done.version, "outcome": done.outcome}
