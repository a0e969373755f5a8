"""Files that commands write: whole, or not at all."""

import os
import tempfile
from pathlib import Path

from ...domain.errors import InvalidRequest


def write_file(path: str, text: str) -> None:
    """Write a file in one move: who reads it sees the old one or the new one. Raises InvalidRequest."""
    target = Path(path)
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, 0o666 & ~_umask())
            os.replace(name, target)
        except BaseException:
            os.unlink(name)
            raise
    except (OSError, ValueError) as error:  # a NUL in the name is the second
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InvalidRequest(f"can't write {path!r}: {reason}; nothing was written there") from error


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
