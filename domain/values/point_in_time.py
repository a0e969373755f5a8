"""Points in the history of a stream: a version, a time, or the latest."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..errors import InvalidRequest
from ..visible import quoted
from .clock import micros


@dataclass(frozen=True, slots=True)
class AtVersion:
    """After the first ``version`` events."""

    version: int


@dataclass(frozen=True, slots=True)
class AsOf:
    """After the longest prefix of events that were all recorded by then."""

    time: datetime


@dataclass(frozen=True, slots=True)
class Latest:
    """After all events."""


Moment = AtVersion | AsOf | Latest


def parse_moment(version: Any, at: Any) -> Moment:
    """The moment that a caller asks for. Raises InvalidRequest for both at once, a wrong type or a naive datetime."""
    if version is not None and at is not None:
        raise InvalidRequest("give a version or a time, not both")
    if version is not None:
        if type(version) is not int:
            raise InvalidRequest(f"version {quoted(version)} is not a whole number")
        return AtVersion(version)
    if at is not None:
        if not isinstance(at, datetime):
            raise InvalidRequest(f"at {quoted(at)} is not a datetime")
        micros(at)
        return AsOf(at)
    return Latest()
