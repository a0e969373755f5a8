"""Callables in globals whose answers are masked as well."""

import inspect
from collections.abc import Callable, Coroutine
from functools import lru_cache
from typing import Any

Observe = Callable[[Any], None]
"""Is called with each answer."""


def observe_answers(value: Any, observe: Observe) -> Any:
    """A proxy of a callable whose answers are passed to ``observe``; anything else, also a class, is returned as it is.

    The proxy passes for the callable itself (``isinstance``, ``==``, attributes, special methods, pickling), though it
    is another object. Of a coroutine, the awaited result is observed.
    """
    if not callable(value) or isinstance(value, type):
        return value
    kind: type = type(value)
    return _observed_class(kind)(value, observe)


class _ObservedCallable:
    __slots__ = ("__weakref__", "_observe", "_target")

    def __init__(self, target: Any, observe: Observe) -> None:
        object.__setattr__(self, "_target", target)
        object.__setattr__(self, "_observe", observe)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        answer = object.__getattribute__(self, "_target")(*args, **kwargs)
        observe = object.__getattribute__(self, "_observe")
        if inspect.iscoroutine(answer):
            return _observe_later(answer, observe)
        observe(answer)
        return answer

    def __getattribute__(self, name: str) -> Any:
        if name == "__reduce_ex__":  # pickle asks the object for it, not its class
            return object.__getattribute__(self, name)
        return getattr(object.__getattribute__(self, "_target"), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(object.__getattribute__(self, "_target"), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(object.__getattribute__(self, "_target"), name)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _identity, (object.__getattribute__(self, "_target"),)


def _identity(value: Any) -> Any:
    return value


async def _observe_later(answer: Coroutine[Any, Any, Any], observe: Observe) -> Any:
    result = await answer
    observe(result)
    return result


@lru_cache
def _observed_class(kind: type) -> type[_ObservedCallable]:
    """A proxy class with the special methods of ``kind``: Python looks these up in the class alone."""
    special = {
        name: _forward_to_target(name)
        for name in dir(kind)
        if name.startswith("__") and name not in _OWN and callable(getattr(kind, name, None))
    }
    return type(kind.__name__, (_ObservedCallable,), special)


_OWN = frozenset({*vars(_ObservedCallable), "__new__", "__class__", "__init_subclass__", "__subclasshook__", "__del__"})


def _forward_to_target(name: str) -> Callable[..., Any]:
    def forward(self: _ObservedCallable, *args: Any, **kwargs: Any) -> Any:
        return getattr(object.__getattribute__(self, "_target"), name)(*args, **kwargs)

    return forward
