"""The API answers as Python and the command line do, to those who may ask."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

import flowledger as fl
from flowledger.infrastructure.interfaces.presentation.documents import (
    event_document,
    row_document,
    run_document,
    to_json,
    workflow_document,
)

from .api_table import PAGE, role_of, routes, table
from .client import local

ROLES = ("viewer", "operator", "editor", "admin")


@pytest.fixture
async def api(ledger: fl.Ledger) -> AsyncIterator[httpx.AsyncClient]:
    async with local(ledger) as client:
        yield client


def test_the_reference_has_each_route_with_its_role() -> None:
    assert table() in PAGE.read_text("utf-8")


async def test_the_description_knows_each_route_and_the_problems_that_it_answers_with(api: httpx.AsyncClient) -> None:
    described = (await api.get("/api/openapi.json")).json()
    assert described["openapi"].startswith("3.1")
    assert set(described["paths"]) == {route.path for route in routes()}
    for path in described["paths"].values():
        for operation in path.values():
            assert "422" not in operation["responses"]
            (media_type,) = operation["responses"]["default"]["content"]
            assert media_type == "application/problem+json"
    assert "HTTPValidationError" not in json.dumps(described)


def test_reading_takes_a_viewer_and_changing_more() -> None:
    assert {role_of(route) for route in routes() if route.path.startswith("/tokens")} == {"admin"}
    for route in routes():
        if route.path.startswith("/tokens"):
            continue
        assert (role_of(route) == "viewer") is (route.methods == {"GET"}), route.path


async def test_a_run_and_all_about_it_are_as_in_python(api: httpx.AsyncClient, ledger: fl.Ledger, run: fl.Run) -> None:
    at = f"/api/runs/{run.id}"
    answer = await api.get(at)
    assert answer.json() == run_document(run)
    assert answer.headers["etag"] == '"2"'
    assert (await api.get(at, headers={"if-none-match": '"2"'})).status_code == 304
    assert (await api.get(at, headers={"if-none-match": '"1"'})).status_code == 200
    history = ledger.history
    assert (await api.get(f"{at}/snapshot")).json() == run.snapshot.to_data()
    assert (await api.get(f"{at}/snapshot?version=1")).json() == history.snapshot(run.id, 1).to_data()
    assert (await api.get(f"{at}/events")).json() == [event_document(event) for event in history.events(run.id)]
    assert (await api.get(f"{at}/diff?a=1&b=2")).json() == history.diff(run.id, 1, 2).patch
    assert (await api.get(f"{at}/audit")).json() == json.loads(json.dumps(history.audit(run.id).to_data()))
    assert (await api.get(f"{at}/lineage")).json() == history.lineage(run.id).to_data()
    assert (await api.get(f"{at}/compare/{run.id}")).json() == history.compare(run.id, run.id).to_data()
    steps = (await api.get(f"{at}/steps")).json()["steps"]
    assert steps == json.loads(to_json([row_document(attempt) for attempt in history.audit(run.id).attempts]))
    assert [step["nodeId"] for step in steps] == ["review"]


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("runs", "runs"),
        ("work-orders", "workOrders"),
        ("waits", "waits"),
        ("steps", "steps"),
        ("failures", "failures"),
        ("trail", "acts"),
        ("workflows", "workflows"),
        ("counts", "counts"),
    ],
)
async def test_lists_have_their_rows_and_the_next_cursor(
    api: httpx.AsyncClient, run: fl.Run, path: str, key: str
) -> None:
    document = (await api.get(f"/api/{path}")).json()
    assert document["next"] is None
    assert len(document[key]) == (0 if key == "failures" else 2 if key == "acts" else 1)


async def test_a_list_goes_on_at_its_cursor(api: httpx.AsyncClient, ledger: fl.Ledger) -> None:
    ids = [ledger.runs.start("orders", by="webhook").id for _ in range(3)]
    first = (await api.get("/api/runs?limit=2")).json()
    ledger.runs.start("orders", by="webhook")
    second = (await api.get("/api/runs", params={"limit": 2, "after": first["next"]})).json()
    assert [row["id"] for row in first["runs"] + second["runs"]] == ids[::-1]


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("runs?workflow=orders", 400, "workflow"),  # it is workflowId
        ("runs?limit=many", 400, "limit"),
        ("runs?since=whenever", 400, "since"),
        ("runs?after=nothing", 400, "after"),
        ("runs?workflowId=orders&version=99", 404, "99"),
        ("runs?workflowId=nowhere", 404, "nowhere"),
        ("counts?group=colour", 400, "group"),
        ("runs/x/events", 404, "x"),
        ("timings/nowhere", 404, "nowhere"),
        ("workflows/orders/versions/9", 404, "9"),
        ("workflows/orders/versions/" + "9" * 40, 404, "9" * 40),
        ("workflows/orders/versions/" + "9" * 5_000, 400, "5,000 digits"),
    ],
)
async def test_what_cannot_be_asked_for_is_said_by_its_name(
    api: httpx.AsyncClient, path: str, status: int, told: str
) -> None:
    answer = await api.get(f"/api/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert told in answer.json()["detail"]


async def test_no_route_overlooks_a_parameter_that_it_does_not_know(api: httpx.AsyncClient, run: fl.Run) -> None:
    for route in routes():
        (method,) = route.methods
        path = "/api" + re.sub(r"\{\w+\}", run.id, route.path)
        refused = await api.request(method, path, params={"dryRun": "true"})
        assert (refused.status_code, "dryRun" in refused.text) == (400, True), (method, path, refused.text)


async def test_a_preview_where_there_is_none_is_refused_and_nothing_is_done(
    api: httpx.AsyncClient, ledger: fl.Ledger, run: fl.Run
) -> None:
    for act in ("cancel", "reproduce", "fork", "hold"):
        refused = await api.post(f"/api/runs/{run.id}/{act}?preview=true")
        assert refused.json()["detail"] == f"POST /runs/{{run}}/{act} has no parameter 'preview': it takes none"
    assert [row.id for row in ledger.history.runs()] == [run.id]
    assert ledger.history.snapshot(run.id).version == run.version


async def test_a_run_is_started_once_a_key(api: httpx.AsyncClient, ledger: fl.Ledger) -> None:
    send = {"json": {"payload": {"order_id": "o-7"}}, "headers": {"idempotency-key": "k-1"}}
    first, again = [await api.post("/api/workflows/orders/runs", **send) for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert first.headers["location"] == f"/api/runs/{first.json()['id']}"
    assert again.json()["created"] is False
    other = await api.post("/api/workflows/orders/runs", json={"payload": 1}, headers={"idempotency-key": "k-1"})
    assert (other.status_code, other.json()["type"]) == (409, "urn:flowledger:error:IdempotencyConflict")
    assert ledger.history.runs()[0].by == "local"


async def test_an_answer_goes_on_with_the_run_that_was_seen(api: httpx.AsyncClient, run: fl.Run) -> None:
    at = f"/api/runs/{run.id}"
    stale = await api.post(f"{at}/resume", json={"payload": True}, headers={"if-match": '"1"'})
    assert (stale.status_code, stale.json()["actual"]) == (412, 2)
    assert [event["type"] for event in stale.json()["events"]] == ["run.paused"]
    answered = await api.post(
        f"{at}/resume", json={"payload": True, "wait": run.waits[0].id}, headers={"if-match": '"2"'}
    )
    assert (answered.status_code, answered.json()["status"]) == (200, "completed")
    late = await api.post(f"{at}/resume", json={"payload": False, "wait": run.waits[0].id})
    assert (late.status_code, late.json()["answeredBy"]) == (409, "local")


async def test_each_command_does_what_it_does_in_python(api: httpx.AsyncClient, ledger: fl.Ledger, run: fl.Run) -> None:
    at = f"/api/runs/{run.id}"

    async def send(command: str, body: Any = None) -> Any:
        answer = await api.post(f"{at}/{command}", json=body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    assert (await send("hold", {"reason": "lunch"}))["held"]["reason"] == "lunch"
    held = await api.post(f"{at}/resume", json={})
    assert (held.status_code, held.json()["title"]) == (409, "Run held")
    assert (await send("release", {"note": "done"}))["held"] is None
    assert (await send("metadata", {"metadata": {"team": "ops"}}))["snapshot"]["metadata"]["team"] == "ops"
    assert (await send("fork", {"version": 2}))["origin"]["kind"] == "fork"
    assert (await send("reproduce"))["origin"]["kind"] == "reproduction"
    assert (await send("cancel", {"reason": "wrong order"}))["status"] == "cancelled"
    before = len(ledger.history.runs())
    assert (await send("retry?preview=true"))["runId"] == run.id
    assert len(ledger.history.runs()) == before
    assert (await send("retry"))["origin"] == {"kind": "retry", "runId": run.id, "version": 0}
    ended = await api.post(f"{at}/cancel")
    assert (ended.status_code, ended.json()["title"]) == (409, "Illegal transition")
    assert (await send("proceed"))["status"] == "cancelled"
    assert {act.by for act in ledger.history.trail(stream=run.id)} == {"local", "webhook"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"payload": 1, "by": "somebody else"}, 422),  # the actor is who asks
        ({"stepLimit": "many"}, 422),
        ([], 422),
        ({"priority": 2**80}, 400),
        ({"runAt": "soon"}, 400),
        ({"payload": "x", "version": 77}, 404),
    ],
)
async def test_a_body_of_another_form_is_refused_with_the_place(api: httpx.AsyncClient, body: Any, status: int) -> None:
    answer = await api.post("/api/workflows/orders/runs", json=body)
    assert answer.status_code == status, answer.text
    if status == 422:
        assert answer.json()["issues"][0]["path"].startswith("body")


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "nul", '{"payload": NaN}', '"\\ud800"', "\0"])
async def test_what_is_no_json_is_refused(api: httpx.AsyncClient, text: str) -> None:
    answer = await api.post("/api/workflows/orders/runs", content=text, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_body_that_grows_too_large_is_refused(api: httpx.AsyncClient) -> None:
    async def in_pieces() -> AsyncIterator[bytes]:
        for _ in range(17):
            yield b" " * 1_048_576

    answer = await api.post(
        "/api/workflows/orders/runs", content=in_pieces(), headers={"content-type": "application/json"}
    )
    assert (answer.status_code, answer.json()["limit"]) == (413, 16 * 1024 * 1024)


@pytest.mark.parametrize("tag", ["2", 'W/"2"', '"x"', '"1", "2"', "*", '"-1"', '"²"', '""'])
async def test_an_if_match_that_is_no_version_is_refused(api: httpx.AsyncClient, run: fl.Run, tag: str) -> None:
    answer = await api.post(f"/api/runs/{run.id}/cancel", headers={"if-match": tag.encode("latin-1")})
    assert (answer.status_code, "If-Match" in answer.json()["detail"]) == (400, True)


async def test_a_workflow_is_saved_on_the_version_that_was_seen(api: httpx.AsyncClient, ledger: fl.Ledger) -> None:
    definition = ledger.workflows.get("orders").definition.to_data()
    nodes = [{**node, "metadata": {"owner": "ada"}} for node in definition["nodes"]]
    changed = {"definition": {**definition, "nodes": nodes}, "message": "who owns it"}
    unconditional = await api.put("/api/workflows/orders", json=changed)
    assert (unconditional.status_code, unconditional.json()["actual"]) == (428, 1)
    saved = await api.put("/api/workflows/orders", json=changed, headers={"if-match": '"1"'})
    assert (saved.status_code, saved.headers["etag"]) == (200, '"2"')
    assert saved.json() == workflow_document(ledger.workflows.get("orders"))
    assert (saved.json()["by"], saved.json()["message"]) == ("local", "who owns it")
    stale = await api.put("/api/workflows/orders", json={"definition": definition}, headers={"if-match": '"1"'})
    assert (stale.status_code, stale.json()["savedBy"]) == (412, "local")
    new = await api.put("/api/workflows/returns", json={"definition": definition})
    assert (new.status_code, new.headers["etag"]) == (201, '"1"')
    there = await api.put("/api/workflows/returns", json={"definition": definition}, headers={"if-none-match": "*"})
    assert there.status_code == 412


async def test_a_definition_with_faults_is_refused_with_all_of_them(api: httpx.AsyncClient) -> None:
    answer = await api.put("/api/workflows/new", json={"definition": {"nodes": [{"id": ""}], "edges": [{}]}})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:flowledger:error:InvalidDefinition")
    assert len(answer.json()["faults"]) > 1
    assert set(answer.json()["faults"][0]) == {"path", "message"}


async def test_a_workflow_is_renamed_released_archived_and_restored(api: httpx.AsyncClient, ledger: fl.Ledger) -> None:
    async def send(command: str, body: Any = None) -> Any:
        answer = await api.post(f"/api/workflows/orders/{command}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    assert (await send("rename", {"name": "Orders"}))["name"] == "Orders"
    assert (await send("release", {"version": 1}))["version"] == 1
    assert (await send("archive", {"reason": "old"}))["archived"] is True
    refused = await api.post("/api/workflows/orders/runs")
    assert (refused.status_code, refused.json()["title"]) == (409, "Illegal transition")
    assert (await send("restore"))["archived"] is False
    assert [each["by"] for each in (await api.get("/api/workflows/orders/versions")).json()] == [
        "ada",
        *["local"] * 4,
    ]


async def test_how_the_store_stands_is_told_to_machines(api: httpx.AsyncClient, run: fl.Run) -> None:
    assert (await api.get("/api/health")).json()["ok"] is True
    assert (await api.get("/api/status")).json()["backlog"]["waiting"] == 1
    metrics = await api.get("/api/metrics")
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "flowledger_" in metrics.text


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/workflows/orders", "GET, PUT"),
        ("/api/tokens", "GET, POST"),
        ("/api/bulk", "GET, POST"),
        ("/api/runs", "GET"),
        ("/api/filters/x", "DELETE"),
    ],
)
async def test_a_method_that_an_address_doesnt_take_is_answered_with_all_that_it_takes(
    ledger: fl.Ledger, path: str, allowed: str
) -> None:
    async with local(ledger) as api:
        answer = await api.request("OPTIONS", path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
