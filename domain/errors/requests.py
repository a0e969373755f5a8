"""The call itself is wrong."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..visible import quoted, visible
from .base import InvalidRequest


class Fault(NamedTuple):
    """One thing that is wrong with a definition: where (a path such as ``edges[2].target``) and what."""

    path: str
    message: str

    def __str__(self) -> str:
        return visible(f"{self.path}: {self.message}")


class InvalidDefinition(InvalidRequest):
    """A workflow definition breaks its rules. ``faults`` lists every one of them, the message the first hundred."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(faults)
        count = f"{len(self.faults):,} faults" if len(self.faults) != 1 else "1 fault"
        lines = [f"  - {_ends_of(str(fault), _FAULT_TEXT)}" for fault in self.faults[:_FAULTS_LISTED]]
        more = len(self.faults) - len(lines)
        lines += [f"  - {more:,} more, all in .faults"] if more else []
        super().__init__(f"invalid workflow definition, {count}:\n" + "\n".join(lines))


_FAULTS_LISTED = 100

_FAULT_TEXT = 1000

"""Characters of a fault in the message."""


def _ends_of(text: str, limit: int) -> str:
    """The text, or beginning and end of one that has over ``limit`` characters, and how many it has."""
    if len(text) <= limit:
        return text
    return f"{text[: limit // 2]} … ({len(text):,} characters) … {text[len(text) - limit // 2 :]}"


class ExecutorMissing(InvalidRequest):
    """A version of a workflow needs executors that this process hasn't registered; nothing was executed or written.

    ``needed``: each missing node type, with the ids of its nodes that may still run.
    """

    def __init__(self, workflow_id: str, version: int, needed: Mapping[str, Sequence[str]]) -> None:
        self.workflow_id = workflow_id
        self.version = version
        self.needed = {type: tuple(nodes) for type, nodes in needed.items()}
        listed = [f"{quoted(type)} ({_nodes(nodes)})" for type, nodes in [*self.needed.items()][:_EXECUTORS_LISTED]]
        more = len(self.needed) - len(listed)
        listed += [f"{more:,} more, all in .needed"] if more else []
        kind, them = ("executor", "it") if len(self.needed) == 1 else ("executors", "them")
        super().__init__(
            f"version {version} of {quoted(workflow_id)} needs {kind} {', '.join(listed)}, which this process doesn't "
            f"have: register {them} here, or leave the run to a process that has {them}; "
            "a start can also name another version"
        )


_EXECUTORS_LISTED = 10


def _nodes(ids: Sequence[str]) -> str:
    shown = ", ".join(map(quoted, ids[:3]))
    more = f" and {len(ids) - 3:,} more" if len(ids) > 3 else ""
    return f"node{'s' * (len(ids) > 1)} {shown}{more}"


class InvalidSnapshot(InvalidRequest):
    """A snapshot from outside doesn't have the shape of a snapshot. ``path`` names the place."""

    def __init__(self, path: str, message: str) -> None:
        self.path = path
        super().__init__(f"invalid snapshot at {visible(path)}: {message}")


class InvalidExport(InvalidRequest):
    """A file is not a run's export, or not as it was written; nothing was imported. ``line`` counts from 1."""

    def __init__(self, path: str, line: int, message: str) -> None:
        self.path = path
        self.line = line
        super().__init__(f"line {line} of {quoted(path)}: {message}; nothing was imported")


class InvalidValue(InvalidRequest):
    """A value isn't JSON, or too large, or can't be a name. ``path`` names the place inside it."""

    def __init__(self, path: str, message: str) -> None:
        self.path = path
        super().__init__(f"{visible(path)}: {message}")


class InvalidAnswer(InvalidRequest):
    """An answer doesn't fit the schema of the wait that it was given for. Nothing was written, and the wait is open.

    ``issues``: each path inside the answer, and what is wrong; the first ones of ``count``.
    """

    def __init__(self, wait: str, issues: Sequence[Fault], count: int | None = None) -> None:
        self.wait = wait
        self.issues: tuple[Fault, ...] = tuple(issues)
        self.count = len(self.issues) if count is None else count
        lines = [f"  - {_ends_of(_told(issue), _FAULT_TEXT)}" for issue in self.issues]
        more = self.count - len(lines)
        lines += [f"  - {more:,} more"] if more else []
        super().__init__(f"wait {quoted(wait)} doesn't take this answer; nothing was written:\n" + "\n".join(lines))


def _told(issue: Fault) -> str:
    """The issue, where it concerns the whole answer without a path."""
    return str(issue) if issue.path else visible(issue.message)


class GlobalsMissing(InvalidRequest):
    """Nodes that are still to run read globals which the call wasn't given; nothing was written.

    ``names`` are those of the globals, ``nodes`` those of a node that reads each. A name that an expression only reads
    under a condition (``has(globals.x)``, a branch, ``&&``, ``||``) isn't missing.
    """

    def __init__(self, workflow_id: str, version: int, readers: Mapping[str, str]) -> None:
        self.names: tuple[str, ...] = tuple(sorted(readers))
        self.nodes: tuple[str, ...] = tuple(readers[name] for name in self.names)
        listed = [f"{quoted(name)} (node {quoted(readers[name])})" for name in self.names[:_NAMES_LISTED]]
        more = len(self.names) - len(listed)
        read = ", ".join([*listed, f"and {more:,} more, all in .names"] if more else listed)
        super().__init__(
            f"version {version} of workflow {quoted(workflow_id)} reads globals that this call lacks: {read}. "
            "Nothing was begun: pass globals={…} (on the command line --global NAME=VALUE) or open the ledger with them"
        )


_NAMES_LISTED = 10


class NotStorable(InvalidRequest):
    """The database can't hold a value; trying again doesn't help."""
