"""Names and texts without an end in them: no page grows wider than its window."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

import flowledger as fl
from flowledger.testing import memory_ledger

from .sites import served
from .windows import open_window

pytestmark = pytest.mark.exhaustive

WORD = "x" * 3_000
NODE = "n" * 120
WORKFLOW = "w" * 100


@pytest.fixture
def wide() -> Iterator[tuple[fl.Ledger, str, str]]:
    """A run that completed, and one that failed."""
    executors = fl.ExecutorRegistry()

    @executors.register("work")
    def work(step: fl.StepContext) -> Any:
        step.log.error("one line\nand another %s", WORD)
        if step.payload:
            raise ValueError(WORD)
        return {WORD[:200]: WORD, "list": list(range(300))}

    data = {"word": WORD, "k" * 150: {"deep": {"er": WORD}}}
    definition = {"nodes": [{"id": NODE, "type": "work", "data": data}], "edges": []}
    with memory_ledger(executors) as ledger:
        ledger.workflows.save(definition, workflow_id=WORKFLOW, by="b" * 60, message=WORD)
        good = ledger.runs.start(WORKFLOW, by="a" * 60, metadata={"m": WORD}).id
        bad = ledger.runs.start(WORKFLOW, by="a" * 60, payload=1).id
        ledger.workflows.save({**definition, "description": WORD}, workflow_id=WORKFLOW, by="ada", draft=True)
        yield ledger, good, bad


def test_no_page_scrolls_sideways_for_a_word_without_an_end(chromium: Any, wide: tuple[fl.Ledger, str, str]) -> None:
    ledger, good, bad = wide
    workflow = f"/workflows/{WORKFLOW}"
    paths = (
        f"/runs/{good}",
        f"/runs/{bad}",
        f"/runs/{good}/compare/{bad}",
        f"/runs/{good}/compare",
        f"{workflow}/drafts",
        f"{workflow}/start",
        f"{workflow}/versions/1?step={quote(NODE)}&run={good}",
        f"{workflow}/edit?step={quote(NODE)}",
    )
    with served(ledger, "editor") as base:
        window = open_window(chromium, base)
        page = window.new_page()
        for path in paths:
            page.goto(path)
            for width in (320, 768, 1440, 2560):
                page.set_viewport_size({"width": width, "height": 900})
                shown = page.evaluate("document.documentElement.scrollWidth")
                assert shown <= width, f"{path} is {shown} px wide in a window of {width} px"
        window.close()
