"""Pages and API are served alike: who is let in, under which prefix, with which headers, and what errors look like."""

from typing import Any

import pytest
from fastapi import FastAPI

import flowledger as fl
from flowledger.infrastructure.interfaces.web.security.bodies import BodyLimit
from flowledger.infrastructure.interfaces.web.security.refusals import Refusal
from flowledger.web import Principal, create_app

from .client import client_of, local

ROLES = ("viewer", "operator", "editor", "admin")


async def test_the_first_page_is_the_history(ledger: fl.Ledger, run: fl.Run) -> None:
    async with local(ledger) as client:
        first = await client.get("/")
        page = await client.get(first.headers["location"])
    assert (first.status_code, first.headers["location"], page.status_code) == (303, "/history", 200)
    assert page.headers["content-type"] == "text/html; charset=utf-8"


async def test_a_page_and_its_data_show_the_same_as_the_api(ledger: fl.Ledger, run: fl.Run) -> None:
    async with local(ledger) as client:
        data = (await client.get("/history.json")).json()
        listed = (await client.get("/api/runs")).json()
    assert data["runs"] == listed["runs"]
    assert [row["id"] for row in listed["runs"]] == [run.id]


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("host", ["127.0.0.1:8642", "localhost", "[::1]:8642", "flowledger.localhost:1"])
async def test_this_machine_is_let_in_for_a_name_of_its_own(ledger: fl.Ledger, address: str, host: str) -> None:
    async with client_of(create_app(ledger), address, host) as client:
        assert (await client.get("/api/runs")).status_code == 200


@pytest.mark.parametrize(
    ("address", "host", "headers"),
    [
        ("10.0.0.7", "127.0.0.1:8642", {}),
        ("127.0.0.1", "evil.example", {}),  # a name of somebody else that leads here
        ("127.0.0.1", "127.0.0.1.evil.example", {}),
        ("127.0.0.1", "localhost.evil.example", {}),
        ("127.0.0.1", "127.0.0.1", {"x-forwarded-for": "127.0.0.1"}),  # by a proxy, which lets anybody in
        ("127.0.0.1", "127.0.0.1", {"forwarded": "for=127.0.0.1"}),
        ("testclient", "127.0.0.1", {}),
    ],
)
async def test_nobody_else_is_let_in_without_authentication(
    ledger: fl.Ledger, address: str, host: str, headers: dict[str, str]
) -> None:
    async with client_of(create_app(ledger), address, host, headers=headers) as client:
        for path in ("/api/runs", "/history", "/history.json"):
            assert (await client.get(path)).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
        {"sec-fetch-site": "same-site", "origin": "http://127.0.0.1:9000"},  # another port is another origin
        {"origin": "http://127.0.0.1:9000"},
        {"origin": "null"},
        {"cookie": "flowledger=1"},
    ],
)
async def test_what_another_site_makes_a_browser_send_is_refused(ledger: fl.Ledger, headers: dict[str, str]) -> None:
    async with local(ledger) as client:
        answer = await client.post("/api/runs/x/cancel", headers=headers, json={})
    assert (answer.status_code, answer.json()["title"]) == (403, "Sent by another site")


@pytest.mark.parametrize(("scheme", "status"), [("http", 403), ("https", 405)])
async def test_over_https_a_page_of_the_same_host_that_came_over_http_is_another_site(
    ledger: fl.Ledger, scheme: str, status: int
) -> None:
    async with client_of(create_app(ledger, auth=lambda _: Principal("ada", {"operator"}))) as client:
        headers = {"origin": f"{scheme}://ops.example.org"}
        assert (await client.post("https://ops.example.org/history", headers=headers)).status_code == status


async def test_a_proxy_that_takes_tls_away_and_doesnt_say_so_is_served(ledger: fl.Ledger) -> None:
    async with client_of(create_app(ledger, auth=lambda _: Principal("ada", {"operator"}))) as client:
        headers = {"origin": "https://ops.example.org"}
        assert (await client.post("http://ops.example.org/history", headers=headers)).status_code == 405


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "same-origin"}, {"origin": "http://127.0.0.1:8642"}, {}])
async def test_what_a_page_of_this_app_or_a_program_sends_is_taken(ledger: fl.Ledger, headers: dict[str, str]) -> None:
    async with local(ledger) as client:
        assert (await client.post("/history", headers=headers)).status_code == 405  # by the page: it takes none


async def test_an_origin_that_is_trusted_may_send(ledger: fl.Ledger) -> None:
    headers = {"sec-fetch-site": "same-site", "origin": "https://ops.example.org"}
    async with local(ledger, origins={"https://ops.example.org"}) as client:
        assert (await client.post("/history", headers=headers)).status_code == 405


@pytest.mark.parametrize("path", ["/history", "/history.json", "/api/runs", "/nothing", "/static/flowledger.css"])
async def test_every_answer_forbids_scripts_of_others_frames_and_guesses(ledger: fl.Ledger, path: str) -> None:
    async with local(ledger) as client:
        headers = (await client.get(path)).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"


async def test_a_callable_of_the_host_says_who_asks(ledger: fl.Ledger) -> None:
    def by_header(request: object) -> Principal | None:
        name = request.headers.get("x-user")  # type: ignore[attr-defined]
        return None if name is None else Principal(name, {"viewer"})

    async def asynchronously(request: object) -> Principal | None:
        return by_header(request)

    for auth in (by_header, asynchronously):
        async with client_of(create_app(ledger, auth=auth), "10.0.0.7", "ops.example.org") as client:
            assert (await client.get("/api/runs", headers={"x-user": "ada"})).status_code == 200
            refused = await client.get("/api/runs")
            assert (refused.status_code, refused.json()["title"]) == (403, "Not known here")


async def test_somebody_without_a_role_is_told_which_one_it_takes(ledger: fl.Ledger) -> None:
    async with client_of(create_app(ledger, auth=lambda _: Principal("ada"))) as client:
        problem = (await client.get("/api/runs")).json()
    assert (problem["status"], problem["role"]) == (403, "viewer")
    assert "ada has no role" in problem["detail"]


def test_the_highest_role_counts() -> None:
    assert [Principal("a", {"viewer", role}).role for role in ROLES] == list(ROLES)
    for number, role in enumerate(ROLES):
        assert [Principal("a", {role}).may(other) for other in ROLES] == [number >= other for other in range(4)]


@pytest.mark.parametrize("roles", ["admin", {"root"}, ["viewer", "Admin"]])
def test_roles_that_there_are_not_are_refused(roles: object) -> None:
    with pytest.raises(fl.InvalidRequest, match="viewer, operator, editor, admin"):
        Principal("ada", roles)  # type: ignore[arg-type]


@pytest.mark.parametrize("prefix", ["", "/ops/ledger"])
async def test_every_address_on_a_page_is_under_the_prefix_of_the_app(
    ledger: fl.Ledger, run: fl.Run, prefix: str
) -> None:
    host = FastAPI()
    host.mount(prefix, create_app(ledger))
    async with client_of(host) as client:
        page = await client.get(f"{prefix}/history")
        described = (await client.get(f"{prefix}/api/openapi.json")).json()
    assert page.status_code == 200
    addresses = [part.partition('"')[0] for part in page.text.split('href="')[1:]]
    assert all(address.startswith((f"{prefix}/", "#")) for address in addresses)
    assert described["servers"] == [{"url": f"{prefix}/api"}]


async def test_an_error_is_a_problem_for_programs_and_a_page_for_people(ledger: fl.Ledger) -> None:
    async with local(ledger) as client:
        problem = await client.get("/api/runs/nowhere")
        page = await client.get("/nowhere")
        data = await client.get("/nowhere.json")
    assert (problem.status_code, problem.headers["content-type"]) == (404, "application/problem+json")
    body = problem.json()
    assert (body["type"], body["title"], body["runId"]) == (
        "urn:flowledger:error:RunNotFound",
        "Run not found",
        "nowhere",
    )
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert (data.status_code, data.headers["content-type"]) == (404, "application/problem+json")


async def test_a_fault_of_ours_says_nothing_of_itself(ledger: fl.Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr(ledger.history, "aruns", fail)
    async with local(ledger) as client:
        answer = await client.get("/api/runs")
    assert answer.status_code == 500
    assert "hunter2" not in answer.text


async def test_a_store_that_is_away_is_worth_another_try(ledger: fl.Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise fl.StorageUnavailable("the server is gone")

    monkeypatch.setattr(ledger.history, "aruns", fail)
    async with local(ledger) as client:
        answer = await client.get("/api/runs")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def test_a_body_that_is_too_large_is_refused_by_its_length(ledger: fl.Ledger) -> None:
    app = create_app(ledger)
    headers = {"content-length": "99999999999"}
    async with client_of(app) as client:
        announced = await client.post("/history", content=b"x", headers=headers)
    assert (announced.status_code, announced.headers["connection"]) == (413, "close")


@pytest.mark.parametrize(
    ("announced", "expects", "read"), [(40, False, 40), (40, True, 0), (41, False, 0)], ids=["sent", "asks", "vast"]
)
async def test_who_is_sending_too_much_is_let_finish_within_reason(announced: int, expects: bool, read: int) -> None:
    """A connection that is closed on who is still sending is reset, and the answer lost with it."""
    left = announced

    async def receive() -> dict[str, Any]:
        nonlocal left
        left -= 1
        return {"type": "http.request", "body": b"x", "more_body": left > 0}

    async def unreached(*_: object) -> None:
        raise AssertionError("the app was asked")

    headers = [(b"content-length", str(announced).encode()), *[(b"expect", b"100-continue")] * expects]
    with pytest.raises(Refusal, match="413"):
        await BodyLimit(unreached, most=10)({"type": "http", "headers": headers}, receive, unreached)
    assert announced - left == read


async def test_the_ledger_is_opened_by_the_first_request_and_closed_with_the_app(ledger: fl.Ledger) -> None:
    opened = []

    def open_it() -> fl.Ledger:
        opened.append(ledger)
        return ledger

    app = create_app(open_it)
    assert opened == []
    async with client_of(app) as client:
        await client.get("/api/runs")
        await client.get("/api/runs")
    assert opened == [ledger]
    async with app.lifespan():
        assert opened == [ledger]
    with pytest.raises(fl.StorageUnavailable):
        ledger.history.runs()


async def test_a_ledger_that_was_handed_over_stays_open(ledger: fl.Ledger) -> None:
    app = create_app(ledger)
    async with app.lifespan():
        pass
    assert ledger.history.runs().items == ()


async def test_files_are_kept_for_ever_under_the_address_of_what_they_hold(ledger: fl.Ledger) -> None:
    async with local(ledger) as client:
        page = (await client.get("/history")).text
        address = next(part.partition('"')[0] for part in page.split('href="') if ".css" in part)
        file = await client.get(address)
        other = await client.get(address.partition("?")[0])
        known = await client.get(address, headers={"if-none-match": file.headers["etag"]})
        outside = [await client.get(f"/static/{path}") for path in ("../app.py", "..%2fapp.py", "nothing.css", "")]
    assert "immutable" in file.headers["cache-control"]
    assert "immutable" not in other.headers["cache-control"]
    assert (known.status_code, known.content) == (304, b"")
    assert [answer.status_code for answer in outside] == [404] * 4


async def test_a_web_socket_is_closed(ledger: fl.Ledger) -> None:
    sent = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message["type"])

    async def receive() -> dict[str, object]:
        return {"type": "websocket.connect"}

    await create_app(ledger)({"type": "websocket", "path": "/"}, receive, send)  # type: ignore[arg-type]
    assert sent == ["websocket.close"]


def test_an_app_is_made_with_what_auth_can_be(ledger: fl.Ledger) -> None:
    with pytest.raises(fl.InvalidRequest, match="auth='basic'"):
        create_app(ledger, auth="basic")  # type: ignore[arg-type]
