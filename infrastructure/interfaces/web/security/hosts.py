"""Where a request comes from, and for which host: what keeps other web sites away.

A page of another site can send requests to this app with the reader's cookies, or with none where the loopback is
trusted. Browsers say from where (``Sec-Fetch-Site``, ``Origin``); a name that leads to the loopback but isn't the
loopback's gives itself away by ``Host``.
"""

from ipaddress import IPv6Address, ip_address
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from .refusals import Refusal

SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS")

_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip")


class OriginCheck:
    """Refuses what another site makes a browser send: POST, PUT, DELETE from an origin that isn't this one."""

    def __init__(self, app: ASGIApp, trusted: frozenset[str]) -> None:
        """``trusted``: further origins, such as ``https://ops.example.org``, for proxies that change ``Host``."""
        self._app = app
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS:
            self._check(Headers(scope=scope), scope["scheme"])
        await self._app(scope, receive, send)

    def _check(self, headers: Headers, scheme: str) -> None:
        origin = headers.get("origin")
        if origin is not None and origin in self._trusted:
            return
        site = headers.get("sec-fetch-site")
        if site is not None:
            allowed = site in ("same-origin", "none")
        elif origin is not None:
            allowed = _is_of_this_site(origin, headers.get("host", ""), scheme)
        else:
            # No browser sends neither with a cookie of ours; programs send a token, or come from the loopback.
            allowed = "cookie" not in headers
        if not allowed:
            raise Refusal(
                403,
                "Sent by another site",
                "this request was sent by a page of another origin, and nothing was done: open the page here, and send "
                "it from there",
                origin=origin,
            )


def _is_of_this_site(origin: str, host: str, scheme: str) -> bool:
    """Whether an origin is that of the host. A page that came over http may be anybody's where this one is https; where
    this one seems to be http, a proxy may have taken TLS away and not said so."""
    sent = urlsplit(origin)
    return sent.netloc == host != "" and (scheme != "https" or sent.scheme == "https")


def is_loopback(request: HTTPConnection) -> bool:
    """Whether a request comes from this machine, by no proxy, and is for a name of the loopback."""
    if any(header in request.headers for header in _FORWARDED):
        return False
    return request.client is not None and _is_loopback_address(request.client.host) and _names_loopback(request)


def refuse_others(request: HTTPConnection) -> None:
    """Raises Refusal for a request that doesn't come from this machine."""
    if not is_loopback(request):
        raise Refusal(
            403,
            "Only from this machine",
            "without authentication this is open to requests from the loopback, for a name of the loopback, and by no "
            "proxy: give create_app(…, auth=…), or start flowledger serve with --auth tokens",
        )


def _names_loopback(request: HTTPConnection) -> bool:
    try:
        name = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return False
    return name == "localhost" or name.endswith(".localhost") or _is_loopback_address(name)


def _is_loopback_address(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback
