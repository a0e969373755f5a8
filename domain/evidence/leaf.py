"""The leaf of an event: a short text that whoever has the event can write again."""

from typing import Final

LEAF_FORMAT: Final = "flowledger/event@v1"


def leaf_data(stream: str, version: int, type: str, digest: bytes) -> bytes:
    """The data of an event's leaf.

    The stream comes last: it is all that follows the fourth line, whatever is in it.
    """
    return f"{LEAF_FORMAT}\n{digest.hex()}\n{version}\n{type}\n{stream}\n".encode()
