"""Job code: the source of each executor as registered in this process, and the distribution it came from."""

import functools
import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from ...domain.events.envelope import Distribution
from ...domain.execution.executors import Executor, ExecutorRegistry, unwrap
from ...domain.values.json import freeze
from ...domain.workflow import JobCode
from ...domain.workflow.definition import WorkflowDefinition
from ...domain.workflow.same_code import same_code
from .distributions import distribution_of
from .source_text import describe_bound, source_of


def job_code(definition: WorkflowDefinition, executors: ExecutorRegistry) -> dict[str, JobCode]:
    """The code of every node type that the definition uses and the registry knows."""
    types = sorted({node.type for node in definition.nodes})
    return {type: code_of(executor) for type in types if (executor := executors.get(type)) is not None}


@functools.lru_cache(maxsize=4096)
def code_of(executor: Executor) -> JobCode:
    """Qualified name, source text where Python finds it, and a digest.

    Cached per executor: the file may change later, the loaded code doesn't.
    """
    name = executor.qualified_name
    function, partials = unwrap(executor.function)
    bound = "".join(map(describe_bound, partials))
    found = distribution_of(getattr(function, "__module__", None))
    installed = {} if found is None else {"distribution": found}
    try:
        source = source_of(function, is_bound=bool(partials)) + bound
    except (OSError, TypeError):
        return cast("JobCode", freeze({"name": name, "digest": _digest(name + bound), **installed}))
    return cast("JobCode", freeze({"name": name, "digest": _digest(source), **installed, "source": source}))


class KnownCode(NamedTuple):
    """Recorded code, by node type."""

    digests: Mapping[str, str] = {}
    distributions: Mapping[str, Distribution] = {}


def has_changed(type: str, now: JobCode, known: KnownCode, sources: Mapping[str, str]) -> bool | None:
    """Whether it isn't the recorded code any more, or came from another distribution; None: none is recorded.

    ``sources`` are recorded ones by their digests: another text may be the same code.
    """
    digest = known.digests.get(type)
    if digest is None:
        return None
    is_same = digest == now["digest"] or same_code(sources.get(digest), now.get("source"))
    return not (is_same and _is_installed_alike(type, now, known))


def _is_on_record(type: str, now: JobCode, known: KnownCode) -> bool:
    """Whether the text of its source is known already, and that it came from this distribution."""
    return known.digests.get(type) == now["digest"] and _is_installed_alike(type, now, known)


def _is_installed_alike(type: str, now: JobCode, known: KnownCode) -> bool:
    installed = known.distributions.get(type)
    return installed is None or installed == now.get("distribution")


def code_now(definition: WorkflowDefinition, executors: ExecutorRegistry | None, known: KnownCode) -> dict[str, Any]:
    """The keys of a run's event about the code that executes it from here on, each by node type.

    ``code``: digests. ``distributions``: where the executors came from. ``drifted``: the source of code whose digest
    or distribution differs from the known one, or whose digest isn't known.
    """
    code = job_code(definition, executors) if executors is not None else {}
    found: dict[str, Any] = {"code": {type: now["digest"] for type, now in code.items()}}
    installed = {type: now["distribution"] for type, now in code.items() if "distribution" in now}
    if installed:
        found["distributions"] = installed
    drifted = {
        type: now.get("source", now["name"]) for type, now in code.items() if not _is_on_record(type, now, known)
    }
    return found | {"drifted": drifted} if drifted else found


def changed_types(
    definition: WorkflowDefinition,
    executors: ExecutorRegistry | None,
    known: KnownCode,
    sources: Mapping[str, str],
) -> frozenset[str]:
    """The node types whose code has changed, or isn't recorded."""
    code = job_code(definition, executors) if executors is not None else {}
    return frozenset(type for type, now in code.items() if has_changed(type, now, known, sources) is not False)


def known_code(saved: Mapping[str, JobCode]) -> KnownCode:
    """The code that a save recorded."""
    distributions = {type: code["distribution"] for type, code in saved.items() if "distribution" in code}
    return KnownCode({type: code["digest"] for type, code in saved.items()}, distributions)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()
