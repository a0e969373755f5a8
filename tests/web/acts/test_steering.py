"""Holding, releasing, cancelling and proceeding on pages: each says what it does, does it once, and not over others."""

import pytest
from tests.web.acts.conftest import Shop, alert, buttons, said

import flowledger as fl

ACTS = ("hold", "release", "cancel", "proceed")


async def test_a_run_is_held_and_released_by_who_asks_with_the_reason_on_record(orders: Shop) -> None:
    run = orders.asking()
    status, page = await orders.do(f"/runs/{run.id}/hold", {"why": "stock count"})
    assert (status, said(page)) == (303, f"Run {run.id[-6:]} is held.")
    held = orders.ledger.runs.get(run.id).held
    assert held is not None
    assert (held.by, held.reason) == ("dana", "stock count")
    status, page = await orders.do(f"/runs/{run.id}/release", {"why": "done"})
    assert said(page) == f"Run {run.id[-6:]} is released, and is paused."
    assert orders.events(run.id)[-2:] == ["run.held", "run.released"]


async def test_a_run_is_cancelled_and_stays_on_record(orders: Shop) -> None:
    run = orders.asking()
    _, page = await orders.do(f"/runs/{run.id}/cancel", {"why": "twice"})
    assert said(page) == f"Run {run.id[-6:]} is cancelled."
    (event,) = [each for each in orders.ledger.history.events(run.id) if each.type == "run.cancelled"]
    assert (event.by, event.data["reason"]) == ("dana", "twice")


async def test_a_run_that_nobody_executes_goes_on(orders: Shop) -> None:
    queued = orders.ledger.runs.start("orders", payload=1, wait=False)
    assert "Proceed…" in (await orders.visit(f"/runs/{queued.id}")).one("main").text
    _, page = await orders.do(f"/runs/{queued.id}/proceed")
    assert said(page) == f"Run {queued.id[-6:]} went on, and is paused."
    assert orders.done == ["take", "ask"]


@pytest.mark.parametrize("act", ["hold", "cancel"])
async def test_a_form_that_is_sent_twice_is_one_act(orders: Shop, act: str) -> None:
    run = orders.asking()
    form = await orders.fill(f"/runs/{run.id}/{act}", {"why": "lunch"})
    answers = [await orders.send(*form) for _ in range(2)]
    assert [status for status, _ in answers] == [303, 303]
    assert said(answers[0][1]) == said(answers[1][1])
    assert len(orders.events(run.id)) == run.version + 1


async def test_what_happened_meanwhile_is_told_and_nothing_is_done(orders: Shop) -> None:
    run = orders.asking()
    form = await orders.fill(f"/runs/{run.id}/cancel", {"why": "it takes too long"})
    orders.ledger.runs.hold(run.id, by="ivo")
    orders.ledger.runs.release(run.id, by="ivo")
    status, page = await orders.send(*form)
    assert status == 412
    assert f"from version {run.version} to {run.version + 2}." in alert(page)
    since = page.one("div", role="alert").one("ul", aria_label="What happened meanwhile").find("li")
    assert [line.text.partition(",")[0] for line in since] == ["4 run.held by ivo", "5 run.released by ivo"]
    assert page.one("input", name="why").attributes["value"] == "it takes too long"
    assert page.one("input", name="seen").attributes["value"] == str(run.version + 2)
    assert "run.cancelled" not in orders.events(run.id)


async def test_a_form_is_sent_again_as_things_stand_now(orders: Shop) -> None:
    run = orders.asking()
    address, fields = await orders.fill(f"/runs/{run.id}/cancel")
    orders.ledger.runs.set_metadata(run.id, {"team": "ops"}, by="ivo")
    _, page = await orders.send(address, fields)
    again = {field.attributes["name"]: field.attributes["value"] for field in page.find("input", type="hidden")}
    assert (await orders.send(address, {**fields, **again}))[0] == 303
    assert orders.ledger.runs.get(run.id).status == "cancelled"


@pytest.mark.parametrize("act", ACTS)
async def test_a_run_that_has_ended_says_so_and_has_no_button(orders: Shop, act: str) -> None:
    run = orders.failed()
    page = await orders.visit(f"/runs/{run.id}/{act}")
    assert "This can’t be done now. The run has ended: it is failed." in page.text
    assert buttons(page) == []
    status, refused = await orders.send(f"/runs/{run.id}/{act}")
    assert orders.ledger.runs.get(run.id).version == run.version
    if act != "proceed":  # that leaves an ended run as it is
        assert (status, alert(refused)[:17]) == (409, "Nothing was done.")


@pytest.mark.parametrize("act", [*ACTS, "retry", "reproduce", "fork"])
async def test_a_viewer_may_look_and_is_told_which_role_it_takes(orders: Shop, act: str) -> None:
    run = orders.failed() if act in ("retry", "reproduce", "fork") else orders.asking()
    if act == "release":
        run = orders.ledger.runs.hold(run.id)
    many = orders.runs()
    page = await orders.visit(f"/runs/{run.id}/{act}", role="viewer")
    assert "This takes the role operator" in page.text
    assert buttons(page) == []
    assert not (await orders.visit(f"/runs/{run.id}", role="viewer")).find("a", href=f"/runs/{run.id}/{act}")
    assert (await orders.send(f"/runs/{run.id}/{act}", role="viewer"))[0] == 403
    assert orders.ledger.runs.get(run.id).version == run.version
    assert orders.runs() == many


async def test_the_page_of_a_run_offers_what_can_be_done_as_it_stands(orders: Shop) -> None:
    async def offered(run: fl.Run) -> list[str]:
        end = (await orders.visit(f"/runs/{run.id}")).one("div", classes="head-end")
        return [link.text for link in end.find("a") if link.text.endswith("…")]

    asking = orders.asking()
    assert await offered(asking) == ["Answer…", "Hold…", "Cancel…", "Reproduce…", "Fork…"]
    assert await offered(orders.ledger.runs.hold(asking.id)) == ["Release…", "Cancel…", "Reproduce…", "Fork…"]
    assert await offered(orders.ledger.runs.cancel(asking.id)) == ["Retry…", "Reproduce…", "Fork…"]


@pytest.mark.parametrize("act", [*ACTS, "retry", "reproduce", "fork"])
async def test_an_unknown_run_and_an_unknown_parameter_are_refused(orders: Shop, act: str) -> None:
    await orders.visit(f"/runs/nobody/{act}", status=404)
    await orders.visit(f"/runs/{orders.asking().id}/{act}?force=yes", status=400)
    assert (await orders.send(f"/runs/nobody/{act}"))[0] == 404


@pytest.mark.parametrize("seen", ["-1", "x", "1.5", "9" * 30, "99"])
async def test_a_hand_made_version_does_nothing(orders: Shop, seen: str) -> None:
    run = orders.asking()
    status, _ = await orders.send(f"/runs/{run.id}/cancel", {"seen": seen})
    assert status in (400, 404)
    assert orders.ledger.runs.get(run.id).status == "paused"


async def test_what_was_typed_is_kept_while_the_store_is_away(orders: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    run = orders.asking()
    form = await orders.fill(f"/runs/{run.id}/cancel", {"why": "<b>twice</b>\nand \u202elate", "token": "s3cret"})

    def away(*_: object, **__: object) -> fl.Run:
        raise fl.StorageUnavailable("the server is away")

    with monkeypatch.context() as patched:
        patched.setattr(orders.ledger.runs, "cancel", away)
        status, page = await orders.send(*form)
    assert (status, "the server is away" in page.text) == (503, True)
    again = page.one("section", classes="empty").one("form")
    kept = {field.attributes["name"]: field.attributes["value"] for field in again.find("input")}
    assert kept["why"] == "<b>twice</b>\nand \u202elate"
    assert "token" not in kept
    assert (await orders.send(form[0], kept))[0] == 303
    assert orders.ledger.runs.get(run.id).status == "cancelled"
