"""The routes of an app, as the app itself has them."""

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from fastapi.routing import APIRoute
from starlette.routing import Mount, Route

from flowledger.infrastructure.interfaces.web.pages.registry import DOWNLOADS, PAGES

from .api_table import role_of

OPEN = frozenset({"/", "/static/{path:path}", "/login", "/login.json", "/logout"})
"""What anybody may ask for: it says nothing of a store."""


class Way(NamedTuple):
    """A method at a path."""

    method: str
    path: str
    role: str | None
    """The one that it declares; None: it declares none."""

    def to(self, value: str = "1") -> str:
        """An address of it."""
        return re.sub(r"\{\w+(?::path)?\}", value, self.path)


def ways(app: Any) -> list[Way]:
    """All that an app answers, HEAD left out, which is what GET is."""
    return sorted({way for route, path in routes_of(app) for way in _ways(route, path)})


def routes_of(app: Any, prefix: str = "") -> Iterator[tuple[Route, str]]:
    """All routes, with their whole paths."""
    while not hasattr(app, "routes"):
        app = next(inner for name in ("app", "_app") if (inner := getattr(app, name, None)) is not None)
    for route in app.routes:
        if isinstance(route, Mount):
            yield from routes_of(route.app, prefix + route.path)
        elif included := getattr(route, "original_router", None):  # as newer versions of FastAPI keep it
            yield from routes_of(included, prefix)
        else:
            assert isinstance(route, Route), f"{route!r} is neither a route nor a mount: walk it, too"
            yield route, prefix + route.path


def _ways(route: Route, path: str) -> Iterator[Way]:
    role: Callable[[str], str | None] = _role_of_page(route.name)
    if isinstance(route, APIRoute):
        role = lambda _: role_of(route)  # noqa: E731
    for method in sorted((route.methods or set()) - {"HEAD"}):
        yield Way(method, path, role(method))


def _role_of_page(name: str) -> Callable[[str], str | None]:
    page = next((page for page in PAGES if name in (page.name, f"{page.name}.json")), None)
    download = next((each for each in DOWNLOADS if name == each.name), None)
    if download is not None:
        return lambda _: download.role
    if page is None:
        return lambda _: None
    return lambda method: page.act_role if method == "POST" else page.role
