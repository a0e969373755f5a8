"""Screens kept as text; with WRITE_SCREENS=1 in the environment a test that sees another one writes it anew."""

import os
from difflib import unified_diff
from pathlib import Path

PAGES = Path(__file__).parent / "pages"


def unlike(name: str, screen: str) -> str:
    """How a screen differs from the one that is kept; nothing when it doesn't."""
    kept = PAGES / f"{name}.txt"
    screen = screen.rstrip() + "\n"
    if os.environ.get("WRITE_SCREENS"):
        kept.write_text(screen, "utf-8")
    return "\n".join(unified_diff(kept.read_text("utf-8").splitlines(), screen.splitlines(), lineterm=""))
