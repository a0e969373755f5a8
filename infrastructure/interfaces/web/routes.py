"""Routes of pages and of the API, which get the parts of a path as the names that they stand for."""

from collections.abc import Collection, MutableMapping
from typing import Any

from fastapi.routing import APIRoute
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from .segments import read_segment


class PageRoute(Route):
    """A route of a page, or of a file."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        _read_parts(scope, self.param_convertors)
        await super().handle(scope, receive, send)


class ApiRoute(APIRoute):
    """A route of the API: ``APIRouter(route_class=ApiRoute)``."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        _read_parts(scope, self.param_convertors)
        await super().handle(scope, receive, send)


def _read_parts(scope: MutableMapping[str, Any], names: Collection[str]) -> None:
    """``names`` are those of the route: what the application around this one has found in the path is left alone."""
    found = scope["path_params"]
    scope["path_params"] = {**found, **{name: read_segment(found[name]) for name in names}}
