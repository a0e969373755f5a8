"""The full-screen program, driven by keys and clicks: what stands on the screen, at 80 and at 160 columns."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

import flowledger as fl
from flowledger.infrastructure.interfaces.tui.app import WalkApp

from ...hostile.older_names import as_older_releases_did
from .screens import unlike
from .story import ledger_at, loop, order

pytestmark = pytest.mark.usefixtures("same_ids")

NARROW, WIDE = (80, 24), (160, 48)


class Walker:
    """Hits keys, and looks at the screen after all that follows from them."""

    def __init__(self, app: WalkApp, pilot: Pilot[None]) -> None:
        self.app = app
        self._pilot = pilot

    async def __call__(self, *keys: str) -> str:
        """Hit keys; returns the screen."""
        await self._pilot.press(*keys)
        return await self.look()

    async def click(self, pane: str, x: int, y: int) -> str:
        """Click into a pane; returns the screen."""
        await self._pilot.click(pane, offset=(x, y))
        return await self.look()

    async def look(self) -> str:
        """The screen as text."""
        if searching := [worker for worker in self.app.workers if worker.group == "search"]:
            await self.app.workers.wait_for_complete(searching)
        await self._pilot.pause()
        lines = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in line).rstrip() for line in lines)


@asynccontextmanager
async def walking(ledger: fl.Ledger, run_id: str, size: tuple[int, int], version: int = 1) -> AsyncIterator[Walker]:
    app = WalkApp(ledger.history.walk(run_id), ledger.history.workflow_of(run_id), version)
    async with app.run_test(size=size) as pilot:
        while not app.query("FooterKey"):  # the footer comes last
            await pilot.pause()
        yield Walker(app, pilot)


@pytest.fixture
def ledger() -> Iterator[fl.Ledger]:
    with ledger_at("memory:") as opened:
        yield opened


@pytest.mark.parametrize(
    ("page", "size", "version", "keys"),
    [
        ("narrow", NARROW, 1, "f"),
        ("narrow-state", NARROW, 8, "tab"),
        ("narrow-graph", NARROW, 9, "tab tab tab"),
        ("narrow-end", NARROW, 1, "end"),
        ("wide", WIDE, 5, ""),
        ("wide-unfolded", WIDE, 10, "tab down down down down enter down enter down enter"),
        ("help", NARROW, 1, "question_mark"),
    ],
)
@pytest.mark.sampled(2)
async def test_the_screen_is_as_it_is_kept(
    ledger: fl.Ledger, page: str, size: tuple[int, int], version: int, keys: str
) -> None:
    async with walking(ledger, order(ledger), size, version) as walk:
        assert unlike(page, await walk(*keys.split())) == ""


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("keys", "version"),
    [
        ("right", 2),
        ("right right left", 2),
        ("left", 1),
        ("down j", 3),
        ("down up k", 1),
        ("end", 10),
        ("G right", 10),
        ("end home", 1),
        ("pagedown", 6),
        ("f", 3),
        ("f f", 10),
        ("f f f", 10),
        ("f f F", 3),
        ("end F", 3),
        ("p", 6),
        ("end P", 6),
        ("h", 5),
        ("h h", 9),
        ("h h H", 5),
        ("colon 7 enter", 7),
        ("colon 7 escape", 1),
        ("at 7 enter", 7),
        ("colon 9 9 enter", 1),
        ("slash b a n k enter", 3),
        ("slash R e v i e w enter", 6),
        ("slash R e v i e w enter n", 9),
        ("slash R e v i e w enter n N", 6),
        ("slash R e v i e w enter n n", 9),
        ("slash R e v i e w enter home slash enter", 6),
        ("colon 2 0 2 6 - 0 1 - 0 2 T 0 3 colon 0 5 enter", 10),
        ("slash z z enter", 1),
        ("tab right tab right tab right tab right", 5),
    ],
)
@pytest.mark.sampled(6)
async def test_keys_lead_from_version_to_version(ledger: fl.Ledger, keys: str, version: int) -> None:
    async with walking(ledger, order(ledger), NARROW) as walk:
        for key in keys.split():
            screen = await walk(key)
        assert walk.app.version == version
        assert f"version {version} of 10  " in screen


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("colon 9 9 enter", "has no version 99: its versions are 1 to 10"),
        ("colon n o o n enter", "'noon' is neither a version (1 to 10) nor a time, such as 2026-01-02T03:04"),
        ("at 2 0 2 5 - 0 1 - 0 1 enter", "did not exist as of 2025-01-01"),
        ("f f f", "no failure after version 10"),
        ("F", "no failure before version 1"),
        ("p p", "no pause after version 6"),
        ("H", "no step that took a handle before version 1"),
        ("slash z z enter", "no event with 'zz' after version 1"),
        ("c", "copied event 1: "),
        ("tab c", "copied the state at version 1: "),
        ("tab tab c", "copied what event 1 changed: "),
        ("shift+tab c", "copied the definition: "),
    ],
)
@pytest.mark.sampled(4)
async def test_what_keys_did_or_could_not_do_is_said(ledger: fl.Ledger, keys: str, said: str) -> None:
    async with walking(ledger, order(ledger), WIDE) as walk:
        assert said in await walk(*keys.split())


async def test_what_is_copied_is_the_json_of_the_pane(ledger: fl.Ledger) -> None:
    run_id = order(ledger)
    async with walking(ledger, run_id, NARROW, 6) as walk:
        await walk("tab", "c")
        assert fl.Snapshot.from_json(walk.app.clipboard) == ledger.history.snapshot(run_id, 6)


async def test_the_mouse_works(ledger: fl.Ledger) -> None:
    async with walking(ledger, order(ledger), WIDE, 5) as walk:
        assert "version 3 of 10" in await walk.click("#events", 20, 3)
        assert "  ▸ read" in await walk.look()
        assert "  ▾ read" in await walk.click("#state", 6, 5)
        assert "  ▸ read" in await walk.click("#state", 6, 5)
        assert "version 3 of 10" in await walk.click("#graph", 6, 2)
        assert "version 4 of 10" in await walk("right")


async def test_what_is_unfolded_stays_so_from_version_to_version(ledger: fl.Ledger) -> None:
    async with walking(ledger, order(ledger), WIDE, 5) as walk:
        await walk.click("#state", 6, 5)
        assert "▾ read" in await walk("right", "right")


async def test_stored_texts_cannot_steer_the_terminal(ledger: fl.Ledger) -> None:
    run_id = order(ledger)
    with as_older_releases_did():
        ledger.runs.set_metadata(run_id, {"\x1b[2J": "\x1b]0;owned\x07 [bold]"}, by="\x1b[31mops")
    async with walking(ledger, run_id, WIDE, 11) as walk:
        screen = await walk()
        assert "\x1b" not in screen
        assert "\x07" not in screen
        assert r"\x1b[31mops" in screen
        assert "[bold]" in screen


async def test_a_screen_can_be_made_narrow_and_wide_again(ledger: fl.Ledger) -> None:
    async with walking(ledger, order(ledger), WIDE, 5) as walk:
        wide = await walk()
        await walk._pilot.resize_terminal(*NARROW)
        assert "state at version" not in await walk()
        await walk._pilot.resize_terminal(*WIDE)
        assert await walk() == wide


async def test_a_long_run_shows_only_what_is_on_screen(tmp_path: Path) -> None:
    with ledger_at(f"sqlite:///{tmp_path / 'long.db'}") as ledger:
        run_id = loop(ledger, 1_500)
        async with walking(ledger, run_id, WIDE) as walk:
            read: list[int] = []
            event = walk.app._walk.event
            walk.app._walk.event = lambda version: read.append(version) or event(version)  # type: ignore[method-assign,func-returns-value]
            assert "version 1,502 of 1,502  completed" in await walk("end")
            assert len(set(read)) < 2 * WIDE[1]
            assert "1,500 results, last" in await walk.look()
