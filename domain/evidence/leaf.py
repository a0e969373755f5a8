"""The leaf of an event: a short text that whoever has the event can write again."""

from typing import Final, NamedTuple

from .merkle import leaf_hash

LEAF_FORMAT: Final = "flowledger/event@v1"


class Leaf(NamedTuple):
    """The leaf of an event, which may have been removed."""

    position: int
    stream: str
    version: int
    hash: bytes


def hash_leaf(stream: str, version: int, type: str, digest: bytes) -> bytes:
    """The hash of an event's leaf."""
    return leaf_hash(leaf_data(stream, version, type, digest))


def leaf_data(stream: str, version: int, type: str, digest: bytes) -> bytes:
    """The data of an event's leaf.

    The stream comes last: it is all that follows the fourth line, whatever is in it.
    """
    return f"{LEAF_FORMAT}\n{digest.hex()}\n{version}\n{type}\n{stream}\n".encode()
