"""Text search: every word is the beginning of one that the run said, the same on every backend."""

from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import flowledger as fl
from flowledger.domain.errors import InvalidRequest
from flowledger.infrastructure.queries.search.query import search_query
from flowledger.infrastructure.storage.event_store import LedgerEventStore
from flowledger.projections.index.query import Place, RunQuery
from flowledger.projections.search import CUT, word_query
from flowledger.projections.search.words import MOST_CHARACTERS

from ..effort import tries
from .events import (
    append,
    completed,
    failed,
    index_of,
    is_found,
    metadata_set,
    scripts,
    searched,
    started,
    words,
    words_in,
)


def found(store: LedgerEventStore, text: str | None = None, *where: str) -> list[str]:
    index_of(store).catch_up()
    search = search_query(text, where)
    assert search is not None
    pages = searched(store)
    return [row.run_id for row in pages.page(RunQuery(), search, 50)]


@pytest.mark.scaled
def test_a_run_is_found_by_each_beginning_of_each_word_and_by_nothing_else(store: LedgerEventStore) -> None:
    runs = iter(range(10**6))

    @settings(max_examples=tries(60), deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(st.one_of(words, scripts), min_size=1, max_size=4),
        st.one_of(words, scripts, st.text(max_size=3)),
        st.integers(0, 9),
    )
    @example(["Straße ﬁn"], "STRASSE FIN", 9)
    @example(["e\u0301té 🙂"], "e", 1)
    @example(["İstanbul ǅ"], "i̇stan", 9)
    @example(["東京 京都"], "東京都", 9)
    @example(["京都東京都"], "東京都東", 9)
    @example(["東京都庁 京都庁前"], "東京都庁前", 9)
    @example(["ーーーーーーー"], "ーーーーーーーー", 9)
    @example(["หนังสือ"], "สือ", 9)
    @example(['don\'t say "no" & never | : * !'], "say no never don t", 9)
    def check(said: list[str], wanted: str, length: int) -> None:
        run_id = f"run-{next(runs)}"
        append(store, run_id, [started({"key": said[0]}), *(completed("a", None, text) for text in said[1:])])
        known = [run_id, "ada", "order", "w", "a", *said]
        for text in (wanted, wanted[:length], said[0][:length], " ".join(said)):
            if words_in(text):
                assert (run_id in found(store, f"{run_id} {text}")) == is_found(text, known)

    check()


def test_what_is_searched_are_ids_actors_errors_reasons_logs_and_values(store: LedgerEventStore) -> None:
    append(
        store,
        "run/1'\"🙂",
        [
            started({"customer": "Acme", "lines": [{"sku": "INV-2041", "price": 12.5}]}, by="ada@example.org"),
            completed("fetch-user", {"ok": True, "name": "Grace"}, "asked the directory"),
            metadata_set(ticket="T-77"),
            failed("charge", "CardError", "card declined"),
        ],
    )
    for text in (
        "acme inv-2041",
        "12.5",
        "INV",
        "2041",
        "ada@example",
        "FETCH user",
        "grac",
        "asked direc",
        "t-77",
        "bob",
        "charge carderror decl",
        "order",
        "run 1",
    ):
        assert found(store, text) == ["run/1'\"🙂"], text
    for text in ("customer", "sku", "true", "nv", "acmes", "acme nobody"):
        assert found(store, text) == [], text


def test_a_letter_is_the_same_however_many_signs_it_is_written_with(store: LedgerEventStore) -> None:
    append(store, "composed", [started("caf\N{LATIN SMALL LETTER E WITH ACUTE} noir")])
    append(store, "decomposed", [started("CAFE\N{COMBINING ACUTE ACCENT} noir")])
    append(store, "wide", [started("\N{FULLWIDTH LATIN CAPITAL LETTER C}afe 12")])
    for text in ("caf\N{LATIN SMALL LETTER E WITH ACUTE}", "cafe\N{COMBINING ACUTE ACCENT} noi"):
        assert found(store, text) == ["decomposed", "composed"]
    assert found(store, "cafe") == ["wide"]


@pytest.mark.parametrize("text", ["", " ", "…", "'\"/&|!:*()", "🙂", "--"])
def test_a_text_without_a_word_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="there is no word in"):
        word_query(text)


@pytest.mark.parametrize("text", [7, b"x", ["x"]])
def test_what_is_no_text_is_refused(text: Any) -> None:
    with pytest.raises(InvalidRequest, match="not text"):
        search_query(text)


@pytest.mark.exhaustive
def test_no_word_is_lost_however_many_a_run_has(store: LedgerEventStore) -> None:
    many = MOST_CHARACTERS // 8
    for part in range(2):
        text = " ".join(f"w{number:08}" for number in range(part * many, (part + 1) * many))
        append(store, "large", [started()] if part == 0 else [])
        append(store, "large", [completed("a", text)])
    append(store, "small", [started("w00000001")])
    assert found(store, "w00000001") == ["small", "large"]
    (entry,) = store.search.entries(["large"]).values()
    assert CUT in entry.words
    last = f"w{2 * many - 1:08}"
    assert last not in entry.words
    assert found(store, last) == ["large"]
    assert found(store, f"{last} w00000001") == ["large"]
    assert found(store, "w99999999") == []


def test_values_that_were_left_out_are_found_in_the_log(store: LedgerEventStore) -> None:
    append(store, "large", [started({"note": "x" * 5_000 + "end", "n": 1}), completed("a", list(range(1_000)))])
    append(store, "small", [started({"note": "short", "n": 1}), completed("a", [1])])
    assert found(store, None, f"payload.note={'x' * 3_000}") == []
    assert found(store, None, 'payload.note.endsWith("end")') == ["large"]
    assert found(store, None, 'payload.note > "x"') == ["large"]
    assert found(store, None, "output.a[999] == 999") == ["large"]
    assert found(store, None, "size(output.a) > 0", "payload.n=1") == ["small", "large"]
    assert found(store, "short", "payload.n=1") == ["small"]


def test_secrets_are_never_found(store_url: str) -> None:
    executors = fl.ExecutorRegistry()

    @executors.register("do")
    def do(step: fl.StepContext) -> Any:
        step.log.info("key is %s", step.globals["key"])
        raise ValueError(f"refused: {step.globals['key']}")

    with fl.open_ledger(store_url, executors) as ledger:
        ledger.workflows.save(
            {"nodes": [{"id": "a", "type": "do", "data": {"auth": "{{ globals.key }}"}}]}, workflow_id="w", by="ada"
        )
        run = ledger.runs.start("w", globals={"key": "sesame-0451-open"})
        store = ledger._store
        assert found(store, "refused key") == [run.id]
        for text in ("sesame", "0451", "sesame-0451-open"):
            assert found(store, text) == []


def test_pages_go_on_where_the_one_before_ended_whether_walked_or_collected(store: LedgerEventStore) -> None:
    for number in range(700):
        rare = number % 350 == 0
        append(store, f"r{number}", [started({"n": number, "often": "yes", "rare": "yes" if rare else "no"})])
    index_of(store).catch_up()
    pages = searched(store)
    for text, where, expected in (
        ("yes", (), list(range(700))),
        ("yes", ("payload.rare=yes",), [0, 350]),
        ("r350", (), [350]),
        (None, ("payload.often=yes",), list(range(700))),
        (None, ("payload.n % 7 == 0",), list(range(0, 700, 7))),
        ("yes no", ("payload.n>=600", "payload.n<650"), [*range(600, 650)]),
    ):
        search = search_query(text, where)
        assert search is not None
        seen: list[str] = []
        before = None
        while page := pages.page(RunQuery(before=before), search, 60):
            seen += [row.run_id for row in page]
            before = Place(page[-1].started_at, page[-1].position)
        assert seen == [f"r{number}" for number in reversed(expected)]
