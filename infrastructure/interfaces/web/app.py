"""``create_app``: the ledger as an ASGI app."""

from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import asynccontextmanager
from typing import Literal
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Mount, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from ....domain.errors import InvalidRequest
from ....domain.visible import quoted
from ...ledger.ledger import Ledger
from .api.app import make_api
from .channels import Through
from .errors import ErrorAnswers
from .login import LOGIN_PATH, LOGOUT_PATH, Login
from .pages.registry import DOWNLOADS, PAGES
from .rendering.renderer import Renderer
from .requests import Settings
from .routes import PageRoute
from .routing import download_routes, page_routes
from .security.authentication import Authenticate
from .security.bodies import BodyLimit
from .security.headers import SecurityHeaders
from .security.hosts import OriginCheck
from .security.principals import LOCAL, Principal
from .security.rates import REQUESTS_PER_MINUTE
from .site import Site, site_of
from .static_files import STATIC_PATH, answer_with_file
from .viewing import RecordsViews


class WebApp:
    """Pages and API of a ledger, as an ASGI app: run it with any server, or mount it under any prefix.

    It needs no start-up: what it needs is opened by the first request. Hosts that want it opened early, and closed with
    them, take ``lifespan``.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._app = _assemble(site)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await Router(lifespan=self.lifespan)(scope, receive, send)
        elif scope["type"] == "http":
            below = {**scope, "app": self}
            self._site.enter(below)
            await self._app(below, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000, "reason": "there are no web sockets here"})

    @asynccontextmanager
    async def lifespan(self, _app: object = None) -> AsyncGenerator[None]:
        """Open the ledger where the app is to open it, and close it at the end: ``FastAPI(lifespan=app.lifespan)``."""
        self._site.open()
        self._site.streams.begin()
        try:
            yield
        finally:
            self.end_streams()
            self._site.close()

    def make_link(self, name: str = LOCAL.name) -> str:
        """The address, below the prefix, of a link that signs in once, as an admin of this name.

        Whoever opens it first is signed in, until this process ends; without authentication on this machine alone.
        Raises InvalidRequest where the application around this one says who asks, InvalidValue for no name.
        """
        if self._site.signing_in is None:
            raise InvalidRequest(
                "nobody signs in here: the callable that create_app(…, auth=…) was given says who asks"
            )
        secret = self._site.signing_in.links.make(Principal(name, LOCAL.roles))
        return f"{LOGIN_PATH}?{urlencode({'link': secret})}"

    def end_streams(self) -> None:
        """End the streams of events that are open, where a server is to stop before they end by themselves."""
        self._site.streams.end()


def create_app(
    ledger: Ledger | Callable[[], Ledger],
    *,
    auth: Authenticate | Literal["tokens"] | None = None,
    title: str = "flowledger",
    origins: Collection[str] = (),
    requests_per_minute: int | None = REQUESTS_PER_MINUTE,
    record_views: bool = False,
) -> WebApp:
    """Make an ASGI app of a ledger: its pages, and its API under ``/api``.

    ``ledger`` is one that is open, and stays yours to close, or a function that opens it, which is called with the
    first request, or by ``lifespan``; that one is closed with the app's lifespan.

    ``auth`` says who asks. None: requests from the loopback, for a name of the loopback, are those of ``local``, an
    admin, and all others are refused. ``"tokens"``: who shows one that ``ledger.tokens`` made; programs send it as
    ``Authorization: Bearer``, people sign in with it. A callable takes Starlette's Request and returns a Principal, or
    None for somebody who isn't known; it may be async. What somebody does is done by the principal's name.

    ``title`` stands in the bar of the pages. ``origins`` are further origins, such as ``https://ops.example.org``, from
    which pages may send forms: for proxies that change the Host header.

    ``requests_per_minute``: of one person; more get 429, with Retry-After. None: as many as come. Each process counts
    for itself.

    ``record_views``: keep on record who was shown which run, workflow, bulk action or list, when, through what, at
    which address: acts of the kind ``view``, which ``ledger.history.trail(kind="view")`` lists. What can't be recorded
    isn't shown.

    The session, the signals and the handlers of the application that it is mounted in are left alone. Raises
    InvalidRequest.
    """
    if auth is not None and auth != "tokens" and not callable(auth):
        raise InvalidRequest(f'auth={quoted(auth)}: give None, "tokens" or a callable')
    if requests_per_minute is not None and requests_per_minute < 1:
        raise InvalidRequest(f"requests_per_minute={requests_per_minute}: give 1 or more, or None")
    paths = {page.name: page.path for page in PAGES} | {each.name: each.path for each in DOWNLOADS}
    paths |= {
        "static": STATIC_PATH,
        "login": LOGIN_PATH,
        "logout": LOGOUT_PATH,
    }
    return WebApp(Site(ledger, auth, Settings(title, frozenset(origins), requests_per_minute, record_views), paths))


def _assemble(site: Site) -> ASGIApp:
    """The routes, and around them what every request passes, outermost last."""
    renderer = Renderer([page.name for page in PAGES], site.settings.title)
    errors = ErrorAnswers(renderer)
    routes = [
        PageRoute("/", _lead_to_history, name="index"),
        PageRoute(STATIC_PATH, answer_with_file, name="static"),
        Mount("/api", make_api(site.settings.title, errors.handlers()), name="api"),
        *Login(renderer).routes(),
        *download_routes(DOWNLOADS),
        *page_routes(PAGES, renderer),
    ]
    app: ASGIApp = Router(routes, redirect_slashes=False)
    if site.settings.record_views:
        app = RecordsViews(app)
    app = Through(app, "web")
    app = BodyLimit(app)
    app = OriginCheck(app, site.settings.origins)
    app = ExceptionMiddleware(app, errors.handlers())
    app = ServerErrorMiddleware(app, errors.answer)
    app = GZipMiddleware(app, minimum_size=1_000, compresslevel=5)
    return SecurityHeaders(app)


async def _lead_to_history(request: Request) -> RedirectResponse:
    links = site_of(request).links(request)
    if not links.knows("history"):
        raise HTTPException(404)
    return RedirectResponse(links("history"), 303)
