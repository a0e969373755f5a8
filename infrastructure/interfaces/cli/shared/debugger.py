"""A debugger that stops at the first line of an executor."""

import asyncio
import importlib
import inspect
import os
import sys
from bdb import BdbQuit
from collections.abc import Awaitable, Callable
from functools import partial
from types import CodeType, FrameType
from typing import Any

from .....domain.errors import InvalidRequest
from .....domain.execution.executors import Executor, StepContext
from .....domain.execution.step import Executed, Raised, Returned
from .....domain.execution.step_loop import run_executor

_DEFAULT = "pdb.set_trace"


def debug(executor: Executor, step: StepContext) -> Executed | None:
    """Run an executor under the debugger that ``breakpoint()`` would open; None when its user quits.

    That is pdb, or what PYTHONBREAKPOINT names; with PYTHONBREAKPOINT=0 nothing stops. Raises InvalidRequest where
    that can't be imported, or the executor has no line of Python to stop at.
    """
    _check_debugger(os.environ.get("PYTHONBREAKPOINT") or _DEFAULT)
    sys.settrace(_stop_at(_code_of(executor)))
    try:
        outcome = run_executor(executor, step, _complete)
    finally:
        sys.settrace(None)
    return None if isinstance(outcome, Raised) and isinstance(outcome.error, BdbQuit) else outcome


def _stop_at(code: CodeType) -> Callable[[FrameType, str, Any], None]:
    def tracer(frame: FrameType, event: str, _argument: Any) -> None:
        if event == "call" and frame.f_code is code:
            sys.settrace(None)
            # The hook takes the frame that called its caller for the one to stop in: this is the executor's, and it
            # stands before its first line.
            sys.breakpointhook()

    return tracer


def _code_of(executor: Executor) -> CodeType:
    function: Any = executor.function
    while isinstance(function, partial) or inspect.unwrap(function) is not function:
        function = function.func if isinstance(function, partial) else inspect.unwrap(function)
    if not inspect.isroutine(function):
        function = type(function).__call__
    code = getattr(inspect.unwrap(function), "__code__", None)
    if not isinstance(code, CodeType):
        raise InvalidRequest(
            f"the executor of type {executor.type!r}, {executor.qualified_name}, is no Python code: "
            "there is no line of it to stop at"
        )
    return code


def _complete(awaitable: Awaitable[Any]) -> Executed:
    async def complete() -> Executed:
        return Returned(await awaitable)

    return asyncio.run(complete())


def _check_debugger(name: str) -> None:
    """Raises InvalidRequest for a debugger that can't be imported; Python itself only warns."""
    if name == "0":
        return
    module, _, function = name.rpartition(".")
    try:
        getattr(importlib.import_module(module or "builtins"), function)
    except (ImportError, AttributeError) as error:
        raise InvalidRequest(f"PYTHONBREAKPOINT names {name!r}, which can't be imported: {error}") from error
