"""What somebody made up to be obeyed is text on every page, and in every question that a page is asked."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

import flowledger as fl
from flowledger.infrastructure.interfaces.web.pages.registry import PAGES
from flowledger.testing import memory_ledger

from .client import local
from .reading import Element, read

MARKUP = "</script></textarea><img src=x onerror=alert(1)>\"'&{{1234577*8}}?a=b#c%2e"
"""Ends of what it may stand in, markup, ends of attributes, expressions, parts of addresses."""
HOSTILE = MARKUP + "/../../etc/passwd \x1b[31m\u202e\u2066 javascript:alert(1)"
"""The same with what leads elsewhere, steers a terminal, and turns the order of the text around it."""
SCHEMA = {
    "type": "object",
    "title": HOSTILE,
    "properties": {MARKUP: {"type": "string", "title": HOSTILE, "description": HOSTILE, "enum": [HOSTILE, "b"]}},
}


class Hostile(NamedTuple):
    ledger: fl.Ledger
    asking: str
    failed: str


@pytest.fixture(scope="module")
def hostile() -> Iterator[Hostile]:
    executors = fl.ExecutorRegistry()

    @executors.register(MARKUP)
    def ask(step: fl.StepContext) -> Any:
        step.log.warning(HOSTILE)
        if step.answer is None and step.payload != "fail":
            return fl.Pause(reason=HOSTILE, answer=SCHEMA)
        raise ValueError(HOSTILE)

    node = {"id": MARKUP, "type": MARKUP, "data": {MARKUP: HOSTILE}, "metadata": {MARKUP: HOSTILE}}
    node["expressions"] = False
    edge = {"source": MARKUP, "target": "b", "label": MARKUP, "metadata": {MARKUP: HOSTILE}, "sourceHandle": MARKUP}
    first = {"name": MARKUP, "description": HOSTILE, "nodes": [node], "edges": []}
    second = {**first, "nodes": [node, {**node, "id": "b"}], "edges": [edge], "start": MARKUP}
    with memory_ledger(executors) as ledger:
        ledger.workflows.save(first, workflow_id=MARKUP, by=MARKUP, message=HOSTILE)
        ledger.workflows.save(second, workflow_id=MARKUP, by=MARKUP, message=HOSTILE)
        values: dict[str, Any] = {"by": MARKUP, "metadata": {MARKUP: HOSTILE}}
        asking = ledger.runs.start(MARKUP, payload={MARKUP: HOSTILE}, **values).id
        failed = ledger.runs.start(MARKUP, payload="fail", **values).id
        ledger.runs.hold(ledger.runs.start(MARKUP, payload={}, **values).id, by=MARKUP, reason=HOSTILE)
        yield Hostile(ledger, asking, failed)


def _addresses(hostile: Hostile, path: str) -> list[str]:
    """Addresses of a page; none where it is of something that isn't in this store."""
    if path == "/bulk/{id}":
        return []
    workflow = quote(MARKUP, safe="")
    runs = [hostile.asking, hostile.failed] if "{run}" in path else [""]
    found = [
        path.replace("{run}", run)
        .replace("{other}", hostile.failed)
        .replace("{id}", workflow)
        .replace("{n}", "1")
        .replace("{a}", "1")
        .replace("{b}", "2")
        for run in runs
    ]
    if path == "/runs/{run}":
        found += [f"{found[0]}?value={quote(f'/metadata/{MARKUP}'.replace('/..', ''))}", f"{found[0]}?log={workflow}"]
    if path == "/history":
        found += [f"/history?text={quote(HOSTILE)}", f"/history?workflow={workflow}&column={quote('metadata.a')}"]
    return found


def _check(text: str, address: str) -> Element:
    """It is a page whose every element was meant by us."""
    for sign in ("<img", "9876616", "\u202e", "\u2066", "\x1b"):
        assert sign not in text, (address, sign, text[max(0, text.find(sign) - 300) : text.find(sign) + 100])
    page = read(text)
    for element in page.find():
        told = element.attributes
        assert not any(name.startswith("on") for name in told), (address, told)
        for name in ("href", "src", "action", "formaction"):
            assert told.get(name, "") == "" or told[name].startswith(("/", "#", "?")), (address, name, told[name])
            assert "/../" not in told.get(name, "").partition("?")[0], (address, told[name])
    return page


@pytest.mark.parametrize("path", [page.path for page in PAGES if page.template is not None])
async def test_what_was_made_up_to_be_obeyed_is_text(hostile: Hostile, path: str) -> None:
    async with local(hostile.ledger) as client:
        for address in _addresses(hostile, path):
            answer = await client.get(address)
            assert answer.status_code < 500, (address, answer.text[-1000:])
            _check(answer.text, address)
            data = await client.get(address.partition("?")[0] + ".json")
            assert data.headers["content-type"] in ("application/json", "application/problem+json"), address
            json.loads(data.text)


async def test_every_link_of_a_hostile_page_leads_to_what_it_says(hostile: Hostile) -> None:
    async with local(hostile.ledger) as client:
        for address in ("/history", f"/runs/{hostile.failed}", "/workflows", f"/workflows/{quote(MARKUP, safe='')}"):
            page = _check((await client.get(address)).text, address)
            links = {link.attributes.get("href", "").partition("#")[0] for link in page.find("a")} - {""}
            for link in sorted(links):
                answer = await client.get(link, follow_redirects=True)
                assert answer.status_code == 200, (address, link, answer.text[-500:])


async def test_what_was_made_up_to_be_obeyed_is_text_in_a_report(hostile: Hostile) -> None:
    async with local(hostile.ledger) as client:
        for run in (hostile.asking, hostile.failed):
            answer = await client.get(f"/runs/{run}/report.html")
            assert answer.status_code == 200
            page = _check(answer.text, run)
            assert not page.find("script")


@pytest.mark.parametrize("path", [page.path for page in PAGES if page.template is not None and "{" not in page.path])
async def test_a_question_that_was_made_up_to_be_obeyed_is_text(hostile: Hostile, path: str) -> None:
    async with local(hostile.ledger) as client:
        for name in ("text", "workflow", "after", "wait", "open", "since", HOSTILE):
            answer = await client.get(path, params={name: HOSTILE})
            assert answer.status_code < 500, (path, name, answer.text[-1000:])
            _check(answer.text, f"{path}?{name}")
