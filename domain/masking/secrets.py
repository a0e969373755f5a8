"""Which values in globals are secrets: texts, numbers and bytes, however deep. Nothing is called or consumed."""

import re
from array import array
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import is_dataclass
from datetime import date, time
from decimal import Decimal
from enum import Enum
from io import BytesIO, StringIO
from itertools import islice
from pathlib import PurePath
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import BaseModel, Secret, SecretBytes, SecretStr

from .objects import attributes
from .parts import parts_of

Leaf = str | bytes | int | float
"""An int may be a bool."""

MAX_VALUES = 50_000
"""Values that are visited, level by level. What lies beyond them isn't masked."""

_MAX_OBJECTS_DEEP = 3
"""Objects of a caller's own classes that are looked into, one in the other."""

_LONG_ENOUGH = 4
"""Characters from which a part of a text, or an attribute, is a secret by itself."""

_MAX_BITS = 4096
"""Of a whole number that is shown at all: Python refuses to write larger ones."""


class _Found(NamedTuple):
    value: Any
    is_part: bool
    """Of a text, or of an object: then what is shorter than four characters is no secret, or half of all words were."""
    depth: int
    """Objects around it."""


def leaves(values: Iterable[Any], most: int = MAX_VALUES) -> Iterator[Leaf]:
    """Every text, number and run of bytes in the values, outer ones first."""
    waiting = deque(_Found(value, False, 0) for value in islice(values, most))
    left = most - len(waiting)
    seen: dict[int, Any] = {}  # with the values themselves, so that no address is used twice
    texts: set[str] = set()
    while waiting:
        found = waiting.popleft()
        leaf, inside = None, list[_Found]()
        with suppress(Exception):  # a container or an object of the caller's may raise anything when it is looked at
            value = _plain(found.value)
            leaf = _leaf(value)
            if leaf is not None and found.is_part and (isinstance(leaf, bool) or _length(leaf) < _LONG_ENOUGH):
                leaf = None
            elif isinstance(leaf, str) and leaf not in texts:
                texts.add(leaf)
                inside = [_Found(part, True, found.depth) for part in islice(parts_of(leaf), left)]
            elif leaf is None and id(value) not in seen:
                seen[id(value)] = value
                inside = list(islice(_inside(found._replace(value=value)), left))
        waiting += inside
        left -= len(inside)
        if leaf is not None:
            yield leaf


def _plain(value: Any) -> Any:
    """What a wrapper wraps, and as text what is always written in one way."""
    if type(value) in (str, int, dict, list):  # nearly all
        return value
    if isinstance(value, SecretStr | SecretBytes | Secret):
        value = value.get_secret_value()
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, UUID | Decimal | PurePath):
        return str(value)
    if isinstance(value, StringIO | BytesIO):
        return value.getvalue()
    if isinstance(value, bytearray | memoryview) or (isinstance(value, array) and value.itemsize == 1):
        return bytes(value)
    return value


def _leaf(value: Any) -> Leaf | None:
    """Of subclasses too the value itself, not what they show."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bytes):
        return bytes(value)
    if isinstance(value, int):
        if isinstance(value, bool):
            return value
        return None if int.bit_length(value) > _MAX_BITS else int(value)
    return float(value) if isinstance(value, float) else None


def _length(leaf: Leaf) -> int:
    return len(leaf.strip() if isinstance(leaf, str | bytes) else repr(leaf))


def _inside(found: _Found) -> Iterator[_Found]:
    value, is_part, depth = found
    if isinstance(value, date | time):
        yield from (_Found(text, is_part, depth) for text in (str(value), value.isoformat()))
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not (isinstance(key, str) and _is_name(key)):
                yield _Found(key, True, depth)
            yield _Found(item, is_part, depth)
    elif isinstance(value, Collection) and not isinstance(value, range):
        yield from (_Found(item, is_part, depth) for item in value)
    if isinstance(value, BaseModel):
        fields = {name: getattr(value, name) for name in type(value).model_fields}
        kept = fields | (value.model_extra or {}) | (value.__pydantic_private__ or {})
        yield from (_Found(item, is_part, depth) for item in kept.values())
    elif is_dataclass(value) and not isinstance(value, type):
        yield from (_Found(item, is_part, depth) for item in attributes(value, depth))
    elif depth < _MAX_OBJECTS_DEEP:
        yield from (_Found(item, True, depth + 1) for item in attributes(value, depth))


_NAME = re.compile(r"[A-Za-z]+(?:[_. -][A-Za-z]+)*")
_LONGEST_NAME = 24


def _is_name(key: str) -> bool:
    """Whether a key only says what its value is, as ``password`` does. With a digit in it, it may be a value itself."""
    return len(key) <= _LONGEST_NAME and _NAME.fullmatch(key) is not None
