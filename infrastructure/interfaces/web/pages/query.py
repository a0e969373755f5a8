"""Reading what an address asks for. What can't be read is refused, by name; what isn't known, too."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

from .....domain.errors import InvalidRequest
from .....domain.visible import quoted

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams


Word = TypeVar("Word", bound=str)


def check_names(query: QueryParams, known: Collection[str]) -> None:
    """Raises InvalidRequest for a parameter that the page doesn't have: left out, it would list too much."""
    for name in query:
        if name not in known:
            raise InvalidRequest(f"this page has no filter {quoted(name)}: it has {', '.join(sorted(known))}")


def text(query: Mapping[str, str], name: str) -> str | None:
    """The value of a parameter; None where it is left out or empty, as a form sends it."""
    return query.get(name) or None


def texts(query: QueryParams, name: str) -> tuple[str, ...]:
    """All values of a parameter, those that are empty left out."""
    return tuple(filter(None, query.getlist(name)))


def flag(query: Mapping[str, str], name: str) -> bool | None:
    """``yes`` or ``no``. Raises InvalidRequest."""
    value = text(query, name)
    if value not in (None, "yes", "no"):
        raise InvalidRequest(f"{name} {quoted(value)} is neither yes nor no")
    return None if value is None else value == "yes"


def whole(query: Mapping[str, str], name: str, default: int) -> int:
    """A whole number. Raises InvalidRequest."""
    value = text(query, name)
    if value is None:
        return default
    if not value.isascii() or not value.isdigit() or len(value) > _DIGITS:
        raise InvalidRequest(f"{name} {quoted(value)} is no whole number")
    return int(value)


_DIGITS = 18


def one_of(query: Mapping[str, str], name: str, words: Iterable[Word], default: Word) -> Word:
    """One of some words. Raises InvalidRequest."""
    value = text(query, name) or default
    for word in (known := tuple(words)):
        if word == value:
            return word
    raise InvalidRequest(f"{name} {quoted(value)} is none of {', '.join(known)}")
