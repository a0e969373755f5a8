"""Cookies that say nothing of who asks: what an act has done, for the page that follows it, and how to show pages."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from .mounting import base_of

_SAID: Final = "flowledger_said"
_LONGEST_MESSAGE: Final = 1_000
"""Characters; a browser keeps 4 kB of a cookie."""
_A_MINUTE: Final = 60
_A_YEAR: Final = 365 * 86_400


class Said(NamedTuple):
    """What an act has said, to be shown once."""

    text: str | None
    path: str

    def forget(self, response: Response) -> None:
        """Don't show it again."""
        if self.text is not None:
            response.delete_cookie(_SAID, self.path)


def keep_message(request: Request, response: Response, message: str | None) -> None:
    """Let the next page say it."""
    if message is not None:
        text = message if len(message) <= _LONGEST_MESSAGE else f"{message[:_LONGEST_MESSAGE]}…"
        value = urlsafe_b64encode(text.encode(errors="backslashreplace")).decode()
        _set(request, response, _SAID, value, _A_MINUTE)


def take_message(request: Request) -> Said:
    """What the act before this page has said."""
    kept = request.cookies.get(_SAID)
    if kept is None:
        return Said(None, _path(request))
    try:
        return Said(urlsafe_b64decode(kept).decode(), _path(request))
    except ValueError:  # not by us
        return Said(None, _path(request))


def set_preferences(request: Request, response: Response, cookies: Mapping[str, str]) -> None:
    """Keep how the reader wants pages; an empty value forgets it."""
    for name, value in cookies.items():
        if value:
            _set(request, response, name, value, _A_YEAR)
        else:
            response.delete_cookie(name, _path(request))


def _set(request: Request, response: Response, name: str, value: str, seconds: int) -> None:
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path=_path(request),
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )


def _path(request: Request) -> str:
    return base_of(request) or "/"
