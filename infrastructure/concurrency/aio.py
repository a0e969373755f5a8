"""Async twins of the doors' methods: the same signature, the work in a thread of the store's."""

import functools
import inspect
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from types import GenericAlias
from typing import Any, Concatenate, ParamSpec, TypeVar, get_args

from .threads import Threaded, threads_of

_Door = TypeVar("_Door", bound=Threaded)
_Params = ParamSpec("_Params")
_Result = TypeVar("_Result")
_Function = TypeVar("_Function", bound=Callable[..., Any])


def in_thread(
    method: Callable[Concatenate[_Door, _Params], _Result],
) -> Callable[Concatenate[_Door, _Params], Coroutine[Any, Any, _Result]]:
    """The async twin of a method that only reads or writes the store."""

    @functools.wraps(method)
    async def twin(self: _Door, /, *args: _Params.args, **kwargs: _Params.kwargs) -> _Result:
        return await threads_of(self).store.run(method, self, *args, **kwargs)

    return _named_as_twin(twin)


def each_in_thread(
    method: Callable[Concatenate[_Door, _Params], Iterator[_Result]],
) -> Callable[Concatenate[_Door, _Params], AsyncIterator[_Result]]:
    """The async twin of a method that iterates: items are fetched a chunk at a time, in a thread."""

    @functools.wraps(method)
    async def twin(self: _Door, /, *args: _Params.args, **kwargs: _Params.kwargs) -> AsyncIterator[_Result]:
        items = await threads_of(self).store.run(method, self, *args, **kwargs)
        while chunk := await threads_of(self).store.run(_take, items):
            for item in chunk:
                yield item

    signature = inspect.signature(method)
    items_of = GenericAlias(AsyncIterator, get_args(signature.return_annotation))
    twin.__signature__ = signature.replace(return_annotation=items_of)  # type: ignore[attr-defined]
    return _named_as_twin(twin)


def _named_as_twin(twin: _Function) -> _Function:
    """With the name that callers know, which help() and tracebacks show."""
    owner, _, name = twin.__qualname__.rpartition(".")
    twin.__name__ = f"a{name}"
    twin.__qualname__ = f"{owner}.a{name}" if owner else twin.__name__
    return twin


_CHUNK = 100


def _take(items: Iterator[_Result]) -> list[_Result]:
    return list(itertools.islice(items, _CHUNK))
