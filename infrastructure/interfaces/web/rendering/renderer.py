"""From a page's data to its HTML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..security.signing_in import has_session
from .clock import PageClock
from .environment import environment
from .frame import Frame, nav_entries, reader_theme, reader_zone
from .icons import with_sprite
from .static_files import digest_of
from .store_words import store_words
from .words import counter

if TYPE_CHECKING:
    from ..requests import Call


class Renderer:
    """Draws the pages of one application."""

    def __init__(self, names: Iterable[str], title: str) -> None:
        """``names`` are those of the pages that there are, ``title`` is what the bar calls the application."""
        self._names = frozenset(names)
        self._title = title

    def render(
        self,
        template: str,
        page: Any,
        call: Call,
        *,
        here: str | None = None,
        counts: Mapping[str, tuple[int, str]] | None = None,
        said: str | None = None,
        position: int | None = None,
    ) -> str:
        """The page as HTML. ``here`` is the name of the page in the bar, ``said`` what an act has done.

        ``position``: of the store's last event, before
        the data was read. ``counts`` says by the name of a page what is counted beside it in the bar.
        """
        cookies = call.request.cookies
        zone_name = reader_zone(cookies)[1]
        principal = call.principal
        frame = Frame(
            self._title,
            nav_entries(self._names, counts or {}),
            None if principal is None else f"{principal.name} · {highest_role(principal.roles)}",
            None if principal is None else store_words(call),
            zone_name,
            reader_theme(cookies),
            position,
            said,
            principal is not None and has_session(call.request),
        )
        html = (
            environment()
            .get_template(template)
            .render(
                page=page,
                frame=frame,
                here=here,
                links=call.links,
                knows=self._names.__contains__,
                may=call.may,
                clock=clock_of(call),
                unique=counter(),
                static=lambda path: call.links("static", path=path, v=digest_of(path)),
            )
        )
        return with_sprite(html)


def clock_of(call: Call) -> PageClock:
    """The moment of the page, and the zone of who reads it."""
    return PageClock(call.now, reader_zone(call.request.cookies)[0])


_ROLES = ("admin", "editor", "operator", "viewer")


def highest_role(roles: Iterable[str]) -> str:
    """The one that counts of somebody's roles."""
    return next((role for role in _ROLES if role in roles), "no role")
