"""The installed distribution that a module came from."""

import functools
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import Distribution as Installed
from importlib.metadata import distribution, distributions, packages_distributions
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
    path = getattr(sys.modules.get(module or ""), "__file__", None)
    if module is None or path is None:
        return None
    found = _by_package(module.partition(".")[0], Path(path)) or _by_folder(Path(path).resolve())
    return None if found is None else {"name": found.name, "version": found.version}


def _by_package(package: str, path: Path) -> Installed | None:
    candidates = [distribution(name) for name in _packages().get(package, ())]
    if len(candidates) < 2:
        return next(iter(candidates), None)
    # Several share a namespace package: choose the one that installed the file.
    return next(
        (each for each in candidates if path in {Path(str(each.locate_file(f))) for f in each.files or ()}), None
    )


def _by_folder(path: Path) -> Installed | None:
    """The editable install whose folder holds the file: an editable install doesn't list its modules."""
    folders = [(folder, installed) for folder, installed in _editable() if path.is_relative_to(folder)]
    return max(folders, key=lambda found: len(found[0].parts), default=(None, None))[1]


@functools.cache
def _packages() -> dict[str, list[str]]:
    return {package: sorted(set(names)) for package, names in packages_distributions().items()}


@functools.cache
def _editable() -> list[tuple[Path, Installed]]:
    return list(_find_editable())


def _find_editable() -> Iterator[tuple[Path, Installed]]:
    for installed in distributions():
        origin = orjson.loads(installed.read_text("direct_url.json") or "{}")
        if origin.get("dir_info", {}).get("editable"):
            yield Path(unquote(urlsplit(origin["url"]).path)).resolve(), installed
