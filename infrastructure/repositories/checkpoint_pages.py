"""Checkpoints of runs as they lie in storage, and whom a process believes: only pages that it folded itself.

Whoever may write to the cache may put anything there, and the digests are public. So a page counts only where this
process remembers the digest of the very same content; see ADR 28.

    bytes 0-31  digest: sha256(name of this form, run id, version, digest of the event at that version, all that
                follows), so that what was damaged, put elsewhere, written in another form, or made of events that were
                lost since is told
    byte  32    codec: 0 as it is, 1 compressed
    bytes 33-   JSON lines: the state, then each result, which is read only when somebody looks at it
"""

import zlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from itertools import repeat
from threading import Lock
from typing import Any, Final, NamedTuple

import orjson

from ...domain.ports import SealedRow
from ...domain.run import STEP_COMPLETED, RunState
from ...projections.runs.checkpoint import checkpoint_of
from ..concurrency.forking import ForksAnew, follow_forks

_FORM: Final = "page 2"
_DIGEST: Final = 32
_PLAIN, _COMPRESSED = b"\0", b"\1"

_FASTEST: Final = 1  # the best takes three times as long for a tenth less
_SAMPLE: Final = 2**14
_WORTH_IT: Final = 1 / 4
"""What shrinks to this is compressed. The rest would take most of the time of a read to decompress."""

PAGES_VOUCHED: Final = 2**14
"""How many pages a process vouches for: those that it used last, at some 200 bytes each."""


class Unpacked(NamedTuple):
    """What a page says."""

    state: Mapping[str, Any]
    results: Sequence[SealedRow]


def content_of(run_id: str, event_digest: bytes, state: RunState, since: RunState) -> bytes:
    """The page that takes ``since`` to ``state``, whose last event has this digest. Raises EventNotReadable."""
    body = _packed(lines_of(state, since))
    return _digest(run_id, state.version, event_digest, body) + body


def lines_of(state: RunState, since: RunState) -> bytes:
    """What a page says, before it is packed. Raises EventNotReadable for a result that can't be read."""
    checkpoint = checkpoint_of(state, since)
    results = checkpoint.pop("results")
    return b"\n".join(map(orjson.dumps, (checkpoint, *results)))


def page_digest(content: bytes) -> bytes:
    """The digest that a page begins with."""
    return content[:_DIGEST]


def digest_made_of(run_id: str, version: int, event_digest: bytes, content: bytes) -> bytes:
    """The digest that a page of this content must begin with."""
    return _digest(run_id, version, event_digest, content[_DIGEST:])


def unpacked(content: bytes) -> Unpacked:
    """What a page says that this process vouches for."""
    body = content[_DIGEST:]
    lines = zlib.decompress(memoryview(body)[1:]) if body.startswith(_COMPRESSED) else body[1:]
    state, *results = lines.split(b"\n")
    return Unpacked(orjson.loads(state), list(zip(repeat(0), repeat(STEP_COMPLETED), results, repeat(0))))


def lines_in(content: bytes, longest: int) -> bytes:
    """What any page says, as it lies there, cut behind so many bytes. Raises ValueError for what isn't a page."""
    codec, body = content[_DIGEST : _DIGEST + 1], memoryview(content)[_DIGEST + 1 :]
    if codec == _PLAIN:
        return bytes(body[:longest])
    if codec != _COMPRESSED:
        raise ValueError("it is in no form that is known")
    try:
        return zlib.decompressobj().decompress(body, longest)
    except zlib.error as error:
        raise ValueError(str(error)) from error


def result_of(_stream: str, _version: int, _type: str, line: bytes) -> dict[str, Any]:
    """Opens one of the results of a page."""
    data: dict[str, Any] = orjson.loads(line)
    return data


class Chain:
    """Follows the links of a run's events: no page is made of damaged ones."""

    def __init__(self, run_id: str) -> None:
        from ..storage.codec import first_link  # brings the storage libraries, which are there once a store is open

        self.digest = first_link(run_id)
        """Of the last event that was followed."""
        self.broken: str | None = None
        """The first event that isn't as it was written, in words."""
        self._run_id = run_id

    def follow(self, rows: Iterable[SealedRow]) -> None:
        """Go on over the next events, up to one that is broken."""
        from ..storage.codec import BODY, digest_of, id_of, link

        for version, type, state, _ in rows if self.broken is None else ():
            before, self.digest = self.digest, digest_of(state)
            if link(before, id_of(state), type, memoryview(state)[BODY:]) != self.digest:
                self.broken = f"event {version} of run {self._run_id!r}"
                return


class Vouched(ForksAnew):
    """The digests of pages that this process folded itself. Bounded, thread-safe."""

    def __init__(self, capacity: int = PAGES_VOUCHED) -> None:
        self._capacity = capacity
        self._begin()
        follow_forks(self)

    def after_fork_in_child(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._runs: OrderedDict[str, dict[int, bytes]] = OrderedDict()
        self._pages = 0
        self._lock = Lock()

    def of(self, run_id: str, upto: int | None) -> Mapping[int, bytes]:
        """Version → digest, for the pages of a run up to a version."""
        with self._lock:
            known = self._runs.get(run_id)
            if known is None:
                return {}
            self._runs.move_to_end(run_id)
            return {version: digest for version, digest in known.items() if upto is None or version <= upto}

    def add(self, run_id: str, digests: Mapping[int, bytes]) -> None:
        """Vouch for pages, given by version. Those of the runs that were read longest ago are forgotten."""
        with self._lock:
            known = self._runs.setdefault(run_id, {})
            self._runs.move_to_end(run_id)
            self._pages += len(digests.keys() - known.keys())
            known.update(digests)
            while self._pages > self._capacity and len(self._runs) > 1:
                self._pages -= len(self._runs.popitem(last=False)[1])


def _digest(run_id: str, version: int, event_digest: bytes, body: bytes) -> bytes:
    return sha256(f"{_FORM}\0{run_id}\0{version}\0".encode() + event_digest + body).digest()


def _packed(lines: bytes) -> bytes:
    sample = lines[:_SAMPLE]
    if len(zlib.compress(sample, _FASTEST)) > len(sample) * _WORTH_IT:
        return _PLAIN + lines
    return _COMPRESSED + zlib.compress(lines, _FASTEST)
