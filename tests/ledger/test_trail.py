"""Whoever did something left a trail of it, in words; what merely followed is not in it."""

from collections.abc import Iterator

import pytest

import flowledger as fl

from .stopwatch import NOON, Stopwatch, after


class Shop:
    def __init__(self, url: str) -> None:
        self.clock = Stopwatch()
        executors = fl.ExecutorRegistry()
        executors.register("add")(lambda step: 1)
        executors.register("ask")(lambda step: step.payload or fl.Pause("look"))
        executors.register("boom")(self.boom)
        self.ledger = fl.open_ledger(url, executors, self.clock)

    def boom(self, step: fl.StepContext):
        raise ValueError("kaputt")

    def save(self, *types: str, **given) -> None:
        self.clock.passes(1)
        nodes = [{"id": f"n{place}", "type": type} for place, type in enumerate(types)]
        edges = [{"source": f"n{place}", "target": f"n{place + 1}"} for place in range(len(types) - 1)]
        self.ledger.workflows.save({"nodes": nodes, "edges": edges}, workflow_id="w", **given)

    def told(self, **filters) -> list[tuple[str, str]]:
        """Oldest first: by whom, and what."""
        return [(act.by, act.summary) for act in reversed(self.ledger.history.trail(**filters))]


@pytest.fixture
def shop(store_url: str) -> Iterator[Shop]:
    shop = Shop(store_url)
    yield shop
    shop.ledger.close()


def test_a_trail_says_in_words_what_was_done(shop: Shop) -> None:
    shop.save("add", "ask", by="ada", message="first draft")
    shop.save("add", "add", "ask", by="eve")
    runs = shop.ledger.runs
    one = runs.start("w", by="webhook").id
    runs.resume(one, payload=1, by="bob")
    runs.set_metadata(one, {"seen": True, "team": "a"}, by="bob")
    two = runs.start("w", by="webhook", wait=False).id
    runs.hold(two, by="ops", reason="maintenance")
    runs.release(two, by="ops", note="it is over")
    runs.cancel(two, by="ops")
    again = runs.retry(two, by="eve").id
    assert shop.told() == [
        ("ada", "created 'w': first draft"),
        ("eve", "saved version 2 of 'w'"),
        ("webhook", f"started run {one} of 'w' version 2"),
        ("bob", f"resumed run {one} with a payload"),
        ("bob", f"set metadata of run {one}: 'seen', 'team'"),
        ("webhook", f"started run {two} of 'w' version 2"),
        ("ops", f"held run {two}: maintenance"),
        ("ops", f"released run {two}: it is over"),
        ("ops", f"cancelled run {two}"),
        ("eve", f"retried run {two} as run {again} of 'w' version 2"),
    ]
    assert [(act.kind, act.subject) for act in shop.ledger.history.trail(by="eve")] == [
        ("run", again),
        ("workflow", "w"),
    ]


def test_what_follows_from_steps_is_nobodys_act(shop: Shop) -> None:
    shop.save("add", "boom", by="ada")
    run = shop.ledger.runs.start("w", by="bob")
    assert run.status == "failed"
    assert [act.type for act in shop.ledger.history.trail()] == ["run.started", "workflow.created"]


def test_filters_hold_together_and_a_page_goes_on_where_the_last_one_ended(shop: Shop) -> None:
    for place in range(5):
        shop.save(*["add"] * (place + 1), by="ada" if place % 2 else "bob", message=str(place))
    whole = shop.ledger.history.trail()
    assert [act.version for act in whole] == [5, 4, 3, 2, 1]
    assert [act.at for act in whole] == [after(place) for place in (5, 4, 3, 2, 1)]
    assert [act.version for act in shop.ledger.history.trail(by="bob", since=after(2), until=after(5))] == [3]
    pages, cursor = [], None
    while True:
        page = shop.ledger.history.trail(limit=2, after=cursor)
        shop.save("ask", *["add"] * len(pages), by="eve")  # moves nothing
        pages += page
        if (cursor := page.next) is None:
            break
    assert pages == list(whole)


def test_the_trail_of_a_stream_is_that_of_its_events(shop: Shop) -> None:
    shop.save("ask", by="ada")
    one, two = shop.ledger.runs.start("w").id, shop.ledger.runs.start("w").id
    shop.ledger.runs.resume(one, payload=1, by="bob")
    streams = ("workflow:w", one, two)
    told = {stream: [act.version for act in shop.ledger.history.trail(stream=stream)] for stream in streams}
    assert told == {"workflow:w": [1], one: [3, 1], two: [1]}
    assert list(shop.ledger.history.trail(stream=one, by="nobody")) == []
    for mistyped in ("unheard of", "workflow:v"):
        with pytest.raises(fl.RunNotFound, match=mistyped):
            shop.ledger.history.trail(stream=mistyped)


def test_every_act_is_told_once_in_order_whoever_writes_meanwhile(shop: Shop) -> None:
    shop.save("add", "ask", by="ada")
    runs = shop.ledger.runs
    for place in range(20):
        shop.clock.passes(place % 3)  # many acts are of one moment
        run_id = runs.start("w", by=("ada", "bob")[place % 2]).id
        (runs.resume if place % 4 else runs.cancel)(run_id, by=("bob", "eve")[place % 3 == 0])
    for by in (None, "ada", "bob", "eve"):
        expected = [(act.stream, act.version, act.by) for act in acts_in_the_log(shop) if by in (None, act.by)]
        told, cursor = [], None
        while True:
            page = shop.ledger.history.trail(by=by, limit=3, after=cursor)
            told += [(act.stream, act.version, act.by) for act in page]
            if (cursor := page.next) is None:
                break
            runs.start("w", by=by or "ada")
        assert told == expected


def acts_in_the_log(shop: Shop) -> list[fl.RecordedEvent]:
    """All events but steps, pauses by nodes and what work orders say again, newest first."""
    acts = [
        event
        for event in shop.ledger._store.tail()
        if not event.type.startswith(("run.step_", "work_order.")) and "node_id" not in event.data
    ]
    return sorted(acts, key=lambda event: (event.recorded_at, event.position), reverse=True)


def test_archives_and_rejections_are_told_with_their_reasons(store_url: str) -> None:
    executors = fl.ExecutorRegistry()
    executors.register("strict", input={"type": "object", "required": ["n"]})(lambda step: 1)
    with fl.open_ledger(store_url, executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "a", "type": "strict"}]}, workflow_id="w", by="ada")
        with pytest.raises(fl.WorkOrderRejected) as refused:
            ledger.runs.start("w", by="webhook")
        ledger.workflows.archive("w", by="ada", reason="out of use")
        ledger.workflows.restore("w", by="eve")
        told = [(act.by, act.kind, act.summary) for act in ledger.history.trail()]
    order = refused.value.work_order_id
    assert told[:2] == [("eve", "workflow", "restored 'w'"), ("ada", "workflow", "archived 'w': out of use")]
    by, kind, summary = told[2]
    assert (by, kind) == ("webhook", "work order")
    assert summary.startswith(f"had work order {order} of 'w' rejected: ")


@pytest.mark.parametrize(
    "asked",
    [{"after": "x"}, {"limit": 0}, {"limit": 1_001}, {"by": 3}, {"stream": 3}, {"since": NOON.replace(tzinfo=None)}],
    ids=str,
)
def test_what_cant_be_asked_is_refused(asked: dict) -> None:
    with fl.open_ledger("memory:") as ledger, pytest.raises(fl.InvalidRequest):
        ledger.history.trail(**asked)


async def test_the_async_twin_says_the_same(shop: Shop) -> None:
    shop.save("add", by="ada")
    assert await shop.ledger.history.atrail() == shop.ledger.history.trail()
