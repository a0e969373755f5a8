"""The story that the pages were designed with, as a store: real executors, a clock that is set by hand.

Order o-20817 began on 23 November on version 7. `check-stock` timed out twice, `review` asked a person, an operator
held the run for a night, noor answered "express" on 25 November, 14:02:11 in Berlin. Version 7's `ship` doesn't know
that class: `KeyError`. Version 9, live since 13:31, does. Other orders failed alike. It is 14:20.
"""

from collections.abc import Generator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import flowledger as fl
from flowledger.testing import ManualClock

WORKFLOW: Final = "order-approval"
GLOBALS: Final = {"courier_key": "ck-live-5501"}
NOW: Final = datetime(2026, 11, 25, 13, 20, 7, tzinfo=UTC)
"""14:20:07 in Berlin."""

ANSWER: Final = {
    "type": "object",
    "properties": {
        "approved": {"type": "boolean", "title": "Approve the order"},
        "shipping": {"enum": ["standard", "express", "bulk"], "title": "Shipping"},
        "note": {"type": "string", "maxLength": 200, "title": "Note"},
    },
    "required": ["approved", "shipping"],
    "additionalProperties": False,
}

DEFINITION: Final[dict[str, Any]] = {
    "name": "Order approval",
    "nodes": [
        {"id": "intake", "type": "read-order", "data": {}},
        {"id": "check-stock", "type": "ask-stock", "data": {"timeout": 3.0}},
        {
            "id": "score-risk",
            "type": "score",
            "data": {"total": "{{ nodes.intake.output.order.total }}", "limit": 1000.0},
        },
        {
            "id": "review",
            "type": "ask-person",
            "data": {
                "total": "{{ nodes.intake.output.order.total }}",
                "risk": "{{ nodes['score-risk'].output.score }}",
            },
        },
        {"id": "charge", "type": "charge-card", "data": {"amount": "{{ nodes.intake.output.order.total }}"}},
        {"id": "each-line", "type": "each", "data": {"lines": "{{ nodes.intake.output.order.lines }}"}},
        {"id": "reserve", "type": "reserve", "data": {"line": "{{ nodes['each-line'].output.line }}"}},
        {
            "id": "ship",
            "type": "book-carrier",
            "data": {
                "order": "{{ nodes.intake.output.order.id }}",
                "class": "{{ has(nodes.review) ? nodes.review.output.shipping : nodes.intake.output.order.shipping }}",
                "parcels": 2,
                "address": "{{ nodes.intake.output.order.address }}",
                "carriers": {"standard": "road", "bulk": "freight"},
                "courier_key": "{{ globals.courier_key }}",
            },
        },
        {"id": "notify", "type": "send-mail", "data": {"to": "{{ nodes.intake.output.order.customer }}"}},
        {"id": "decline", "type": "send-mail", "data": {"to": "{{ nodes.intake.output.order.customer }}"}},
    ],
    "edges": [
        {"source": "intake", "target": "check-stock"},
        {"source": "check-stock", "target": "score-risk"},
        {"source": "score-risk", "target": "review", "sourceHandle": "high"},
        {"source": "score-risk", "target": "charge", "sourceHandle": "low"},
        {"source": "review", "target": "charge", "sourceHandle": "approved"},
        {"source": "review", "target": "decline", "sourceHandle": "rejected"},
        {"source": "charge", "target": "each-line"},
        {"source": "charge", "target": "decline", "on": "failure"},
        {"source": "each-line", "target": "reserve", "sourceHandle": "item"},
        {"source": "reserve", "target": "each-line"},
        {"source": "each-line", "target": "ship", "sourceHandle": "done"},
        {"source": "ship", "target": "notify"},
    ],
}

SAVES: Final = (
    (1, "2026-09-02T08:10:00", "ada", "first version"),
    (2, "2026-09-14T12:04:31", "ada", "ask for the stock before anything else"),
    (3, "2026-09-30T07:45:12", "noor", "review above 2,000"),
    (4, "2026-10-08T13:20:44", "dana", "reserve line by line"),
    (5, "2026-10-21T09:02:10", "ada", "decline by mail"),
    (6, "2026-11-11T10:15:00", "noor", "review above 1,500"),
    (7, "2026-11-20T15:32:08", "ada", "review above 1,000"),
    (8, "2026-11-24T16:48:00", "noor", "three parcels in bulk"),
    (9, "2026-11-25T12:31:02", "ada", "book express, too"),
)
"""Version, when it was saved (UTC), by whom, with which message."""


def definition(version: int) -> dict[str, Any]:
    """The workflow as a version has it."""
    made = deepcopy(DEFINITION)
    nodes = {node["id"]: node for node in made["nodes"]}
    nodes["score-risk"]["data"]["limit"] = _limit(version)
    if version == 1:
        nodes["check-stock"]["data"] = {}
    if version < 4:
        nodes["reserve"]["metadata"] = {"draft": True}
    if version < 5:
        nodes["decline"]["data"] = {"to": "orders@shop.example"}
    if version >= 8:
        nodes["ship"]["data"]["parcels"] = 3
    if version >= 9:
        nodes["ship"]["data"]["carriers"]["express"] = "air"
    return made


def _limit(version: int) -> float:
    """From what an order is worth on, somebody is asked."""
    limits = ((3, 5000.0), (6, 2000.0), (7, 1500.0))
    return next((limit for before, limit in limits if version < before), 1000.0)


def order(number: int, total: float = 1284.0, shipping: str = "standard") -> dict[str, Any]:
    """What a shop sends."""
    return {
        "order": {
            "id": f"o-{number}",
            "total": total,
            "currency": "EUR",
            "customer": f"c{number}@example.org",
            "shipping": shipping,
            "address": {"street": "Weserstr. 4", "city": "Berlin", "zip": "12047"},
            "lines": [{"sku": "HX-220", "qty": 1}, {"sku": "HX-220", "qty": 2}, {"sku": "KB-90", "qty": 4}],
        }
    }


class StockTimeout(Exception):
    """The stock service didn't answer."""


@dataclass
class Shop:
    """The executors of the story, whose work takes the time that the clock is moved by."""

    clock: ManualClock
    stock_fails: int = 0
    """Times that the stock service doesn't answer, before it does."""

    def executors(self) -> fl.ExecutorRegistry:
        """The registry that the story's store is opened with."""
        registry = fl.ExecutorRegistry()
        policy = fl.RetryPolicy(max_retries=2, interval=2.0, backoff="exponential", factor=2.0)

        @registry.register("read-order")
        def read_order(step: fl.StepContext) -> Any:
            self.clock.advance(0.042)
            return {"order": step.payload["order"], "ok": True}

        @registry.register("ask-stock", retry=policy)
        def ask_stock(step: fl.StepContext) -> Any:
            if self.stock_fails:
                self.stock_fails -= 1
                self.clock.advance(3.0)
                step.log.warning("stock.internal is slow")
                raise StockTimeout("stock.internal did not answer within 3 s")
            self.clock.advance(0.410)
            return {"in_stock": True, "warehouse": "hall-2"}

        @registry.register("score")
        def score(step: fl.StepContext) -> Any:
            self.clock.advance(0.120)
            high = step.data["total"] > step.data["limit"]
            because = [f"total over {step.data['limit']:,.0f}"] if high else []
            return fl.StepResult({"score": 62 if high else 8, "because": because}, handle="high" if high else "low")

        @registry.register("ask-person")
        def ask_person(step: fl.StepContext) -> Any:
            if step.answer is None:
                self.clock.advance(0.012)
                return fl.Pause(
                    reason=f"{step.data['total']:,.2f} EUR is over 1,000: approve?",
                    until=self.clock() + timedelta(days=5),
                    answer=ANSWER,
                )
            self.clock.advance(0.026)
            answer = step.answer.payload or {"approved": False, "shipping": "standard"}
            return fl.StepResult(answer, handle="approved" if answer["approved"] else "rejected")

        @registry.register("charge-card", effects=True)
        def charge_card(step: fl.StepContext) -> Any:
            self.clock.advance(1.850)
            step.log.info("charged %s EUR", step.data["amount"])
            return {"charged": True, "receipt": "rc-88412"}

        @registry.register("each")
        def each(step: fl.StepContext) -> Any:
            self.clock.advance(0.004)
            lines, index = step.data["lines"], step.runs
            if index == len(lines):
                return fl.StepResult({"lines": index}, handle="done")
            return fl.StepResult({"index": index, "line": lines[index]}, handle="item")

        @registry.register("reserve")
        def reserve(step: fl.StepContext) -> Any:
            self.clock.advance(1.070)
            return {"sku": step.data["line"]["sku"]}

        @registry.register("book-carrier")
        def book_carrier(step: fl.StepContext) -> Any:
            step.log.debug("class %s, %d parcels, 4.2 kg", step.data["class"], step.data["parcels"])
            step.log.info("booking for order %s", step.data["order"])
            self.clock.advance(0.018)
            carriers = step.data["carriers"]
            if step.data["class"] not in carriers:
                step.log.warning("carrier table knows %s", ", ".join(carriers))
            carrier = carriers[step.data["class"]]
            return {"carrier": carrier, "label": f"lb-{step.data['order']}"}

        @registry.register("send-mail")
        def send_mail(step: fl.StepContext) -> Any:
            self.clock.advance(0.055)
            return {"sent": step.data["to"]}

        return registry


@dataclass(frozen=True)
class Story:
    """The store, when all has happened."""

    ledger: fl.Ledger
    clock: ManualClock
    run: str
    """Of order o-20817: failed at `ship`, 22 events."""
    good: str
    """Of order o-20801: the last one of version 7 that completed; noor chose standard shipping."""
    newest: str
    """Of order o-20853: completed on version 9, by express."""
    waiting: str
    """Of order o-20855: `review` asks, on version 9."""
    held: str
    """Of order o-20851: `review` asks, on version 8, and dana holds it."""
    due: str
    """Of order o-20856: the stock service didn't answer, a retry is due."""
    alike: tuple[str, ...]
    """Runs that failed as `run` did, on versions 7 and 8."""
    retried: str
    """The retry of the first of them, on version 9."""


@contextmanager
def story(url: str = "memory:", alike: int = 5) -> Generator[Story]:
    """The story in a store of its own, open; ``alike``: how many other runs fail as that of o-20817 does."""
    clock = ManualClock(datetime(2026, 9, 1, tzinfo=UTC))
    shop = Shop(clock)
    with fl.open_ledger(url, shop.executors(), clock=clock, globals=GLOBALS) as ledger:
        yield _tell(ledger, shop, alike)


def _tell(ledger: fl.Ledger, shop: Shop, alike: int) -> Story:
    clock = shop.clock
    _save(ledger, clock, 1, 7)
    good = _decided(ledger, clock, 20801, "2026-11-21T09:12:00", "2026-11-21T10:05:12", "standard")
    run = _order_20817(ledger, shop)
    similar = [_decided(ledger, clock, 20818 + n, None, None, "express") for n in range(alike - alike // 2)]
    _at(clock, "2026-11-24T12:00:00")
    _save(ledger, clock, 8, 8)
    similar += [_decided(ledger, clock, 20836 + n, None, None, "express") for n in range(alike // 2)]
    held = _asking(ledger, clock, 20851, "2026-11-25T07:30:00")
    _at(clock, "2026-11-25T08:04:10")
    ledger.runs.hold(held, by="dana", reason="the customer asked for another address")
    _save(ledger, clock, 9, 9)
    newest = _decided(ledger, clock, 20853, "2026-11-25T12:40:02", "2026-11-25T12:58:40", "express")
    _answer_20817(ledger, clock, run)
    _at(clock, "2026-11-25T13:08:30")
    retried = ledger.runs.retry(similar[0], from_node="ship", by="dana").id if similar else newest
    waiting = _asking(ledger, clock, 20855, "2026-11-25T13:11:48")
    _at(clock, "2026-11-25T13:20:01")
    shop.stock_fails = 1
    due = ledger.runs.start(WORKFLOW, payload=order(20856), by="webhook").id
    _at(clock, NOW.isoformat())
    return Story(ledger, clock, run, good, newest, waiting, held, due, tuple(similar), retried)


def _save(ledger: fl.Ledger, clock: ManualClock, first: int, last: int) -> None:
    for version, at, by, message in SAVES[first - 1 : last]:
        _at(clock, at)
        ledger.workflows.save(definition(version), workflow_id=WORKFLOW, by=by, message=message)


def _at(clock: ManualClock, at: str) -> None:
    """Set the clock; it never runs back."""
    moment = datetime.fromisoformat(at)
    clock.set(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _order_20817(ledger: fl.Ledger, shop: Shop) -> str:
    """From its start to the night for which it was held."""
    clock = shop.clock
    _at(clock, "2026-11-23T08:41:03.118")
    shop.stock_fails = 2
    run = ledger.runs.start(
        WORKFLOW, payload=order(20817), by="webhook", metadata={"channel": "shop"}, idempotency_key="gh-77120"
    )
    clock.advance(2.0)
    ledger.runs.proceed(run.id, by="scheduler")
    clock.advance(4.0)
    ledger.runs.proceed(run.id, by="scheduler")
    _at(clock, "2026-11-23T14:10:40.006")
    ledger.runs.hold(run.id, by="dana", reason="stock count in hall 2")
    _at(clock, "2026-11-24T07:02:19.540")
    ledger.runs.release(run.id, by="dana", note="count is done")
    return run.id


def _answer_20817(ledger: fl.Ledger, clock: ManualClock, run: str) -> None:
    _at(clock, "2026-11-25T13:02:11.034")
    answer = {"approved": True, "shipping": "express", "note": "customer asked twice"}
    ledger.runs.resume(run, payload=answer, by="noor")


def _asking(ledger: fl.Ledger, clock: ManualClock, number: int, at: str | None = None) -> str:
    """An order that is worth a question; a minute after what came before, where no time is given."""
    if at is None:
        clock.advance(minutes=1)
    else:
        _at(clock, at)
    return ledger.runs.start(WORKFLOW, payload=order(number), by="webhook", metadata={"channel": "shop"}).id


def _decided(
    ledger: fl.Ledger, clock: ManualClock, number: int, at: str | None, answered: str | None, shipping: str
) -> str:
    run = _asking(ledger, clock, number, at)
    if answered is None:
        clock.advance(minutes=4)
    else:
        _at(clock, answered)
    ledger.runs.resume(run, payload={"approved": True, "shipping": shipping}, by="noor")
    return run
