"""What was shown is recorded before it is: where it can't be recorded, it isn't shown."""

from collections.abc import MutableMapping
from typing import Any, Final

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ....domain.events.channel import acting_through
from ....domain.viewings import Subject
from .mounting import base_of
from .security.authentication import known_principal
from .segments import read_segment
from .site import site_of

_SUBJECTS: Final[dict[str, Subject]] = {"runs": "run", "workflows": "workflow", "bulk": "bulk action"}
_ENDINGS: Final = (".json", ".csv", ".jsonl")
_NEVER: Final = frozenset({"api/stream", "api/health", "api/metrics", "api/openapi", "login", "logout", "preferences"})
"""What shows nothing of what was recorded, or only that something was."""
_SHOWN: Final = range(200, 300)


class RecordsViews:
    """An app whose answers to people who look are on record. A form that is sent is an act, and on record as such."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        path, seen = scope["path"], scope

        async def record_and_send(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in _SHOWN:
                await _record(seen, path)
            await send(message)

        await self._app(scope, receive, record_and_send)


async def _record(scope: MutableMapping[str, Any], path: str) -> None:
    connection = HTTPConnection(scope)
    principal = known_principal(connection)
    below = path.removeprefix(base_of(connection)).strip("/")
    if principal is None or below.startswith("static/"):
        return
    found = viewed_at(below)
    if found is None:
        return
    subject, id = found
    query = scope["query_string"].decode("latin-1")
    address = f"/{below}" + (f"?{query}" if query else "")
    site = site_of(connection)

    def record() -> None:
        with acting_through("api" if below.startswith("api/") else "web"):
            site.viewings.add(subject, id, address, by=principal.name)

    await site.threads.run(record)


def viewed_at(path: str) -> tuple[Subject, str] | None:
    """What a path below the prefix shows: the thing, or else the list, by its name; None for nothing of either."""
    name = _without_ending(path)
    if name in _NEVER:
        return None
    parts = name.removeprefix("api/").split("/")
    if parts[0] in _SUBJECTS and len(parts) > 1:
        return _SUBJECTS[parts[0]], read_segment(parts[1])
    return ("list", "/".join(parts)) if parts[0] else None


def _without_ending(path: str) -> str:
    return next((path.removesuffix(ending) for ending in _ENDINGS if path.endswith(ending)), path)
