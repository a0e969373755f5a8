"""JSON values: checked once at the edge, then read-only and shared.

``freeze`` is the only entry: its result is valid JSON, can't be changed through any reference, and is shared between
snapshots instead of copied. Freezing a frozen value costs nothing.
"""

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from decimal import Decimal
from typing import Any, NoReturn, Self

from ..errors import InvalidValue
from ..visible import quoted
from .conversion import NotJson, convert, convert_key, with_article

MAX_VALUE_BYTES = 64 * 2**20
"""Default limit for one payload, output or metadata value, in bytes of its strings, keys, scalars and containers."""

CONTAINER_BYTES = 16
"""What each object and array counts as: an empty one takes 80 bytes of memory, but has no text to count."""

MAX_DEPTH = 200
"""Levels of nesting. Encoders stop near 254, and an event wraps its value in a few levels of its own."""

PAUSE_KEY = sys.intern("__pause")
"""The key by which a dict that an executor writes down asks for a pause; see ADR 36."""

_PAUSE_KEY_IN_DATA = "".join(("__", "pause"))
"""An equal text that is another object."""

_MIN_INT = -(2**63)
_MAX_INT = 2**64 - 1


def _refuse(_self: Any, *_: object, **__: object) -> NoReturn:
    raise TypeError(
        "this value is part of a recorded history and read-only: copy it first, as in dict(value) or list(value)"
    )


class FrozenDict(dict[str, Any]):
    """A dict that refuses change."""

    __slots__ = ("_size",)
    __setitem__ = __delitem__ = clear = pop = popitem = setdefault = update = __ior__ = _refuse  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return thaw(self)  # type: ignore[no-any-return]

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


class FrozenList(list[Any]):
    """A list that refuses change."""

    __slots__ = ("_size",)
    __setitem__ = __delitem__ = append = clear = extend = insert = pop = remove = reverse = sort = _refuse  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]
    __iadd__ = __imul__ = _refuse  # pyright: ignore[reportAssignmentType]

    def __deepcopy__(self, memo: dict[int, Any]) -> list[Any]:
        return thaw(self)  # type: ignore[no-any-return]

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (list(self),)


def thaw(value: Any) -> Any:
    """A copy of a JSON value that may be changed."""
    if isinstance(value, dict):
        return {key: thaw(item) for key, item in value.items()}
    if isinstance(value, list):
        return [thaw(item) for item in value]
    return value


def refreeze(value: Any) -> Any:
    """Read-only again, after pickling or a deep copy, which make JSON values mutable."""
    if isinstance(value, dict):
        return FrozenDict({key: refreeze(item) for key, item in value.items()})
    if isinstance(value, list):
        return FrozenList([refreeze(item) for item in value])
    return value


def reduce(value: Any, *read_only: str) -> tuple[Any, ...]:
    """What ``__reduce__`` of a frozen dataclass returns; the fields named are read-only JSON, also when it comes back.

    ``__setstate__`` would be shorter, but Python 3.11.0 to 3.11.2 put one of their own in its place.
    """
    return _restore, (type(value), tuple(getattr(value, field.name) for field in fields(value)), read_only)


def _restore(kind: type[Any], values: Sequence[Any], read_only: Sequence[str]) -> Any:
    restored = object.__new__(kind)
    for field, value in zip(fields(kind), values, strict=True):
        object.__setattr__(restored, field.name, refreeze(value) if field.name in read_only else value)
    return restored


class Immutable:
    """An immutable object: its copy is the object itself."""

    __slots__ = ()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self


def freeze(
    value: Any, name: str = "value", limit: int = MAX_VALUE_BYTES, *, converts: bool = True, javascript: bool = False
) -> Any:
    """The value as read-only JSON. Raises InvalidValue with the path (``name.key[3]``) of what isn't JSON or too large.

    Tuples become arrays. Models, dataclasses, times, UUIDs, Decimals and enums become what pydantic's JSON mode makes
    of them, unless ``converts`` is false; nothing else is converted, so no value is lost silently. What can't be dumped
    is InvalidValue as well, whatever it raises. ``javascript``: integers beyond 64 bits are taken where JavaScript
    writes them so, as the doubles that they are there.
    """
    kind = type(value)
    if value is None or kind is bool or ((kind is FrozenDict or kind is FrozenList) and size_of(value) <= limit):
        return value
    if kind is str and value.isascii() and len(value) <= limit:
        return value
    return _Freezer(name, limit, converts, javascript).freeze(value, (), 0)


def size_of(value: Any) -> int:
    """Bytes of the strings, keys, scalars and containers of frozen JSON; remembered, as parts are shared by many."""
    kind = type(value)
    if kind is str:
        return len(value) if value.isascii() else len(value.encode())
    if kind is not FrozenDict and kind is not FrozenList:
        return 1
    try:
        return value._size  # type: ignore[no-any-return]
    except AttributeError:
        size = CONTAINER_BYTES + sum(map(size_of, value.values() if kind is FrozenDict else value))
        if kind is FrozenDict:
            size += sum(map(size_of, value))
        value._size = size
        return size


class _Freezer:
    __slots__ = ("converts", "javascript", "left", "limit", "name")

    def __init__(self, name: str, limit: int, converts: bool, javascript: bool) -> None:
        self.converts = converts
        self.javascript = javascript
        self.name = name
        self.limit = limit
        self.left = limit

    def freeze(self, value: Any, path: tuple[str | int, ...], depth: int) -> Any:
        kind = type(value)
        if kind is str:
            self._spend(len(value), path)
            if not value.isascii():
                self._check_text(value, path)
            return value
        if value is None or kind is bool:
            self._spend(1, path)
            return value
        if kind is int:
            self._spend(1, path)
            if _MIN_INT <= value <= _MAX_INT:
                return value
            if self.javascript and (double := _double_written_as(value)) is not None:
                return double
            raise self._fault(path, "an integer beyond 64 bits; store it as text")
        if kind is float:
            self._spend(1, path)
            if value - value != 0.0:  # true for NaN and for both infinities
                raise self._fault(path, f"{value} is not JSON; use null or text")
            return value
        if kind is FrozenDict or kind is FrozenList:
            self._spend(size_of(value), path)  # shared, not copied, but as large as if it were when it is stored
            return value
        if depth >= MAX_DEPTH:
            raise self._fault(path[:4], f"nested deeper than {MAX_DEPTH} levels, or a value that contains itself")
        # The first questions spare most values the last ones, which cost as much as all else of a small container.
        if kind is dict or (kind is not list and isinstance(value, Mapping)):
            self._spend(CONTAINER_BYTES, path)
            return self._freeze_mapping(value, path, depth)
        if kind is list or isinstance(value, (list, tuple)):
            self._spend(CONTAINER_BYTES, path)
            return FrozenList([self.freeze(item, (*path, index), depth + 1) for index, item in enumerate(value)])
        return self._freeze_other(value, path, depth)

    def _freeze_mapping(self, value: Mapping[Any, Any], path: tuple[str | int, ...], depth: int) -> FrozenDict:
        items: dict[str, Any] = {}
        pairs = self._pairs(value, path)
        for key, item in pairs:
            if not isinstance(key, str):
                key = self._key(key, path)
            self._spend(len(key), path)
            if not key.isascii():
                self._check_text(key, path)
            items[str.__str__(key)] = self.freeze(item, (*path, key), depth + 1)
        if len(items) != len(pairs):
            raise self._fault(path, "two of its keys are the same text")
        if PAUSE_KEY in items:  # from now on it is data, even if an executor wrote it
            items = {(_PAUSE_KEY_IN_DATA if key == PAUSE_KEY else key): item for key, item in items.items()}
        return FrozenDict(items)

    def _pairs(self, value: Mapping[Any, Any], path: tuple[str | int, ...]) -> Collection[tuple[Any, Any]]:
        if type(value) is dict:
            return value.items()
        try:
            return [*value.items()]
        except Exception as error:  # a mapping of the caller's may raise anything
            raise self._fault(path, f"{with_article(value)} can't be read: {type(error).__name__}: {error}") from error

    def _key(self, key: Any, path: tuple[str | int, ...]) -> str:
        try:
            text = convert_key(key) if self.converts else None
        except NotJson as error:
            raise self._fault(path, f"a key is {error}") from error.__cause__
        if text is None:
            raise self._fault(path, f"the key {quoted(key)} is {with_article(key)}; JSON keys are text")
        return text

    def _freeze_other(self, value: Any, path: tuple[str | int, ...], depth: int) -> Any:
        if isinstance(value, str):  # here and below subclasses, such as StrEnum, IntEnum or numpy.float64
            return self.freeze(str.__str__(value), path, depth)
        if isinstance(value, int):
            return self.freeze(int(value), path, depth)
        if isinstance(value, float):
            return self.freeze(float(value), path, depth)
        if not self.converts:
            raise self._fault(path, f"{with_article(value)} is not JSON")
        try:
            converted = convert(value)
        except NotJson as error:
            raise self._fault(path, str(error)) from error.__cause__
        return self.freeze(converted, path, depth + 1)

    def _spend(self, size: int, path: tuple[str | int, ...]) -> None:
        self.left -= size
        if self.left < 0:
            raise self._fault(
                path,
                f"over the limit of {self.limit:,} bytes here; store large data elsewhere and keep its address",
            )

    def _check_text(self, text: str, path: tuple[str | int, ...]) -> None:
        try:
            encoded = text.encode()
        except UnicodeEncodeError as error:
            raise self._fault(
                path, f"a lone surrogate {text[error.start]!r} at character {error.start} is not Unicode text"
            ) from None
        self._spend(len(encoded) - len(text), path)

    def _fault(self, path: tuple[str | int, ...], message: str) -> InvalidValue:
        return InvalidValue(self.name + render_path(path), message)


def _double_written_as(value: int) -> float | None:
    """The double that JavaScript writes as this integer: with as many digits as tell it from others, then zeros."""
    try:
        double = float(value)
        return double if int(Decimal(repr(double))) == value else None
    except OverflowError:
        return None


def render_path(path: tuple[str | int, ...]) -> str:
    """``("a", 3, "b c")`` as ``.a[3]["b c"]``."""
    return "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" if part.isidentifier() else f'["{part}"]' for part in path
    )
