"""How the reader wants pages: the time zone and the colours, kept by the browser below the app's own prefix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .....domain.errors import InvalidRequest
from .....domain.visible import quoted
from ..rendering.frame import THEME_COOKIE, ZONE_COOKIE, reader_theme, reader_zone
from .page import Page, Redirect

if TYPE_CHECKING:
    from ..requests import Call


@dataclass(frozen=True, slots=True)
class PreferencesPage:
    """What is chosen."""

    zone: str
    theme: str | None


def load(call: Call) -> PreferencesPage:
    """What the reader's browser has kept."""
    cookies = call.request.cookies
    return PreferencesPage(reader_zone(cookies)[1], reader_theme(cookies))


def keep(call: Call) -> Redirect:
    """Keep what was chosen. Raises InvalidRequest for a zone or colours that there aren't."""
    zone, theme = call.form.get("zone", "").strip(), call.form.get("theme", "")
    if zone and reader_zone({ZONE_COOKIE: zone})[1] != zone:
        raise InvalidRequest(f"zone {quoted(zone)} is no time zone that is known here: such as Europe/Berlin, or UTC")
    if theme and reader_theme({THEME_COOKIE: theme}) is None:
        raise InvalidRequest(f"theme {quoted(theme)} is neither light nor dark")
    said = f"Times are in {zone} now." if zone else "Times are in UTC until your browser says its zone."
    return Redirect(call.links("history"), said, {ZONE_COOKIE: zone, THEME_COOKIE: theme})


def to_document(page: PreferencesPage) -> dict[str, Any]:
    """The same as data."""
    return {"zone": page.zone, "theme": page.theme}


PAGES = (Page("/preferences", "preferences", "viewer", load, "preferences.html", to_document, keep, "viewer"),)
