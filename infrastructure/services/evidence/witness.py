"""Witnesses (C2SP's tlog-witness): how one is asked, and what one signs, which is what grew from what it has seen."""

import os
from base64 import b64encode
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from ....domain.errors import InvalidRequest, StorageUnavailable
from ....domain.evidence.checkpoint import SignedCheckpoint, TreeHead, to_checkpoint
from ....domain.evidence.signed_note import COSIGNER, from_base64
from ....domain.evidence.tiles import TiledTree, has_within
from ....domain.visible import quoted
from ...files.atomic import make_private_file
from .keys import read_signing_key, read_verifier_key, verify_signature
from .notes import read_note
from .publishing import add_to_file, last_in_file

_OLD = "old "


def to_request(text: str, tree: TiledTree, old: int) -> str:
    """What a witness is asked with that has seen the tree when it had ``old`` leaves. Raises TilesMissing."""
    path = "".join(f"{b64encode(hash).decode()}\n" for hash in tree.consistency(old))
    return f"{_OLD}{old}\n{path}\n{text}"


def cosign(request: str, key: str | Path, log: str | Path, seen: Path, now: Callable[[], int]) -> SignedCheckpoint:
    """See ``Evidence.cosign``."""
    signing, verifier = read_signing_key(key, COSIGNER), read_verifier_key(log)
    old, path, text = _parse_request(request)
    head, note = read_note(text)
    if not (note.is_signed_by(verifier, verify_signature) and head.origin == verifier.name):
        raise InvalidRequest(f"the checkpoint of {quoted(head.origin)} isn't signed by the key {verifier.name}")
    with _alone_with(seen):
        known = last_in_file(seen)
        before = None if known is None else read_note(known)[0]
        _check_grown(before, head, old, path)
        cosigned = text + signing.cosign(note.text, now() // 1_000_000)
        add_to_file(cosigned, seen)
    return to_checkpoint(head, cosigned)


def _check_grown(before: TreeHead | None, head: TreeHead, old: int, path: list[bytes]) -> None:
    """Raises InvalidRequest unless what was seen before is shown to be in what is to be signed."""
    size, root = (0, b"") if before is None else (before.size, before.root)
    if before is not None and before.origin != head.origin:
        raise InvalidRequest(f"what was seen before is of {quoted(before.origin)}: a witness has a file for each log")
    if (size, root) == (head.size, head.root):
        return  # asked again, as the answer was lost
    if old != size:
        raise InvalidRequest(
            f"the request goes on from {old:,} events, and {size:,} were seen last: ask again from there"
        )
    if not has_within(old, root, head.size, head.root, path):
        raise InvalidRequest(
            f"the {head.size:,} events that are to be signed aren't shown to hold the {old:,} that were seen before, "
            "as they were: the log was changed, or two histories of it are shown"
        )


def _parse_request(request: object) -> tuple[int, list[bytes], str]:
    beginning, blank, text = request.partition("\n\n") if isinstance(request, str) else ("", "", "")
    first, *hashes = beginning.split("\n")
    old = first.removeprefix(_OLD)
    try:
        path = [from_base64(line) for line in hashes]
    except ValueError:
        blank, path = "", []
    if not (blank and first.startswith(_OLD) and old.isascii() and old.isdigit() and len(old) < _LONGEST_NUMBER):
        raise InvalidRequest("this is no request to a witness: `old` and a number, hashes, a blank line, a checkpoint")
    return int(old), path, text


_LONGEST_NUMBER = 19


@contextmanager
def _alone_with(seen: Path) -> Generator[None]:
    """Of those who sign by the same file one at a time goes on. Raises StorageUnavailable, InvalidRequest."""
    try:
        from fcntl import LOCK_EX, flock
    except ImportError as error:
        raise InvalidRequest(
            "a witness locks the file of what it has seen, so that no two histories get past it at once, and this "
            "system has no such lock (flock): sign on Linux or macOS"
        ) from error
    try:
        make_private_file(seen)
        descriptor = os.open(seen, os.O_RDWR)
    except OSError as error:
        raise StorageUnavailable(f"what was seen before, {str(seen)!r}: {error.strerror}") from error
    try:
        flock(descriptor, LOCK_EX)
        yield
    finally:
        os.close(descriptor)
