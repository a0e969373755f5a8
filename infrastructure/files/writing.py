"""Files written whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from ...domain.errors import StorageUnavailable


def write_files(folder: Path, files: Mapping[str, bytes], gone: Iterable[str] = ()) -> None:
    """Write files (by path below the folder), then remove those that are ``gone``.

    All are written beside their places first: a full disk changes nothing. Raises StorageUnavailable.
    """
    made: list[Path] = []
    try:
        _make(folder, made)
        staged = Path(tempfile.mkdtemp(prefix=".flowledger-", dir=folder))
        try:
            for name, content in files.items():
                _write(staged / name, content)
            for name in files:
                _make((folder / name).parent, made)
                os.replace(staged / name, folder / name)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
        for name in gone:
            _remove(folder / name, [folder / written for written in files])
    except OSError as error:
        for empty in reversed(made):
            with suppress(OSError):
                empty.rmdir()
        raise StorageUnavailable(f"can't write to {str(folder)!r}: {error.strerror or error}") from error


def _make(folder: Path, made: list[Path]) -> None:
    """Make a folder and those above it, and note which ones."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir()
        made.append(each)


def _remove(path: Path, written: Iterable[Path]) -> None:
    """Remove a file, unless it is one of those just written: there may be no difference between A.py and a.py."""
    if path.is_file() and not any(path.samefile(other) for other in written):
        path.unlink()
        with suppress(OSError):  # a folder that holds other files stays
            path.parent.rmdir()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
