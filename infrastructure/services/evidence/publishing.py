"""Handing a checkpoint on to where the store's owner can't change it: a file, or whatever a function does with it."""

import os
from collections.abc import Callable
from pathlib import Path

from ....domain.errors import StorageUnavailable
from ....domain.evidence.checkpoint import SignedCheckpoint
from ...files.atomic import make_private_file
from ...files.paths import to_path

Destination = str | Path | Callable[[SignedCheckpoint], object]
"""A file that checkpoints are added to, or a function that is called with each."""


def publish(checkpoint: SignedCheckpoint, to: Destination) -> None:
    """Raises StorageUnavailable, InvalidRequest for a file; what a function raises is raised."""
    if callable(to):
        to(checkpoint)
    else:
        add_to_file(checkpoint.text, to_path(to, "to"))


def last_in_file(path: Path) -> str | None:
    """The checkpoint that was added to a file last; None where there is none. Raises StorageUnavailable.

    However many are in it, only its end is read: one is added every few minutes, for years.
    """
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LONGEST))
            end = file.read().decode("utf-8", errors="replace")
    except OSError as error:
        raise StorageUnavailable(f"the checkpoints in {str(path)!r} can't be read: {error.strerror}") from error
    note = "\n\n".join(end.removesuffix("\n").split("\n\n")[-2:])  # its text, and its signatures
    return f"{note}\n" if note else None


_LONGEST = 2**17
"""Bytes of one checkpoint and its reason, amply."""


def add_to_file(text: str, path: Path) -> None:
    """Add a checkpoint to those in a file, and a blank line between, in one write that is on the disk afterwards."""
    try:
        make_private_file(path)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
        try:
            before = "\n" if os.fstat(descriptor).st_size else ""
            os.write(descriptor, f"{before}{text}".encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StorageUnavailable(
            f"the checkpoint was signed, but can't be added to {str(path)!r}: {error.strerror}"
        ) from error
