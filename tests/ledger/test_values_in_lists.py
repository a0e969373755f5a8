"""Values as columns of a list, what a search matched and where, and runs by the key they were started with."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.queries.search import details

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONG = "x" * 5_000


@pytest.fixture
def now() -> list[datetime]:
    return [NOON]


@pytest.fixture
def ledger(store_url: str, now: list[datetime]) -> Iterator[fl.Ledger]:
    executors = fl.ExecutorRegistry()

    @executors.register("score")
    def score(step: fl.StepContext) -> Any:
        step.log.info("looked the customer up")
        if step.payload["order_id"] == "o-3":
            raise TimeoutError("no answer from warehouse")
        return {"value": len(step.payload["order_id"]), "tags": ["fast", {"deep": None}], "long": LONG}

    with fl.open_ledger(store_url, executors, clock=lambda: now[0]) as opened:
        for workflow_id in ("w", "v"):
            opened.workflows.save({"nodes": [{"id": "my score", "type": "score"}]}, workflow_id=workflow_id, by="ada")
        for number in range(1, 5):
            opened.runs.start(
                "w" if number < 4 else "v",
                {"order_id": f"o-{number}", "customer": {"name": "Ada Lovelace"}},
                metadata={"tier": number},
                idempotency_key=f"delivery {number}" if number < 4 else "delivery 1",
            )
        yield opened


COLUMNS = (
    "payload.order_id",
    'output["my score"].value',
    'output["my score"].tags[0]',
    'output["my score"].tags[7]',
    'output["my score"].long',
    "metadata.tier",
    "payload.customer",
    "payload.order_id.deeper",
    "metadata",
)


def test_values_are_listed_by_the_ways_to_them(ledger: fl.Ledger) -> None:
    shown = [row.columns for row in ledger.history.runs("w", columns=COLUMNS)]
    customer = {"name": "Ada Lovelace"}
    nothing = dict.fromkeys(COLUMNS[1:5])
    scored = dict(zip(COLUMNS[1:5], (3, "fast", None, LONG), strict=True))
    assert shown == [
        {"payload.order_id": f"o-{number}", "metadata.tier": number, "payload.customer": customer}
        | {"payload.order_id.deeper": None, "metadata": {"tier": number}}
        | (nothing if number == 3 else scored)
        for number in (3, 2, 1)
    ]
    assert ledger.history.runs("w", columns="metadata.tier").behind == 0
    assert {row.columns for row in ledger.history.runs("w")} == {None}


def test_as_of_a_past_time_the_values_are_those_of_then(ledger: fl.Ledger, now: list[datetime]) -> None:
    (run,) = ledger.history.runs("v")
    now[0] += timedelta(hours=1)
    ledger.runs.set_metadata(run.id, {"tier": "gold"}, by="ops")

    def tier(as_of: datetime | None) -> Any:
        (row,) = ledger.history.runs("v", columns=["metadata.tier"], as_of=as_of)
        return row.columns

    assert tier(None) == {"metadata.tier": "gold"}
    assert tier(NOON) == {"metadata.tier": 4}


@pytest.mark.parametrize(
    "columns",
    [
        "order_id",
        "payload.",
        "payload.a b",
        "output[score]",
        7,
        ["payload.a", None],
        "globals.key",
        [f"payload.a{number}" for number in range(51)],
    ],
)
def test_what_is_no_way_to_a_value_is_refused(ledger: fl.Ledger, columns: Any) -> None:
    with pytest.raises(fl.InvalidRequest, match="column"):
        ledger.history.runs(columns=columns)


def test_a_search_says_what_it_found_and_where(ledger: fl.Ledger) -> None:
    def found(text: str, **filters: Any) -> list[list[tuple[Any, ...]]]:
        rows = ledger.history.runs(text=text, **filters)
        return [[(one.word, one.place, one.text, one.node_id) for one in row.matches or ()] for row in rows]

    assert found("warehouse timeouterror") == [
        [
            ("timeouterror", "error", "TimeoutError", "my score"),
            ("warehouse", "error", "no answer from warehouse", "my score"),
        ]
    ]
    assert found("lovelace", workflow_id="v") == [[("lovelace", "payload.customer.name", "Ada Lovelace", None)]]
    assert found("fast look", workflow_id="v") == [
        [
            ("look", "log", "looked the customer up", "my score"),
            ("fast", 'output["my score"].tags[0]', "fast", "my score"),
        ]
    ]
    (long,) = found("xx", workflow_id="v")[0]
    assert (len(long[2]), long[2][-1]) == (121, "…")
    assert {row.matches for row in ledger.history.runs(where="payload.order_id=o-1")} == {None}


def test_more_events_than_are_read_leave_the_rest_untold(ledger: fl.Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(details, "MATCH_EVENTS", 3)
    told = [row.matches is not None for row in ledger.history.runs(text="fast")]
    assert told == [True, False, False]


def test_runs_are_found_by_the_key_of_their_start(ledger: fl.Ledger) -> None:
    def orders(**filters: Any) -> list[Any]:
        return [
            (row.columns or {})["payload.order_id"]
            for row in ledger.history.runs(columns="payload.order_id", **filters)
        ]

    assert orders(idempotency_key="delivery 1") == ["o-4", "o-1"]
    assert orders(idempotency_key="delivery 1", workflow_id="w") == ["o-1"]
    assert orders(idempotency_key="delivery") == []
    assert orders(text="delivery 1") == ["o-4", "o-1"]
    assert orders(text="delivery 1", where="metadata.tier > 2") == ["o-4"]
    assert orders(text="delivery") == []
    (match,) = ledger.history.runs("w", text="delivery 2").items[0].matches or ()
    assert (match.place, match.text) == ("idempotency_key", "delivery 2")
    counted = ledger.history.counts("workflow", idempotency_key="delivery 1")
    assert [(count.value, count.count) for count in counted] == [("v", 1), ("w", 1)]
    with pytest.raises(fl.InvalidRequest, match="a key is text, not empty"):
        ledger.history.runs(idempotency_key="")


def test_runs_of_a_key_keep_the_order_and_the_pages_of_the_list(ledger: fl.Ledger) -> None:
    ledger.runs.start("w", {"order_id": "delivery 1", "customer": None})  # found by its words
    for sort in ("started", "-started", "duration", "-activity"):
        whole = [row.id for row in ledger.history.runs(text="delivery 1", sort=sort)]
        paged: list[str] = []
        after = None
        while True:
            page = ledger.history.runs(text="delivery 1", sort=sort, limit=1, after=after)
            paged += [row.id for row in page]
            if (after := page.next) is None:
                break
        assert (len(whole), paged) == (3, whole)
