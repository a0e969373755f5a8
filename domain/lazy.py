"""Properties that are worked out when somebody asks for them first."""

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

_Value = TypeVar("_Value", covariant=True)


class lazy(Generic[_Value]):  # noqa: N801 - a decorator, as property is
    """A property that is worked out once and kept; two threads that ask at once may both work it out.

    Not ``functools.cached_property``, which up to Python 3.11 holds one lock for all instances meanwhile: a process
    forked at such a moment would wait for it for ever.
    """

    def __init__(self, work_out: Callable[[Any], _Value]) -> None:
        self._work_out = work_out
        self._name = work_out.__name__
        self.__doc__ = work_out.__doc__

    @overload
    def __get__(self, owner: None, kind: type[Any]) -> Self: ...
    @overload
    def __get__(self, owner: object, kind: type[Any]) -> _Value: ...
    def __get__(self, owner: object | None, kind: type[Any]) -> Self | _Value:
        if owner is None:
            return self
        value = owner.__dict__[self._name] = self._work_out(owner)
        return value
