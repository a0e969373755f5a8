"""The file of an SQLite store, as the operating system sees it."""

import os
from pathlib import Path

FileId = tuple[int, int]
"""The identity of a file, whatever its name: device and inode."""

_MOUNTS = Path("/proc/self/mountinfo")


def file_id(path: str) -> FileId | None:
    """The file that a path leads to; None where there is none, or the path is a ``file:`` URI."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def missing_right(path: Path) -> str:
    """The files and folders that SQLite must write to, and this user may not."""
    beside = (path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm"))
    refused = [str(file) for file in beside if file.exists() and not os.access(file, os.W_OK)]
    if not os.access(path.parent, os.W_OK):
        refused.append(f"the folder {path.parent}")
    return " and ".join(refused) or f"the folder {path.parent}"


def is_on_read_only_disk(path: Path) -> bool:
    """Whether the file's disk is read-only for all processes.

    A folder that is mounted read-only, such as a volume of a container, isn't enough: others may write to the same disk
    through another mount. So the disk's own option counts, which Linux reports.
    """
    try:
        mounts = [line.split() for line in _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()]
    except OSError:
        return False
    place = os.path.realpath(path)
    holding = [mount for mount in mounts if _is_below(place, _unescaped(mount[4]))]
    if not holding:
        return False
    # Of several mounts on the same folder the last one counts, as it hides the others.
    options = max(enumerate(holding), key=lambda item: (len(item[1][4]), item[0]))[1][-1]
    return "ro" in options.split(",")


def _is_below(place: str, folder: str) -> bool:
    return os.path.commonpath((place, folder)) == folder


def _unescaped(text: str) -> str:
    """Decode blanks, which the kernel writes in octal in the list of mounts."""
    for code in ("040", "011", "012", "134"):
        text = text.replace(f"\\{code}", chr(int(code, 8)))
    return text
