"""Releasing, archiving, restoring and renaming workflows on pages."""

import pytest
from tests.web.acts.conftest import CLASSES, Shop, alert, buttons, said, shop

AT = "/workflows/orders"


@pytest.fixture
def drafted(orders: Shop) -> Shop:
    """The shop with a draft over its live version."""
    orders.ledger.workflows.save(shop(CLASSES[1]), workflow_id="orders", by="ada", message="by air, too", draft=True)
    return orders


async def test_a_draft_is_released_by_an_editor_who_is_told_what_changes(drafted: Shop) -> None:
    page = await drafted.visit(f"{AT}/release?version=2", role="editor")
    assert "Against version 1: ship changed." in page.text
    assert "Runs that start from now on run version 2." in page.text
    _, page = await drafted.do(f"{AT}/release?version=2", {"why": "tried on Monday"}, role="editor")
    assert said(page) == "Version 2 is live now."
    released = drafted.ledger.workflows.versions("orders")[-1]
    assert (released.kind, released.by, released.message) == ("released", "dana", "tried on Monday")


async def test_drafts_are_listed_with_what_they_would_change_of_what_is_live(drafted: Shop) -> None:
    canvas = await drafted.visit(AT, role="editor")
    page = await drafted.visit(canvas.link("1 draft"), role="editor")
    (row,) = page.one("tbody").find("tr")
    assert [cell.text for cell in row.find("td")][:3] == ["by air, too", "ship changed", "ada"]
    assert row.link("ship changed") == f"{AT}/diff/1/2"
    assert row.link("Release…") == f"{AT}/release?version=2"
    viewed = await drafted.visit(f"{AT}/drafts", role="viewer")
    assert "Release…" not in viewed.text
    await drafted.do(row.link("Release…"), {}, role="editor")
    assert "No draft" in (await drafted.visit(f"{AT}/drafts")).text


async def test_a_draft_that_isnt_wanted_is_left_behind_by_bringing_the_live_version_back(drafted: Shop) -> None:
    assert "let an admin bring version 1 back" in (await drafted.visit(f"{AT}/drafts", role="editor")).text
    page = await drafted.visit(f"{AT}/drafts", role="admin")
    _, page = await drafted.do(page.link("bring version 1 back"), role="admin")
    assert said(page) == "Version 1 came back as version 3."
    assert drafted.ledger.workflows.get("orders").definition == drafted.ledger.workflows.get("orders", 1).definition
    page = await drafted.visit(f"{AT}/drafts", role="admin")
    assert [row.find("a")[0].text for row in page.one("tbody").find("tr")] == ["v2"]
    assert "editing begins with" not in page.text


async def test_many_drafts_are_turned_over_a_page_at_a_time(drafted: Shop) -> None:
    for number in range(24):
        drafted.ledger.workflows.save(shop([f"way-{number}"]), workflow_id="orders", by="ada", draft=True)
    first = await drafted.visit(f"{AT}/drafts")
    second = await drafted.visit(first.link("Older"))
    numbers = [row.find("a")[0].text for page in (first, second) for row in page.one("tbody").find("tr")]
    assert numbers == [f"v{number}" for number in range(26, 1, -1)]
    assert "25 drafts" in first.text


async def test_a_release_that_is_sent_twice_is_one(drafted: Shop) -> None:
    form = await drafted.fill(f"{AT}/release?version=2", role="editor")
    answers = [await drafted.send(*form, role="editor") for _ in range(2)]
    assert [status for status, _ in answers] == [303, 303]
    assert [version.kind for version in drafted.ledger.workflows.versions("orders")] == ["saved", "saved", "released"]


async def test_who_saved_or_released_meanwhile_is_told_and_nothing_is_released(drafted: Shop) -> None:
    form = await drafted.fill(f"{AT}/release?version=2", role="editor")
    drafted.ledger.workflows.save(shop(["sea"]), workflow_id="orders", by="ivo", message="by sea")
    status, page = await drafted.send(*form, role="editor")
    assert (status, "“by sea”, by ivo" in alert(page)) == (412, True)
    assert drafted.ledger.workflows.get("orders", "live").version == 3
    form = await drafted.fill(f"{AT}/release?version=2", role="editor")
    drafted.ledger.workflows.release("orders", 1, by="ivo")
    status, page = await drafted.send(*form, role="editor")
    assert status == 412
    assert "You saw version 3 live; version 1 is by now." in alert(page)
    assert "released version 1, by ivo" in alert(page)
    assert drafted.ledger.workflows.get("orders", "live").version == 1


async def test_a_workflow_is_archived_and_taken_out_again_by_an_admin(orders: Shop) -> None:
    _, page = await orders.do(f"{AT}/archive", {"why": "not in use"}, role="admin")
    assert said(page) == "orders is archived."
    assert orders.ledger.workflows.get("orders").archived
    assert "The workflow is archived" in (await orders.visit(f"{AT}/rename", role="admin")).text
    _, page = await orders.do(f"{AT}/restore", role="admin")
    assert said(page) == "It is restored."
    assert not orders.ledger.workflows.get("orders").archived


async def test_an_old_version_comes_back_as_a_new_one(drafted: Shop) -> None:
    _, page = await drafted.do(f"{AT}/restore?version=1", {"why": "air is late"}, role="admin")
    assert said(page) == "Version 1 came back as version 3."
    latest = drafted.ledger.workflows.get("orders")
    assert (latest.definition, latest.is_live) == (drafted.ledger.workflows.get("orders", 1).definition, True)


async def test_a_workflow_is_renamed(orders: Shop) -> None:
    _, page = await orders.do(f"{AT}/rename", {"why": "Orders of the shop"}, role="editor")
    assert said(page) == "It is called Orders of the shop now."
    _, page = await orders.do(f"{AT}/rename", {"why": " "}, role="editor")
    assert said(page) == "It has no name now."


async def test_a_canvas_offers_what_each_role_may_do_with_it(drafted: Shop) -> None:
    async def offered(address: str, role: str) -> list[str]:
        return [link.text for link in (await drafted.visit(address, role)).find("a") if link.text.endswith("…")]

    assert await offered(AT, "viewer") == []
    assert await offered(AT, "operator") == ["Run…"]
    assert await offered(AT, "editor") == ["Run…", "Release…", "Rename…"]
    assert await offered(AT, "admin") == ["Run…", "Release…", "Rename…", "Archive…"]
    assert await offered(f"{AT}/versions/1", "admin") == ["Run…", "Bring back…"]
    drafted.ledger.workflows.release("orders", 2)
    assert await offered(f"{AT}/versions/1", "admin") == ["Release…", "Bring back…"]
    drafted.ledger.workflows.archive("orders")
    assert await offered(AT, "operator") == []
    assert await offered(AT, "admin") == ["Restore…"]


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("release?version=1", "It is the live version."),
        ("release", "Name the version that is to be live"),
        ("restore", "The workflow isn’t archived: name the version"),
        ("restore?version=2", "It is the latest version."),
    ],
)
async def test_what_cannot_be_done_is_said_and_has_no_button(drafted: Shop, address: str, why: str) -> None:
    page = await drafted.visit(f"{AT}/{address}", role="admin")
    assert why in page.text
    assert buttons(page) == []


@pytest.mark.parametrize("address", ["nothing/archive", "orders/release?version=7", "orders/restore?version=0"])
async def test_a_workflow_or_version_that_there_isnt_is_not_found(orders: Shop, address: str) -> None:
    await orders.visit(f"/workflows/{address}", role="admin", status=404)
    assert (await orders.send(f"/workflows/{address}", role="admin"))[0] == 404
