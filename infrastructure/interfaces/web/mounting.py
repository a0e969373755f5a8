"""Where the app is mounted."""

from collections.abc import MutableMapping
from typing import Any, Final

from starlette.requests import HTTPConnection

_BASE: Final = "flowledger.base"


def keep_base(scope: MutableMapping[str, Any]) -> None:
    """Remember the prefix, which routes below lengthen."""
    scope[_BASE] = scope.get("root_path", "")


def base_of(request: HTTPConnection) -> str:
    """The prefix under which the site is mounted: nothing, or such as ``/ops/ledger``."""
    base: str = request.scope[_BASE]
    return base
