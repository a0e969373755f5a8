"""Routes of pages and of the API, which get the parts of a path as the names that they stand for."""

from collections.abc import Callable, Collection, Coroutine, Iterator, MutableMapping
from typing import Any, ClassVar

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ....domain.errors import InvalidRequest
from ....domain.visible import quoted
from .segments import read_segment


class PageRoute(Route):
    """A route of a page, or of a file."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        _read_parts(scope, self.param_convertors)
        await super().handle(scope, receive, send)


class ApiRoute(APIRoute):
    """A route of the API: ``APIRouter(route_class=ApiRoute)``. It refuses parameters that it doesn't know: whoever asks
    for a preview where there is none doesn't want the act. Of a method that an address doesn't take it says which ones
    it takes, also where each has a route of its own.
    """

    _methods: ClassVar[dict[str, set[str]]] = {}
    """Those of each path."""

    def __init__(self, path: str, *args: Any, **options: Any) -> None:
        super().__init__(path, *args, **options)
        self._methods.setdefault(self.path, set()).update(self.methods or ())

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, behind the check."""
        handle, known = super().get_route_handler(), set(_parameters_of(self.dependant))

        async def check_and_handle(request: Request) -> Response:
            for name in request.query_params:
                if name not in known:
                    takes = f"it takes {', '.join(sorted(known))}" if known else "it takes none"
                    raise InvalidRequest(f"{request.method} {self.path} has no parameter {quoted(name)}: {takes}")
            return await handle(request)

        return check_and_handle

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in (self.methods or ()):
            raise HTTPException(405, headers={"Allow": ", ".join(sorted(self._methods[self.path]))})
        _read_parts(scope, self.param_convertors)
        await super().handle(scope, receive, send)


def _read_parts(scope: MutableMapping[str, Any], names: Collection[str]) -> None:
    """``names`` are those of the route: what the application around this one has found in the path is left alone."""
    found = scope["path_params"]
    scope["path_params"] = {**found, **{name: read_segment(found[name]) for name in names}}


def _parameters_of(dependant: Dependant) -> Iterator[str]:
    """The names of the parameters of an address that a route and what it depends on read."""
    for field in dependant.query_params:
        model = field.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            yield from (each.alias or name for name, each in model.model_fields.items())
        else:
            yield field.alias
    for each in dependant.dependencies:
        yield from _parameters_of(each)
