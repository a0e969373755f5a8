"""What a run's steps logged: found by level and words, kept as a file, each line with an address of its own."""

from typing import Any

import flowledger as fl
from flowledger.testing import memory_ledger

from .client import local
from .story import Story
from .visits import get, page

FILE = """\
2026-11-25T13:02:16.136Z debug   ship#1 class express, 2 parcels, 4.2 kg
2026-11-25T13:02:16.136Z info    ship#1 booking for order o-20817
2026-11-25T13:02:16.154Z warning ship#1 carrier table knows standard, bulk
"""


async def test_the_lines_that_are_shown_are_kept_as_a_file(told: Story) -> None:
    address = f"/runs/{told.run}?step=ship"
    whole = await get(told, (await page(told, address)).link("Download these lines"))
    loud = await get(told, (await page(told, f"{address}&level=info&log=BOOK")).link("Download these lines"))
    assert whole.text == FILE
    assert loud.text == FILE.splitlines(keepends=True)[1]
    assert whole.headers["content-type"] == "text/plain; charset=utf-8"
    assert whole.headers["content-disposition"] == f'attachment; filename="run-{told.run}.log"'


async def test_the_lines_of_a_whole_run_are_in_the_order_of_its_steps(told: Story) -> None:
    lines = (await get(told, f"/api/runs/{told.run}/logs")).text.splitlines()
    assert [line.split()[2] for line in lines] == ["check-stock#1", "check-stock#2", "charge#1", *["ship#1"] * 3]
    second = (await get(told, f"/api/runs/{told.run}/logs?node=check-stock&attempt=2")).text
    assert second == lines[1] + "\n"
    refused = await get(told, f"/api/runs/{told.run}/logs?level=loud")
    assert (refused.status_code, refused.json()["title"]) == (400, "Invalid request")


async def test_a_line_has_an_address_that_shows_it_whatever_is_filtered_here(told: Story) -> None:
    shown = await page(told, f"/runs/{told.run}?step=ship&level=warning&version=21")
    link = shown.link("Line 3")
    assert link == f"/runs/{told.run}?step=ship&version=21#log-3"
    line = (await page(told, link)).one("li", id="log-3")
    assert "carrier table knows standard" in line.text


async def test_a_line_cannot_steer_a_terminal_nor_look_like_another() -> None:
    executors = fl.ExecutorRegistry()

    @executors.register("tell")
    def tell(step: fl.StepContext) -> Any:
        step.log.info("\x1b[31mred\u202e\n2026-01-01T00:00:00.000Z error   tell#1 made up")

    with memory_ledger(executors) as ledger:
        definition = fl.WorkflowDefinition.model_validate({"nodes": [{"id": "tell", "type": "tell"}]})
        ledger.workflows.save(definition, workflow_id="w", by="ada")
        run = ledger.runs.start("w", by="ada")
        async with local(ledger) as client:
            text = (await client.get(f"/api/runs/{run.id}/logs")).text
    first, second = text.splitlines()
    assert first.endswith("info    tell#1 \\x1b[31mred\\u202e")
    assert second.startswith("    2026-01-01")


async def test_a_run_is_shown_as_it_was_at_a_time_of_the_readers_zone(told: Story) -> None:
    cookies = {"cookie": "flowledger_zone=Europe/Berlin"}
    shown = await page(told, f"/runs/{told.run}?at=2026-11-24T10:00:00&step=ship", cookies)
    assert shown.one("output").text == "11"
    field = shown.one("input", type="datetime-local")
    form = next(form for form in shown.find("form") if form.attributes.get("id") == field.attributes["form"])
    assert (form.attributes["action"], field.attributes["name"]) == (f"/runs/{told.run}", "at")
    assert field.attributes["value"] == "2026-11-24T08:02:19", "when the version that is shown came"
    before = await get(told, f"/runs/{told.run}?at=2026-11-01")
    assert before.status_code == 404


async def test_lines_of_a_whole_run_are_found_and_lead_to_their_step(told: Story) -> None:
    whole = await page(told, (await page(told, f"/runs/{told.run}")).link("Logs"))
    assert len(whole.find("ol", classes="logs")) == 4
    found = await page(told, f"/runs/{told.run}/logs?level=warning&text=CARRIER")
    (line,) = found.one("ol", classes="logs").find("li")
    assert "carrier table knows standard, bulk" in line.text
    address = line.one("a").attributes["href"]
    led = await page(told, address)
    assert led.one("li", id=address.partition("#")[2]).text == line.text
    assert "No line fits" in (await page(told, f"/runs/{told.run}/logs?text=zebra")).text
    assert (await get(told, f"/runs/{told.run}/logs?level=loud")).status_code == 400
    assert (await get(told, "/runs/nothing/logs")).status_code == 404


async def test_the_lines_of_a_long_run_come_page_by_page_and_each_once() -> None:
    executors = fl.ExecutorRegistry()

    @executors.register("tell")
    def tell(step: fl.StepContext) -> Any:
        for number in range(30):
            step.log.info(f"line {number} of round {step.runs}")
        return fl.StepResult(step.runs, handle="again" if step.runs < 10 else "end")

    edges = [{"source": "tell", "target": "tell", "sourceHandle": "again"}]
    with memory_ledger(executors) as ledger:
        nodes = [{"id": "tell", "type": "tell"}]
        ledger.workflows.save({"start": "tell", "nodes": nodes, "edges": edges}, workflow_id="telling", by="ada")
        run = ledger.runs.start("telling", by="ada").id
        lines, address = [], f"/runs/{run}/logs.json"
        async with local(ledger) as client:
            while True:
                document = (await client.get(address)).json()
                lines += [line["message"] for line in document["lines"]]
                if document["next"] is None:
                    break
                assert len(document["lines"]) == 210, "as many as a page has, and the rest of a step"
                address = f"/runs/{run}/logs.json?after={document['next']}"
    assert lines == [f"line {number} of round {round}" for round in range(11) for number in range(30)]
