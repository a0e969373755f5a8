"""Finding out who asks."""

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Final

from starlette.requests import HTTPConnection, Request

from .principals import Principal
from .refusals import unknown_caller

Authenticate = Callable[[Request], Principal | Awaitable[Principal | None] | None]
"""Of a host: says who asks; None where that isn't known."""


class Authenticator:
    """Says who asks, once a request."""

    def __init__(self, auth: Authenticate) -> None:
        self._auth = auth

    async def __call__(self, request: Request) -> Principal:
        """Raises Refusal."""
        known = request.scope.get(_KNOWN)
        if known is None:
            known = request.scope[_KNOWN] = await self._ask(request)
        principal: Principal = known
        return principal

    async def _ask(self, request: Request) -> Principal:
        found = self._auth(request)
        if isawaitable(found):
            found = await found
        if found is None:
            raise unknown_caller("the application that this is part of doesn't know who asks: sign in there")
        if not isinstance(found, Principal):
            raise TypeError(f"auth answered with {type(found).__name__}: it is to give a Principal, or None")
        return found


_KNOWN: Final = "flowledger.principal"


def known_principal(request: HTTPConnection) -> Principal | None:
    """Who asks, where that was found out before."""
    return request.scope.get(_KNOWN)
