"""Effects on record: what the runs of a work order did to the world, and whether a further one does it again.

A node does one piece of work after the other: each ends when the run leaves the node. Which one it is tells
``step.effect_key``.
"""

from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from ..errors import EffectNotRecorded, InvalidRequest
from ..execution.executors import effect_key
from ..execution.step import Taken
from ..run import PAUSED, STEP_COMPLETED, STEP_FAILED, RunState
from ..run.events import RESUMED
from ..run.results import is_caught
from ..values.clock import moment
from ..values.json_compare import json_digest
from ..visible import quoted, visible


class Work(NamedTuple):
    """A piece of work of a node; ``number`` counts from 1."""

    node_id: str
    number: int


class Execution(NamedTuple):
    """One execution, or what a reproduction or a fork took in place of one, by its event."""

    run_id: str
    version: int
    type: str
    answer: str | None
    """The digest of what its wait was answered with; None: it saw no answer."""
    at: int
    """When it was recorded, in microseconds since 1970."""
    was_taken: bool
    """Whether it was itself taken from the record, and nothing was executed."""
    is_final: bool
    """Whether it is what came of the work: a success, or a failure after which there was no further attempt."""


def named_types(effects: Collection[str], executors: Container[str] | None) -> frozenset[str]:
    """The types that are executed although they have effects. Raises InvalidRequest for one that isn't registered.

    None: nobody knows here what is; who executes them does.
    """
    if isinstance(effects, str):
        raise InvalidRequest(f"effects {quoted(effects)}: give the types as in effects=({quoted(effects)},)")
    if not isinstance(effects, Collection):
        raise InvalidRequest(f"effects {quoted(effects)} is no list of types")
    for type in effects:
        if not isinstance(type, str) or (executors is not None and type not in executors):
            raise InvalidRequest(f"effects: no executor is registered for type {quoted(type)}")
    return frozenset(effects)


def current_work(state: RunState, node_id: str) -> Work:
    """The piece of work that the node's next step is about."""
    return Work(node_id, state.context.tally(node_id).visits + 1)


def seen_answer(state: RunState) -> str | None:
    """The digest of the answer that the next step sees, as in ``Execution``."""
    return None if state.answer is None else json_digest(state.payload)


class RunRecord:
    """The executions of one run, by the work that they were about. Follows the run as it goes on."""

    def __init__(self, begun: RunState) -> None:
        """``begun`` is the run at its first version."""
        self.run_id = str(begun.run_id)
        self.version = begun.version
        self._begun = begun
        self._visits: dict[str, int] = {}
        self._waits = begun.wait is not None
        self._answer = seen_answer(begun)
        self._executions: dict[Work, list[Execution]] = {}

    def follow(self, events: Iterable[tuple[int, str, Mapping[str, Any]]]) -> None:
        """Take the next events of the run: their versions, types and bodies."""
        for version, type, data in events:
            self.version = version
            if type == RESUMED and self._waits:
                self._waits, self._answer = False, json_digest(data.get("payload"))
            elif type in (STEP_COMPLETED, STEP_FAILED) or (type == PAUSED and "node_id" in data):
                self._take(version, type, data)

    def _take(self, version: int, type: str, data: Mapping[str, Any]) -> None:
        node_id = data["node_id"]
        done = self._visits.get(node_id)
        if done is None:
            done = self._visits[node_id] = self._begun.context.tally(node_id).visits
        recorded = data.get("recorded")
        if recorded is None or "version" in recorded:  # else nothing was on record, and nothing was done
            is_final = type == STEP_COMPLETED or (type == STEP_FAILED and "retry_at" not in data)
            execution = Execution(
                self.run_id, version, type, self._answer, data["recorded_at"], recorded is not None, is_final
            )
            self._executions.setdefault(Work(node_id, done + 1), []).append(execution)
        if type == STEP_COMPLETED or is_caught(data):
            self._visits[node_id] = done + 1
        if type != STEP_FAILED or is_caught(data):
            self._waits, self._answer = type == PAUSED, None

    def executions(self, work: Work) -> list[Execution]:
        """Those of a piece of work, oldest first."""
        return self._executions.get(work, [])

    def all(self) -> Iterator[tuple[Work, Execution]]:
        """Each execution with what it was about."""
        for work, executions in self._executions.items():
            yield from ((work, execution) for execution in executions)


def to_repeat(executions: Iterable[Execution]) -> Execution | None:
    """What came of a piece of work, whatever was asked and tried on the way: its success, or its failure for good.

    None: nothing did, or it isn't over.
    """
    by_type = {execution.type: execution for execution in executions if execution.is_final}
    return by_type.get(STEP_COMPLETED) or by_type.get(STEP_FAILED)


def to_take(executions: Iterable[Execution], answer: str | None) -> Execution | None:
    """What came of a piece of work for a step that sees this answer: what it asked, what it did, how it failed.

    A question is asked again, and what follows depends on the answer that it gets this time.
    """
    alike = [execution for execution in executions if execution.answer == answer]
    return to_repeat(alike) or next((execution for execution in alike if execution.type == PAUSED), None)


def is_done(executions: Iterable[Execution]) -> bool:
    """Whether anything was done or tried; a question alone does nothing."""
    return any(execution.type != PAUSED for execution in executions)


@dataclass(frozen=True, slots=True)
class RepeatedEffect:
    """What a node did to the world, as far as a further run would do it again."""

    node_id: str
    type: str
    """Of its executor."""
    done: int
    """How often it succeeded, in all runs of the work order."""
    tried: int
    """How often it was executed, failures included."""
    last_at: datetime
    """When the last of these executions was recorded."""
    effect_keys: tuple[str, ...]
    """``step.effect_key`` of each piece of work: those of the further run are the same."""

    def to_data(self) -> dict[str, Any]:
        """As JSON, keys in camelCase."""
        return {
            "nodeId": self.node_id,
            "type": self.type,
            "done": self.done,
            "tried": self.tried,
            "lastAt": self.last_at.isoformat(),
            "effectKeys": list(self.effect_keys),
        }

    def __str__(self) -> str:
        tried = "" if self.tried == self.done else f", tried {_times(self.tried)}"
        more = "" if len(self.effect_keys) == 1 else f" and {len(self.effect_keys) - 1} more"
        return visible(
            f"acts on the world again: {self.node_id} ({self.type}), done {_times(self.done)}{tried}, last at "
            f"{self.last_at.isoformat()}; effect key {self.effect_keys[0]}{more}"
        )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def repeated_effects(
    executions: Iterable[tuple[Work, Execution]], types: Mapping[str, str], work_order_id: str
) -> tuple[RepeatedEffect, ...]:
    """Of each node in ``types``, node id → type of its executor, what was done or tried, in the order of the nodes."""
    found: dict[str, list[tuple[Work, Execution]]] = {}
    for work, execution in executions:
        if work.node_id in types and execution.type != PAUSED and not execution.was_taken:
            found.setdefault(work.node_id, []).append((work, execution))
    return tuple(
        RepeatedEffect(
            node_id=node_id,
            type=type,
            done=sum(execution.type == STEP_COMPLETED for _, execution in found[node_id]),
            tried=len(found[node_id]),
            last_at=moment(max(execution.at for _, execution in found[node_id])),
            effect_keys=tuple(
                effect_key(work_order_id, *work) for work in sorted({work for work, _ in found[node_id]})
            ),
        )
        for node_id, type in types.items()
        if node_id in found
    )


def not_recorded(run_id: str, node_id: str, type: str) -> Taken:
    """The outcome of a step that isn't executed, and of which the run doesn't say what comes of it."""
    error = EffectNotRecorded(node_id, type, run_id)
    described = {"error": {"type": EffectNotRecorded.__name__, "message": str(error)}}
    return Taken(STEP_FAILED, described, {"run_id": run_id})
