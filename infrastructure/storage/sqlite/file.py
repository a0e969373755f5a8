"""The file of an SQLite store, as the operating system sees it."""

import os
from pathlib import Path

FileId = tuple[int, int]
"""Which file it is, whatever its name: device and inode."""

_MOUNTS = Path("/proc/self/mountinfo")


def file_id(path: str) -> FileId | None:
    """The file that a path leads to; None where there is none, or the path is a ``file:`` URI."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def missing_right(path: Path) -> str:
    """What this user may not write to, though SQLite would have to: the file, its folder, or a file beside it."""
    beside = (path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm"))
    refused = [str(file) for file in beside if file.exists() and not os.access(file, os.W_OK)]
    if not os.access(path.parent, os.W_OK):
        refused.append(f"the folder {path.parent}")
    return " and ".join(refused) or f"the folder {path.parent}"


def is_on_read_only_disk(path: Path) -> bool:
    """Whether nobody at all can write to the file's disk now.

    A folder that is mounted for reading alone, such as a volume of a container, isn't that: others may write to the
    same disk through another mount. So it is the disk's own option that counts, which Linux tells.
    """
    try:
        mounts = [line.split() for line in _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()]
    except OSError:
        return False
    place = os.path.realpath(path)
    holding = [mount for mount in mounts if _is_below(place, _unescaped(mount[4]))]
    if not holding:
        return False
    # Of several on the same folder the last one counts, as it hides the others.
    options = max(enumerate(holding), key=lambda item: (len(item[1][4]), item[0]))[1][-1]
    return "ro" in options.split(",")


def _is_below(place: str, folder: str) -> bool:
    return os.path.commonpath((place, folder)) == folder


def _unescaped(text: str) -> str:
    """As the kernel writes blanks in the list of mounts: in octal."""
    for code in ("040", "011", "012", "134"):
        text = text.replace(f"\\{code}", chr(int(code, 8)))
    return text
