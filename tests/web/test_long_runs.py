"""The page of a long run: it is read once, then what is new; and it shows what is around a version."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from tests.web.story import Story

import flowledger as fl
from flowledger.infrastructure.interfaces.web.read_runs import SCRUBBED, ReadRuns
from flowledger.projections.run_view.course import Follower, course_of
from flowledger.testing import ManualClock, memory_ledger

from .client import local
from .reading import Element, read

ROUNDS = SCRUBBED
DEFINITION = {
    "start": "each",
    "nodes": [{"id": node_id, "type": node_id, "data": {}} for node_id in ("each", "work", "ask")],
    "edges": [
        {"source": "each", "target": "work", "sourceHandle": "item"},
        {"source": "work", "target": "each"},
        {"source": "each", "target": "ask", "sourceHandle": "done"},
    ],
}


class Long(NamedTuple):
    ledger: fl.Ledger
    run: str
    """It went round a loop, and asks whether to go on."""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def long(clock: ManualClock) -> Iterator[Long]:
    executors = fl.ExecutorRegistry()

    @executors.register("each")
    def each(step: fl.StepContext) -> Any:
        clock.advance(0.010)
        return fl.StepResult({"index": step.runs}, handle="done" if step.runs == ROUNDS else "item")

    @executors.register("work")
    def work(step: fl.StepContext) -> Any:
        clock.advance(0.020)
        return {"text": "done"}

    @executors.register("ask")
    def ask(step: fl.StepContext) -> Any:
        return {"answer": step.answer.payload} if step.answer is not None else fl.Pause(reason="enough?")

    with memory_ledger(executors, clock=clock) as ledger:
        ledger.workflows.save(fl.WorkflowDefinition.model_validate(DEFINITION), workflow_id="long", by="ada")
        yield Long(ledger, ledger.runs.start("long", by="webhook").id)


async def test_a_page_shows_what_is_around_its_version_and_says_what_it_leaves_out(long: Long) -> None:
    head = 2 * ROUNDS + 3
    async with local(long.ledger) as client:
        last = read((await client.get(f"/runs/{long.run}")).text)
        early = read((await client.get(f"/runs/{long.run}?version=300")).text)
        data = (await client.get(f"/runs/{long.run}?version=300")).text
        document = (await client.get(f"/runs/{long.run}/versions/300.json")).json()
    rows = [row.text.split()[0] for row in last.one("table", classes="table events").find("tr")[1:]]
    assert rows == [str(version) for version in range(951, head + 1)]
    assert f"{head:,}, versions 151 to 350" in early.text
    assert [event["version"] for event in document["events"]] == list(range(151, 351))
    state = long.ledger.history.snapshot(long.run, version=300).to_data()
    assert document["earlierResults"] == {"each": 140, "work": 139}
    for node_id, results in state["context"].items():
        state["context"][node_id] = results[-10:]
    assert document["snapshot"] == state
    assert (document["before"], document["after"]) == (150, 351)
    assert "140 before, at earlier versions" in read(data).one("section", aria_labelledby="h-state").text
    row = last.one("section", aria_labelledby="h-time").find("div", classes="tl-row")[1]
    assert f"{2 * ROUNDS + 1:,} attempts, a loop, folded" in row.text
    assert 100 < len(row.find("rect", classes="bar")) < 900


async def test_the_data_of_a_page_is_as_small_as_the_page_and_leads_to_the_rest(long: Long) -> None:
    async with local(long.ledger) as client:
        last = await client.get(f"/runs/{long.run}.json")
        document, events = last.json(), []
        while document["before"] is not None:
            events.append(document["events"])
            document = (await client.get(f"/runs/{long.run}/versions/{document['before']}.json")).json()
        events.append(document["events"])
    assert last.json()["after"] is None
    assert len(last.content) < 100_000
    assert {event["version"] for lot in events for event in lot} == set(range(1, 2 * ROUNDS + 4))


async def test_what_a_move_of_the_slider_asks_for_is_what_the_page_of_that_version_shows(long: Long) -> None:
    async with local(long.ledger) as client:
        for version in (1, 2, 300, 1003):
            page, state, lists = [
                parts_of(read((await client.get(f"/runs/{long.run}{part}?version={version}")).text))
                for part in ("", "/state", "/lists")
            ]
            assert list(state) == ["at-version", "@graph", "@step", "@state"]
            assert list(lists) == ["@steps", "@events"]
            assert {name: page[name] for name in (*state, *lists)} == {**state, **lists}, version
        assert "data-states" not in (await client.get(f"/runs/{long.run}")).text, "it would be as long as the run"


async def test_a_move_with_an_open_value_asks_for_no_more_and_who_set_it_is_looked_up_once(
    long: Long, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = "step=each&value=/context/each/470/output/index"
    async with local(long.ledger) as client:
        for version in (945, 960, 1003):
            page, part = [
                parts_of(read((await client.get(f"/runs/{long.run}{part}?{asked}&version={version}")).text))
                for part in ("", "/state")
            ]
            assert {name: page[name] for name in part} == part, version
            assert ("blame" in str(page["@state"])) is (version < 1_000), "the last results of a node are shown"
        walk, states = type(long.ledger.history.walk(long.run)), []
        whole = walk.snapshot
        monkeypatch.setattr(walk, "snapshot", lambda self, version: states.append(version) or whole(self, version))
        assert (await client.get(f"/runs/{long.run}/state?{asked}&version=950")).status_code == 200
    assert 0 < len(states) < 20


async def test_a_move_to_where_an_open_value_isnt_shows_it_closed_and_the_page_says_so(long: Long) -> None:
    async with local(long.ledger) as client:
        for asked in ("step=work&value=/input/nothing", "value=/context/each/470/output/index"):
            part = await client.get(f"/runs/{long.run}/state?{asked}&version=300")
            assert (part.status_code, "blame" in part.text) == (200, False)
        assert (await client.get(f"/runs/{long.run}?step=work&value=/input/nothing&version=300")).status_code == 400


def parts_of(page: Element) -> dict[str, Any]:
    """What a script puts in place, by its names."""
    named = {each.attributes.get("data-part", each.attributes.get("id", "")): each for each in page.find()}
    return {name: drawn(each) for name, each in named.items() if name.startswith("@") or name == "at-version"}


def drawn(element: Element) -> Any:
    return (
        element.tag,
        element.attributes,
        [each if isinstance(each, str) else drawn(each) for each in element.children],
    )


async def test_parts_are_as_of_the_moment_of_their_page(long: Long, clock: ManualClock) -> None:
    """The time line of a run that waits goes on until now, so where a version is on it changes."""
    async with local(long.ledger) as client:
        first = read((await client.get(f"/runs/{long.run}?version=500")).text)
        form = next(each for each in first.find("form") if "data-scrub" in each.attributes)
        until = json.loads(form.attributes["data-scrub"])["until"]
        clock.advance(10)
        part = read((await client.get(f"/runs/{long.run}/state?version=500&until={until}")).text)
        later = read((await client.get(f"/runs/{long.run}?version=500")).text)
    there, same, other = [each.one(id="at-version").attributes["data-x"] for each in (first, part, later)]
    assert there == same != other


async def test_what_is_appended_is_on_the_next_page(long: Long) -> None:
    async with local(long.ledger) as client:
        waiting = read((await client.get(f"/runs/{long.run}")).text)
        long.ledger.runs.resume(long.run, payload="yes", by="noor")
        ended = read((await client.get(f"/runs/{long.run}")).text)
    assert "run.resumed" not in waiting.text
    assert "run.resumed" in ended.text
    assert "by noor" in ended.one("div", classes="scrub-text").text


def test_a_long_run_is_read_once_and_then_what_is_new(long: Long, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = ReadRuns()
    first = kept.read(long.ledger, long.run, None, None)
    read_events = []
    walk = type(first.walk)
    reading = walk.events

    def counted(self: Any, start: int, stop: int) -> Any:
        read_events.append((start, stop))
        return reading(self, start, stop)

    monkeypatch.setattr(walk, "events", counted)
    assert kept.read(long.ledger, long.run, None, None) is first
    long.ledger.runs.resume(long.run, payload="yes", by="noor")
    second = kept.read(long.ledger, long.run, None, None)
    assert read_events == [(first.head, first.head), (first.head, first.head), (first.head + 1, second.head)]
    assert second.course == course_of(list(long.ledger.history.events(long.run)), None)
    assert first.head == len(first.course.recorded) == second.head - 2, "what was read before stays as it was"


def test_what_is_kept_is_not_believed_where_the_store_has_other_events(long: Long) -> None:
    kept = ReadRuns()
    before = kept.read(long.ledger, long.run, None, None)
    reading = kept._kept[long.run]
    reading._digest = "of an event that a restore has taken away"
    after = kept.read(long.ledger, long.run, None, None)
    assert after.walk is not before.walk
    assert after.course == before.course


def test_only_the_runs_looked_at_last_are_kept(long: Long) -> None:
    kept = ReadRuns()
    runs = [long.run, *(long.ledger.runs.start("long", by="webhook").id for _ in range(4))]
    reads = [kept.read(long.ledger, run, None, None) for run in runs]
    assert kept.read(long.ledger, runs[-1], None, None) is reads[-1]
    assert kept.read(long.ledger, runs[0], None, None) is not reads[0]


def test_a_course_that_is_followed_is_at_each_version_the_course_of_the_events(told: Story) -> None:
    for run in (told.run, told.held, told.waiting, told.due, told.good):
        events = list(told.ledger.history.events(run))
        follower, now = Follower(), 1_800_000_000_000_000
        for version, event in enumerate(events, 1):
            follower.follow(event)
            for until in (now, None):
                assert follower.course(until) == course_of(events[:version], until)
