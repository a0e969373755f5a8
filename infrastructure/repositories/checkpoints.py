"""The encoding of run checkpoints, and which of them a process trusts: only those that it folded itself.

Anybody who may write to the cache can put anything there, and the digests are public. So a checkpoint counts only
where this process remembers the digest of the same content; see ADR 28.

    bytes 0-31  digest: sha256(name of this format, run id, version, digest of the event at that version, all that
                follows). It differs where the checkpoint was damaged, moved, written in another format, or made of
                events that were lost since
    byte  32    codec: 0 as it is, 1 compressed
    bytes 33-   JSON lines: the state, then each result, which is decoded only when it is read
"""

import zlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from itertools import repeat
from threading import Lock
from typing import Any, Final, NamedTuple

import orjson

from ...domain.ports import EncodedRow
from ...domain.run import STEP_COMPLETED, RunState
from ...projections.runs.checkpoint import checkpoint_of
from ..concurrency.forking import ResetOnFork, register_for_forks

_FORMAT: Final = "page 2"
_DIGEST: Final = 32
_PLAIN, _COMPRESSED = b"\0", b"\1"

_FASTEST: Final = 1  # the best takes three times as long for a tenth less
_SAMPLE: Final = 2**14
_WORTH_IT: Final = 1 / 4
"""Content that shrinks to this is compressed. For other content decompression would dominate the time of a read."""

TRUSTED_CHECKPOINTS: Final = 2**14
"""How many checkpoints a process remembers as its own: those used last, at some 200 bytes each."""


class DecodedCheckpoint(NamedTuple):
    """The content of a checkpoint."""

    state: Mapping[str, Any]
    results: Sequence[EncodedRow]


def encode_checkpoint(run_id: str, event_digest: bytes, state: RunState, since: RunState) -> bytes:
    """The checkpoint that leads from ``since`` to ``state``, whose last event has this digest.

    Raises EventNotReadable.
    """
    body = _pack(checkpoint_lines(state, since))
    return _digest(run_id, state.version, event_digest, body) + body


def checkpoint_lines(state: RunState, since: RunState) -> bytes:
    """The lines of a checkpoint before packing. Raises EventNotReadable for a result that can't be read."""
    checkpoint = checkpoint_of(state, since)
    results = checkpoint.pop("results")
    return b"\n".join(map(orjson.dumps, (checkpoint, *results)))


def checkpoint_digest(content: bytes) -> bytes:
    """The digest at the beginning of a checkpoint."""
    return content[:_DIGEST]


def expected_digest(run_id: str, version: int, event_digest: bytes, content: bytes) -> bytes:
    """The digest that a checkpoint with this content must begin with."""
    return _digest(run_id, version, event_digest, content[_DIGEST:])


def decode_checkpoint(content: bytes) -> DecodedCheckpoint:
    """The content of a trusted checkpoint."""
    body = content[_DIGEST:]
    lines = zlib.decompress(memoryview(body)[1:]) if body.startswith(_COMPRESSED) else body[1:]
    state, *results = lines.split(b"\n")
    return DecodedCheckpoint(orjson.loads(state), list(zip(repeat(0), repeat(STEP_COMPLETED), results, repeat(0))))


def read_lines(content: bytes, longest: int) -> bytes:
    """The lines of any checkpoint, trusted or not, at most ``longest`` bytes. Raises ValueError if it isn't one."""
    codec, body = content[_DIGEST : _DIGEST + 1], memoryview(content)[_DIGEST + 1 :]
    if codec == _PLAIN:
        return bytes(body[:longest])
    if codec != _COMPRESSED:
        raise ValueError("it is in an unknown format")
    try:
        return zlib.decompressobj().decompress(body, longest)
    except zlib.error as error:
        raise ValueError(str(error)) from error


def decode_result(_stream: str, _version: int, _type: str, line: bytes) -> dict[str, Any]:
    """Decodes one of the results of a checkpoint."""
    data: dict[str, Any] = orjson.loads(line)
    return data


class HashChain:
    """Checks the hash chain of a run's events, so that no checkpoint is made of damaged ones."""

    def __init__(self, run_id: str) -> None:
        from ..storage.codec import (
            initial_digest,  # imports the storage libraries, which are loaded once a store is open
        )

        self.digest = initial_digest(run_id)
        """Of the last event checked."""
        self.broken: str | None = None
        """The first event that isn't as it was written, in words."""
        self._run_id = run_id

    def follow(self, rows: Iterable[EncodedRow]) -> None:
        """Check the next events, up to one that is broken."""
        from ..storage.codec import BODY, chain_digest, digest_of, id_of

        for version, type, encoded, _ in rows if self.broken is None else ():
            before, self.digest = self.digest, digest_of(encoded)
            if chain_digest(before, id_of(encoded), type, memoryview(encoded)[BODY:]) != self.digest:
                self.broken = f"event {version} of run {self._run_id!r}"
                return


class TrustedCheckpoints(ResetOnFork):
    """The digests of checkpoints that this process folded itself. Bounded, thread-safe."""

    def __init__(self, capacity: int = TRUSTED_CHECKPOINTS) -> None:
        self._capacity = capacity
        self._reset()
        register_for_forks(self)

    def after_fork_in_child(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._runs: OrderedDict[str, dict[int, bytes]] = OrderedDict()
        self._count = 0
        self._lock = Lock()

    def of(self, run_id: str, upto: int | None) -> Mapping[int, bytes]:
        """Version → digest, for the checkpoints of a run up to a version."""
        with self._lock:
            known = self._runs.get(run_id)
            if known is None:
                return {}
            self._runs.move_to_end(run_id)
            return {version: digest for version, digest in known.items() if upto is None or version <= upto}

    def add(self, run_id: str, digests: Mapping[int, bytes]) -> None:
        """Remember checkpoints, by version. Those of the least recently used runs are forgotten."""
        with self._lock:
            known = self._runs.setdefault(run_id, {})
            self._runs.move_to_end(run_id)
            self._count += len(digests.keys() - known.keys())
            known.update(digests)
            while self._count > self._capacity and len(self._runs) > 1:
                self._count -= len(self._runs.popitem(last=False)[1])


def _digest(run_id: str, version: int, event_digest: bytes, body: bytes) -> bytes:
    return sha256(f"{_FORMAT}\0{run_id}\0{version}\0".encode() + event_digest + body).digest()


def _pack(lines: bytes) -> bytes:
    sample = lines[:_SAMPLE]
    if len(zlib.compress(sample, _FASTEST)) > len(sample) * _WORTH_IT:
        return _PLAIN + lines
    return _COMPRESSED + zlib.compress(lines, _FASTEST)
