"""An app without a server: requests are handed to it as a server on this machine would."""

from typing import Any

import httpx

from flowledger.web import create_app


def client_of(app: Any, address: str = "127.0.0.1", host: str = "127.0.0.1:8642", **options: Any) -> httpx.AsyncClient:
    """A client whose requests come from ``address``, for ``host``. What a handler raises is answered, not raised."""
    transport = httpx.ASGITransport(app=app, client=(address, 50_000), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=f"http://{host}", **options)


def local(ledger: Any, **options: Any) -> httpx.AsyncClient:
    """A client of a ledger's app, from the loopback."""
    return client_of(create_app(ledger, **options))
