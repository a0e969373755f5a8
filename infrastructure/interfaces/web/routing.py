"""Serving pages: each as HTML, and as data under the same address with ``.json`` behind it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from ...ledger.ledger import open_waits_of, position_of
from ..presentation.documents import to_json
from .pages.page import Download, Page, Redirect, Refused, Shown
from .rendering.renderer import Renderer
from .requests import SENT, Call, read_form
from .routes import PageRoute
from .said import keep_message, set_preferences, take_message
from .site import Site, site_of


def page_routes(pages: Iterable[Page], renderer: Renderer) -> list[PageRoute]:
    """The routes of these pages, in their order."""
    routes: list[PageRoute] = []
    for page in pages:
        served = _ServedPage(page, renderer)
        routes.append(PageRoute(f"{page.path}.json", served.answer_with_data, name=f"{page.name}.json"))
        if page.template is not None:
            methods = ["GET", "POST"] if page.act else ["GET"]
            paths = (page.path, f"{page.path}/") if page.path.endswith("}") else (page.path,)
            routes += [PageRoute(path, served.answer, methods=methods, name=page.name) for path in paths]
    return routes


def download_routes(downloads: Iterable[Download]) -> list[PageRoute]:
    """The routes of these files."""
    return [PageRoute(each.path, _handing_out(each), name=each.name) for each in downloads]


def _handing_out(download: Download) -> Callable[[Request], Awaitable[Response]]:
    async def hand_out(request: Request) -> Response:
        site = site_of(request)
        call = await site.admit(request, download.role)
        file = await site.threads.run(download.make, call)
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}"}
        if isinstance(file.content, bytes):
            return Response(file.content, media_type=file.media_type, headers=headers)
        first = await site.threads.run(next, file.content, b"")
        pieces = _pieces(site, first, file.content)
        return StreamingResponse(pieces, media_type=file.media_type, headers=headers)

    return hand_out


async def _pieces(site: Site, piece: bytes | None, others: Iterator[bytes]) -> AsyncIterator[bytes]:
    while piece is not None:
        yield piece
        piece = await site.threads.run(next, others, None)


MOST_COUNTED: Final = 1_000
"""Of what the bar counts; where there is more, it says so."""


class _ServedPage:
    """The handlers of one page."""

    def __init__(self, page: Page, renderer: Renderer) -> None:
        self._page = page
        self._renderer = renderer

    async def answer_with_data(self, request: Request) -> Response:
        site, page = site_of(request), self._page
        call = await site.admit(request, page.role)
        text = await site.threads.run(lambda: to_json(page.to_document(page.load(call))))
        return Response(text, media_type="application/json")

    async def answer(self, request: Request) -> Response:
        if request.method == "POST":
            return await self._act(request)
        site = site_of(request)
        call = await site.admit(request, self._page.role)
        said = take_message(request)
        html = await site.threads.run(self._load_and_render, call, said.text)
        response = HtmlResponse(html)
        said.forget(response)
        return response

    def _load_and_render(self, call: Call, said: str | None) -> str:
        if call.principal is None or self._page.is_part:
            # of the store nothing is told to those who haven't signed in, and a part of a page has no bar that tells it
            return self._render(call, self._page.load(call), said)
        position = position_of(call.ledger)  # what is stored while the page is made comes behind it
        data = self._page.load(call)
        counts = {"waits": (open_waits_of(call.ledger, MOST_COUNTED), "open questions")}
        return self._render(call, data, said, position, counts)

    async def _act(self, request: Request) -> Response:
        site, page = site_of(request), self._page
        assert page.act is not None  # noqa: S101 - else the route takes no POST
        form = request.scope[SENT] = await read_form(request)
        call = await site.admit(request, page.act_role, form)
        outcome = await site.acting.run(page.act, call)
        if isinstance(outcome, Refused | Shown):
            html = await site.threads.run(self._render, call, outcome.page, None)
            return HtmlResponse(html, outcome.status if isinstance(outcome, Refused) else 200)
        return follow(request, outcome)

    def _render(
        self,
        call: Call,
        data: Any,
        said: str | None,
        position: int | None = None,
        counts: Mapping[str, tuple[int, str]] | None = None,
    ) -> str:
        assert self._page.template is not None  # noqa: S101 - else there is no such route
        return self._renderer.render(
            self._page.template, data, call, here=self._page.name, said=said, position=position, counts=counts
        )


class HtmlResponse(Response):
    """A page. What it shows depends on who asks."""

    media_type = "text/html"

    def __init__(self, html: str, status: int = 200) -> None:
        super().__init__(html, status, headers={"Vary": "Cookie, Accept, Authorization"})


def follow(request: Request, outcome: Redirect) -> Response:
    """Lead to where an act leads, with what it says and the preferences that it keeps."""
    response = RedirectResponse(outcome.url, SEE_OTHER)
    keep_message(request, response, outcome.message)
    set_preferences(request, response, outcome.cookies)
    return response


SEE_OTHER: Final = 303
