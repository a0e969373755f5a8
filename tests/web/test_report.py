"""The report of a run: its page as one file, which needs nothing else and says on what it rests."""

import re
import sqlite3
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl
from flowledger.web import make_report

from .client import local
from .reading import Element, read
from .story import GLOBALS, Story
from .visits import get, page


@pytest.fixture(scope="module")
def report(told: Story) -> str:
    return make_report(told.ledger, told.run, zone="Europe/Berlin").decode()


def test_a_report_shows_what_the_page_of_the_run_does(report: str) -> None:
    text = read(report).text
    for said in ("order-approval", "Failed at ship:", "KeyError: 'express'", "by webhook", "2 d 4 h", "check-stock"):
        assert said in text
    steps = read(report).find("details", classes="att")
    assert [step.attributes["id"] for step in steps][:2] == ["v22", "v21"]
    assert ["open" in step.attributes for step in steps] == [True] + [False] * (len(steps) - 1)
    assert "carrier table knows standard, bulk" in steps[0].text
    assert "14:02:16" in text  # in the zone that was asked for


def test_a_report_asks_for_nothing_and_has_no_script(report: str) -> None:
    file = read(report)
    assert not [tag for tag in ("script", "link", "form", "iframe", "img") if file.find(tag)]
    ids = {element.attributes["id"] for element in file.find() if "id" in element.attributes}
    for element in file.find():
        assert not {"src", "style", "action"} & element.attributes.keys()
        assert not any(name.startswith("on") for name in element.attributes)
        href = element.attributes.get("href")
        assert href is None or href in {f"#{id}" for id in ids}, element.attributes
    style = report.partition("<style>")[2].partition("</style>")[0]
    assert not re.search(r"url\(|@import", style)
    (policy,) = (meta.attributes["content"] for meta in file.find("meta") if "http-equiv" in meta.attributes)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'"


def test_values_that_are_masked_stay_masked_in_a_report(report: str) -> None:
    assert GLOBALS["courier_key"] not in report
    assert read(report).find("span", classes="masked")


def test_a_report_has_the_digests_that_an_audit_of_its_version_tells(told: Story, report: str) -> None:
    audit = told.ledger.history.audit(told.run, version=22)
    told_of = {
        cell.attributes["data-digest"]: cell.text
        for cell in read(report).find("td")
        if "data-digest" in cell.attributes
    }
    assert told_of.pop("audit") == audit.digest
    assert told_of.pop("definition") == audit.workflow.digest
    assert told_of == {record.stream: record.digest for record in audit.provenance.streams}
    last = list(told.ledger.history.events(told.run))[-1]
    assert told_of[told.run] == last.digest


def _digests(file: Element) -> dict[str, str]:
    cells = file.find("td", classes="digest")
    return {cell.attributes["data-digest"]: cell.text for cell in cells if "data-digest" in cell.attributes}


async def test_the_page_of_a_run_offers_its_report_to_be_kept(told: Story) -> None:
    link = (await page(told, f"/runs/{told.run}")).link("Report")
    answer = await get(told, link)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-disposition"] == f"attachment; filename*=UTF-8''run-{told.run}.html"
    assert read(answer.text).one("h1").text == "order-approval"
    assert (await get(told, "/runs/01a20f61-0000-7000-8000-000000000000/report.html")).status_code == 404


def test_a_report_of_an_unknown_run_or_zone_is_refused(told: Story) -> None:
    with pytest.raises(fl.RunNotFound):
        make_report(told.ledger, "none")
    with pytest.raises(fl.InvalidRequest, match="Atlantis"):
        make_report(told.ledger, told.run, zone="Atlantis")


def test_a_run_that_goes_on_and_one_that_asks_have_reports(ledger: fl.Ledger, run: fl.Run) -> None:
    said = read(make_report(ledger, run.id).decode()).text
    assert re.search("Running since.*review asks: ship it", said)
    ledger.runs.hold(run.id, by="dana", reason="count first")
    assert "Held by dana: count first" in read(make_report(ledger, run.id).decode()).text
    queued = ledger.runs.start("orders", wait=False)
    assert "No step has ended yet" in read(make_report(ledger, queued.id).decode()).text


@pytest.fixture
def damaged(tmp_path: Path) -> Iterator[tuple[fl.Ledger, str]]:
    """A run of ten steps, whose eighth event isn't JSON any more."""
    executors = fl.ExecutorRegistry()

    @executors.register("count")
    def count(step: fl.StepContext) -> Any:
        return {"round": step.runs + 1}

    nodes = [{"id": f"n{number}", "type": "count", "data": {}} for number in range(10)]
    edges = [{"source": f"n{number}", "target": f"n{number + 1}"} for number in range(9)]
    with fl.open_ledger(f"sqlite:///{tmp_path / 's.db'}", executors) as ledger:
        ledger.workflows.save({"nodes": nodes, "edges": edges}, workflow_id="w", by="ada")
        run = ledger.runs.start("w", by="webhook")
        damage(tmp_path / "s.db", run.id, 8)
        yield ledger, run.id


def damage(path: Path, stream: str, version: int) -> None:
    database = sqlite3.connect(path)
    try:
        for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f'DROP TRIGGER "{trigger}"')
        database.execute(
            "UPDATE flowledger_events SET state = substr(state, 1, 30) "
            "WHERE originator_id = ? AND originator_version = ?",
            [stream, version],
        )
        database.commit()
    finally:
        database.close()


def _shows_seven_versions(shown: Element) -> None:
    assert "Event 8 can’t be read" in shown.text
    assert "This is the run up to version 7" in shown.text


def test_the_report_of_a_damaged_run_goes_as_far_as_its_events_can_be_read(damaged: tuple[fl.Ledger, str]) -> None:
    ledger, run_id = damaged
    file = read(make_report(ledger, run_id).decode())
    _shows_seven_versions(file)
    steps = [step.attributes["id"] for step in file.find("details", classes="att")]
    assert steps == ["v7", "v6", "v5", "v4", "v3", "v2"]
    assert _digests(file)["audit"] == ledger.history.audit(run_id, version=7).digest


async def test_the_page_of_a_damaged_run_goes_as_far_as_its_events_can_be_read(damaged: tuple[fl.Ledger, str]) -> None:
    ledger, run_id = damaged
    async with local(ledger) as client:
        shown = read((await client.get(f"/runs/{run_id}")).text)
        _shows_seven_versions(shown)
        assert not re.search(r"Cancel|Hold", shown.one("div", classes="head-end").text)
        earlier = await client.get(f"/runs/{run_id}?version=3")
        assert "State at version 3" in read(earlier.text).text
        later = await client.get(f"/runs/{run_id}?version=9")
        assert later.status_code >= 400
        assert "event 8 of stream" in later.text


def test_a_run_whose_first_event_can_not_be_read_has_no_report(damaged: tuple[fl.Ledger, str], tmp_path: Path) -> None:
    ledger, run_id = damaged
    damage(tmp_path / "s.db", run_id, 1)
    with pytest.raises(fl.EventNotReadable, match="event 1 of"):
        make_report(ledger, run_id)
