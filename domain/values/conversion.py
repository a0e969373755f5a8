"""What applications have instead of JSON: models, dataclasses, times, numbers as text, enums.

Each is converted as pydantic's JSON mode does, one level at a time; ``freeze`` goes on with the parts. What would lose
something on the way, or have another text in another process, is refused.
"""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from pydantic import BaseModel, TypeAdapter

_TEXTS = (date, time, timedelta, UUID, Decimal)
"""What becomes one text; a datetime is a date."""

_ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)

_INSTEAD = {
    "Answer": "; return its payload: step.answer.payload",
    "bytes": "; use base64 text",
    "bytearray": "; use base64 text",
    "set": "; use a sorted list",
    "frozenset": "; use a sorted list",
}

_OURS = __name__.partition(".")[0] + "."


class NotJson(ValueError):
    """Why a value can't be kept, in words that follow its path."""


def convert(value: object) -> Any:
    """JSON for a value that isn't; the parts of it may have to be converted as well. Raises NotJson.

    A model, or a dataclass of pydantic's, is dumped as it says itself; another dataclass becomes its fields.
    """
    if isinstance(value, BaseModel):
        return _read(value, "be dumped as JSON", lambda: value.model_dump(mode="json"))
    if isinstance(value, Enum):
        return _read(value, "be read", lambda: value.value)
    if isinstance(value, _TEXTS):
        _refuse_loss(value)
        return _read(value, "be dumped as JSON", lambda: _ANYTHING.dump_python(value, mode="json"))
    kind = type(value)
    if is_dataclass(kind) and not kind.__module__.startswith(_OURS):
        if hasattr(kind, "__pydantic_serializer__"):
            adapter: TypeAdapter[Any] = TypeAdapter(kind)
            return _read(value, "be dumped as JSON", lambda: adapter.dump_python(value, mode="json"))
        return _read(value, "be read", lambda: {one.name: getattr(value, one.name) for one in fields(kind)})
    raise NotJson(f"{with_article(value)} is not JSON{_INSTEAD.get(kind.__name__, '')}")


def convert_key(key: object) -> str | None:
    """The text of a key that has one of its own; None for any other, such as a number. Raises NotJson."""
    text = convert(key) if isinstance(key, (Enum, *_TEXTS)) else None
    return text if isinstance(text, str) else None


def with_article(value: object) -> str:
    """``a Decimal``, ``an object``: the value's type in a sentence."""
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def _refuse_loss(value: object) -> None:
    """Raises NotJson for what JSON has no text for, or whose text says less than it does."""
    if isinstance(value, Decimal) and not value.is_finite():
        raise NotJson(f"{value} is not JSON; use null or text")
    if isinstance(value, datetime | time):
        offset = _read(value, "be read", value.utcoffset)
        if offset is None and (isinstance(value, datetime) or value.tzinfo is not None):
            raise NotJson(
                f"{with_article(value)} without a time zone, so nobody knows which moment it means; "
                "give it one, as in datetime.now(UTC)"
                if isinstance(value, datetime)
                else f"{with_article(value)} whose time zone depends on a date; use a datetime"
            )
        if offset is not None and offset % timedelta(minutes=1):
            raise NotJson(f"{with_article(value)} whose offset from UTC has seconds; use .astimezone(UTC)")


def _read(value: object, purpose: str, read: Callable[[], Any]) -> Any:
    """The result of ``read``, which runs the caller's code: that may raise anything."""
    try:
        return read()
    except Exception as error:
        raise NotJson(f"{with_article(value)} that can't {purpose}: {type(error).__name__}: {error}") from error
