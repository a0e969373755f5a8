"""What is no value."""

from typing import ClassVar, NoReturn, SupportsIndex


class Unpicklable:
    """Something that works here and now: it holds a store, threads or functions, which no copy could have as well."""

    __slots__ = ()
    _send_instead: ClassVar[str]
    """What to send to another process in its place."""

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> NoReturn:
        raise TypeError(f"{type(self).__name__} can't be pickled or copied: {self._send_instead}")
