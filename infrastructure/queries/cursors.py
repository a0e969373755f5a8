"""Cursors for keyset pagination: opaque text that callers pass back, valid for the filters it was made with."""

import base64
from binascii import Error
from collections.abc import Callable, Hashable, Sequence
from hashlib import sha256
from typing import TypeVar

import orjson

from ...domain.errors import InvalidRequest
from ...domain.visible import quoted
from ...projections.index.query import Place
from ...projections.pagination import Page

T = TypeVar("T")


def make_page(rows: Sequence[T], limit: int, place: Callable[[T], Place], filters: Hashable) -> Page[T]:
    """A page of at most ``limit`` rows; if there is one row more, another page follows."""
    following = make_cursor(place(rows[limit - 1]), filters) if len(rows) > limit else None
    return Page(tuple(rows[:limit]), following)


def make_cursor(place: Place, filters: Hashable) -> str:
    """The cursor of the rows after a place."""
    text = orjson.dumps([place.time, place.position, _digest_filters(filters)])
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def parse_cursor(after: str | None, filters: Hashable) -> Place | None:
    """The place of a cursor. Raises InvalidRequest for a text that is no cursor, or one made with other filters."""
    if after is None:
        return None
    try:
        time, position, mark = orjson.loads(base64.b64decode(after + "=" * (-len(after) % 4), b"-_", validate=True))
        if not all(type(number) is int and number.bit_length() < 64 for number in (time, position)):
            raise ValueError(time, position)
    except (Error, ValueError, TypeError) as error:
        raise not_a_cursor(after) from error
    if mark != _digest_filters(filters):
        raise InvalidRequest("this cursor was made with other filters: pass the same ones, or begin without a cursor")
    return Place(time, position)


def not_a_cursor(after: object) -> InvalidRequest:
    """What is raised for a text that no page gave."""
    return InvalidRequest(
        f"after {quoted(after)} is no cursor: pass the .next of a page, as it is, or nothing for the first page"
    )


def _digest_filters(filters: Hashable) -> str:
    return sha256(repr(filters).encode(errors="backslashreplace")).hexdigest()[:8]
