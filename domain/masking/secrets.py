"""What in globals is a secret: texts, numbers and bytes, however deep. Nothing is called, nothing consumed."""

import json
import re
from array import array
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from datetime import date, time
from decimal import Decimal
from enum import Enum
from functools import partial
from itertools import islice
from pathlib import PurePath
from types import BuiltinMethodType, FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any, NamedTuple
from urllib.parse import unquote
from uuid import UUID

from pydantic import BaseModel, Secret, SecretBytes, SecretStr

Leaf = str | bytes | int | float

MAX_VALUES = 50_000
"""Values that are looked at, level by level. What lies behind them isn't masked."""

_MAX_OBJECTS_DEEP = 3
"""Objects of a caller's own classes that are looked into, one in the other."""

_LONG_ENOUGH = 4
"""Characters from which a part of a text, or an attribute, is a secret by itself."""

_MAX_SETTINGS = 16 * 1024
"""Characters up to which a text is searched for passwords and tokens in it."""

_MAX_JSON = 4 * 2**20
"""Characters up to which a text is read as JSON."""

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
    while waiting:
        found = waiting.popleft()
        value = _plain(found.value)
        if isinstance(value, str | bytes | int | float):
            leaf = _leaf(value)
            if leaf is None or (found.is_part and _length(leaf) < _LONG_ENOUGH):
                continue
            yield leaf
            if not isinstance(leaf, str):
                continue
            inside: Iterable[_Found] = (_Found(part, True, found.depth) for part in _parts(leaf))
        elif id(value) in seen:
            continue
        else:
            seen[id(value)] = value
            inside = _inside(found._replace(value=value))
        with suppress(Exception):  # a container or an object of the caller's may raise anything
            for further in islice(inside, left):
                waiting.append(further)
                left -= 1


def _plain(value: Any) -> Any:
    """What a wrapper wraps, and as text what is always written in one way."""
    if isinstance(value, SecretStr | SecretBytes | Secret):
        value = value.get_secret_value()
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, UUID | Decimal | PurePath):
        return str(value)
    if isinstance(value, bytearray | memoryview) or (isinstance(value, array) and value.itemsize == 1):
        return bytes(value)
    return value


def _leaf(value: str | bytes | float) -> Leaf | None:
    """Of subclasses too the value itself, not what they show. True and false tell nothing."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value) if int.bit_length(value) <= _MAX_BITS else None
    return bytes(value) if isinstance(value, bytes) else float(value)


def _length(leaf: Leaf) -> int:
    return len(leaf.strip() if isinstance(leaf, str | bytes) else repr(leaf))


def _inside(found: _Found) -> Iterator[_Found]:
    value, is_part, depth = found
    if isinstance(value, date | time):
        yield from (_Found(text, is_part, depth) for text in (str(value), value.isoformat()))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if not (isinstance(key, str) and _is_name(key)):
                yield _Found(key, True, depth)
            yield _Found(item, is_part, depth)
    elif isinstance(value, Collection):
        yield from (_Found(item, is_part, depth) for item in value)
    elif isinstance(value, BaseModel):
        named = {name: getattr(value, name) for name in type(value).model_fields}
        yield from (_Found(item, is_part, depth) for item in (named | (value.model_extra or {})).values())
    elif is_dataclass(value) and not isinstance(value, type):
        yield from (_Found(getattr(value, field.name, None), is_part, depth) for field in fields(value))
    elif depth < _MAX_OBJECTS_DEEP:
        yield from (_Found(item, True, depth + 1) for item in _attributes(value))


_NAME = re.compile(r"[A-Za-z]+(?:[_. -][A-Za-z]+)*")
_LONGEST_NAME = 24


def _is_name(key: str) -> bool:
    """Whether a key only says what its value is, as ``password`` does. With a digit in it, it may be a value itself."""
    return len(key) <= _LONGEST_NAME and _NAME.fullmatch(key) is not None


def _attributes(value: Any) -> Iterable[Any]:
    """What the object keeps in itself, its properties left alone. Classes and modules keep nothing of a caller's."""
    if isinstance(value, type | ModuleType):
        return ()
    if isinstance(value, FunctionType):
        kept = (value.__defaults__ or (), (value.__kwdefaults__ or {}).values(), _enclosed(value))
        return [item for items in kept for item in items]
    if isinstance(value, MethodType | BuiltinMethodType):
        return (value.__self__,)
    if isinstance(value, partial):
        return (value.func, value.args, value.keywords)
    return [*getattr(value, "__dict__", {}).values(), *_slots(value)]


def _enclosed(function: FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        with suppress(ValueError):  # it is empty
            yield cell.cell_contents


def _slots(value: Any) -> Iterator[Any]:
    for kind in type(value).__mro__:
        if "__slots__" in vars(kind):
            for slot in vars(kind).values():
                if isinstance(slot, MemberDescriptorType):
                    with suppress(AttributeError):  # nothing was put there
                        yield slot.__get__(value)


# --- parts of texts ---------------------------------------------------------------------------------------------------

_SETTINGS = (
    re.compile(r"://[^\s/@:]{0,999}:([^\s/?#]{1,999})@"),  # the password in a URL
    re.compile(r"://[^\s/@:]{0,999}:(\S{1,999})@"),  # the same with a slash in it, which should have been encoded
    re.compile(r"://([^\s/?#@:]{8,999})@"),  # a user without a password is a token
    re.compile(
        r"(?:pass|pwd|secret|token|key|sig|auth|cred)[\w.-]{0,40}\s{0,8}=\s{0,8}"
        r"""(?:'((?:[^'\\]|\\.){1,999})'|"((?:[^"\\]|\\.){1,999})"|([^\s;&,'"]{1,999}))""",
        re.IGNORECASE,
    ),
)


def _parts(text: str) -> Iterator[Any]:
    """What a text of several parts hides: the password in a URL, settings such as ``token=…``, all of a JSON text."""
    if len(text) <= _MAX_SETTINGS and ("://" in text or "=" in text):
        for setting in _SETTINGS:
            for found in setting.finditer(text):
                part = next(filter(None, found.groups()))
                yield from {part, unquote(part)}
    if text.lstrip()[:1] in ("{", "[", '"') and len(text) <= _MAX_JSON:
        with suppress(ValueError, RecursionError):  # it only looks like JSON
            yield json.loads(text)
