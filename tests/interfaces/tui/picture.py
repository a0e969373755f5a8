"""The picture of the how-to; ``python -m tests.interfaces.tui.picture`` draws it anew."""

import asyncio
import re
from pathlib import Path

from flowledger.infrastructure.interfaces.tui.app import WalkApp

from .story import ledger_at, order

PICTURE = Path(__file__).parents[3] / "docs" / "assets" / "walk.svg"


async def draw() -> None:
    """The walk at the failure of the story's run, unfolded, on 120 columns."""
    with ledger_at("memory:") as ledger:
        run_id = order(ledger)
        app = WalkApp(ledger.history.walk(run_id), ledger.history.workflow_of(run_id), 5)
        async with app.run_test(size=(120, 26)) as pilot:
            await pilot.press("tab", "down", "down", "down", "down", "down", "enter", "shift+tab")
            await pilot.pause()
            drawn = app.export_screenshot(title="flowledger replay", simplify=True)
    PICTURE.write_text(re.sub(r"\s*@font-face \{.*?\}\n", "\n", drawn, flags=re.DOTALL), "utf-8")


if __name__ == "__main__":
    asyncio.run(draw())
