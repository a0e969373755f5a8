"""Asking an authority over the network for a time stamp (RFC 3161, section 3.4): one request, one short answer."""

from http.client import HTTPException, HTTPResponse
from time import monotonic
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from ....domain.errors import InvalidRequest, NotStamped
from ....domain.visible import quoted, visible

LONGEST_ANSWER: Final = 2**20
"""Bytes of an answer: one with its certificates has some thousands."""

_LONGEST_WAIT: Final = 30.0
"""Seconds for all of it: to connect, to be answered, to read the answer."""


def ask_authority(url: str, request: bytes) -> bytes:
    """What the authority at an address answers to a request. Raises InvalidRequest (the address), NotStamped."""
    where = _check_address(url)
    asked = Request(url, request, {"Content-Type": "application/timestamp-query"}, method="POST")  # noqa: S310 - checked
    try:
        with _opener().open(asked, timeout=_LONGEST_WAIT) as answer:
            return _read_answer(answer, where)
    except HTTPError as error:
        with error:
            raise NotStamped(
                f"the authority at {where} answers {error.code} {visible(str(error.reason))}: is that its address?"
            ) from error
    except (OSError, HTTPException) as error:
        reason = error.reason if isinstance(error, URLError) else error
        why = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        raise NotStamped(
            f"the authority at {where} can't be asked ({visible(why)}): try again, or ask another one"
        ) from error


def _check_address(url: object) -> str:
    """The address, as messages show it. Raises InvalidRequest."""
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError
    except ValueError:
        raise InvalidRequest(f"the authority {quoted(url)} is no address: http://… or https://…") from None
    if parts.username is not None:
        raise InvalidRequest(
            f"an address of an authority with a name and a password in it isn't taken, at {quoted(parts.hostname)}: "
            "give a function that asks it"
        )
    return quoted(f"{parts.scheme}://{parts.netloc}{parts.path}")


def _opener() -> OpenerDirector:
    """One that follows no redirection, which would ask without the request, and knows no files and no FTP."""
    opener = OpenerDirector()
    for handler in (ProxyHandler, HTTPHandler, HTTPSHandler, HTTPErrorProcessor, HTTPDefaultErrorHandler):
        opener.add_handler(handler())
    return opener


def _read_answer(answer: HTTPResponse, where: str) -> bytes:
    """Piece by piece, as a time-out of the connection begins anew with each byte. Raises NotStamped, OSError."""
    until, read = monotonic() + _LONGEST_WAIT, b""
    while piece := answer.read1(LONGEST_ANSWER):
        read += piece
        if len(read) > LONGEST_ANSWER:
            raise NotStamped(
                f"the authority at {where} answers with more than {LONGEST_ANSWER >> 20} MiB, which no time stamp has: "
                "is that its address?"
            )
        if monotonic() > until:
            raise TimeoutError(f"its answer hasn't ended after {_LONGEST_WAIT:g} s")
    return read
