"""Python, the command line, the API and the page give the same rows, for what a page offers to copy."""

import json
import os
import shlex
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flowledger.infrastructure.interfaces.presentation.documents import row_document, to_json
from flowledger.projections.serialization import camel

from ..prepared import PreparedPython
from .client import local
from .reading import Element, read
from .story import WORKFLOW, Story, story

PAGES = (
    "/history",
    "/history?status=failed",
    "/history?status=completed&status=paused",
    "/history?workflow=order-approval&version=7",
    "/history?node=ship",
    "/history?error=KeyError",
    "/history?by=webhook&sort=duration",
    "/history?sort=-ended",
    "/history?sort=-activity&column=payload.order.id",
    "/history?since=2026-11-24&until=2026-11-25",
    "/history?text=express",
    "/history?where=metadata.channel%3D%3D%22shop%22",
    "/history?as_of=2026-11-24T12:00:00",
    "/history?held=yes",
    "/history?held=no",
    "/history?queued=no&status=paused",
    "/history?due_before=2026-12-01",
    "/history?limit=4",
    "/steps",
    "/steps?node=ship&status=failed",
    "/steps?error=KeyError",
    "/steps?longer=1.5",
    "/steps?workflow=order-approval&since=2026-11-25",
    "/steps?where=output.score%20%3E%2010",
    "/steps?limit=7",
    "/waits",
    "/failures",
    "/failures?node=ship",
    "/failures?error=KeyError",
    "/workflows",
)
Printed = Callable[..., Any]
LISTS = {"history": "runs", "steps": "steps", "waits": "waits", "failures": "failures", "workflows": "workflows"}
"""The list in the document of each page."""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('faces') / 'ledger.db'}"


@pytest.fixture(scope="module")
def stored(url: str) -> Iterator[Story]:
    """The story in a store that a command opens as well."""
    with story(url) as told:
        yield told


class _Asked:
    """What a line of Python asks a ledger for."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def __getattr__(self, name: str) -> "_Asked":
        return _Asked(*self.names, name)

    def __call__(self, **arguments: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
        return self.names, arguments


def _parameters(arguments: dict[str, Any]) -> list[tuple[str, str]]:
    """The same as parameters of an address."""
    found = []
    for name, value in arguments.items():
        for each in value if isinstance(value, list | tuple) else (value,):
            text = each.isoformat() if isinstance(each, datetime) else json.dumps(each).strip('"')
            found.append((camel(name), each if isinstance(each, str) else text))
    return found


def _offers(page: Element) -> tuple[str, str, str]:
    """The three lines of "copy as"."""
    lines = page.find("details", classes="copyas")[0].find("div", classes="cmd")  # the first is the whole page's
    address, command, python = (line.one("code").text for line in lines)
    return address, command, python


def _shown(page: Element, name: str, rows: list[dict[str, Any]]) -> None:
    """Each row of the list is on the page, those that stand alone in their order."""
    keys = {"runs": "workOrderId", "steps": "runId", "waits": "runId", "failures": "example", "workflows": "id"}
    links = [link.attributes.get("href", "") for link in page.one("main").find("a")]
    places = [next((at for at, link in enumerate(links) if row[keys[name]] in link), -1) for row in rows]
    assert -1 not in places, f"row {places.index(-1)} has no link"
    if name not in ("runs", "steps"):  # a work order has several runs, and a run several steps
        assert places == sorted(places)


@pytest.fixture
def printed(url: str, prepared_python: PreparedPython, tmp_path: Path) -> Printed:
    """What a command prints with ``--json``, by its words."""

    def run(*words: str) -> Any:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("FLOWLEDGER_")}
        command = ("-m", "flowledger", "--store", url, *words, "--json")
        done = prepared_python.run(command, cwd=tmp_path, env=environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.mark.sampled(8)
@pytest.mark.parametrize("address", PAGES)
async def test_what_a_page_shows_and_offers_to_copy_is_the_same_everywhere(
    address: str, stored: Story, printed: Printed
) -> None:
    name = LISTS[address.strip("/").partition("?")[0]]
    async with local(stored.ledger) as client:
        answer = await client.get(address)
        assert answer.status_code == 200, answer.text
        page = read(answer.text)
        data_address, command, python = _offers(page)
        data = (await client.get(data_address)).json()
        names, arguments = eval(python, {"ledger": _Asked(), "datetime": datetime})  # noqa: S307 - as it is pasted
        limit = {"limit": len(data[name])} if data["next"] else {}
        path = "workflows" if names[-1] == "list" else names[-1]
        api = (await client.get(f"/api/{path}", params=_parameters(arguments | limit))).json()
    method: Any = stored.ledger
    for part in names:
        method = getattr(method, part)
    called = json.loads(to_json([row_document(row) for row in method(**arguments, **limit)]))
    words = [*shlex.split(command)[1:], *(["--limit", str(limit["limit"])] if limit else [])]
    assert data[name], "there is something to compare"
    assert api[name] == data[name]
    assert called == data[name]
    assert printed(*words)[name] == data[name]
    _shown(page, name, data[name])


async def test_work_orders_are_the_same_everywhere(stored: Story, printed: Printed) -> None:
    """The page shows the runs by their work orders: each has its row, and opened, as many runs as are counted."""
    called = json.loads(to_json([row_document(row) for row in stored.ledger.history.work_orders()]))
    async with local(stored.ledger) as client:
        api = (await client.get("/api/work-orders")).json()
        addresses = ["/history", *(f"/history?open={row['id']}" for row in called)]
        pages = [read((await client.get(address)).text) for address in addresses]
    assert len(called) > 5
    assert api == {"workOrders": called, "next": None}
    assert printed("orders")["workOrders"] == called
    orders = pages[0].one("table", classes="hist").find("tbody")
    shown = [part.attributes.get("data-part", "").removeprefix("+") for part in orders]
    assert sorted(shown) == sorted(row["id"] for row in called)
    for row, page in zip(called, pages[1:], strict=True):
        (part,) = [part for part in page.find("tbody") if part.attributes.get("data-part") == f"+{row['id']}"]
        order, *runs = [link.attributes["href"] for link in part.find("a", classes="id") if link.text]
        assert order == f"/runs/{row['lastRunId']}"
        assert len(part.find("tr", classes="l1")) == row["runs"]
        assert order in runs


COUNTED: tuple[tuple[dict[str, Any], dict[str, Any], tuple[str, ...]], ...] = (
    ({}, {}, ()),
    ({"by": "dana"}, {"by": "dana"}, ("--by=dana",)),
    (
        {"workflow": WORKFLOW, "version": 7},
        {"workflow_id": WORKFLOW, "version": 7},
        (f"--workflow={WORKFLOW}@7",),
    ),
    ({"text": "express"}, {"text": "express"}, ("--text=express",)),
    ({"node": "ship"}, {"node": "ship"}, ("--node=ship",)),
    ({"since": "2026-11-24T00:00:00"}, {"since": datetime(2026, 11, 24, tzinfo=UTC)}, ("--since=2026-11-24T00:00Z",)),
)
"""Filters as the page takes them, Python, and the command line."""


@pytest.mark.sampled(6)
@pytest.mark.parametrize(("query", "arguments", "words"), COUNTED)
async def test_counts_are_the_same_everywhere(
    query: dict[str, Any], arguments: dict[str, Any], words: tuple[str, ...], stored: Story, printed: Printed
) -> None:
    called = [row_document(row) for row in stored.ledger.history.counts("status", **arguments)]
    assert called
    async with local(stored.ledger) as client:
        api = await client.get("/api/counts", params=[("group", "status"), *_parameters(arguments)])
        page = read((await client.get("/history", params=query)).text)
    assert api.json() == {"counts": called, "next": None}
    assert printed("counts", "status", *words)["counts"] == called
    shown = [link.text.lower().split() for link in page.one(classes="counts").find("a")]
    assert {word: int(many) for word, many in shown if many != "0"} == {
        "all": sum(row["count"] for row in called),
        **{row["value"]: row["count"] for row in called},
    }
