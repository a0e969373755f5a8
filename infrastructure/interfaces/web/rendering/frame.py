"""What stands around every page: the bar at the top, and the foot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class NavEntry:
    """A page that the bar leads to."""

    name: str
    word: str
    count: int | None = None
    """How much there is to do; None, and 0, aren't shown."""
    counted: str = ""
    """What is counted, for those who hear the page."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What surrounds a page."""

    title: str
    """Of the application."""
    nav: tuple[NavEntry, ...]
    who: str | None
    """Name and role of who reads; None: nobody has signed in."""
    store: str | None
    zone: str
    theme: str | None
    """``light`` or ``dark``, where the reader chose one."""
    position: int | None = None
    """Of the last event of the store, of which the page tells; None where that isn't known."""
    said: str | None = None
    """What an act that led here has done."""
    may_leave: bool = False
    """Whether who reads has signed in here, and may sign out."""


NAV: Final = (("history", "History"), ("workflows", "Workflows"), ("waits", "Waits"), ("failures", "Failures"),
              ("audit", "Audit"))  # fmt: skip
"""Pages that the bar leads to, where they are there."""

ZONE_COOKIE: Final = "flowledger_zone"
THEME_COOKIE: Final = "flowledger_theme"


def reader_zone(cookies: Mapping[str, str]) -> tuple[tzinfo, str]:
    """The reader's time zone and its name, which a script or the form at the foot has stored; else UTC."""
    name = cookies.get(ZONE_COOKIE, "").replace("%2F", "/")
    try:
        return (ZoneInfo(name), name) if name else (UTC, "UTC")
    except (ValueError, OSError, KeyError):  # no such zone here
        return UTC, "UTC"


def reader_theme(cookies: Mapping[str, str]) -> str | None:
    """``light`` or ``dark`` where the reader has chosen; else what the browser prefers."""
    chosen = cookies.get(THEME_COOKIE)
    return chosen if chosen in ("light", "dark") else None


def nav_entries(known: frozenset[str], counts: Mapping[str, tuple[int, str]]) -> tuple[NavEntry, ...]:
    """The entries of the bar: those of the pages that are there, with what is counted of them."""
    return tuple(NavEntry(name, word, *counts.get(name, (None, ""))) for name, word in NAV if name in known)


def moment_of_page() -> datetime:
    """Now, for a page that nobody gave a moment."""
    return datetime.now(UTC)
