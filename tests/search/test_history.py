"""Searching through the door: words and values beside the other filters, page by page."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.queries.search import runs as searched


@pytest.fixture
def ledger(store_url: str, executors: Callable[[], fl.ExecutorRegistry]) -> Iterator[fl.Ledger]:
    """A ledger with two workflows of one node, which hands its payload on."""
    with fl.open_ledger(store_url, executors()) as opened:
        for name in ("w", "other"):
            opened.workflows.save({"nodes": [{"id": "a", "type": "do"}]}, workflow_id=name, by="ada")
        yield opened


def ids(page: Any) -> list[str]:
    return [run.id for run in page]


def test_who_searches_sees_what_he_wrote(ledger: fl.Ledger) -> None:
    first = ledger.runs.start("w", payload={"customer": "acme", "total": 10}, by="bob")
    second = ledger.runs.start("w", payload={"customer": "Acme Ltd", "total": 20}, metadata={"ticket": "T-1"})
    third = ledger.runs.start("other", payload={"customer": "acme", "total": 30})
    history = ledger.history
    page = history.runs(text="acm")
    assert (ids(page), page.next, page.behind) == ([third.id, second.id, first.id], None, 0.0)
    assert ids(history.runs(text="acme", workflow_id="w")) == [second.id, first.id]
    assert ids(history.runs(text="acme", by="bob")) == [first.id]
    assert ids(history.runs(where="payload.customer=acme")) == [third.id, first.id]
    assert ids(history.runs(where=["payload.customer=acme", "payload.total>10"])) == [third.id]
    assert ids(history.runs(text="ltd", where="metadata.ticket == 'T-1' && output.a.total < 21")) == [second.id]
    assert ids(history.runs(text="acme", where="payload.total > 1000")) == []
    assert history.runs().behind is None


def test_pages_of_a_search_go_on_behind_the_last_run(ledger: fl.Ledger) -> None:
    runs = [ledger.runs.start("w", payload={"n": number}) for number in range(5)]
    seen: list[str] = []
    after: str | None = None
    while True:
        page = ledger.history.runs(where="payload.n<4", limit=2, after=after)
        seen += ids(page)
        ledger.runs.start("w", payload={"n": 0})
        after = page.next
        if after is None:
            break
        with pytest.raises(fl.InvalidRequest, match="other filters"):
            ledger.history.runs(where="payload.n<5", limit=2, after=after)
    assert seen == [run.id for run in reversed(runs[:4])]


def test_a_search_that_is_behind_says_so(ledger: fl.Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searched, "CATCH_UP_EVENTS", 1)
    run = ledger.runs.start("w", payload="needle")
    page = ledger.history.runs(text="needle")
    assert ids(page) == []
    assert page.behind is not None
    assert page.behind > 0
    ledger.search.catch_up()
    assert ids(ledger.history.runs(text="needle")) == [run.id]


def test_a_search_that_looks_at_too_many_runs_is_stopped(ledger: fl.Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searched, "MAX_CANDIDATES", 2)
    monkeypatch.setattr(searched, "_CANDIDATES_AT_ONCE", 1)
    for number in range(5):
        ledger.runs.start("w", payload={"n": number})
    with pytest.raises(fl.InvalidRequest, match="narrow it down by workflow"):
        ledger.history.runs(where="payload.n % 7 == 6", limit=1)
    assert len(ledger.history.runs(where="payload.n % 7 >= 3", limit=1)) == 1


def test_a_rebuilt_search_answers_as_before(ledger: fl.Ledger) -> None:
    run = ledger.runs.start("w", payload={"customer": "acme"})
    before = ledger.history.runs(text="acme", where="output.a.customer=acme")
    told: list[float] = []
    lag = ledger.search.rebuild(told.append)
    assert (lag.seconds, told[-1]) == (0.0, 1.0)
    assert ledger.history.runs(text="acme", where="output.a.customer=acme") == before
    assert ids(before) == [run.id]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"text": ""}, "no word"),
        ({"text": 5}, "not text"),
        ({"where": ""}, "is empty"),
        ({"where": ["payload.a ="] * 21}, "20 is the most"),
        ({"where": [5]}, "not text"),
        ({"text": " ".join(map(str, range(51)))}, "50 is the most"),
        ({"where": "payload.a =="}, "column 13"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(ledger: fl.Ledger, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(fl.InvalidRequest, match=message):
        ledger.history.runs(**asked)


async def test_the_search_has_async_twins(ledger: fl.Ledger) -> None:
    run = await ledger.runs.astart("w", payload="hello")
    assert ids(await ledger.history.aruns(text="hello")) == [run.id]
    assert await ledger.search.alag() == await ledger.search.acatch_up() == await ledger.search.arebuild()
