"""Hashes of a Merkle tree as RFC 9162 has them: of leaves, of nodes, of a whole tree."""

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from hashlib import sha256
from typing import Final

HASH: Final = 32
"""Bytes of one hash."""

EMPTY: Final = sha256(b"").digest()
"""The root of a tree without leaves."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf."""
    return sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node, of the hashes of its two children."""
    return sha256(b"\1" + left + right).digest()


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """The root above hashes whose number is a power of two."""
    while len(hashes) > 1:
        hashes = [node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]


def root_of_peaks(peaks: Sequence[bytes]) -> bytes:
    """The root of a tree, of the roots of the perfect trees that it is made of, the largest first."""
    return reduce(lambda right, left: node_hash(left, right), reversed(peaks[:-1]), peaks[-1]) if peaks else EMPTY


def peak_sizes(size: int) -> Iterator[int]:
    """The sizes of the perfect trees that a tree is made of, the largest first."""
    for bit in range(size.bit_length() - 1, -1, -1):
        if size >> bit & 1:
            yield 1 << bit


class GrowingRoot:
    """The root of a tree whose leaves come one after another; only its peaks are kept."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def add(self, hash: bytes) -> None:
        """The next leaf's hash."""
        peaks, size = self._peaks, self.size
        while size & 1:
            hash = node_hash(peaks.pop(), hash)
            size >>= 1
        peaks.append(hash)
        self.size += 1

    def root(self) -> bytes:
        """The root of the leaves so far."""
        return root_of_peaks(self._peaks)


def root_of(hashes: Iterable[bytes]) -> bytes:
    """The root of a tree of these leaves' hashes."""
    growing = GrowingRoot()
    for hash in hashes:
        growing.add(hash)
    return growing.root()
