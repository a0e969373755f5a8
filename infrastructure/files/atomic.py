"""Writing files: atomically, private if they are new, and never replacing a device.

- A new file is readable by its owner only (0600, less the umask): exports hold payloads.
- A file that is replaced keeps its mode, owner and access list.
- What isn't a regular file (a device, a pipe, ``/dev/stdout``) is written into.
- No folder is made above the requested one, so that a mistyped path is an error.
- A link of one's own stays, and its target is written; a link that others may have planted is refused.
"""

import errno
import os
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from ...domain.errors import InvalidRequest, StorageUnavailable
from ...domain.visible import quoted
from .paths import check_planted_file, resolve_path
from .targets import Descriptor, Special, Target, sync, target_at

Content = bytes | Callable[[BinaryIO], object]
"""The content of a file, or a function that writes it."""

PRIVATE = 0o600
"""The mode of new files, before the umask."""


def write_file(path: Path, content: Content, *, replace: bool = True) -> None:
    """Write one file. Raises StorageUnavailable, InvalidRequest as ``stage_file``, and then nothing changed."""
    with stage_file(path, replace=replace) as new:
        _fill(new, content)


@contextmanager
def stage_file(path: Path, *, replace: bool = True) -> Generator[Path]:
    """A path at which the block makes a file, which then replaces ``path``, or is copied into it.

    If the block raises, nothing is changed. Raises StorageUnavailable, also for an OSError of the block; InvalidRequest
    for an invalid path, or if a file exists and ``replace`` is false.
    """
    place: Path | int = path
    try:
        place = resolve_path(path)
        target = Descriptor(place) if isinstance(place, int) else target_at(place, replace=replace)
        with target, TemporaryDirectory(prefix=_PREFIX, dir=target.beside, ignore_cleanup_errors=True) as folder:
            new = Path(folder, "new")
            yield new
            sync(new)
            target.take(new)
    except OSError as error:
        raise _not_writable(place if isinstance(place, Path) else path, error) from error


def check_writable(path: Path, *, replace: bool = True) -> None:
    """Raise at once what ``write_file`` would raise for the path: for callers with long work before it."""
    place: Path | int = path
    try:
        place = resolve_path(path)
        with Descriptor(place) if isinstance(place, int) else target_at(place, replace=replace):
            pass
    except OSError as error:
        raise _not_writable(place if isinstance(place, Path) else path, error) from error


def write_files(folder: Path, files: Mapping[str, Content], gone: Iterable[str] = ()) -> None:
    """Write files (by path below the folder), then remove those that are ``gone``.

    The folder is made, but not the one above it. All are written to temporary files first: a full disk changes nothing,
    nor does an error of a content function. Raises StorageUnavailable; InvalidRequest if a link in the folder leads out
    of it, as files elsewhere can't be meant.
    """
    gone = [*gone]
    try:
        place = resolve_path(folder)
        if isinstance(place, int):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        for name in (*files, *gone):
            _check_inside(place, name)
        with ExitStack() as undo:
            _make(place, undo)
            with TemporaryDirectory(prefix=_PREFIX, dir=place, ignore_cleanup_errors=True) as staging:
                new = {name: Path(staging, str(number)) for number, name in enumerate(files)}
                for name, content in files.items():
                    with _target_in(place, name, undo):  # checks that it is writable
                        _fill(new[name], content)
                    sync(new[name])
                for name in files:
                    with _target_in(place, name, undo) as target:
                        target.take(new[name])
            undo.pop_all()
        for name in gone:
            _remove(place / name, [place / written for written in files])
    except OSError as error:
        raise _not_writable(folder.joinpath(*files) if len(files) == 1 else folder, error) from error


def make_folder(path: Path) -> None:
    """Make a folder if there is none, but not the one above it. Raises StorageUnavailable, InvalidRequest."""
    try:
        place = resolve_path(path)
        if isinstance(place, int):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        with ExitStack() as undo:
            _make(place, undo)
            undo.pop_all()
    except OSError as error:
        raise _not_writable(path, error) from error


def make_private_file(path: Path) -> None:
    """Make an empty file with mode 0600 if there is none.

    Raises OSError, also for a file that another user may have planted; InvalidRequest.
    """
    place = resolve_path(path)
    if isinstance(place, int):
        return
    if place.exists():
        check_planted_file(place)
        return
    with suppress(FileExistsError):  # another process was faster
        os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE))


# --- folders ----------------------------------------------------------------------------------------------------------


def _target_in(folder: Path, name: str, undo: ExitStack) -> Target:
    place = Path(os.path.realpath(folder / name))
    _make(place.parent, undo)
    target = target_at(place)
    if isinstance(target, Special):
        raise OSError(errno.EINVAL, f"{name!r} is not a regular file")
    return target


def _check_inside(folder: Path, name: str) -> None:
    leads_to = Path(os.path.realpath(folder / name))
    if not leads_to.is_relative_to(os.path.realpath(folder)):
        raise InvalidRequest(
            f"{name!r} in {str(folder)!r} leads out of the folder, to {str(leads_to)!r}: nothing was written; "
            "remove the link, or choose another folder"
        )


def _make(folder: Path, undo: ExitStack) -> None:
    """Make a folder; ``undo`` removes it again."""
    try:
        folder.mkdir(_PRIVATE_FOLDER)
    except FileExistsError:
        return
    except FileNotFoundError:
        raise FileNotFoundError(errno.ENOENT, f"there is no folder {str(folder.parent)!r}") from None
    undo.callback(_remove_empty, folder)


_PRIVATE_FOLDER = 0o700
_PREFIX = ".flowledger-"


def _remove(path: Path, written: Iterable[Path]) -> None:
    """Remove a file, unless it was just written: the file system may treat A.py and a.py as one."""
    if path.is_file() and not any(path.samefile(other) for other in written):
        path.unlink()
        _remove_empty(path.parent)


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):  # a folder that holds other files stays
        folder.rmdir()


# --- bytes ------------------------------------------------------------------------------------------------------------


def _fill(path: Path, content: Content) -> None:
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, PRIVATE), "w+b") as file:
        if callable(content):
            content(file)
        else:
            file.write(content)


def _not_writable(path: Path, error: OSError) -> StorageUnavailable:
    name = str(path)
    shown = repr(name) if len(name) < 5_000 else quoted(name)
    return StorageUnavailable(f"can't write {shown}: {error.strerror or error}")
