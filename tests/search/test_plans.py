"""What PostgreSQL makes of a search: never a walk through the whole table, whatever it believes of words and values."""

import re
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

import psycopg
import pytest

from flowledger.domain.ports import Write
from flowledger.infrastructure.ledger.stores import open_store
from flowledger.infrastructure.queries.search.query import search_query
from flowledger.infrastructure.storage.event_store import LedgerEventStore
from flowledger.projections.index.query import Place, RunQuery

from .events import NOW, index_of, searched, started

RUNS = 3_000
FILL = "some words that every run has and that make its row as wide as a real one " * 4


@pytest.fixture(scope="module")
def filled(new_postgres_url: Callable[[], str]) -> str:
    """The URL of a store with runs of which some words are rare and some common."""
    url = new_postgres_url()
    with closing(open_store(url)) as store:
        writes = [Write(f"run-{number}", 0, [started(payload_of(number))]) for number in range(RUNS)]
        for first in range(0, RUNS, 500):
            store.append(*writes[first : first + 500])
        index_of(store).catch_up()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE flowledger_search")
        connection.execute("VACUUM ANALYZE flowledger_index_runs")
    return url


def payload_of(number: int) -> dict[str, Any]:
    return {"n": number, "even": number % 2 == 0, "rare": f"r{number % 1_000}", "text": FILL}


def plans_of(store: LedgerEventStore, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The plans of all statements to come."""
    plans: list[str] = []
    query = store.recorder.query

    def explained(sql: str, parameters: Mapping[str, Any]) -> list[Any]:
        plans.append("\n".join(line for (line,) in query(f"EXPLAIN {sql}", parameters)))
        return query(sql, parameters)

    monkeypatch.setattr(store.recorder, "query", explained)
    return plans


@pytest.mark.parametrize("before", [None, Place(NOW, 2**62)], ids=["first page", "later page"])
@pytest.mark.parametrize(
    ("text", "where", "index"),
    [
        ("r123", (), "flowledger_search_words_idx"),
        ("words r123", (), "flowledger_search_words_idx"),
        ("words", (), None),
        (None, ("payload.rare=r123",), "flowledger_search_document_idx"),
        (None, ('payload.rare == "r123" || payload.n == 5',), "flowledger_search_document_idx"),
        ("words", ("payload.rare=r123",), "flowledger_search_document_idx"),
        (None, ("payload.rare=r123", "payload.even=false"), "flowledger_search_document_idx"),
        (None, ("payload.even=true",), None),
        (None, ("payload.n>2990",), None),
        (None, ("payload.n % 2 == 0",), None),
    ],
)
def test_no_search_reads_the_whole_table(
    filled: str, monkeypatch: pytest.MonkeyPatch, before: Place | None, text: str | None, where: Any, index: str | None
) -> None:
    with closing(open_store(filled)) as store:
        pages, search = searched(store), search_query(text, where)
        assert search is not None
        plans = plans_of(store, monkeypatch)
        assert pages.page(RunQuery(before=before), search, 10)
        for plan in plans:
            assert not re.search(r"Seq Scan on (flowledger_search|flowledger_index_runs)\b", plan), plan
        used = {name for plan in plans for name in re.findall(r"flowledger_search_(?:words|document)_idx", plan)}
        assert used == ({index} if index else set())
