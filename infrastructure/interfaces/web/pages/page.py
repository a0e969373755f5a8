"""What a page is, to the router that serves it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ..requests import Call


class Redirect(NamedTuple):
    """Where an act leads, as a 303: a reload of what follows doesn't repeat it."""

    url: str
    """Made by ``call.links``."""
    message: str | None = None
    """One sentence about what was done; the next page shows it once."""
    cookies: Mapping[str, str] = MappingProxyType({})
    """Preferences of the reader to keep: names and values, for a year, below the prefix of the app."""


class Refused(NamedTuple):
    """An act that wasn't done, as what was sent isn't right: the page again, with what was typed and what is wrong."""

    page: Any
    """What ``load`` would have given, with the faults in it."""
    status: int = 422


class Shown(NamedTuple):
    """An act that stored nothing and isn't refused: the page again, with what was made of what was sent."""

    page: Any
    """What ``load`` would have given."""


class Page(NamedTuple):
    """A page: how its data is loaded and which template shows it. Both faces of it, HTML and JSON, show the same."""

    path: str
    """As Starlette writes them: ``/runs/{run}``."""
    name: str
    """For links: ``run``."""
    role: str
    """Who may see it: ``viewer``."""
    load: Callable[[Call], Any]
    """Runs in a thread. Calls the ledger, returns a frozen dataclass of what is shown. Raises errors of the tree."""
    template: str | None
    """The dataclass is ``page`` in it. None: the page is data only."""
    to_document: Callable[[Any], Any]
    """The page as JSON, for the address with ``.json`` behind it."""
    act: Callable[[Call], Redirect | Refused | Shown] | None = None
    """What a POST to the same address does, in a thread."""
    act_role: str = "operator"
    is_part: bool = False
    """Whether it is no page for itself: a script puts what it draws into one."""


class File(NamedTuple):
    """What is handed out to be kept."""

    name: str
    """As it is called where it is kept."""
    media_type: str
    content: bytes | Iterator[bytes]
    """Pieces are made in a thread, while they are sent; what the first one raises is answered as an error."""


class Download(NamedTuple):
    """A file that pages offer."""

    path: str
    """As Starlette writes them."""
    name: str
    """For links."""
    role: str
    """Who may have it."""
    make: Callable[[Call], File]
    """Runs in a thread. Raises errors of the tree."""
