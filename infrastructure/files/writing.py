"""Files written whole or not at all."""

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from ...domain.errors import StorageUnavailable

Content = bytes | Callable[[BinaryIO], object]
"""What a file holds, or what writes it there."""


def write_file(path: Path, content: Content) -> None:
    """Write one file; what a link leads to is written, not the link. Raises StorageUnavailable."""
    folder, name = os.path.split(os.path.realpath(path))
    write_files(Path(folder), {name: content})


def write_files(folder: Path, files: Mapping[str, Content], gone: Iterable[str] = ()) -> None:
    """Write files (by path below the folder), then remove those that are ``gone``.

    All are written beside their places first: a full disk changes nothing, nor does whatever a content raises. Raises
    StorageUnavailable.
    """
    try:
        with ExitStack() as undo:
            _make(folder, undo)
            with TemporaryDirectory(prefix=".flowledger-", dir=folder, ignore_cleanup_errors=True) as staged:
                for name, content in files.items():
                    _write(Path(staged, name), content)
                for name in files:
                    _make((folder / name).parent, undo)
                    os.replace(Path(staged, name), folder / name)
            undo.pop_all()
        for name in gone:
            _remove(folder / name, [folder / written for written in files])
    except OSError as error:
        written = folder.joinpath(*files) if len(files) == 1 else folder
        raise StorageUnavailable(f"can't write {str(written)!r}: {error.strerror or error}") from error


def _make(folder: Path, undo: ExitStack) -> None:
    """Make a folder and those above it; those that were missing go again where nothing came of it."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir()
        undo.callback(_remove_empty, each)


def _remove(path: Path, written: Iterable[Path]) -> None:
    """Remove a file, unless it is one of those just written: there may be no difference between A.py and a.py."""
    if path.is_file() and not any(path.samefile(other) for other in written):
        path.unlink()
        _remove_empty(path.parent)


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):  # a folder that holds other files stays
        folder.rmdir()


def _write(path: Path, content: Content) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        if callable(content):
            content(file)
        else:
            file.write(content)
        file.flush()
        os.fsync(file.fileno())
