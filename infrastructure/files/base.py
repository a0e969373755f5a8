"""What an exported folder remembers: the version of the workflow that its definition is based on.

It stands in a folder of its own, which git ignores, so exports of the same definition stay the same bytes, and a clone
remembers nothing.
"""

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from ...domain.errors import FlowledgerError, InvalidRequest
from ...domain.workflow import WorkflowSnapshot
from .atomic import write_files
from .definition_reader import MAIN_FILES, main_file
from .text import parse_json, read_text

_log = logging.getLogger("flowledger.files")

_FOLDER: Final = ".flowledger"
_FILE: Final = f"{_FOLDER}/base.json"

_MOST_BYTES: Final = 2**16


class Base(NamedTuple):
    """A version of a workflow, on which the definition in a folder is based."""

    workflow_id: str
    snapshot_id: str


def base_files(snapshot: WorkflowSnapshot) -> Mapping[str, bytes]:
    """The files, by their paths below an exported folder, that remember a version."""
    kept = {"workflowId": snapshot.workflow_id, "version": snapshot.version, "snapshotId": snapshot.snapshot_id}
    return {_FILE: f"{json.dumps(kept, indent=2)}\n".encode(), f"{_FOLDER}/.gitignore": b"*\n"}


def read_base(path: Path) -> Base | None:
    """What the folder of a definition remembers; None for nothing, or where the path is no folder's definition.

    Raises InvalidRequest where that can't be read.
    """
    folder = _folder_of(path)
    file = None if folder is None else folder / _FILE
    if file is None or not file.is_file():
        return None
    try:
        found: Any = parse_json(read_text(file, _MOST_BYTES), str(file))
        base = Base(found["workflowId"], found["snapshotId"])
    except (InvalidRequest, LookupError, TypeError) as error:
        raise _unreadable(file, error) from error
    if not all(isinstance(value, str) for value in base):
        raise _unreadable(file, "it names no version of a workflow")
    return base


def remember_base(path: Path, snapshot: WorkflowSnapshot) -> None:
    """Let a folder that remembers a version remember another: the one that was saved from it just now.

    A folder that can't be written to is told to the log: the save itself is done.
    """
    folder = _folder_of(path)
    if folder is None or read_base(path) == Base(snapshot.workflow_id, snapshot.snapshot_id):
        return
    try:
        write_files(folder, base_files(snapshot))
    except FlowledgerError as error:
        _log.warning(
            "version %d of workflow %r is saved, but %s can't remember that its definition is based on it: %s",
            snapshot.version,
            snapshot.workflow_id,
            folder,
            error,
        )


def _folder_of(path: Path) -> Path | None:
    """The folder whose definition is at the path; None for a file that stands alone."""
    if os.path.isdir(path):  # False also for what is too long to be a path
        return main_file(path).parent
    return path.parent if path.name in MAIN_FILES else None


def _unreadable(file: Path, why: object) -> InvalidRequest:
    return InvalidRequest(
        f"can't read which version {str(file)!r} remembers: {why}; without that file nothing is checked"
    )
