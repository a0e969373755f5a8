"""Workflows whose ids look like something else, clicked in a browser, at a real server."""

from typing import Any
from urllib.parse import urlsplit

import pytest

import flowledger as fl
from flowledger.testing import memory_ledger

from .sites import served
from .windows import open_window

pytestmark = pytest.mark.exhaustive


@pytest.mark.parametrize("id", ["team/orders", "orders.json", "..", "100%2F3"])
def test_a_workflow_of_any_id_is_reached_by_clicks(chromium: Any, id: str) -> None:
    executors = fl.ExecutorRegistry()
    executors.register("work")(lambda step: "done")
    definition = fl.WorkflowDefinition.model_validate({"nodes": [{"id": "work", "type": "work"}]})
    with memory_ledger(executors) as ledger:
        ledger.workflows.save(definition, workflow_id=id, by="ada")
        with served(ledger, "editor") as base:
            window = open_window(chromium, base)
            page = window.new_page()
            page.goto("/workflows")
            page.get_by_role("link", name=id, exact=True).first.click()
            assert page.get_by_role("heading", level=1).inner_text() == id
            page.get_by_role("link", name="Edit", exact=True).click()
            page.wait_for_url("**/edit*")
            page.get_by_role("link", name=id, exact=True).wait_for()
            address = urlsplit(page.url).path.removesuffix("/edit")
            answer = page.request.get(f"{base}{address}/versions/1.json")
            assert answer.json()["workflowId"] == id
            window.close()
