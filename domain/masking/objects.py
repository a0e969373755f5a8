"""What objects of a caller's own classes hold. None of their methods is called, no property read."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from types import BuiltinMethodType, FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any

_MACHINERY = frozenset(
    ("asyncio", "concurrent", "importlib", "logging", "multiprocessing", "selectors", "socket", "ssl", "threading")
)
"""Modules of Python whose objects hold no secret, but the names of everything."""


def attributes(value: Any, depth: int) -> Iterable[Any]:
    """The values of its attributes and slots; what a callable that was put together from others holds on to.

    Of what is in no other object (``depth`` 0) also what its class defines as data, as a class of settings does.
    """
    if isinstance(value, type):
        return () if depth else _class_data(value)
    if isinstance(value, FunctionType):
        defaults = (*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values())
        return (*defaults, *_enclosed(value), *vars(value).values())
    if isinstance(value, MethodType | BuiltinMethodType):
        return (value.__self__,)
    if isinstance(value, partial):
        return (value.func, value.args, value.keywords)
    if isinstance(value, ModuleType) or type(value).__module__.partition(".")[0] in _MACHINERY:
        return ()
    arguments = value.args if isinstance(value, BaseException) else ()
    shared = () if depth else _class_data(type(value))
    return (*arguments, *getattr(value, "__dict__", {}).values(), *_slots(value), *shared)


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


def _class_data(kind: type) -> Iterator[Any]:
    if kind.__module__.partition(".")[0] in sys.stdlib_module_names:
        return
    for name, item in vars(kind).items():
        if not name.startswith("__") and isinstance(item, str | bytes | list | tuple | dict):
            yield item
