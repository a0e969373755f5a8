"""The events of the store as they come, as server-sent events.

A stream ends by itself before a minute is over, and browsers resume it at the position that they have: so no server is
kept from stopping, whatever it does with open connections.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query
from starlette.requests import Request
from starlette.responses import StreamingResponse

from .....domain.errors import FlowledgerError, InvalidRequest
from .....domain.ports import RecordedEvent
from .....domain.visible import quoted
from ...presentation.documents import event_document, to_json
from ..problems import problem_of
from ..requests import Call
from ..routes import ApiRoute
from ..site import site_of
from ..streams import Streams
from .admission import Viewer

router = APIRouter(tags=["stream"], route_class=ApiRoute)

LONGEST: Final = 55.0
"""Seconds of a stream."""
PING: Final = 15.0
"""Seconds after which a stream says that it is there: proxies close connections on which nothing is said."""

_EVENTS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "It begins", "content": {"text/event-stream": {"schema": {"type": "string"}}}}
}
_BEGIN: Final = "retry: 1000\n\n"
_PING: Final = ": \n\n"
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@router.get("/stream", response_class=StreamingResponse, responses=_EVENTS)
async def follow(
    call: Viewer,
    request: Request,
    after: str | None = None,
    data: Annotated[bool, Query(description="Also what each event holds, not only what happened.")] = False,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """Events behind a position, in order, none left out; without one, what comes from now on.

    The id of each is its position. The stream ends after 55 seconds: go on with the last id, as browsers do.
    """
    place = _position(after if last_event_id is None else last_event_id)
    streams = site_of(request).streams
    streams.refuse_more()
    return StreamingResponse(_events(call, streams, place, data=data), media_type="text/event-stream", headers=_HEADERS)


def _position(text: str | None) -> Any:
    """Raises InvalidRequest."""
    if text is None or text == "now":
        return "now"
    if not text.isascii() or not text.isdigit() or len(text) > _DIGITS:
        raise InvalidRequest(f"after {quoted(text)} is no position: it is the id of the last event that you have")
    return int(text)


_DIGITS: Final = 18


async def _events(call: Call, streams: Streams, after: Any, *, data: bool) -> AsyncIterator[str]:
    yield _BEGIN
    now = asyncio.get_running_loop().time
    end = now() + LONGEST
    async with streams.follow(call.ledger, after) as events:
        while (left := end - now()) > 0:
            try:
                async with asyncio.timeout(min(PING, left)):
                    event = await anext(events)
            except TimeoutError:
                yield _PING
            except StopAsyncIteration:
                return
            except FlowledgerError as error:
                yield f"event: problem\ndata: {to_json(problem_of(error).to_document(), indent=None)}\n\n"
                return
            else:
                yield _told(event, data=data)
                await asyncio.sleep(0)  # a reader that lags gets many at once, and others have their turn


def _told(event: RecordedEvent, *, data: bool) -> str:
    document = event_document(event)
    if not data:
        del document["data"]
    return f"id: {event.position}\ndata: {to_json(document, indent=None)}\n\n"
