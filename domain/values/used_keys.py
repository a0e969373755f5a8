"""The idempotency keys that are on record in a stream, as its state keeps them.

A state is shared by copies that go different ways, so what holds its keys never changes. They are in levels, each at
least twice as large as the next one: adding one of n keys costs log n on average, and so does finding one.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple


class UsedKey(NamedTuple):
    """A key that is on record."""

    request: str
    """The digest of the command that it stands for."""
    version: int
    """Of the event that carries it."""
    by: str
    at: int
    """Microseconds since 1970."""


UsedKeys = Sequence[Mapping[str, UsedKey]]
"""The levels, the largest first."""


def with_key(keys: UsedKeys, key: str, used: UsedKey) -> UsedKeys:
    """The keys, and one more."""
    added: Mapping[str, UsedKey] = {key: used}
    levels = list(keys)
    while levels and len(levels[-1]) <= len(added):
        added = {**levels.pop(), **added}
    return (*levels, added)


def find_key(keys: UsedKeys, key: str) -> UsedKey | None:
    """What the key stands for; None where it wasn't used."""
    return next((level[key] for level in keys if key in level), None)


def keys_after(keys: UsedKeys, version: int) -> Iterator[tuple[str, UsedKey]]:
    """The keys of the events after a version."""
    for level in keys:
        yield from ((key, used) for key, used in level.items() if used.version > version)
