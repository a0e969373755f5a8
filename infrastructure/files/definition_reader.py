"""Definitions read from files: one file, or a folder with a file for the code of each node."""

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ...domain.errors import Fault, InvalidDefinition, InvalidRequest
from ...domain.workflow.definition import WorkflowDefinition
from .paths import open_regular
from .text import MAX_FILE_BYTES, parse_json, read_text
from .yaml_read import from_yaml

MAX_DEFINITION_BYTES = 16 * 2**20
"""Bytes of a definition file: 16 MiB of empty lists take 1 GB and some seconds."""

MAIN_FILES = ("workflow.json", "workflow.yaml", "workflow.yml")
"""The possible names of a folder's definition file."""


def read_definition(path: str | Path) -> WorkflowDefinition:
    """The definition in a JSON or YAML file, or in a folder as ``workflows.export`` leaves it.

    A node's ``code`` may be ``{"file": "nodes/x.py"}``: a path below the folder of the definition file. Raises
    InvalidDefinition with every fault, InvalidRequest for what can't be read.
    """
    file = main_file(Path(path))
    return WorkflowDefinition.model_validate(load_code(read_structure(file), file.parent))


def main_file(path: Path) -> Path:
    """The definition file at a path. Raises InvalidRequest for a folder without one, or with several."""
    if not os.path.isdir(path):  # False also for what is too long to be a path
        return path
    found = [path / name for name in MAIN_FILES if (path / name).is_file()]
    if len(found) == 1:
        return found[0]
    what = " and ".join(file.name for file in found) or "no workflow.json or workflow.yaml"
    raise InvalidRequest(f"the folder {str(path)!r} has {what}: it needs one definition file")


def read_structure(file: Path) -> Any:
    """The value in a JSON or YAML file. Raises InvalidRequest."""
    text = read_text(file, MAX_DEFINITION_BYTES)
    return (from_yaml if file.suffix.lower() in (".yaml", ".yml") else parse_json)(text, str(file))


def code_files(structure: Any) -> dict[int, str]:
    """Index of a node → the file of its code, for all nodes that name one."""
    nodes = structure.get("nodes") if isinstance(structure, Mapping) else None
    codes = [node.get("code") if isinstance(node, Mapping) else None for node in nodes or () if isinstance(nodes, list)]
    return {
        index: code["file"]
        for index, code in enumerate(codes)
        if isinstance(code, Mapping) and [*code] == ["file"] and isinstance(code["file"], str)
    }


def load_code(structure: Any, folder: Path) -> Any:
    """The structure with the code of nodes in place of the files that hold it. Raises InvalidDefinition."""
    named = code_files(structure)
    if not named:
        return structure
    nodes = list(structure["nodes"])
    faults: list[Fault] = []
    left = MAX_FILE_BYTES
    for index, name in named.items():
        try:
            content = _code(folder, name, left)
            left -= len(content)
            nodes[index] = {**nodes[index], "code": _decode(content, name)}
        except InvalidRequest as error:
            faults.append(Fault(f"nodes[{index}].code", str(error)))
    if faults:
        raise InvalidDefinition(faults)
    return {**structure, "nodes": nodes}


def _code(folder: Path, name: str, limit: int) -> bytes:
    path = PurePosixPath(name)
    try:
        inside = (folder / path).resolve().is_relative_to(folder.resolve())
        if path.is_absolute() or not inside:
            raise InvalidRequest(f"the file {name!r} is outside the folder of the definition")
        with open_regular(folder / path) as opened:
            content = opened.read(limit + 1)
    except OSError as error:
        raise InvalidRequest(f"the file {name!r} can't be read: {error.strerror}") from None
    except ValueError:  # a NUL in the name
        raise InvalidRequest(f"{name!r} is no name of a file") from None
    if len(content) > limit:
        raise InvalidRequest(f"with the file {name!r} the code has more than {MAX_FILE_BYTES >> 20} MiB in all")
    return content


def _decode(content: bytes, name: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"the file {name!r} is not UTF-8 text ({error.reason})") from None
