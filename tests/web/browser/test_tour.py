"""The tour of the source document, "Workflow Snapshots", click by click: a test for each of its sentences.

It is taken three times: by mouse, by keys alone, and in a browser that has no scripts.
"""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from ..story import WORKFLOW
from .sites import Site, site_of
from .windows import listen, open_window

pytestmark = pytest.mark.exhaustive

TAKEN = "You are viewing a snapshot of this workflow that was taken on 2026-11-20 at 16:32:08"
"""What the chip of version 7 says in Berlin."""


site = site_of("module", role="editor", alike=6)


WAYS = ["mouse", "keys", "no scripts"]


@pytest.fixture(scope="module", params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """How the tour is taken."""
    return str(request.param)


@pytest.fixture(scope="module")
def window(way: str, chromium: Any, site: Site) -> Iterator[Any]:
    """One for all."""
    with closing(open_window(chromium, site.base, java_script_enabled=way != "no scripts")) as opened:
        yield opened


@pytest.fixture(autouse=True)
def hands(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a mouse, what would be clicked or hovered is reached by Tab, and pressed."""
    if way != "keys":
        return
    from playwright.sync_api import Locator

    def reach(wanted: Locator) -> None:
        wanted.wait_for()
        assert wanted.evaluate("part => part.tabIndex >= 0"), "Tab passes it by"
        wanted.focus()

    def press(wanted: Locator) -> None:
        reach(wanted)
        wanted.press("Enter")

    def tick(wanted: Locator) -> None:
        reach(wanted)
        wanted.press("Space")

    for name, by_keys in {"click": press, "hover": reach, "check": tick}.items():
        monkeypatch.setattr(Locator, name, by_keys)


@pytest.fixture
def page(window: Any, complaints: list[str]) -> Iterator[Any]:
    """A tab of its own for each test."""
    with closing(window.new_page()) as tab:
        listen(tab, complaints)
        yield tab


def expand(page: Any, site: Site, run: str | None = None) -> None:
    """Open the History page, and expand the work order of a run, by default the one that failed, to its steps."""
    page.goto("/history")
    order = site.story.ledger.runs.get(run or site.story.run).work_order_id
    page.get_by_role("link", name=f"Runs of work order {order[-6:]}").click()
    page.get_by_role("link", name="Inspect step ship", exact=True).wait_for()


def inspect(page: Any, site: Site) -> None:
    """Come to the inspector of the step that failed by the tour's first way."""
    expand(page, site)
    page.get_by_role("link", name="Inspect step ship", exact=True).click()
    page.locator("#inspector").wait_for()


def the_run(page: Any, site: Site) -> Any:
    """The link to the run that failed, within its work order."""
    return page.locator(f'tr.l1 a.id[href$="/runs/{site.story.run}"]').first


def chip(page: Any) -> Any:
    return page.locator(".canvas-bar .chip").first


def inspector(page: Any, title: str) -> str:
    """What the inspector's part with this title says."""
    return str(page.locator("#inspector .aside-sec").filter(has=page.get_by_role("heading", name=title)).inner_text())


def test_a_snapshot_is_a_combination_of_input_configuration_and_job_code(page: Any, site: Site) -> None:
    inspect(page, site)
    assert '"class": "express"' in inspector(page, "Input")
    assert '"{{ nodes.intake.output.order.id }}"' in inspector(page, "Data")
    assert "def book_carrier" in inspector(page, "Job code")


def test_a_snapshot_is_made_when_a_user_saves_changes_on_the_canvas(page: Any, site: Site) -> None:
    before = site.story.ledger.workflows.get(WORKFLOW)
    last, added = before.definition.nodes[-1], f"restock-{before.version}"
    page.goto(f"/workflows/{WORKFLOW}")
    page.locator(".canvas-bar").get_by_role("link", name="Edit", exact=True).click()
    page.get_by_label("Name", exact=True).fill(added)
    page.get_by_label("Type", exact=True).fill("ask-stock")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("button", name=f"{last.id}, {last.type}").click()
    page.get_by_role("heading", name=last.id, exact=True).wait_for()
    page.get_by_label("To", exact=True).fill(added)
    page.get_by_role("button", name="Connect").click()
    page.get_by_role("button", name=f"Remove the edge from {last.id} to {added}").wait_for()
    page.get_by_role("button", name=f"Save as version {before.version + 1}, live").click()
    page.get_by_text(f"Saved as version {before.version + 1}, live.").wait_for()
    after = site.story.ledger.workflows.get(WORKFLOW)
    assert [node.id for node in after.definition.nodes] == [*(node.id for node in before.definition.nodes), added]
    assert (after.by, after.snapshot_id == before.snapshot_id) == ("dana", False)


def test_a_snapshot_is_made_when_a_user_saves_changes_in_the_inspector(page: Any, site: Site) -> None:
    before = site.story.ledger.workflows.get(WORKFLOW)
    page.goto(f"/workflows/{WORKFLOW}")
    page.locator(".graph").get_by_role("link", name="notify, send-mail").click()
    page.get_by_role("link", name="Edit this step").click()
    page.get_by_label("One attempt may take").fill(str(20 + before.version))
    page.get_by_label("What changed and why").fill("mails may be slow")
    page.get_by_role("button", name=f"Save as version {before.version + 1}, live").click()
    page.get_by_text(f"Saved as version {before.version + 1}, live.").wait_for()
    after = site.story.ledger.workflows.get(WORKFLOW)
    assert {node.id: node.timeout for node in after.definition.nodes}["notify"] == 20 + before.version
    assert after.message == "mails may be slow"


def test_a_run_of_a_new_work_order_has_its_snapshot(page: Any, site: Site) -> None:
    page.goto(f"/workflows/{WORKFLOW}/start?like={site.story.good}")
    live = site.story.ledger.workflows.get(WORKFLOW)
    page.get_by_label("by this server").check()
    page.get_by_role("button", name=f"Run version {live.version}").click()
    page.wait_for_url("**/runs/*")
    run = site.story.ledger.runs.get(page.url.rpartition("/")[2].partition("?")[0])
    assert (run.workflow_version, run.work_order_id is not None) == (live.version, True)
    page.get_by_role("heading", name=WORKFLOW, level=1).get_by_role("link").click()
    page.wait_for_url(f"**/versions/{live.version}?run={run.id}")
    shown = page.locator(".graph a").evaluate_all("nodes => nodes.map((node) => node.dataset.node)")
    assert shown == [node.id for node in live.definition.nodes]


def test_a_run_that_retries_another_has_its_snapshot_and_belongs_to_the_same_work_order(page: Any, site: Site) -> None:
    told = site.story
    page.goto("/history")
    order = told.ledger.runs.get(told.retried).work_order_id
    page.get_by_role("link", name=f"Runs of work order {order[-6:]}").click()
    page.locator("tr.l1").nth(1).wait_for()
    of_work_order = page.locator(f'[data-part="+{order}"] tr.l1')
    versions = [each.locator(".vno").inner_text() for each in of_work_order.all()]
    assert sorted(versions) == ["v7", "v9"]
    of_retry = of_work_order.filter(has=page.get_by_role("link", name=told.retried[-6:], exact=True))
    assert of_retry.locator(".vno").inner_text() == "v9"


def test_a_work_order_on_the_history_page_expands_to_the_runs_included(page: Any, site: Site) -> None:
    expand(page, site)
    run = site.story.ledger.runs.get(site.story.run)
    row = page.locator("tr.l1").filter(has=page.get_by_role("link", name=run.id[-6:], exact=True))
    snapshot = site.story.ledger.workflows.get(WORKFLOW, run.workflow_version).snapshot_id
    assert (row.locator(".vno").inner_text(), row.locator(".chip").inner_text()) == ("v7", snapshot)
    steps = [each.inner_text().split()[0] for each in page.locator("tr.l2 th").all()]
    assert steps[0] == "intake"
    assert steps[-1] == "ship"


def test_the_inspect_icon_opens_the_inspector_for_that_step_with_logs_input_and_output(page: Any, site: Site) -> None:
    inspect(page, site)
    assert page.locator("#inspector h2").inner_text() == "ship"
    said = inspector(page, "Input")
    assert '"parcels": 2' in said
    assert "KeyError: 'express'" in said
    assert [line.inner_text() for line in page.locator("#inspector .logs .msg").all()] == [
        "class express, 2 parcels, 4.2 kg",
        "booking for order o-20817",
        "carrier table knows standard, bulk",
    ]
    expand(page, site)
    page.get_by_role("link", name="Inspect step score-risk", exact=True).click()
    page.locator("#inspector").wait_for()
    assert '"score": 62' in inspector(page, "Output")


def test_the_inspector_is_in_a_read_only_mode(page: Any, site: Site, way: str) -> None:
    before = site.story.ledger.workflows.get(WORKFLOW).version
    inspect(page, site)
    page.wait_for_load_state("load")
    assert page.locator(".canvas-bar .lock").inner_text() == "Read-only"
    page.locator(".canvas-bar .lock").hover()
    page.get_by_role("tooltip", name="You cannot edit or run an old snapshot of a workflow").wait_for()
    changing = "textarea, [contenteditable], form[method=post], [data-save], [data-key=e], [data-key=r]"
    assert page.locator(f"main :is({changing})").count() == 0
    for key in ("e", "r", "Control+s", "Control+Enter", "Delete"):
        page.keyboard.press(key)
    if way != "no scripts":
        page.keyboard.press("Escape")  # keys are listened to
        page.locator("#inspector").wait_for(state="detached")
    assert site.story.ledger.workflows.get(WORKFLOW).version == before


def test_hovering_on_the_snapshot_id_chip_says_when_it_was_taken(page: Any, site: Site) -> None:
    inspect(page, site)
    assert chip(page).inner_text() == site.story.ledger.workflows.get(WORKFLOW, 7).snapshot_id
    tip = page.get_by_role("tooltip", name=TAKEN)
    assert not tip.is_visible()
    chip(page).hover()
    tip.wait_for()


def test_closing_the_inspector_by_its_x_opens_the_associated_canvas_with_the_step_selected(
    page: Any, site: Site
) -> None:
    inspect(page, site)
    close = page.get_by_role("link", name="Close the inspector")
    box = close.bounding_box()
    assert box["x"] > 1440 * 0.9, "on the right"
    assert box["y"] < 900 * 0.25, "at the top"
    close.click()
    page.locator("#inspector").wait_for(state="detached")
    assert chip(page).inner_text() == site.story.ledger.workflows.get(WORKFLOW, 7).snapshot_id
    selected = page.locator(".graph a.sel")
    assert selected.get_attribute("aria-label") == "ship, book-carrier: failed, selected"


def test_from_the_canvas_any_step_can_be_inspected_by_clicking_on_it(page: Any, site: Site) -> None:
    inspect(page, site)
    nodes = [node.id for node in site.story.ledger.workflows.get(WORKFLOW, 7).definition.nodes]
    for node in nodes:
        page.get_by_role("link", name="Close the inspector").click()
        page.locator("#inspector").wait_for(state="detached")
        page.locator(f'.graph [data-node="{node}"]').click()
        page.locator("#inspector").get_by_role("heading", name=node, exact=True).wait_for()
        run = page.locator("#inspector").get_by_role("heading", name=f"Run {site.story.run[-6:]}")
        assert run.count() == 1, f"the inspector of {node} is for the run"
        assert chip(page).inner_text() == site.story.ledger.workflows.get(WORKFLOW, 7).snapshot_id


def test_from_the_expanded_history_a_click_on_the_run_id_opens_the_run_view(page: Any, site: Site) -> None:
    expand(page, site)
    the_run(page, site).click()
    page.wait_for_url(f"**/runs/{site.story.run}")
    assert page.locator(".badge").first.inner_text().strip() == "Failed"


def test_on_the_run_view_a_click_on_the_workflows_name_opens_the_canvas_of_this_snapshot(page: Any, site: Site) -> None:
    expand(page, site)
    the_run(page, site).click()
    page.get_by_role("heading", name=WORKFLOW, level=1).get_by_role("link").click()
    page.wait_for_url("**/workflows/**")
    assert chip(page).inner_text() == site.story.ledger.workflows.get(WORKFLOW, 7).snapshot_id
    chip(page).hover()
    page.get_by_role("tooltip", name=TAKEN).wait_for()


def test_on_the_run_view_the_inspect_icon_opens_the_inspector_for_the_step(page: Any, site: Site) -> None:
    expand(page, site)
    the_run(page, site).click()
    page.locator(".steps").get_by_role("link", name="review").last.click()
    page.get_by_role("link", name="Inspect", exact=True).click()
    page.locator("#inspector").get_by_role("heading", name="review", exact=True).wait_for()
    assert '"shipping": "express"' in inspector(page, "Output")


def test_a_snapshot_stays_as_it_was_when_the_run_was_executed(page: Any, site: Site) -> None:
    inspect(page, site)
    assert '"express"' not in inspector(page, "Data")
    page.goto(f"/workflows/{WORKFLOW}?step=ship")
    assert '"express": "air"' in inspector(page, "Data"), "which it has learnt since"


def test_a_click_on_switch_to_latest_version_on_the_canvas_leads_to_what_can_be_edited(page: Any, site: Site) -> None:
    inspect(page, site)
    page.get_by_role("link", name="Close the inspector").click()
    page.locator(".canvas-bar").get_by_role("link", name="Switch to latest version").click()
    page.locator(".canvas-bar").get_by_role("link", name="Edit", exact=True).wait_for()
    assert not page.get_by_text("Read-only").count()


def test_the_switch_at_the_bottom_right_of_the_inspector_leads_to_the_latest_version(page: Any, site: Site) -> None:
    inspect(page, site)
    switch = page.locator("#inspector").get_by_role("link", name="Switch to latest version")
    box = switch.bounding_box()
    assert box["x"] + box["width"] > 1440 * 0.9, "on the right"
    assert 900 * 0.75 < box["y"] + box["height"] <= 900, "at the bottom of what is seen"
    switch.click()
    page.get_by_role("link", name="Edit this step").wait_for()
    assert page.locator("#inspector h2").inner_text() == "ship"


def test_on_the_latest_version_the_tag_is_blue_and_its_text_is_latest(page: Any, site: Site) -> None:
    inspect(page, site)
    old = chip(page).evaluate("tag => getComputedStyle(tag).backgroundColor")
    page.locator(".canvas-bar").get_by_role("link", name="Switch to latest version").click()
    page.locator(".canvas-bar .chip.latest").wait_for()
    assert chip(page).inner_text() == "latest"
    colour = chip(page).evaluate("tag => { const s = getComputedStyle(tag); return [s.color, s.backgroundColor]; }")
    assert colour[1] != old
    red, green, blue = page.evaluate(
        """(colour) => {
          const drawn = new OffscreenCanvas(1, 1).getContext('2d');
          drawn.fillStyle = colour;
          drawn.fillRect(0, 0, 1, 1);
          return [...drawn.getImageData(0, 0, 1, 1).data].slice(0, 3);
        }""",
        colour[0],
    )
    assert blue > red
    assert blue > green
    chip(page).hover()
    page.get_by_role("tooltip", name="This is the latest version of this workflow").wait_for()


def test_a_retry_is_executed_with_the_latest_version_and_can_not_be_with_an_earlier_snapshot(
    page: Any, site: Site, way: str
) -> None:
    run = site.story.ledger.runs.get(site.story.alike[3 + WAYS.index(way)])  # of version 8
    expand(page, site, run.id)
    page.get_by_role("link", name="Retry from step ship", exact=True).click()
    page.wait_for_url("**/retry?from=ship")
    live = site.story.ledger.workflows.get(WORKFLOW)
    version = page.get_by_role("group", name="Version", exact=True)
    assert version.locator(".vno").inner_text() == f"v{live.version}"
    assert version.locator("select, input").count() == 0, "no other can be chosen"
    page.get_by_text("and runs with the latest version of this workflow.").wait_for()
    page.get_by_label("by this server").check()
    page.get_by_role("button", name=f"Retry from ship on version {live.version}").click()
    page.get_by_text(f"was started from ship, on version {live.version}; it has completed.").wait_for()
    (retry,) = [row for row in site.story.ledger.history.runs() if row.source == run.id]
    assert (run.workflow_version, retry.workflow_version, retry.status) == (8, live.version, "completed")
    assert retry.work_order_id == run.work_order_id
    assert page.locator(".head .chip.latest").inner_text() == "latest"


def test_snapshots_help_to_find_out_why_something_was_not_handled_correctly(page: Any, site: Site) -> None:
    page.goto("/failures")
    row = page.locator("main tr").filter(has_text="KeyError")
    assert f"none on v{site.story.ledger.workflows.get(WORKFLOW).version}" in row.inner_text()
    row.get_by_role("link", name=site.story.run[-6:], exact=True).click()
    page.get_by_role("link", name="Compare with the last good run").click()
    page.wait_for_url("**/compare/**")
    said = page.locator("main tr").filter(has_text="KeyError: 'express'").inner_text()
    assert '"standard"' in said, "what the good run had there"
    assert '"express"' in said
