"""Async variants of the services' methods: the same signature, run in a thread of the store's pool."""

import functools
import inspect
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from types import GenericAlias
from typing import Any, Concatenate, ParamSpec, TypeVar, get_args

from .threads import HasThreads, threads_of

_Owner = TypeVar("_Owner", bound=HasThreads)
_Params = ParamSpec("_Params")
_Result = TypeVar("_Result")
_Function = TypeVar("_Function", bound=Callable[..., Any])


def run_in_thread(
    method: Callable[Concatenate[_Owner, _Params], _Result],
) -> Callable[Concatenate[_Owner, _Params], Coroutine[Any, Any, _Result]]:
    """The async variant of a method that only reads or writes the store."""

    @functools.wraps(method)
    async def variant(self: _Owner, /, *args: _Params.args, **kwargs: _Params.kwargs) -> _Result:
        return await threads_of(self).store.run(method, self, *args, **kwargs)

    return _name_variant(variant)


def iterate_in_thread(
    method: Callable[Concatenate[_Owner, _Params], Iterator[_Result]],
) -> Callable[Concatenate[_Owner, _Params], AsyncIterator[_Result]]:
    """The async variant of a method that iterates: items are fetched in chunks, in a thread."""

    @functools.wraps(method)
    async def variant(self: _Owner, /, *args: _Params.args, **kwargs: _Params.kwargs) -> AsyncIterator[_Result]:
        items = await threads_of(self).store.run(method, self, *args, **kwargs)
        while chunk := await threads_of(self).store.run(_take, items):
            for item in chunk:
                yield item

    signature = inspect.signature(method)
    items_of = GenericAlias(AsyncIterator, get_args(signature.return_annotation))
    variant.__signature__ = signature.replace(return_annotation=items_of)  # type: ignore[attr-defined]
    return _name_variant(variant)


def _name_variant(variant: _Function) -> _Function:
    """Give it the public name, which help() and tracebacks show."""
    owner, _, name = variant.__qualname__.rpartition(".")
    variant.__name__ = f"a{name}"
    variant.__qualname__ = f"{owner}.a{name}" if owner else variant.__name__
    return variant


_CHUNK = 100


def _take(items: Iterator[_Result]) -> list[_Result]:
    return list(itertools.islice(items, _CHUNK))
