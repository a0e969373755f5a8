"""Job code: the source behind each executor, as it is registered in this process."""

import functools
import hashlib
import inspect

from ...domain.definition import WorkflowDefinition
from ...domain.executors import Executor, ExecutorRegistry
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
    try:
        source = inspect.getsource(inspect.unwrap(executor.function))
    except (OSError, TypeError):
        return {"name": name, "digest": hashlib.sha256(name.encode()).hexdigest()}
    return {"name": name, "digest": hashlib.sha256(source.encode()).hexdigest(), "source": source}
