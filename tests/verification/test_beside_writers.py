"""A walk beside everybody who writes: nothing is found, as nothing is wrong."""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.verification import references, search_entries

from .stories import Story


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a small store is read at many moments."""
    import_module("flowledger.infrastructure.verification.walk")  # with all of which the pages are made small
    for name, module in list(sys.modules.items()):
        if name.startswith("flowledger.") and hasattr(module, "BATCH_ROWS"):
            monkeypatch.setattr(module, "BATCH_ROWS", 3)
    monkeypatch.setattr(references, "MAX_PENDING", 4)
    monkeypatch.setattr(search_entries, "ENTRIES_AT_ONCE", 2)


@pytest.mark.usefixtures("small_pages")
def test_whatever_others_do_meanwhile_a_sound_store_is_content(store_url: str, tmp_path: Path) -> None:
    story = Story(store_url).tell()
    ledger = story.ledger

    def again(act: Callable[[int], Any], times: int) -> Callable[[], None]:
        def go() -> None:
            number = 0
            while number < times:
                with suppress(fl.ConcurrencyError):
                    act(number)
                    number += 1

        return go

    def run(number: int) -> None:
        run = ledger.runs.start("w", payload={"do": ("work", "fail", "pause")[number % 3]}, by="bob")
        if run.status == "failed":
            ledger.runs.retry(run.id, by="eve")
        elif run.status == "paused":
            ledger.runs.resume(run.id, payload={"do": "work"}, by="eve")
        else:
            ledger.runs.fork(run.id, version=2, by="eve")

    def save(number: int) -> None:
        ledger.workflows.save(story_definition(number), workflow_id=f"w{number % 5}", by="ada")
        if number % 7 == 3:
            ledger.workflows.archive(f"w{number % 5}", by="ada")
            ledger.workflows.restore(f"w{number % 5}", by="ada")

    def read(number: int) -> None:
        for summary in ledger.history.runs(limit=3):
            ledger.history.snapshot(summary.id)
        ledger.search.catch_up(budget=20 + number % 10)

    acts = [again(run, 30), again(save, 40), again(read, 30)]
    if ledger._store.recorder.dialect == "sqlite":
        acts.append(again(lambda _: ledger.rebuild(), 5))
    reports: list[fl.VerifyReport] = []
    with ThreadPoolExecutor(len(acts)) as pool:
        working = [pool.submit(act) for act in acts]
        while not all(work.done() for work in working):
            reports.append(ledger.verify(deep=len(reports) % 2 == 0, heads=tmp_path / "heads"))
    for work in working:
        work.result()
    assert [finding for report in reports for finding in report.findings] == []
    assert ledger.verify(deep=True, heads=tmp_path / "heads").ok
    story.close()


def story_definition(number: int) -> dict[str, Any]:
    return {"nodes": [{"id": "a", "type": "work", "data": {"draft": number}}]}
