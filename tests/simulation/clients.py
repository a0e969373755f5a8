"""Those outside: shops that start runs, webhooks that answer, operators. What they do is drawn; what is lost, they send
again with the same key."""

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import flowledger as fl

from .scheduler import SECOND, Outcome

MEANT_FOR_ANY = "whatever is open"


class Act(NamedTuple):
    """One thing that a client does; ``luck`` decides what can't be known beforehand."""

    number: int
    kind: str
    pause: int
    """Microseconds since the act before."""
    luck: int
    is_keyed: bool
    sent: int
    """How often it is delivered, whatever comes of it."""


KINDS = {
    "shop": (("start", 5), ("start for a worker", 4)),
    "webhook": (("answer", 8), ("answer what is open", 2), ("note", 1)),
    "operator": (
        ("hold", 4),
        ("release", 5),
        ("cancel", 1),
        ("retry", 2),
        ("reproduce", 1),
        ("fork", 2),
        ("proceed", 1),
        ("note", 1),
    ),
}


def draw_acts(chance: Random, client: str, count: int) -> list[Act]:
    """What one client does, one after the other."""
    kinds, weights = zip(*KINDS[client], strict=True)
    return [
        Act(
            number,
            chance.choices(kinds, weights)[0],
            int(chance.random() * chance.choice((SECOND // 10, 2 * SECOND, 10 * SECOND))),
            chance.randrange(2**30),
            chance.random() < 0.6,
            chance.choice((1, 1, 1, 2, 3)),
        )
        for number in range(count)
    ]


class Client:
    """Does its acts one after the other; each goes to a process of the web service."""

    def __init__(self, world: Any, name: str, acts: list[Act]) -> None:
        self._world = world
        self.name = name
        self._acts = acts

    def live(self) -> None:
        for act in self._acts:
            self._world.scheduler.sleep(act.pause)
            send = self._decide(act)
            if send is not None:
                self._deliver(act, send)

    def _deliver(self, act: Act, send: Callable[[fl.Ledger], Any]) -> None:
        for time in range(act.sent + 2):
            outcome = self._world.web.call(f"{self.name} {act.number}.{time}", send, act.luck + time)
            is_unknown = outcome.is_lost or isinstance(outcome.error, fl.StorageUnavailable)
            self._note(act, outcome)
            if is_unknown:
                self._world.scheduler.sleep(SECOND // 2)
            if is_unknown and not act.is_keyed:
                return  # it may have happened, and would happen twice
            if not is_unknown and time + 1 >= act.sent:
                return

    def _note(self, act: Act, outcome: Outcome) -> None:
        self._world.watch.answers_of[type(outcome.error).__name__ if outcome.error else "done"] += 1
        if outcome.error is not None and not isinstance(outcome.error, EXPECTED):
            raise AssertionError(f"{self.name} got {outcome.error!r} for {act.kind}") from outcome.error

    def _decide(self, act: Act) -> Callable[[fl.Ledger], Any] | None:
        """What is sent, by what the client knows: none of it is decided again when it is sent again."""
        key = f"{self.name} {act.number}" if act.is_keyed else None
        given: dict[str, Any] = {"by": self.name, "idempotency_key": key}
        if act.kind.startswith("start"):
            workflow, wait = self._world.workflow_of(act.luck), act.kind == "start"
            return lambda ledger: self._world.started(
                ledger.runs.start(workflow, payload={"order": act.number}, wait=wait, **given)
            )
        if act.kind.startswith("answer"):
            return self._decide_answer(act, given)
        run_id = self._world.some_run(act.luck)
        if run_id is None:
            return None
        if act.kind == "note":
            return lambda ledger: ledger.runs.set_metadata(run_id, {"note": act.number}, **given)
        if act.kind == "retry":
            return lambda ledger: self._world.started(ledger.runs.retry(run_id, again=act.luck % 2 == 0, **given))
        if act.kind == "fork":
            return lambda ledger: self._world.started(ledger.runs.fork(run_id, 1 + act.luck % 3, **given))
        if act.kind == "reproduce":
            return lambda ledger: self._world.started(ledger.runs.reproduce(run_id, **given))
        return lambda ledger: getattr(ledger.runs, act.kind)(run_id, **given)

    def _decide_answer(self, act: Act, given: dict[str, Any]) -> Callable[[fl.Ledger], Any] | None:
        found = self._world.web.call(
            f"{self.name} {act.number} looks", lambda ledger: ledger.history.waits(limit=20).items, act.luck
        )
        self._note(act, found)
        if not found.value:
            return None
        asked = found.value[act.luck % len(found.value)]
        is_named = act.kind == "answer"
        payload = {"for": asked.id if is_named else MEANT_FOR_ANY, "n": f"{self.name} {act.number}"}
        named = {"wait": asked.id} if is_named else {}

        def send(ledger: fl.Ledger) -> None:
            ledger.runs.resume(asked.run_id, payload=payload, **named, **given)
            self._world.watch.acknowledged_answers.append((asked.run_id, named.get("wait"), payload))

        return send


EXPECTED = (
    fl.Conflict,
    fl.IllegalTransition,
    fl.StorageUnavailable,
    fl.WorkOrderRejected,
    fl.VersionNotFound,
    fl.EffectNotRecorded,
)
"""What callers are told when they ask for what can't be now."""
