"""Job code: the source behind each executor, as it is registered in this process."""

import functools
import hashlib
import inspect
from collections.abc import Callable
from typing import Any, cast

from ...domain.definition import WorkflowDefinition
from ...domain.executors import Executor, ExecutorRegistry
from ...domain.jsonvalue import freeze
from ...domain.workflow import JobCode


def job_code(definition: WorkflowDefinition, executors: ExecutorRegistry) -> dict[str, JobCode]:
    """The code of every node type that the definition uses and the registry knows."""
    types = sorted({node.type for node in definition.nodes})
    return {type: code_of(executor) for type in types if (executor := executors.get(type)) is not None}


@functools.lru_cache(maxsize=4096)
def code_of(executor: Executor) -> JobCode:
    """Qualified name, source text where Python can tell it, and a digest.

    Read once per executor, when first asked: the file may change later, what was loaded doesn't.
    """
    name = executor.qualified_name
    function, bound = _unwrapped(executor.function)
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        return cast("JobCode", freeze({"name": name, "digest": _digest(name + bound)}))
    return cast("JobCode", freeze({"name": name, "digest": _digest(source + bound), "source": source + bound}))


def _unwrapped(function: Callable[..., Any]) -> tuple[Any, str]:
    """What was written down, below decorators and partials, and the arguments that the partials bind, as a comment."""
    bound = ""
    while True:
        function = inspect.unwrap(function)
        if not isinstance(function, functools.partial):
            return (function if inspect.isroutine(function) else type(function)), bound
        bound += f"# bound: {function.args!r} {function.keywords!r}\n"
        function = function.func


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()
