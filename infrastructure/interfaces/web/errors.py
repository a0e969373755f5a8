"""Answering with an error: a problem for programs, a page for people."""

from http import HTTPStatus
from typing import Any, Final

from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from ....domain.errors import FlowledgerError
from .login import login_address
from .mounting import base_of
from .near_ids import runs_near
from .problems import Problem, problem_of, respond_with, wants_json
from .rendering.error_page import ErrorPage, Way
from .rendering.renderer import Renderer
from .requests import SENT, Form
from .routing import SEE_OTHER, HtmlResponse
from .site import site_of


class ErrorAnswers:
    """The handlers of errors, for the pages and for the API."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer

    def handlers(self) -> dict[Any, Any]:
        """As Starlette and FastAPI take them."""
        return dict.fromkeys((FlowledgerError, HTTPException, RequestValidationError), self.answer)

    async def answer(self, request: Request, error: Exception) -> Response:
        """The answer to a request that failed with this error."""
        problem = problem_of(error)
        if wants_json(request, base_of(request)):
            return respond_with(problem)
        site = site_of(request)
        if (
            problem.status == HTTPStatus.UNAUTHORIZED
            and site.signing_in is not None
            and request.method in ("GET", "HEAD")
        ):
            return RedirectResponse(login_address(request, site.links(request)), SEE_OTHER)
        return await run_in_threadpool(self._page, request, problem)

    def _page(self, request: Request, problem: Problem) -> Response:
        site = site_of(request)
        try:
            call = site.call_of_anybody(request)
        except FlowledgerError:  # the store can't be opened: what there is to say needs none
            response: Response = PlainTextResponse(f"{problem.title}: {problem.detail}", problem.status)
        else:
            next_ways = (Way("History", call.links("history")),) if call.links.knows("history") else ()
            unknown = problem.fields.get("runId")
            if isinstance(unknown, str):
                near = runs_near(call.ledger, unknown)
                next_ways = (*(Way(f"run {id}", call.links("run", run=id)) for id in near), *next_ways)
            if problem.status == HTTPStatus.UNAUTHORIZED and site.signing_in is not None:
                next_ways = (Way("Sign in", call.links("login")),)
            name = problem.type.rpartition(":")[2] if problem.type.startswith("urn:") else None
            page = ErrorPage(
                problem.status,
                problem.title,
                problem.detail,
                name,
                next_ways,
                _kept(request, problem),
                unknown if isinstance(unknown, str) and problem.status == HTTPStatus.NOT_FOUND else None,
            )
            response = HtmlResponse(self._renderer.render("error.html", page, call), problem.status)
        response.headers.update(problem.headers)
        return response


def _kept(request: Request, problem: Problem) -> tuple[tuple[str, str], ...]:
    """What somebody has typed, where it was right and the store is away."""
    if problem.status != HTTPStatus.SERVICE_UNAVAILABLE or SENT not in request.scope:
        return ()
    form: Form = request.scope[SENT]
    return tuple((name, value) for name, value in form.multi_items() if name not in _SECRET)


_SECRET: Final = frozenset({"token", "password"})
"""Fields of a form that are never written into a page."""
