"""What processes that may be killed at any moment have seen: a line each, in files that outlive them."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Journal:
    """Appends lines to a file of this process. A line is there, whole, once ``note`` has returned."""

    def __init__(self, folder: Path, name: str) -> None:
        self._name = name
        self.folder = folder
        self._file = os.open(folder / f"{name}.{os.getpid()}", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(self, what: str, **more: Any) -> None:
        """``at`` is by a clock that all processes of a machine share, and nobody sets."""
        line = {"what": what, "host": self._name, "pid": os.getpid(), "at": time.monotonic(), **more}
        os.write(self._file, json.dumps(line).encode() + b"\n")


def read(folder: Path, what: str | None = None) -> Iterator[dict[str, Any]]:
    """The lines of all processes, those of each in their order. Of one that is being written nothing is given."""
    for path in sorted(folder.iterdir()):
        for line in path.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                noted = json.loads(line)
                if what in (None, noted["what"]):
                    yield noted


def size(folder: Path) -> int:
    """Bytes of all lines: how far everybody got, without reading it."""
    return sum(path.stat().st_size for path in folder.iterdir())
