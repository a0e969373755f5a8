"""Where the app is mounted."""

from collections.abc import MutableMapping
from typing import Any, Final

from starlette.requests import HTTPConnection

from .segments import path_as_sent

_BASE: Final = "flowledger.base"


def keep_base(scope: MutableMapping[str, Any]) -> None:
    """Remember the prefix, which routes below lengthen."""
    scope[_BASE] = _told_base(scope)


def keep_segments(scope: MutableMapping[str, Any]) -> None:
    """Let the routes below see the path with its parts still encoded."""
    base, path = _told_base(scope), scope["path"]
    if path != base and not path.startswith(f"{base}/"):
        base = ""  # some servers leave it out
    scope["path"] = base + path_as_sent(path[len(base) :], scope.get("raw_path"))


def base_of(request: HTTPConnection) -> str:
    """The prefix under which the site is mounted: nothing, or such as ``/ops/ledger``."""
    base: str = request.scope[_BASE]
    return base


def _told_base(scope: MutableMapping[str, Any]) -> str:
    base: str = scope.get("root_path", "")
    return base
