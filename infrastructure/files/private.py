"""Files that hold keys: whoever else may read one has the key."""

import os
import stat
from pathlib import Path
from typing import Final

_FOR_OTHERS: Final = 0o077


class ReadByOthers(Exception):
    """Others than its owner may read the file."""

    def __init__(self, mode: int) -> None:
        super().__init__(f"mode {mode:04o}")


def read_private(path: Path, most: int = -1) -> bytes:
    """The bytes of a file that nobody but its owner may read, at most so many. Raises ReadByOthers, OSError."""
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if os.name == "posix" and mode & _FOR_OTHERS:  # elsewhere a mode says nothing of others
            raise ReadByOthers(mode)
        return file.read(most)
