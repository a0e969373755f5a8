"""The full screen shows hostile texts, in names that older releases took and in values; it obeys none of them."""

from pathlib import Path

import pytest
from rich.text import Text

import flowledger as fl
from flowledger.domain.visible import visible
from flowledger.infrastructure.interfaces.tui import pane

from ..effort import spread
from ..interfaces.tui.test_screen import WIDE, Walker, walking
from .older_names import EVIL, executors, fill
from .test_commands import OBEYED

KEYS = (
    "right",
    "right",
    "f",
    "p",
    "h",
    "H",
    "tab",
    "enter",
    "down",
    "space",
    "tab",
    "end",
    "enter",
    "down",
    "enter",
    "tab",
    "c",
    "n",
    "question_mark",
    "escape",
    "left",
    "end",
)
"""Into every pane, and through all that can be unfolded, told and asked."""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    url = f"sqlite:///{tmp_path_factory.mktemp('walk')}/s.db"
    return url, fill(url)


async def look_at_all(walk: Walker) -> list[str]:
    seen = [await walk()] + [await walk(key) for key in KEYS]
    for asked in (f"/{EVIL}", f":{EVIL}", "/[/bold]", ":[/nothing]", "@2"):
        await walk("slash")
        walk.app._prompt.value = asked
        seen.append(await walk("enter"))
    return seen


@pytest.mark.parametrize(
    "how",
    spread(
        ["completed", "failed", "paused", "cancelled", "forked", "retried"],
        by_default=["failed", "forked"],
    ),
)
@pytest.mark.sampled(3)
async def test_no_screen_obeys_what_it_shows(hostile: tuple[str, dict[str, str]], how: str) -> None:
    url, runs = hostile
    with fl.open_ledger(url, executors) as ledger:
        async with walking(ledger, runs[how], (400, 48)) as walk:
            seen = "\n".join(await look_at_all(walk))
    assert not set(OBEYED.findall(seen.replace("\n", "")))
    assert "[/bold][link=https://x]:smile:{0}%s" in seen
    assert visible(EVIL.replace("\n", " ").replace("\t", " ")) + "@2" in seen


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "id",
    spread(
        ["w[/bold]", "orders[/]", "w[bold]x", "[link=https://x]y[/link]", ":smile:"],
        by_default=["orders[/]", ":smile:"],
    ),
)
@pytest.mark.sampled(2)
async def test_a_name_is_no_markup_in_any_title(tmp_path: Path, id: str) -> None:
    mine = fl.ExecutorRegistry()
    mine.register(id)(lambda step: fl.StepResult(id, handle=id))
    with fl.open_ledger(f"sqlite:///{tmp_path}/s.db", mine) as ledger:
        ledger.workflows.save({"nodes": [{"id": id, "type": id}]}, workflow_id=id, by=id)
        run = ledger.runs.start(id, payload={id: id}, by=id)
        async with walking(ledger, run.id, WIDE) as walk:
            seen = await look_at_all(walk)
    assert f"{id}@1" in seen[0].split("\n")[0]
    assert "".join(seen).count(f" {id}@1 ") > len(seen), "also above the graph"


async def test_what_a_pane_forgets_to_escape_is_escaped_before_the_terminal_gets_it(
    hostile: tuple[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, runs = hostile
    monkeypatch.setattr(pane, "text", Text)
    for name in ("lines", "panes", "app", "position", "messages"):
        target = f"flowledger.infrastructure.interfaces.tui.{name}.text"
        monkeypatch.setattr(target, lambda value, *style: Text(str(value)))
    with fl.open_ledger(url, executors) as ledger:
        async with walking(ledger, runs["failed"], WIDE) as walk:
            seen = "\n".join([await walk(), await walk("right"), await walk("right")])
    assert not set(OBEYED.findall(seen.replace("\n", "")))
