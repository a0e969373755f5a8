"""Somebody who edits: opens the page, types, presses buttons, as a browser without scripts does it."""

from dataclasses import dataclass, field
from typing import Any

import httpx
from tests.web.client import client_of
from tests.web.reading import Element, read

import flowledger as fl
from flowledger.web import Principal, create_app

ADDRESS = "/workflows/orders/edit"


def typed_in(form: Element) -> dict[str, str]:
    """What a browser would send of the form, without a button."""
    sent = {
        each.attributes["name"]: each.attributes.get("value", "")
        for each in form.find("input")
        if "name" in each.attributes and (each.attributes.get("type") != "radio" or "checked" in each.attributes)
    }
    for box in form.find("textarea"):
        text = "".join(child for child in box.children if isinstance(child, str)).removeprefix("\n")
        sent[box.attributes["name"]] = text.replace("\n", "\r\n")
    for choice in form.find("select"):
        options = choice.find("option")
        chosen = [each for each in options if "selected" in each.attributes] or options[:1]
        sent[choice.attributes["name"]] = chosen[0].attributes["value"]
    return sent


@dataclass
class Desk:
    """An editor's browser."""

    ledger: fl.Ledger
    name: str = "noor"
    role: str = "editor"
    answer: httpx.Response | None = None
    typed: dict[str, str] = field(default_factory=dict)

    def client(self) -> httpx.AsyncClient:
        principal = Principal(self.name, {self.role})
        return client_of(create_app(self.ledger, auth=lambda request: principal))

    async def open(self, step: str | None = None) -> "Desk":
        """The page, as it is linked to."""
        async with self.client() as client:
            self._keep(await client.get(ADDRESS, params={} if step is None else {"step": step}))
        assert self.status == 200, self.text
        return self

    async def press(self, button: str, **typed: Any) -> "Desk":
        """Type into fields, whose dots are written ``__``, and press a button that the page has."""
        assert self.page.find("button", name="do", value=button), f"no button {button!r}"
        return await self.send(button, **{name.replace("__", "."): value for name, value in typed.items()})

    async def send(self, done: str, **typed: Any) -> "Desk":
        """The same, whether the page has such a button or not."""
        async with self.client() as client:
            self._keep(await client.post(ADDRESS, data={**self.typed, **typed, "do": done}))
        return self

    def _keep(self, answer: httpx.Response) -> None:
        self.answer = answer
        if answer.headers.get("content-type", "").startswith("text/html"):
            forms = read(answer.text).find("form", id="edit")
            self.typed = typed_in(forms[0]) if forms else self.typed

    @property
    def status(self) -> int:
        assert self.answer is not None
        return self.answer.status_code

    @property
    def page(self) -> Element:
        assert self.answer is not None
        return read(self.answer.text)

    @property
    def text(self) -> str:
        return self.page.text

    @property
    def unsaved(self) -> str:
        """What the bar says of changes."""
        return self.page.one(classes="savebar").children[1].text  # type: ignore[union-attr]

    @property
    def saved(self) -> fl.WorkflowSnapshot:
        """The latest version, as it is stored."""
        return self.ledger.workflows.get("orders")

    @property
    def nodes(self) -> dict[str, Any]:
        return {node["id"]: node for node in self.saved.definition.to_data()["nodes"]}
