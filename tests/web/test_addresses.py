"""Any id of a workflow has pages and routes of the API, wherever the app is mounted."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from typing import Any, Final
from urllib.parse import unquote

import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Mount
from tests.effort import tries

import flowledger as fl
from flowledger.infrastructure.interfaces.web.links import Links
from flowledger.infrastructure.interfaces.web.routes import ApiRoute, PageRoute
from flowledger.infrastructure.interfaces.web.segments import path_as_sent, read_segment, write_segment
from flowledger.testing import memory_ledger
from flowledger.web import create_app

from .client import client_of
from .reading import read
from .walking import routes_of, ways

IDS: Final = ("team/orders.json", "..", "/", "~.", "100%2F3", "a?b#c;d e\\f", "x/versions/1", ".json")
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1) | st.from_regex(
    "[~./]{1,4}", fullmatch=True
)
App = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]


@pytest.fixture(scope="module")
def named() -> Iterator[fl.Ledger]:
    """A workflow of each id, and a run of it."""
    executors = fl.ExecutorRegistry()
    executors.register("work")(lambda step: "done")
    definition = fl.WorkflowDefinition.model_validate({"nodes": [{"id": "work", "type": "work"}]})
    with memory_ledger(executors) as ledger:
        for id in IDS:
            ledger.workflows.save(definition, workflow_id=id, by="ada")
            ledger.runs.start(id, by="ada")
        yield ledger


def _behind_a_proxy(app: App) -> App:
    """As a server calls it that knows under which prefix a proxy shows it, which the proxy takes away."""

    async def serve(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        await app({**scope, "root_path": "/ops", "path": f"/ops{scope['path']}"}, receive, send)

    return serve


def _without_raw_prefix(app: App) -> App:
    """As another application calls it that takes the prefix away from the path, but not from the raw one."""

    async def serve(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        await app({**scope, "root_path": "/ops", "path": scope["path"].removeprefix("/ops")}, receive, send)

    return serve


def _in_fastapi(app: App) -> App:
    host = FastAPI()
    host.mount("/ops", app)
    return host


MOUNTED: Final[dict[str, tuple[Callable[[App], App], str, str]]] = {
    "alone": (lambda app: app, "", ""),
    "in FastAPI": (_in_fastapi, "/ops", "/ops"),
    "in Starlette, below a part of the path": (
        lambda app: Starlette(routes=[Mount("/{tenant:int}", app)]),
        "/7",
        "/7",
    ),
    "by a path that was shortened": (_without_raw_prefix, "/ops", "/ops"),
    "behind a proxy": (_behind_a_proxy, "", "/ops"),
}
"""How it is called, the prefix of what is asked for there, and of what stands on its pages."""


@pytest.mark.parametrize("way", MOUNTED)
@pytest.mark.parametrize("id", IDS)
async def test_a_workflow_of_any_id_has_a_page_wherever_the_app_is(named: fl.Ledger, way: str, id: str) -> None:
    wrap, asked, shown = MOUNTED[way]
    pages = read_paths(named)
    links = Links("", pages)
    async with client_of(wrap(create_app(named))) as client:
        page = await client.get(asked + links("workflow", id=id))
        data = await client.get(asked + links.data("workflow", id=id))
        listed = read((await client.get(f"{asked}/workflows")).text)
    assert page.headers["content-type"].startswith("text/html"), page.text
    assert read(page.text).one("h1").text == id
    assert data.json()["workflowId"] == id
    assert shown + links("workflow", id=id) in [link.attributes.get("href") for link in listed.find("a")]


def read_paths(ledger: fl.Ledger) -> dict[str, str]:
    """The paths of pages, by their names."""
    found = {route.name: path for route, path in routes_of(create_app(ledger))}
    return {name: path.removesuffix("/") for name, path in found.items()}


@pytest.mark.parametrize("id", IDS)
async def test_every_route_of_a_workflow_is_there_for_any_id(named: fl.Ledger, id: str) -> None:
    app = create_app(named)
    values = {"{id}": id, "{workflow}": id, "{n}": "1", "{a}": "1", "{b}": "1", "{version}": "1"}
    async with client_of(app) as client:
        for way in ways(app):
            if way.method != "GET" or not ("/workflows/{id}" in way.path or "{workflow}" in way.path):
                continue
            address = way.path
            for placeholder, value in values.items():
                address = address.replace(placeholder, write_segment(value))
            answer = await client.get(address, params={"a": "1", "b": "1"} if address.endswith("/diff") else None)
            assert answer.status_code == 200 or ".json" in id, (address, answer.text)
            assert answer.status_code < 500, (address, answer.text)


@pytest.mark.parametrize("id", IDS)
async def test_what_an_id_asks_for_by_the_api_is_done_to_that_workflow(named: fl.Ledger, id: str) -> None:
    async with client_of(create_app(named)) as client:
        address = f"/api/workflows/{write_segment(id)}"
        workflow = await client.get(address)
        started = await client.post(f"{address}/runs", json={})
        renamed = await client.post(f"{address}/rename", json={"name": "another"})
    assert (workflow.json()["workflowId"], started.json()["workflowId"]) == (id, id)
    assert renamed.status_code == 200, renamed.text
    assert named.workflows.get(id).name == "another"


def test_every_route_reads_the_names_in_its_path(ledger: fl.Ledger) -> None:
    for route, path in routes_of(create_app(ledger)):
        assert isinstance(route, PageRoute | ApiRoute), f"{path}: an APIRouter takes route_class=ApiRoute"


@settings(max_examples=tries(200))
@given(NAMES)
def test_a_name_that_is_written_into_a_path_is_read_as_it_was(name: str) -> None:
    written = write_segment(name)
    assert read_segment(written) == name
    assert "/" not in written
    assert written not in (".", "..")


@settings(max_examples=tries(200))
@given(st.lists(NAMES, min_size=1), st.lists(NAMES))
def test_the_names_of_a_path_stay_apart_though_a_server_decodes_it(names: list[str], before: list[str]) -> None:
    sent = _path(map(write_segment, [*before, *names]))
    below = _path(map(write_segment, names))
    assert path_as_sent(unquote(below), sent.encode()) == below


def _path(parts: Iterable[str]) -> str:
    return "".join(f"/{part}" for part in parts)


@pytest.mark.parametrize("raw", [None, b"", b"/c", b"/x/y/a/b/", b"\xff/a/b", b"/%2Fa/b"])
def test_a_path_that_was_not_made_of_what_was_sent_parts_at_each_slash(raw: bytes | None) -> None:
    assert path_as_sent("/a b/b", raw) == "/a%20b/b"
