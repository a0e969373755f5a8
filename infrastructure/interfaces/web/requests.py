"""What a page, or a route of the API, is given of a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request

    from ...ledger.ledger import Ledger
    from .security.principals import Principal


@dataclass(frozen=True, slots=True)
class Call:
    """One request, and who makes it."""

    request: Request
    ledger: Ledger
    principal: Principal | None
    links: Callable[..., str]
    """``links(name, **parameters)``: the address of a page or file, under the prefix of the app. What isn't part of
    its path becomes its query; a tuple becomes several parameters of one name."""
    now: datetime
    """The moment of the page, by the ledger's clock."""
