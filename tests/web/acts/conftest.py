"""A shop whose runs can be acted on: it asks, charges, and can't ship what its version doesn't know."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx
import pytest
from tests.web.client import client_of
from tests.web.reading import Element, read

import flowledger as fl
from flowledger.testing import ManualClock, memory_ledger
from flowledger.web import Principal, create_app

CLASSES = (["road"], ["road", "air"])
"""What the first version of the workflow ships by, and the second."""


def shop(classes: list[str]) -> dict[str, Any]:
    """The workflow."""
    return {
        "nodes": [
            {"id": "take", "type": "take", "data": {}},
            {"id": "review", "type": "ask", "data": {}},
            {"id": "charge", "type": "charge", "data": {}},
            {"id": "ship", "type": "ship", "data": {"classes": classes, "class": "{{ nodes.review.output.class }}"}},
        ],
        "edges": [
            {"source": "take", "target": "review"},
            {"source": "review", "target": "charge"},
            {"source": "charge", "target": "ship"},
        ],
    }


@dataclass
class Shop:
    """A ledger, what its executors did, and visits as somebody with a role."""

    ledger: fl.Ledger
    done: list[str]
    """The types of the executors that were called, in order."""

    @cached_property
    def app(self) -> Any:
        """Its pages."""
        return create_app(self.ledger, auth=lambda request: Principal("dana", {request.headers["x-role"]}))

    def client(self, role: str) -> httpx.AsyncClient:
        """Of somebody with a role."""
        return client_of(self.app, headers={"x-role": role})

    async def visit(self, address: str, role: str = "operator", status: int = 200) -> Element:
        """The page at an address, as dana sees it."""
        async with self.client(role) as client:
            answer = await client.get(address)
        assert answer.status_code == status, answer.text
        return read(answer.text)

    async def send(self, address: str, form: Any = None, role: str = "operator") -> tuple[int, Element]:
        """The status of a POST, and the page that it leads to, or that it is."""
        async with self.client(role) as client:
            answer = await client.post(address, data=form or {})
            page = answer if answer.status_code != 303 else await client.get(answer.headers["location"])
        return answer.status_code, read(page.text)

    async def fill(self, address: str, typed: Any = None, role: str = "operator") -> tuple[str, dict[str, Any]]:
        """The form of a page as a browser would send it, with what is typed: its address and its fields."""
        form = form_of(await self.visit(address, role))
        sent: dict[str, Any] = {}
        for own in (field.attributes for field in form.find("input") if "form" not in field.attributes):
            if own["type"] not in ("radio", "checkbox") or "checked" in own:
                sent[own["name"]] = own["value"]
        for field in form.find("textarea"):
            sent[field.attributes["name"]] = field.text
        return form.attributes["action"], sent | (typed or {})

    async def do(self, address: str, typed: Any = None, role: str = "operator") -> tuple[int, Element]:
        """Open a page, type, and send its form."""
        return await self.send(*await self.fill(address, typed, role), role=role)

    def asking(self) -> fl.Run:
        """A run that waits for its review, at version 3."""
        return self.ledger.runs.start("orders", payload={"order": "o-1"}, by="webhook")

    def failed(self) -> fl.Run:
        """A run that failed at ship on version 1: it had charged."""
        run = self.asking()
        return self.ledger.runs.resume(run.id, payload={"class": "air"}, by="noor")

    def events(self, run: str) -> list[str]:
        """The types of a run's events."""
        return [event.type for event in self.ledger.history.events(run)]

    def runs(self) -> int:
        """How many runs there are."""
        return len(self.ledger.history.runs(limit=100))


def form_of(page: Element) -> Element:
    """The form of an act."""
    return page.one("section", classes="act").one("form", method="post")


def buttons(page: Element) -> list[str]:
    """What the buttons say that send the form of an act."""
    return [button.text for button in form_of(page).find("button") if not {"type", "form"} & button.attributes.keys()]


def said(page: Element) -> str:
    """What the act before a page has done."""
    return page.one("div", classes="toast").one("span").text


def alert(page: Element) -> str:
    """Why nothing was done."""
    return page.one("div", role="alert").text


@pytest.fixture
def orders(clock: ManualClock) -> Iterator[Shop]:
    """The shop, with the first version of its workflow."""
    registry = fl.ExecutorRegistry()
    done: list[str] = []

    def register(type: str, execute: Callable[[fl.StepContext], Any], **options: Any) -> None:
        def note(step: fl.StepContext) -> Any:
            done.append(type)
            return execute(step)

        registry.register(type, **options)(note)

    def ask(step: fl.StepContext) -> Any:
        return fl.Pause(reason="by which class?") if step.answer is None else step.answer.payload

    def ship(step: fl.StepContext) -> Any:
        return {"by": {known: known for known in step.data["classes"]}[step.data["class"]]}

    register("take", lambda step: step.payload)
    register("ask", ask)
    register("charge", lambda step: {"receipt": "r-1"}, effects=True)
    register("ship", ship)
    with memory_ledger(registry, clock=clock) as ledger:
        ledger.workflows.save(shop(CLASSES[0]), workflow_id="orders", by="ada", message="by road")
        yield Shop(ledger, done)
