"""Objects with fields that are read on first access."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from .json import Immutable


class PartlyRead(Immutable):
    """A class with slots whose ``_READ_LATE`` may be unset: the first access to one of them sets them all.

    ``_unread`` is the function that sets the fields, and its argument, a place.
    """

    __slots__ = ("_unread",)
    _READ_LATE: ClassVar[tuple[str, ...]] = ()
    _unread: tuple[Callable[[Any, int], None], int]

    if not TYPE_CHECKING:  # where it would make every name an attribute

        def __getattr__(self, name: str) -> Any:
            # Called only for a name that the class doesn't have, or for a field that is still unread.
            kind = type(self)
            if name not in kind._READ_LATE:
                raise AttributeError(f"a {kind.__name__} has no {name!r}: it has {', '.join(kind.__slots__)}")
            read, place = self._unread
            read(self, place)
            return getattr(self, name)
