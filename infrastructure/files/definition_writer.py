"""A workflow written to files."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...domain.errors import InvalidRequest, StorageUnavailable
from ...domain.visible import quoted, visible_json
from ...domain.workflow import JobCode, WorkflowSnapshot
from .atomic import write_file, write_files
from .base import base_files
from .definition_reader import code_files, main_file, read_structure
from .format import Format
from .names import file_names
from .paths import is_special
from .yaml_write import to_yaml

_READ_ONLY = "# For reading only: a save takes the code that is registered.\n"


def write_definition(
    snapshot: WorkflowSnapshot,
    path: Path,
    *,
    format: Format | None = None,
    with_executors: bool = False,
    force: bool = False,
) -> None:
    """Write a definition to a file (``.json``, ``.yaml``), or to a folder with separate files for the code of nodes.

    In a folder only files of an earlier export are replaced or removed. The last folder of a path is made, those above
    it aren't. A device or a pipe gets one file of the format. Raises InvalidRequest for a folder with other files,
    unless forced, and for one with a link that leads out of it; StorageUnavailable, and then nothing changed.
    """
    if format not in (None, "json", "yaml"):
        raise InvalidRequest(f"format {quoted(format)} is neither 'json' nor 'yaml'")
    is_folder = os.path.isdir(path)
    written = _SUFFIXES.get(path.suffix.lower()) if not is_folder else None
    if written is None and is_special(path):
        written = format or "json"
    if written is None:
        if os.path.exists(path) and not is_folder:
            raise InvalidRequest(f"{str(path)!r} is a file; name a folder, or a file that ends in .json or .yaml")
        _write_folder(snapshot, path, format, with_executors=with_executors, force=force)
        return
    if with_executors or format not in (None, written):
        raise InvalidRequest(f"{str(path)!r} is one {written.upper()} file; name a folder instead")
    write_file(path, _text(snapshot.definition.to_data(), written))


def _write_folder(
    snapshot: WorkflowSnapshot, folder: Path, format: Format | None, *, with_executors: bool, force: bool
) -> None:
    before = _export_in(folder, force=force)
    if format is None:
        format = "json" if before is None else _SUFFIXES[before.main.suffix]
    keeps_format = before is not None and _SUFFIXES[before.main.suffix] == format
    main = before.main.name if before is not None and keeps_format else f"workflow.{format}"
    files = _node_files(snapshot, {} if before is None else before.code)
    definition = snapshot.definition.to_data()
    definition["nodes"] = [
        {**node, "code": {"file": files[node["id"]]}} if node["id"] in files else node for node in definition["nodes"]
    ]
    content = {files[node.id]: (node.code or "").encode() for node in snapshot.definition.nodes if node.id in files}
    content |= _executor_files(snapshot.code) if with_executors else {}
    content |= base_files(snapshot)
    content[main] = _text(definition, format)
    write_files(folder, content, gone=() if before is None else before.files() - content.keys())


@dataclass(frozen=True, slots=True)
class _Export:
    """The files of an earlier export in a folder."""

    main: Path
    code: Mapping[str, str]
    """Node id → file, for the code of nodes."""

    def files(self) -> set[str]:
        """All files, by path below the folder."""
        executors = (self.main.parent / _EXECUTORS).glob("*.py")
        return {
            self.main.name,
            *self.code.values(),
            *(f"{_EXECUTORS}/{file.name}" for file in executors if _is_ours(file)),
        }


def _export_in(folder: Path, *, force: bool) -> _Export | None:
    try:
        if not os.path.isdir(folder) or not any(folder.iterdir()):
            return None
    except OSError as error:
        raise StorageUnavailable(f"can't read the folder {str(folder)!r}: {error.strerror}") from error
    try:
        main = main_file(folder)
        structure = read_structure(main)
    except InvalidRequest as error:
        if force:
            return None
        raise InvalidRequest(f"the folder {str(folder)!r} is neither empty nor an export: {error}") from error
    named = {str(structure["nodes"][index].get("id")): name for index, name in code_files(structure).items()}
    ours = {id: name for id, name in named.items() if Path(name).parent == Path(_NODES) and Path(name).name != ".."}
    return _Export(main, ours)


def _is_ours(file: Path) -> bool:
    if not file.is_file():
        return False
    with file.open("rb") as opened:
        return opened.readline() == _READ_ONLY.encode()


def _node_files(snapshot: WorkflowSnapshot, before: Mapping[str, str]) -> dict[str, str]:
    """Node id → file for its code. A changed suffix of the file of a node is kept."""
    names = file_names(node.id for node in snapshot.definition.nodes if node.code is not None)
    kept = {id: Path(file).suffix for id, file in before.items() if Path(file).stem == names.get(id)}
    return {id: f"{_NODES}/{name}{kept.get(id, '.py')}" for id, name in names.items()}


def _executor_files(code: Mapping[str, JobCode]) -> dict[str, bytes]:
    names = file_names(code)
    return {
        f"{_EXECUTORS}/{names[type]}.py": (
            f"{_READ_ONLY}# {type!r}: {each['name']}, SHA-256 {each['digest']}\n\n{each.get('source', '')}"
        ).encode(errors="backslashreplace")
        for type, each in code.items()
    }


def _text(definition: Mapping[str, Any], format: Format) -> bytes:
    if format == "yaml":
        return to_yaml(definition).encode()
    return (visible_json(json.dumps(definition, indent=2, ensure_ascii=False)) + "\n").encode()


_NODES, _EXECUTORS = "nodes", "executors"
_SUFFIXES: dict[str, Format] = {".json": "json", ".yaml": "yaml", ".yml": "yaml"}
