"""Reading arguments: JSON from files, stdin or the argument itself, names with versions, times, registries."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....domain.errors import InvalidRequest
from ....domain.values.spoken_times import EXAMPLES, read_time
from ....domain.visible import visible
from ...files.text import decode_text, parse_json, read_text
from .streams import pass_application_output
from .zone import zone

if TYPE_CHECKING:
    from ....domain.execution.executors import ExecutorRegistry
    from ....domain.workflow.definition import WorkflowDefinition

STDIN = "-"


def read_workflow(source: str) -> WorkflowDefinition:
    """The definition in a file or folder, or as JSON on stdin for ``-``. Raises InvalidDefinition, InvalidRequest."""
    from ....domain.workflow.definition import WorkflowDefinition  # and pydantic, which --help does without
    from ...files.definition_reader import read_definition

    return WorkflowDefinition.model_validate(read_document(STDIN)) if source == STDIN else read_definition(source)


def read_document(source: str) -> Any:
    """The JSON in a file, or on stdin for ``-``. Raises InvalidRequest that says where it isn't JSON."""
    return parse_json(read_source(source), "stdin" if source == STDIN else source)


def read_value(source: str | None, option: str) -> Any:
    """JSON given as a file or pipe, as ``-`` (stdin) or as it is; None where nothing was. Raises InvalidRequest."""
    if source is None:
        return None
    if source == STDIN or _is_file(source):
        return read_document(source)
    try:
        return parse_json(source, option)
    except InvalidRequest as error:
        if source.lstrip()[:1] in ("{", "[", '"'):
            raise
        raise InvalidRequest(f"{option} {source!r} is neither a file nor JSON; text is JSON in quotes") from error


def read_object(source: str | None, option: str) -> dict[str, Any]:
    """A JSON object given like any value; empty when nothing was given. Raises InvalidRequest."""
    value = read_value(source, option)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidRequest(f"{option} is {_kind(value)}, not a JSON object")
    return value


def _is_file(source: str) -> bool:
    """Whether a file is there that can be read. It need not be regular: a shell makes ``<(command)`` a pipe."""
    try:
        return not stat.S_ISDIR(os.stat(source).st_mode)
    except (OSError, ValueError):  # too long, or with a NUL: no file has such a name
        return False


def read_source(source: str) -> str:
    """The text of a file, or of stdin for ``-``. Raises InvalidRequest."""
    if source != STDIN:
        return read_text(Path(source))
    try:
        return decode_text(sys.stdin.buffer, "stdin")
    except OSError as error:
        raise InvalidRequest(f"can't read stdin: {error.strerror}") from error


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return "an array"
    return "text" if isinstance(value, str) else f"the value {value!r}"


def split_version(text: str) -> tuple[str, int | None]:
    """``name@7`` as name and version; a name without a version as it is, also one with another ``@`` in it.

    Raises InvalidRequest.
    """
    name, at, version = text.rpartition("@")
    if not at or not version.isascii() or not version.isdigit():
        return text, None
    try:
        return name, int(version)
    except ValueError:  # more digits than Python reads
        raise InvalidRequest(f"a version of {len(version):,} digits is beyond every head") from None


def split_workflow_version(text: str) -> tuple[str, int | str | None]:
    """``id@7`` or ``id@abc1234`` as id and version or snapshot id: no workflow's id has an ``@``.

    Raises InvalidRequest.
    """
    workflow_id, at, version = text.partition("@")
    return workflow_id, read_version(version) if at else None


def read_workflow_at(text: str | None) -> tuple[str | None, int | str | None]:
    """The same for an option that may be left out. Raises InvalidRequest."""
    return (None, None) if text is None else split_workflow_version(text)


def read_version(text: str) -> int | str:
    """A version if it is digits only, as no snapshot id is; else a snapshot id. Raises InvalidRequest."""
    number = split_version(f"@{text}")[1]
    return text if number is None else number


def read_moment(
    text: str | None, option: str = "--at", *, now: datetime | None = None, of: tzinfo | None = None
) -> datetime | None:
    """A time as people write it, as an aware datetime; see ``read_time``. Raises InvalidRequest.

    By default it is read at this moment, in the zone of ``--tz``.
    """
    if text is None:
        return None
    try:
        return read_time(text, now or datetime.now(UTC), of or zone())
    except ValueError:
        raise InvalidRequest(f"{option} {text!r} is not a time; write it as {EXAMPLES}") from None


def read_deadline(text: str | None, option: str, *, now: datetime | None = None, of: tzinfo | None = None) -> Any:
    """The same, but a length of time such as ``90d`` is from now on, and not back. Raises InvalidRequest."""
    if text is not None and text[:1].isdigit() and text[-1:] in "smhdw":
        text = f"+{text}"
    return read_moment(text, option, now=now, of=of)


def read_globals(pairs: Sequence[str]) -> dict[str, str]:
    """``KEY=VALUE`` pairs; values are text. Raises InvalidRequest."""
    found: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise InvalidRequest("--global takes KEY=VALUE")
        found[key] = value
    return found


def load_registry(spec: str) -> ExecutorRegistry:
    """The registry that ``module:name`` stands for. The current directory is importable. Raises InvalidRequest."""
    from ...operations.jobs import load_registry

    with pass_application_output():
        return load_registry(spec, "--app")


def load_executor(spec: str) -> Any:
    """The executor, or the function that makes one, that ``module:name`` stands for. Raises InvalidRequest."""
    from ...operations.jobs import load_named

    with pass_application_output():
        _, _, found = load_named(spec, "--on")
    if found is None or not (callable(found) or hasattr(found, "submit")):
        what = "no such name" if found is None else f"{type(found).__name__} there"
        raise InvalidRequest(
            visible(
                f"--on {spec} is to name an executor, or a function that makes one, such as "
                f"lambda: Client('tcp://scheduler:8786'); the module has {what}"
            )
        )
    return found


def load_globals(spec: str) -> Any:
    """The mapping, or the function that supplies it, that ``module:name`` stands for. Raises InvalidRequest."""
    from ...operations.jobs import load_named

    with pass_application_output():
        _, _, found = load_named(spec, "--globals")
    if not callable(found) and not isinstance(found, Mapping):
        what = "no such name" if found is None else f"{type(found).__name__} there"
        raise InvalidRequest(
            visible(f"--globals {spec} is to name a mapping, or a function from a Run to one; the module has {what}")
        )
    return found
