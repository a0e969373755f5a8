"""Properties that are computed on first access."""

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

_Value = TypeVar("_Value", covariant=True)


class lazy(Generic[_Value]):  # noqa: N801 - a decorator, as property is
    """A property that is computed once and kept; two threads that read it at once may both compute it.

    Not ``functools.cached_property``, which up to Python 3.11 holds one lock for all instances meanwhile: a process
    forked at that moment would wait for it forever.
    """

    def __init__(self, compute: Callable[[Any], _Value]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, owner: None, kind: type[Any]) -> Self: ...
    @overload
    def __get__(self, owner: object, kind: type[Any]) -> _Value: ...
    def __get__(self, owner: object | None, kind: type[Any]) -> Self | _Value:
        if owner is None:
            return self
        value = owner.__dict__[self._name] = self._compute(owner)
        return value
