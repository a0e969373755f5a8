"""Targets of a finished file: it replaces a file, or is copied into a device, a pipe or an open descriptor."""

import errno
import os
import shutil
import stat
from pathlib import Path
from typing import Self

from ...domain.errors import InvalidRequest
from .paths import check_planted_file


def target_at(place: Path, *, replace: bool = True) -> "Target":
    """The target at a path, ready to be written to; use it as a context manager.

    Raises OSError if it can't be written, InvalidRequest if a file exists and mustn't be replaced.
    """
    try:
        mode = place.stat().st_mode
    except FileNotFoundError:
        if not place.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, f"there is no folder {str(place.parent)!r}") from None
        return New(place, replace=replace)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        return Special(place)
    if not replace:
        raise InvalidRequest(
            f"{str(place)!r} is there already: choose another name, or give --force (force=True) if it is an option"
        )
    return Replaced(place)


class Target:
    """A target of writing. Use it as a context manager."""

    beside: Path | None = None
    """The folder in which the new file is made; None is the system's folder for temporary files."""

    def take(self, new: Path) -> None:
        """Put a finished file there. Raises OSError."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class New(Target):
    """A path at which there is nothing yet."""

    def __init__(self, place: Path, *, replace: bool = True) -> None:
        self._place = place
        self._replace = replace
        self.beside = place.parent

    def take(self, new: Path) -> None:
        if self._replace:
            os.replace(new, self._place)
        else:
            _move(new, self._place)
        if os.name == "posix":
            sync(self._place.parent)


class Replaced(New):
    """A regular file, kept open for writing: a file that isn't writable isn't replaced either."""

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        check_planted_file(place)
        self._held = os.open(place, os.O_WRONLY | _NO_FOLLOW)
        if not os.access(place.parent, os.W_OK):
            self.beside = None

    def take(self, new: Path) -> None:
        try:
            _copy_attributes(new, self._place, os.fstat(self._held))
            if self.beside is not None:
                super().take(new)
                return
        except OSError as error:
            # Its owner can't be kept, or it is a mount point, as single files are in containers.
            if error.errno not in (errno.EPERM, errno.EACCES, errno.EBUSY):
                raise
        self._write_into(new)

    def _write_into(self, new: Path) -> None:
        before, size = os.fstat(self._held).st_size, new.stat().st_size
        try:
            # Reserve the space first: a full disk must not destroy the old content.
            if size > before and hasattr(os, "posix_fallocate"):
                os.posix_fallocate(self._held, 0, size)
        except OSError as error:
            os.ftruncate(self._held, before)
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):  # some file systems don't support it
                raise
        _copy(new, os.dup(self._held))
        os.ftruncate(self._held, size)
        os.fsync(self._held)

    def __exit__(self, *_: object) -> None:
        os.close(self._held)


class Special(Target):
    """A device or a pipe: opened last, as opening a pipe waits for its reader."""

    def __init__(self, place: Path) -> None:
        self._place = place
        check_planted_file(place)
        if place.is_socket():
            raise OSError(errno.ENXIO, "it is a socket, which can't be written to like a file")

    def take(self, new: Path) -> None:
        _copy(new, os.open(self._place, os.O_WRONLY | getattr(os, "O_NOCTTY", 0)))


class Descriptor(Target):
    """An open descriptor of this process, such as stdout: written at its current position."""

    def __init__(self, number: int) -> None:
        self._number = os.dup(number)

    def take(self, new: Path) -> None:
        _copy(new, os.dup(self._number))

    def __exit__(self, *_: object) -> None:
        os.close(self._number)


def _move(new: Path, place: Path) -> None:
    """Move a file to a path where there is none. Raises FileExistsError."""
    try:
        os.link(new, place)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if place.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        os.rename(new, place)


def _copy_attributes(new: Path, old: Path, info: os.stat_result) -> None:
    """Give a new file the owner, mode and access list of the one that it replaces."""
    if not hasattr(os, "chown"):
        return
    mine = new.stat()
    if (mine.st_uid, mine.st_gid) != (info.st_uid, info.st_gid):
        os.chown(new, info.st_uid, info.st_gid)
    new.chmod(stat.S_IMODE(info.st_mode))
    if hasattr(os, "listxattr") and _ACCESS_LIST in _attributes(old):
        # With an access list the mode's middle digit is a mask, not the group's rights.
        os.setxattr(new, _ACCESS_LIST, os.getxattr(old, _ACCESS_LIST))


_ACCESS_LIST = "system.posix_acl_access"


def _attributes(path: Path) -> list[str]:
    try:
        return os.listxattr(path)
    except OSError:  # a file system without any
        return []


def _copy(source: Path, descriptor: int) -> None:
    """Copy a file to a descriptor, and close that."""
    with os.fdopen(descriptor, "wb") as into, source.open("rb") as file:
        shutil.copyfileobj(file, into)


def sync(path: Path) -> None:
    """Make a file, or the names in a folder, durable (fsync)."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
