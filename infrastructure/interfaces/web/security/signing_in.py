"""Who asks: by tokens, which a program shows with each request and a browser once, or because it asks from here."""

from collections.abc import Callable
from hashlib import sha256
from typing import Final

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from .....projections.access import Token
from ....concurrency.threads import RunsInThread
from ....services.access.sessions import Sessions
from ..mounting import base_of
from .failures import Failures
from .hosts import refuse_others
from .one_time_links import OneTimeLinks
from .principals import LOCAL, Principal
from .refusals import Refusal, not_signed_in

LONGEST_SECRET: Final = 1_000
"""Characters of what somebody shows; ours have fewer."""


class SigningIn:
    """Of one app. The cookie is its own: of a name that follows from the prefix, and for that prefix alone."""

    def __init__(
        self, sessions: Callable[[], Sessions], threads: Callable[[], RunsInThread], *, takes_tokens: bool
    ) -> None:
        """Without ``takes_tokens`` whoever has this machine is let in, and nobody else."""
        self.takes_tokens = takes_tokens
        self._sessions = sessions
        self._threads = threads
        self.links = OneTimeLinks()
        self._failures = Failures()

    async def __call__(self, request: Request) -> Principal:
        """Who asks. Raises Refusal: 401, or 429 after too many wrong tokens; 403 from elsewhere."""
        if not self.takes_tokens:
            refuse_others(request)
            return self.links.find(_session_of(request)) or LOCAL
        kind, _, shown = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and shown:
            return _principal(await self._check(request, shown.strip()))
        session = _session_of(request)
        if not session:
            raise not_signed_in("show a token, as Authorization: Bearer …, or sign in at /login")
        if (signed_in := self.links.find(session)) is not None:
            return signed_in
        token = await self._threads().run(lambda: self._sessions().find(session))
        if token is None:
            raise not_signed_in("you were signed out, as the token has expired or was revoked: sign in again")
        return _principal(token)

    async def sign_in(self, request: Request, secret: str, response: Response) -> Principal:
        """Begin a session with a token, kept by the browser that gets the response. Raises Refusal."""
        await self._check(request, secret)
        session = await self._threads().run(lambda: self._sessions().begin(secret))
        if session is None:
            raise not_signed_in("this token has just expired, or was revoked")
        self._set_cookie(request, response, session.secret, session.seconds)
        return _principal(session.token)

    def use_link(self, request: Request, secret: str, response: Response) -> None:
        """The same by a one-time link, until this process ends. Raises Refusal."""
        if not self.takes_tokens:
            refuse_others(request)
        session = self.links.use(secret)
        if session is None:
            why = "this link was used already, or is of a server that has ended"
            if self.takes_tokens:
                raise not_signed_in(f"{why}: sign in with a token")
            raise Refusal(
                410, "The link is used up", f"{why}: start the server anew for another; without one you are local"
            )
        self._set_cookie(request, response, session, None)

    async def sign_out(self, request: Request, response: Response) -> None:
        """End the session of who asks."""
        session = _session_of(request)
        response.delete_cookie(cookie_name(base_of(request)), base_of(request) or "/", httponly=True, samesite="lax")
        self.links.end(session)
        if self.takes_tokens:
            await self._threads().run(lambda: self._sessions().end(session))

    async def _check(self, request: Request, secret: str) -> Token:
        address = "" if request.client is None else request.client.host
        self._failures.refuse_more(address)
        if len(secret) <= LONGEST_SECRET:
            token = await self._threads().run(lambda: self._sessions().find_token(secret))
            if token is not None:
                return token
            why = await self._threads().run(lambda: self._sessions().why_refused(secret))
        else:
            why = "no token is so long"
        self._failures.add(address)
        raise not_signed_in(f"{why}: an admin makes a new one, with flowledger token create NAME --role ROLE")

    def _set_cookie(self, request: Request, response: Response, session: str, seconds: int | None) -> None:
        response.set_cookie(
            cookie_name(base_of(request)),
            session,
            max_age=seconds,
            path=base_of(request) or "/",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="lax",
        )


def cookie_name(base: str) -> str:
    """Of the app under this prefix: two of them on one host don't take each other's."""
    return f"flowledger_{sha256(base.encode()).hexdigest()[:12]}"


def _session_of(request: HTTPConnection) -> str:
    return request.cookies.get(cookie_name(base_of(request)), "")[:LONGEST_SECRET]


def has_session(request: HTTPConnection) -> bool:
    """Whether the browser keeps a session, so that signing out means something."""
    return cookie_name(base_of(request)) in request.cookies


def _principal(token: Token) -> Principal:
    return Principal(token.name, {token.role})
