"""Checkpoints: how many events a store had, and the root of the tree over them, as C2SP's tlog-checkpoint says it."""

import re
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from ..values.clock import moment
from .merkle import HASH
from .signed_note import SignedNote, from_base64, parse_note

_TIME = "time "
_FIRST = "first "
_ENDS = "ends "
_SIZE = "0|[1-9][0-9]{0,18}"


class EndedTree(NamedTuple):
    """A tree that was signed and has ended: the store was restored, or failed over, and lacks a part of it."""

    size: int
    """How many events it was of, when it was signed last."""
    root: bytes
    reason: str
    """Why, in the words of who signed that it has ended."""


@dataclass(frozen=True, slots=True)
class TreeHead:
    """What is signed."""

    origin: str
    size: int
    root: bytes
    time: int
    """When it was signed, by the store's clock, in microseconds since 1970."""
    first: bytes | None
    """The hash of the first leaf, by which a store is told from another; None where there is none."""
    ends: EndedTree | None = None
    """The tree that was signed before, where this one doesn't follow from it."""

    @property
    def text(self) -> str:
        """Three lines as C2SP has them, and up to three of ours."""
        lines = [self.origin, str(self.size), b64encode(self.root).decode(), f"{_TIME}{self.time}"]
        if self.first is not None:
            lines.append(f"{_FIRST}{b64encode(self.first).decode()}")
        if self.ends is not None:
            size, root, reason = self.ends
            lines.append(f"{_ENDS}{size} {b64encode(root).decode()} {reason}")
        return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A store's size and the root of the tree over its events, signed."""

    origin: str
    """Whose log it is: the name of the key."""
    size: int
    """How many events it is of, in the order of their positions."""
    root: str
    """The root of the tree over them (hex)."""
    signed_at: datetime
    """When, by the store's clock."""
    text: str
    """All of it, in the form of a C2SP tlog-checkpoint: keep this where the store's owner can't change it."""


def read_checkpoint(text: str) -> tuple[TreeHead, SignedNote]:
    """What a checkpoint says, and the note that it is. Raises ValueError."""
    note = parse_note(text)
    lines = note.text.removesuffix("\n").split("\n")
    if len(lines) < 3 or not all(lines) or not re.fullmatch(_SIZE, lines[1]):
        raise ValueError("it is no checkpoint: origin, size and root are its first three lines")
    origin, size, root = lines[0], int(lines[1]), from_base64(lines[2])
    times = [line.removeprefix(_TIME) for line in lines[3:] if line.startswith(_TIME)]
    firsts = [line.removeprefix(_FIRST) for line in lines[3:] if line.startswith(_FIRST)]
    ended = [line.removeprefix(_ENDS) for line in lines[3:] if line.startswith(_ENDS)]
    once = len(times) == 1 and len(firsts) <= 1 and len(ended) <= 1
    if len(root) != HASH or not (once and re.fullmatch("[0-9]{1,17}", times[0])):
        raise ValueError("it is no checkpoint of a flowledger store: its root or its time can't be read")
    first = from_base64(firsts[0]) if firsts else None
    return TreeHead(origin, size, root, int(times[0]), first, _read_end(ended[0]) if ended else None), note


def _read_end(line: str) -> EndedTree:
    size, root, reason = [*line.split(" ", 2), "", ""][:3]
    if not (re.fullmatch(_SIZE, size) and reason):
        raise ValueError("the line that says which tree has ended can't be read")
    return EndedTree(int(size), from_base64(root), reason)


def to_checkpoint(head: TreeHead, text: str) -> SignedCheckpoint:
    """The checkpoint that callers see."""
    return SignedCheckpoint(head.origin, head.size, head.root.hex(), moment(head.time), text)
