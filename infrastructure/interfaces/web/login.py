"""Signing in and out: ``/login`` with a token or a one-time link, ``/logout``."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from .mounting import base_of
from .rendering.renderer import Renderer
from .requests import read_form
from .routes import PageRoute
from .routing import SEE_OTHER, HtmlResponse
from .security.refusals import Refusal
from .security.signing_in import SigningIn
from .site import Site, site_of

LOGIN_PATH: Final = "/login"
LOGOUT_PATH: Final = "/logout"


@dataclass(frozen=True, slots=True)
class LoginPage:
    """The form that takes a token."""

    next: str
    """The address that somebody came for."""
    fault: str | None = None
    """Why what was sent isn't taken."""


class Login:
    """The handlers. Where the host says who asks, or nobody is asked, they lead to the history."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer

    def routes(self) -> list[PageRoute]:
        """As Starlette takes them."""
        return [
            PageRoute(f"{LOGIN_PATH}.json", self.tell, name="login.json"),
            PageRoute(LOGIN_PATH, self.answer, methods=["GET", "POST"], name="login"),
            PageRoute(LOGOUT_PATH, self.leave, methods=["POST"], name="logout"),
        ]

    async def tell(self, request: Request) -> Response:
        """Who asks, as data. Raises Refusal."""
        principal = await site_of(request).authenticate(request)
        return JSONResponse({"name": principal.name, "role": principal.role})

    async def answer(self, request: Request) -> Response:
        """The form; or sign in with what it, or a link, brings."""
        site = site_of(request)
        wanted = address_within(request.query_params.get("next"), base_of(request)) or site.links(request)("history")
        signing_in = site.signing_in
        link = request.query_params.get("link") if request.method == "GET" else None
        if signing_in is None or (link is None and not signing_in.takes_tokens):
            return RedirectResponse(wanted, SEE_OTHER)
        if request.method != "POST" and link is None:
            return self._form(site, request, LoginPage(wanted))
        response = RedirectResponse(wanted, SEE_OTHER)
        try:
            await self._sign_in(signing_in, request, link, response)
        except Refusal as refusal:
            if not signing_in.takes_tokens:  # there is nothing to sign in with
                raise
            return self._form(site, request, LoginPage(wanted, refusal.detail), refusal)
        return response

    async def leave(self, request: Request) -> Response:
        """End the session."""
        site = site_of(request)
        response = RedirectResponse(site.links(request)("login"), SEE_OTHER)
        if site.signing_in is not None:
            await site.signing_in.sign_out(request, response)
        return response

    async def _sign_in(self, signing_in: SigningIn, request: Request, link: str | None, response: Response) -> None:
        """Raises Refusal."""
        if link is not None:
            signing_in.use_link(request, link, response)
            return
        form = await read_form(request)
        await signing_in.sign_in(request, form.get("token", "").strip(), response)

    def _form(self, site: Site, request: Request, page: LoginPage, refusal: Refusal | None = None) -> Response:
        html = self._renderer.render("login.html", page, site.call_of_anybody(request))
        response = HtmlResponse(html, 200 if refusal is None else refusal.status_code)
        if refusal is not None:
            response.headers.update(dict(refusal.headers or {}))
        return response


def address_within(address: str | None, base: str) -> str | None:
    """An address that somebody is to be led to, where it is one of this app; None for any other."""
    if address is None or not address.startswith(f"{base}/") or "\\" in address:
        return None
    if not address.isprintable() or urlsplit(address).netloc:
        return None
    return address


def login_address(request: Request, links: Any) -> str:
    """Where somebody signs in who came for this page."""
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    address: str = links("login", next=wanted)
    return address
