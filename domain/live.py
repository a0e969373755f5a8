"""Objects that can't be pickled or copied."""

from typing import ClassVar, NoReturn, SupportsIndex


class Unpicklable:
    """A live object: it holds a store, threads or functions, which a copy can't share."""

    __slots__ = ()
    _send_instead: ClassVar[str]
    """What to send to another process instead."""

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> NoReturn:
        raise TypeError(f"{type(self).__name__} can't be pickled or copied: {self._send_instead}")
