"""The inspector: a step as it was, and what a run did there."""

import httpx
from tests.web.canvas.conftest import Look
from tests.web.reading import Element, query_of
from tests.web.story import WORKFLOW, Story

from flowledger import RetryPolicy
from flowledger.infrastructure.interfaces.web.pages.inspector import policy_words

OLD = f"/workflows/{WORKFLOW}/versions/7"


def section(page: Element, title: str) -> Element:
    (found,) = [part for part in page.find(classes="aside-sec") if part.find("h3")[0].text.startswith(title)]
    return found


async def test_it_has_the_steps_configuration_code_and_edges(look: Look) -> None:
    page = (await look(f"{OLD}?step=ship")).one(id="inspector")
    assert page.one("h2").text == "ship"
    assert '"{{ nodes.intake.output.order.id }}"' in section(page, "Data").text
    code = section(page, "Job code")
    assert "def book_carrier(step: fl.StepContext) -> Any:" in code.one(classes="code").text
    assert code.find(classes="nf")[0].text == "book_carrier"
    rows = [[cell.text for cell in row.find("td")] for row in section(page, "Edges").one("tbody").find("tr")]
    assert rows == [["each-line", "done", "ship"], ["ship", "always", "notify"]]


async def test_opened_from_a_run_it_has_input_output_error_and_logs_of_that(look: Look, told: Story) -> None:
    page = (await look(f"{OLD}?step=ship&run={told.run}")).one(id="inspector")
    run = section(page, "Run")
    assert "Failed" in run.text
    assert "KeyError: 'express'" in run.text
    assert '"class": "express"' in run.text
    assert '"courier_key": ***' in run.text
    assert [line.one(classes="msg").text for line in run.one(classes="logs").find("li")][
        1
    ] == "booking for order o-20817"


async def test_each_value_of_the_run_leads_to_who_set_it(look: Look, told: Story) -> None:
    run = section((await look(f"{OLD}?step=ship&run={told.run}")).one(id="inspector"), "Run")
    whole = await look(run.link('"express"'))
    assert "by noor, answering the question of review" in whole.text
    for number, outcome in enumerate(("failed", "failed", "completed"), 1):
        page = await look(f"{OLD}?step=check-stock&run={told.run}&attempt={number}")
        output = section(page.one(id="inspector"), "Run").find(aria_label="Output of check-stock")[0]
        for link in output.find("a"):
            blamed = await look(link.attributes["href"])
            assert f"/context/check-stock/{number - 1}/output" in dict(query_of(link.attributes["href"]))["value"]
            assert "by check-stock" in blamed.text, outcome


async def test_each_attempt_can_be_chosen(look: Look, told: Story) -> None:
    page = await look(f"{OLD}?step=check-stock&run={told.run}")
    run = section(page.one(id="inspector"), "Run")
    chosen = [link.text for link in run.find("a") if link.attributes.get("aria-current")]
    assert chosen == ["3, completed"]
    first = await look(next(link.attributes["href"] for link in run.find("a") if link.text == "1, failed"))
    assert "StockTimeout" in section(first.one(id="inspector"), "Run").text


async def test_a_step_that_the_run_did_not_reach_says_so(look: Look, told: Story) -> None:
    page = await look(f"{OLD}?step=decline&run={told.run}")
    assert "The run did not reach this step." in page.one(id="inspector").text


async def test_a_step_that_was_taken_over_says_so_in_the_words_of_the_product(look: Look, told: Story) -> None:
    version = told.ledger.history.workflow_of(told.retried).version
    page = await look(f"/workflows/{WORKFLOW}/versions/{version}?step=charge&run={told.retried}")
    assert "This step was originally executed in a previous run." in page.one(id="inspector").text


async def test_closing_it_leads_to_the_canvas_with_the_step_selected(look: Look, told: Story) -> None:
    page = await look(f"{OLD}?step=ship&run={told.run}")
    close = page.one("a", aria_label="Close the inspector")
    assert close.attributes["data-key"] == "Escape"
    closed = await look(close.attributes["href"])
    assert not closed.find(id="inspector")
    assert closed.one(id="versions")
    (selected,) = closed.one(classes="graph").find("a", classes="sel")
    assert selected.attributes["aria-label"] == "ship, book-carrier: failed, selected"
    assert selected.attributes["href"] == f"{OLD}?run={told.run}&step=ship"


async def test_an_old_snapshot_switches_to_the_latest_version_of_the_same_step(look: Look) -> None:
    page = (await look(f"{OLD}?step=ship")).one(id="inspector")
    (switch,) = [link for link in page.find("a") if link.text == "Switch to latest version"]
    assert switch.attributes["href"] == f"/workflows/{WORKFLOW}?step=ship"


async def test_an_attempt_that_was_not_made_is_refused(client: httpx.AsyncClient, told: Story) -> None:
    answer = await client.get(f"{OLD}?step=ship&run={told.run}&attempt=9")
    assert answer.status_code == 400
    assert "attempt 9" in answer.text


def test_a_retry_policy_is_said_as_the_times_at_which_it_tries() -> None:
    doubling = RetryPolicy(max_retries=2, interval=5, backoff="exponential", never=("KeyError",))
    assert policy_words(doubling) == "Tries at 0 s, 5 s, 15 s; then the step has failed. Never for KeyError."
    assert policy_words(RetryPolicy(max_retries=0)).startswith("Isn't tried again")
    assert "5 s, …; then" in policy_words(RetryPolicy(max_retries=1_000, interval=1))
