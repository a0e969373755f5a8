"""Those outside: shops that start runs, webhooks that answer, operators. What they do is drawn; what is lost, they send
again with the same key."""

from collections.abc import Callable
from functools import partial
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
    "webhook": (("answer", 8), ("answer what is open", 2), ("note", 2)),
    "operator": (
        ("hold", 4),
        ("release", 5),
        ("cancel", 1),
        ("retry", 2),
        ("reproduce", 1),
        ("fork", 2),
        ("proceed", 2),
        ("note", 1),
    ),
    "author": (("save", 1),),
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
            if act.luck % 3 == 0:
                self._world.scheduler.sleep(act.pause)  # the page that it decided by grows old
            if send is not None:
                self._deliver(act, send)

    def _deliver(self, act: Act, send: Callable[[fl.Ledger], Any]) -> None:
        """Send it as often as drawn, at the same time or one after the other."""
        scheduler = self._world.scheduler
        copies = [
            scheduler.spawn(f"{self.name} {act.number} copy {copy}", partial(self._send, act, send, copy))
            for copy in range(1, act.sent)
        ]
        if act.luck % 3 == 0:
            for copy in copies:
                _raise_error(scheduler.wait_for(copy))
        self._send(act, send, 0)
        for copy in copies:
            _raise_error(scheduler.wait_for(copy))

    def _send(self, act: Act, send: Callable[[fl.Ledger], Any], copy: int) -> None:
        """Until it is known what came of it; what has no key is sent once, as it might be done twice."""
        for time in range(3):
            outcome = self._world.web.call(f"{self.name} {act.number}.{copy}.{time}", send, act.luck + copy + time)
            self._note(act, outcome)
            self._world.story.tell(f"is told of {act.kind}", lost=outcome.is_lost or None, error=outcome.error)
            is_refused = isinstance(outcome.error, REFUSALS) and act.kind in AT_ONCE
            self._world.watch.sent[self.name, act.number] += not is_refused
            is_unknown = outcome.is_lost or isinstance(outcome.error, fl.StorageUnavailable)
            if not is_unknown or not act.is_keyed:
                return
            self._world.scheduler.sleep(SECOND // 2)

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
            return lambda ledger: self._start(ledger, workflow, payload={"n": act.number}, wait=wait, **given)
        if act.kind == "save":
            workflow = self._world.workflow_of(act.luck)
            return lambda ledger: self._world.save(ledger, workflow, f"as of act {act.number}", **given)
        if act.kind.startswith("answer"):
            return self._decide_answer(act, given)
        run_id = self._world.some_run(act.luck)
        if run_id is None:
            return None
        if act.kind == "note":
            return lambda ledger: ledger.runs.set_metadata(run_id, {"n": act.number}, **given)
        if act.kind in ("hold", "cancel"):
            return lambda ledger: getattr(ledger.runs, act.kind)(run_id, reason=str(act.number), **given)
        if act.kind == "release":
            return lambda ledger: ledger.runs.release(run_id, note=str(act.number), **given)
        if act.kind == "retry":
            return lambda ledger: self._world.started(ledger.runs.retry(run_id, again=act.luck % 2 == 0, **given))
        if act.kind == "fork":
            return lambda ledger: self._world.started(ledger.runs.fork(run_id, 1 + act.luck % 3, **given))
        if act.kind == "reproduce":
            return lambda ledger: self._world.started(ledger.runs.reproduce(run_id, **given))
        return lambda ledger: ledger.runs.proceed(run_id, **given)

    def _start(self, ledger: fl.Ledger, workflow: str, **given: Any) -> None:
        acknowledged = self._world.saved[workflow]
        run = ledger.runs.start(workflow, **given)
        if run.created and run.workflow_version < acknowledged:
            raise AssertionError(f"{run.id} began with an older version than the one that was saved before it")
        self._world.started(run)

    def _decide_answer(self, act: Act, given: dict[str, Any]) -> Callable[[fl.Ledger], Any] | None:
        found = self._world.web.call(
            f"{self.name} {act.number} looks", lambda ledger: ledger.history.waits(limit=20).items, act.luck
        )
        self._note(act, found)
        if not found.value:
            return None
        asked = found.value[act.luck % len(found.value)]
        is_named = act.kind == "answer"
        payload = {"for": asked.id if is_named else MEANT_FOR_ANY, "n": act.number}
        named = {"wait": asked.id} if is_named else {}

        def send(ledger: fl.Ledger) -> None:
            ledger.runs.resume(asked.run_id, payload=payload, **named, **given)
            self._world.watch.acknowledged_answers.append((asked.run_id, named.get("wait"), payload))

        return send


def _raise_error(outcome: Outcome) -> None:
    if outcome.error is not None:
        raise outcome.error


AT_ONCE = frozenset({"note", "hold", "cancel", "release", "start for a worker"})
"""Acts that execute nothing: what is told about them is told about their one append."""

REFUSALS = (fl.Conflict, fl.IllegalTransition)

EXPECTED = (
    fl.Conflict,
    fl.IllegalTransition,
    fl.StorageUnavailable,
    fl.WorkOrderRejected,
    fl.VersionNotFound,
    fl.EffectNotRecorded,
)
"""What callers are told when they ask for what can't be now."""
