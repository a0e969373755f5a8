"""Waits, their answers, and holds: what a run's state keeps of them, and as callers see them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NotRequired, cast

from typing_extensions import TypedDict

from ..errors import InvalidRequest
from ..values.clock import moment
from ..values.json import reduce
from ..visible import quoted

# --- in the state of a run: JSON, as checkpoints keep it --------------------------------------------------------------


class OpenWait(TypedDict):
    """A question that nobody has answered yet. Times are microseconds since 1970."""

    version: int
    """At which the run asked. A fork asks at its first version."""
    node_id: str
    asked_at: int
    reason: NotRequired[str]
    until: NotRequired[int]
    answer: NotRequired[Mapping[str, Any]]
    """The JSON Schema of its answers."""


class GivenAnswer(TypedDict):
    """An answer that the node which asked hasn't come to its end with yet. Its payload is that of the run's state."""

    wait: str
    """The id of the wait."""
    by: str
    at: int
    timed_out: NotRequired[bool]


class Holding(TypedDict):
    """A hold that nobody has released yet."""

    by: str
    at: int
    reason: NotRequired[str]
    as_pause: NotRequired[bool]
    """Recorded by an older release, as a pause without a node: snapshots show it as they did then."""


# --- as callers see them ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wait:
    """A question that a node asked, and that waits for its answer."""

    id: str
    """Names this question of this run and no other one: ``runs.resume(run.id, payload, wait=id)``."""
    node_id: str
    reason: str | None
    """What is asked, in the words of the executor."""
    asked_at: datetime
    until: datetime | None
    """The deadline, where it has one."""
    answer: Mapping[str, Any] | None = field(hash=False)
    """The JSON Schema that an answer must fit; None: it may be any JSON."""
    version: int
    """Of the run, at which it asked."""

    def __reduce__(self) -> tuple[Any, ...]:
        return reduce(self, "answer")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a wait of this node was answered with: ``step.answer``."""

    payload: Any = field(hash=False)
    """JSON; None where it was answered without a payload."""
    by: str
    at: datetime
    timed_out: bool
    """Whether nobody answered, and the deadline did."""
    wait: str
    """The id of the wait."""

    def __reduce__(self) -> tuple[Any, ...]:
        return reduce(self, "payload")


@dataclass(frozen=True, slots=True)
class Hold:
    """An operator's hold: who, why, and since when."""

    by: str
    reason: str | None
    at: datetime


def wait_id(run_id: str | None, workflow_id: str, version: int) -> str:
    """The id of the wait that a run opened at a version: the same wherever and whenever it is asked for."""
    return f"{run_id or workflow_id}:{version}"


def wait_version(wait: str, run_id: str) -> int:
    """The version at which the run opened the wait. Raises InvalidRequest for what is no wait of this run."""
    if not isinstance(wait, str):
        raise InvalidRequest(f"wait {quoted(wait)} is no id: it is the id of one of run.waits")
    of, _, version = wait.rpartition(":")
    if of != run_id or not (version.isascii() and version.isdigit()) or str(int(version[:20])) != version:
        raise InvalidRequest(
            f"wait {quoted(wait)} is none of run {run_id!r}: its waits are in run.waits (waits of a run: show RUN)"
        )
    return int(version)


def wait_of(open: OpenWait, run_id: str | None, workflow_id: str) -> Wait:
    """The open wait, as callers see it."""
    until = open.get("until")
    return Wait(
        id=wait_id(run_id, workflow_id, open["version"]),
        node_id=open["node_id"],
        reason=open.get("reason"),
        asked_at=moment(open["asked_at"]),
        until=None if until is None else moment(until),
        answer=open.get("answer"),
        version=open["version"],
    )


def answer_of(given: GivenAnswer, payload: Any) -> Answer:
    """The answer, as an executor sees it."""
    return Answer(payload, given["by"], moment(given["at"]), given.get("timed_out", False), given["wait"])


def hold_of(holding: Holding) -> Hold:
    """The hold, as callers see it."""
    return Hold(holding["by"], holding.get("reason"), moment(holding["at"]))


def open_wait(data: Mapping[str, Any], version: int) -> OpenWait:
    """What a node's pause, recorded at this version, asks."""
    kept = {key: data[key] for key in ("node_id", "reason", "until", "answer") if key in data}
    return cast("OpenWait", {"version": version, "asked_at": data["recorded_at"], **kept})


def holding(data: Mapping[str, Any]) -> Holding:
    """Who holds a run, of the event that says so."""
    reason = {"reason": data["reason"]} if "reason" in data else {}
    return cast("Holding", {"by": data["by"], "at": data["recorded_at"], **reason})
