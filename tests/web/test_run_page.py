"""The page of a run, on the story that it was designed with: what it says, and what its addresses lead to."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

import flowledger as fl
from flowledger.projections.run_view.course import course_of
from flowledger.projections.run_view.state_series import ABSENT, leaves_of, state_series
from flowledger.projections.run_view.steps import Rounds, steps_of
from flowledger.projections.run_view.time_line import time_line
from flowledger.testing import memory_ledger

from .client import local
from .reading import read
from .story import Story, story


@pytest.fixture(scope="module")
def told() -> Iterator[Story]:
    with story(alike=2) as opened:
        yield opened


async def _get(told: Story, path: str, status: int = 200) -> str:
    async with local(told.ledger) as client:
        answer = await client.get(path)
    assert answer.status_code == status, answer.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", answer.text.partition("<main")[2]))


async def test_the_page_says_where_a_run_failed_and_who_failed_alike(told: Story) -> None:
    page = await _get(told, f"/runs/{told.run}")
    assert "Failed at ship: KeyError: &#39;express&#39;. 3 runs failed like this, all on versions 7 and 8." in page
    assert "The workflow is at version 9: a run keeps the version that it began with." in page


async def test_what_was_saved_since_leads_to_the_difference(told: Story) -> None:
    async with local(told.ledger) as client:
        whole = read((await client.get(f"/runs/{told.run}")).text)
        link = next(one for one in whole.find("a") if one.text == "2 saves since")
        assert "Version 7 to 9" in read((await client.get(link.attributes["href"])).text).text


async def test_a_click_on_a_value_of_the_input_tells_who_chose_it(told: Story) -> None:
    page = await _get(told, f"/runs/{told.run}?step=ship&value=/input/class")
    assert "&#34;express&#34; by noor, answering the question of review" in page
    assert "{{ has(nodes.review) ? nodes.review.output.shipping" in page


async def test_a_click_on_a_value_of_the_state_tells_all_that_it_was(told: Story) -> None:
    page = await _get(told, f"/runs/{told.run}?value=/status&version=9")
    blame = page.partition("Who set status")[2]
    assert re.findall(r"v(\d+)\s*&#34;(\w+)&#34;", blame)[:4] == [
        ("9", "paused"), ("6", "active"), ("5", "error"), ("4", "active")
    ]  # fmt: skip
    assert "2 times more, after the version that is shown" in blame


@pytest.mark.parametrize("name", ["good", "newest", "waiting", "held", "due", "retried"])
async def test_a_run_in_any_state_has_a_page(told: Story, name: str) -> None:
    page = await _get(told, f"/runs/{getattr(told, name)}")
    said = {
        "waiting": "review asks: 1,284.00 EUR is over 1,000: approve?",
        "held": "Held by dana: the customer asked for another address.",
        "due": "Failed, and is due again at check-stock:",
    }
    assert said.get(name, "Completed") in page


async def test_an_address_that_leads_nowhere_says_what_is_wrong(told: Story) -> None:
    assert "never was" not in await _get(told, f"/runs/{told.run}")
    assert "was never part of this run" in await _get(told, f"/runs/{told.run}?value=/nothing", 400)
    assert "hasn&#39;t executed step &#39;notify&#39;" in await _get(told, f"/runs/{told.run}?step=notify", 400)
    assert "has no version 40: its versions are 1 to 22" in await _get(told, f"/runs/{told.run}/versions/40", 404)
    assert "no filter &#39;nonsense&#39;" in await _get(told, f"/runs/{told.run}?nonsense=1", 400)


async def test_the_data_of_a_page_are_those_of_its_version(told: Story) -> None:
    async with local(told.ledger) as client:
        data = (await client.get(f"/runs/{told.run}/versions/9.json")).json()
    assert data["snapshot"] == json.loads(told.ledger.history.snapshot(told.run, version=9).to_json())
    assert len(data["events"]) == 22


def test_the_time_line_has_each_attempt_and_cuts_out_what_was_idle(told: Story) -> None:
    events = list(told.ledger.history.events(told.run))
    line = time_line(course_of(events, None), ["intake", "notify", "ship"])
    rows = {row.node_id: row for row in line.rows}
    assert list(rows) == ["intake", "check-stock", "score-risk", "review", "charge", "each-line", "ship", "notify"]
    assert (rows["check-stock"].attempts, rows["check-stock"].failed, len(rows["check-stock"].delays)) == (3, 2, 2)
    assert rows["each-line"].within == (("reserve", 3),)
    assert [wait.stretch.kind for wait in rows["review"].waits] == ["paused", "held"]
    (gap,) = line.axis.breaks
    assert gap.length > 2 * 86_400_000_000
    assert len(line.recorded) == 22


def test_the_rounds_of_a_loop_are_one_line_and_the_step_that_leaves_it_another(told: Story) -> None:
    steps = steps_of(course_of(list(told.ledger.history.events(told.run)), None))
    (rounds,) = [step for step in steps if isinstance(step, Rounds)]
    assert (rounds.node_id, rounds.rounds, len(rounds.steps)) == ("each-line", 3, 6)
    after = steps[steps.index(rounds) + 1]
    assert not isinstance(after, Rounds)
    assert (after.execution.node_id, after.execution.handle) == ("each-line", "done")


@pytest.mark.parametrize("name", ["run", "waiting", "held", "due", "retried", "newest"])
def test_the_series_of_a_run_say_the_state_at_each_of_its_versions(told: Story, name: str) -> None:
    snapshots = list(told.ledger.history.snapshots(getattr(told, name)))
    series = state_series(iter(snapshots))
    for version, snapshot in enumerate(snapshots, 1):
        expected = dict(leaves_of({key: value for key, value in snapshot.to_data().items() if key != "context"}))
        known = {path: series.at(path, version) for path in series.leaves}
        there = {path: value for path, value in known.items() if value is not ABSENT}
        # What is empty at first, and filled later, is there as empty also then.
        assert {path: value for path, value in there.items() if value != {}} == {
            path: value for path, value in expected.items() if value != {}
        }
        results = {(node, place) for node, known in snapshot.context.items() for place in range(len(known))}
        assert {place for place, since in series.results.items() if since <= version} == results


def test_a_run_that_goes_on_is_drawn_until_now(told: Story) -> None:
    events = list(told.ledger.history.events(told.waiting))
    now = round(datetime(2026, 11, 25, 13, 20, 7, tzinfo=UTC).timestamp() * 1e6)
    course = course_of(events, now)
    assert course.end == now
    assert [(stretch.kind, stretch.end, stretch.ended_version) for stretch in course.stretches] == [
        ("paused", now, None)
    ]


async def test_two_runs_are_shown_side_by_side_from_where_they_part(told: Story) -> None:
    page = await _get(told, f"/runs/{told.good}/compare/{told.run}")
    assert "They parted after" in page
    assert "they part here" in page
    unfolded = await _get(told, f"/runs/{told.good}/compare/{told.run}?all=yes")
    assert unfolded.count("reserve") > page.count("reserve")


async def test_a_comparison_as_data_is_that_of_python(told: Story) -> None:
    async with local(told.ledger) as client:
        data = (await client.get(f"/runs/{told.good}/compare/{told.run}.json")).json()
    assert data == told.ledger.history.compare(told.good, told.run, ignore="times").to_data()


async def test_the_page_of_a_long_run_shows_what_is_around_its_version() -> None:
    executors = fl.ExecutorRegistry()
    executors.register("round")(lambda step: fl.StepResult(step.runs, handle="again" if step.runs < 600 else "end"))
    definition = fl.WorkflowDefinition.model_validate(
        {
            "nodes": [{"id": "round", "type": "round"}, {"id": "end", "type": "round"}],
            "edges": [
                {"source": "round", "target": "round", "sourceHandle": "again"},
                {"source": "round", "target": "end", "sourceHandle": "end"},
            ],
            "start": "round",
        }
    )
    with memory_ledger(executors) as ledger:
        ledger.workflows.save(definition, workflow_id="rounds", by="ada")
        run = ledger.runs.start("rounds", by="ada")
        async with local(ledger) as client:
            page = (await client.get(f"/runs/{run.id}?version=50")).text
    assert run.version > 600
    assert 'aria-current="step"' in page
    assert page.count('<a class="step ') <= 202
    assert "451 more, before or after these" in page
    assert "data-states" not in page
    assert ">Show</button>" in page
