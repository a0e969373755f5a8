"""Resolving a given path: to a file, a new file, a device or pipe, or an open descriptor."""

import errno
import os
import re
import stat
from pathlib import Path
from typing import BinaryIO

from ...domain.errors import InvalidRequest
from ...domain.visible import quoted


def to_path(given: object, name: str = "path") -> Path:
    """The given path as a Path. Raises InvalidRequest for any other value."""
    if not isinstance(given, str | os.PathLike) or not isinstance(os.fspath(given), str):
        raise InvalidRequest(f"{name} {quoted(given)} is neither text nor a Path")
    if "\0" in os.fspath(given):
        raise InvalidRequest(f"{quoted(os.fspath(given))} is no name of a file")
    return Path(given)


def resolve_path(path: str | Path, *, to_read: bool = False) -> Path | int:
    """Follow a path link by link; returns a descriptor of this process if it names one, such as ``/dev/stdout``.

    The file need not exist. A link that another user may have planted is only followed ``to_read``: one in a
    world-writable folder (``/tmp``), unless it belongs to this user or the folder's owner. Linux refuses such links
    itself if so configured (``protected_symlinks``); not every system is.

    Raises OSError, InvalidRequest for an invalid path.
    """
    path = to_path(path)
    here = Path(path.anchor) if path.is_absolute() else Path(os.path.realpath(os.curdir))
    pending = [*reversed(path.parts[bool(path.anchor) :])]
    links = 0
    while pending:
        name = pending.pop()
        if name == os.pardir:
            here = here.parent
            continue
        place = here / name
        if found := _OWN_DESCRIPTOR.fullmatch(str(place)):
            if found[1] in (None, str(os.getpid())):
                return int(found[2])
            return place  # of another process: only the system can follow it
        if not place.is_symlink():
            here = place
            continue
        if not to_read:
            _check_planted(place, here)
        links += 1
        if links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
        target = place.readlink()
        if target.is_absolute():
            here = Path(target.anchor)
        pending += reversed(target.parts[bool(target.anchor) :])
    return here


_OWN_DESCRIPTOR = re.compile(r"(?:/proc/(\d+)(?:/task/\d+)?|/dev)/fd/(\d+)")
_MOST_LINKS = 40
"""The limit of Linux."""


def check_planted_file(path: Path) -> None:
    """Refuse to write into a file or pipe that another user may have planted. Raises PermissionError, OSError."""
    if path.parent.stat().st_mode & stat.S_ISVTX:
        _check_planted(path, path.parent)


def _check_planted(path: Path, folder: Path) -> None:
    if os.name != "posix":
        return
    home, info = folder.stat(), path.lstat()
    if home.st_mode & stat.S_IWOTH and info.st_uid not in (os.geteuid(), home.st_uid):
        what = "link" if stat.S_ISLNK(info.st_mode) else "file"
        raise PermissionError(
            errno.EACCES, f"another user put this {what} into a folder that everybody may write to", str(path)
        )


def is_special(path: str | Path) -> bool:
    """Whether a path leads to a device, a pipe or a descriptor, which is written into and never replaced."""
    try:
        place = resolve_path(path)
        return isinstance(place, int) or not (stat.S_ISREG(mode := place.stat().st_mode) or stat.S_ISDIR(mode))
    except OSError:
        return False


def is_stdout(path: str | Path) -> bool:
    """Whether a path leads to stdout, so that nothing else may be printed there."""
    try:
        place = resolve_path(path)
        return place == _STDOUT or (is_special(path) and os.path.samestat(os.stat(place), os.fstat(_STDOUT)))
    except OSError:
        return False


_STDOUT = 1


def open_to_read(path: str | Path) -> BinaryIO:
    """Open a file, a pipe or ``/dev/stdin`` for reading. Raises OSError, InvalidRequest."""
    place = resolve_path(path, to_read=True)
    # A descriptor may be a socket, which can't be opened by its name.
    return os.fdopen(os.dup(place), "rb") if isinstance(place, int) else Path(path).open("rb")


def open_regular(path: Path) -> BinaryIO:
    """Open a file with an untrusted name. A device or a pipe, which may block or never end, is refused: OSError."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise OSError(errno.EINVAL, "it is no regular file", str(path))
