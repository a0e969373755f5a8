"""Callables in globals whose answers are masked as well."""

import inspect
from collections.abc import Callable, Coroutine
from functools import lru_cache
from typing import Any

Hear = Callable[[Any], None]
"""Takes note of an answer."""


def observe_answers(value: Any, add_answer: Hear) -> Any:
    """A callable that does what ``value`` does, and lets its answers be heard; anything else, also a class, as it is.

    It passes for the callable itself (``isinstance``, ``==``, attributes, special methods, pickling), though it is
    another object. Of a coroutine, what is awaited is heard.
    """
    if not callable(value) or isinstance(value, type):
        return value
    kind: type = type(value)
    return _listener_of(kind)(value, add_answer)


class _Listener:
    __slots__ = ("__weakref__", "_hear", "_heard")

    def __init__(self, heard: Any, add_answer: Hear) -> None:
        object.__setattr__(self, "_heard", heard)
        object.__setattr__(self, "_hear", add_answer)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        answer = object.__getattribute__(self, "_heard")(*args, **kwargs)
        add_answer = object.__getattribute__(self, "_hear")
        if inspect.iscoroutine(answer):
            return _heard_later(answer, add_answer)
        add_answer(answer)
        return answer

    def __getattribute__(self, name: str) -> Any:
        if name == "__reduce_ex__":  # pickle asks the object for it, not its class
            return object.__getattribute__(self, name)
        return getattr(object.__getattribute__(self, "_heard"), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(object.__getattribute__(self, "_heard"), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(object.__getattribute__(self, "_heard"), name)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _same, (object.__getattribute__(self, "_heard"),)


def _same(value: Any) -> Any:
    return value


async def _heard_later(answer: Coroutine[Any, Any, Any], add_answer: Hear) -> Any:
    result = await answer
    add_answer(result)
    return result


@lru_cache
def _listener_of(kind: type) -> type[_Listener]:
    """A class with the special methods of this one, which Python looks up in classes alone."""
    special = {
        name: _forwarding(name)
        for name in dir(kind)
        if name.startswith("__") and name not in _OWN and callable(getattr(kind, name, None))
    }
    return type(kind.__name__, (_Listener,), special)


_OWN = frozenset({*vars(_Listener), "__new__", "__class__", "__init_subclass__", "__subclasshook__", "__del__"})


def _forwarding(name: str) -> Callable[..., Any]:
    def forward(self: _Listener, *args: Any, **kwargs: Any) -> Any:
        return getattr(object.__getattribute__(self, "_heard"), name)(*args, **kwargs)

    return forward
