"""The installed distribution that a module came from."""

import functools
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import Distribution as Installed
from importlib.metadata import distributions
from os import PathLike
from pathlib import Path
from urllib.parse import unquote, urlsplit

import orjson

from ...domain.events.envelope import Distribution

# importlib.metadata imports this lazily, and a process forked during the import would have half of it.
import_module("email.parser")


@functools.cache
def distribution_of(module: str | None) -> Distribution | None:
    """Name and version of the distribution of a loaded module; None for scripts, and for Python's own modules.

    Cached per module: another version may be installed later, the loaded code doesn't change.
    """
    file = getattr(sys.modules.get(module or ""), "__file__", None)
    if module is None or file is None:
        return None
    path = Path(file).resolve()
    found = _by_package(module.partition(".")[0], path) or _by_folder(path)
    return None if found is None else {"name": found.name, "version": found.version}


def _by_package(package: str, path: Path) -> Installed | None:
    if not any(path.is_relative_to(folder) for folder in {folder for folder, _ in _installed()}):
        return None  # nothing is installed there, so nothing that is installed is read
    candidates = [installed for folder, installed in _bringing(package) if path.is_relative_to(folder)]
    if len(candidates) < 2:
        return next(iter(candidates), None)
    # Several share a namespace package: choose the one that installed the file.
    return next((each for each in candidates if path in _files_of(each)), None)


def _by_folder(path: Path) -> Installed | None:
    """The editable install whose folder holds the file: an editable install doesn't list its modules."""
    folders = [(folder, installed) for folder, installed in _editable() if path.is_relative_to(folder)]
    return max(folders, key=lambda found: len(found[0].parts), default=(None, None))[1]


@functools.cache
def _installed() -> list[tuple[Path, Installed]]:
    """All distributions, the ones first that an import finds first, each with the folder that it is installed in."""
    return [(_locate(installed, ""), installed) for installed in distributions()]


@functools.cache
def _bringing(package: str) -> list[tuple[Path, Installed]]:
    """Those that have a top-level package or module of this name, each name once."""
    found = ((folder, installed) for folder, installed in _installed() if _brings(installed, package))
    return list({installed.name: (folder, installed) for folder, installed in reversed(list(found))}.values())


def _brings(installed: Installed, package: str) -> bool:
    """As ``importlib.metadata.packages_distributions`` says, which reads all metadata of all distributions for it."""
    names = (installed.read_text("top_level.txt") or "").split()
    if names:
        return package in names
    record = installed.read_text("RECORD")
    paths = map(str, installed.files or ()) if record is None else record.splitlines()
    return any(path.startswith((f"{package}/", f"{package}.")) for path in paths)


def _files_of(installed: Installed) -> set[Path]:
    return {_locate(installed, file) for file in installed.files or ()}


def _locate(installed: Installed, file: str | PathLike[str]) -> Path:
    return Path(str(installed.locate_file(file))).resolve()


@functools.cache
def _editable() -> list[tuple[Path, Installed]]:
    return list(_find_editable())


def _find_editable() -> Iterator[tuple[Path, Installed]]:
    for _, installed in _installed():
        origin = orjson.loads(installed.read_text("direct_url.json") or "{}")
        if origin.get("dir_info", {}).get("editable"):
            yield Path(unquote(urlsplit(origin["url"]).path)).resolve(), installed
