"""The keys of subjects: made, unwrapped, remembered while they are in use, destroyed."""

import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from time import monotonic
from typing import Any

from ....domain.errors import InvalidRequest, KeyMissing
from ....domain.events.personal import AWAY_TEXT, CLOSED_TEXT, LOST_TEXT, SEALED_BY, is_erased
from ....domain.masking.fingerprints import Fingerprints
from ....domain.ports import RecordedEvent
from ....domain.subjects import ERASED, GLOBALS, refuse_unreadable, shown_when_erased
from ....domain.values.clock import micros
from ....domain.values.ids import subject_stream
from ....domain.values.names import check_name
from ....domain.visible import quoted
from ...concurrency.forking import ResetOnFork, register_for_forks
from ...new_id import new_id
from ..codec import SealedPart, decode, decode_sealed, is_sealed
from .ciphers import derive_key
from .key_ring import KEY_BYTES, KeyRing
from .key_table import SubjectKeyTable, WrappedKey
from .sealer import NoCipher, StreamCipher

CHECK_EVERY = 1.0
"""Seconds after which a writer looks again whether the subject of its stream was erased."""

ASK_AGAIN = 60.0
"""Seconds after which a key ring that didn't answer is asked again for the key of fingerprints: no run waits for it."""

_REMEMBERED = 4096

_LONGEST_SUBJECT = 1024

_FINGERPRINTS = b"flowledger fingerprints"

Cipher = StreamCipher | NoCipher


class SubjectKeys(ResetOnFork):
    """The keys of a store's subjects. May be shared between threads."""

    def __init__(self, table: SubjectKeyTable, find_last: Callable[[str], RecordedEvent | None]) -> None:
        """``find_last`` returns the last event of a stream."""
        self.table = table
        self.ring: KeyRing | None = None
        self._find_last = find_last
        self._reset()
        register_for_forks(self)

    def after_fork_in_child(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._lock = Lock()
        self._keys: OrderedDict[str, tuple[bytes, bytes]] = OrderedDict()
        """Key id → as it is wrapped, and unwrapped."""
        self._writers: OrderedDict[str, tuple[Cipher, float]] = OrderedDict()
        """Stream → its cipher, and until when a writer needn't ask again."""
        self._fingerprints: tuple[tuple[str, Fingerprints] | str, float] | None = None
        """What ``fingerprints`` returned last, and until when it needn't ask again."""

    # --- writing ------------------------------------------------------------------------------------------------------

    def ids_of(self, subjects: Sequence[str], now: int) -> list[str]:
        """Ids of the keys of subjects, in their order; those that have none get one.

        Raises InvalidRequest without a key ring, KeyMissing where it doesn't answer, or can't unwrap one of them.
        """
        ids: set[str] = set()
        for subject in subjects:
            check_name(subject, "subject")
            found = self.table.find(subject) or self._make(subject, now)
            self._usable(found.id, f"subject {quoted(subject)}")
            ids.add(found.id)
        return sorted(ids)

    def check(self, key_ids: Sequence[str], label: str) -> None:
        """Raises Erased or KeyMissing where something that is sealed by these keys can't be written."""
        for key_id in key_ids:
            self._usable(key_id, label)

    def writer_of(
        self, stream: str, key_ids: Callable[[], Sequence[str]], needs_key: Callable[[], bool] = lambda: True
    ) -> Cipher:
        """The cipher with which a stream is continued; without the key of a subject that was erased.

        Raises KeyMissing where the key isn't at hand for another reason, and what is appended ``needs_key``.
        """
        known = self._writers.get(stream)
        if known is not None and monotonic() < known[1]:
            return known[0]
        ids = known[0].key_ids if known is not None else key_ids()
        cipher = self.cipher_of(stream, ids, {})
        if isinstance(cipher, NoCipher) and not is_erased(cipher.shown):
            if needs_key():
                refuse_unreadable(f"stream {stream!r}", cipher.shown)
            return cipher
        with self._lock:
            _remember(self._writers, stream, (cipher, monotonic() + CHECK_EVERY))
        return cipher

    def is_at_hand(self, stream: str) -> bool:
        """Whether ``writer_of`` answers without asking the store or the key ring."""
        known = self._writers.get(stream)
        return known is not None and monotonic() < known[1]

    def fingerprints(self, now: int) -> tuple[str, Fingerprints] | str:
        """What makes the fingerprints of globals, and the id of its key, which is made where there is none yet.

        What stands for values that can't be read, where there is no key ring, it doesn't answer, or the key is lost:
        a run doesn't depend on it. Raises StorageUnavailable, StorageCorrupt.
        """
        if self.ring is None:
            return CLOSED_TEXT
        known = self._fingerprints
        if known is not None and monotonic() < known[1]:
            return known[0]
        found = self._find_fingerprints(now)
        self._fingerprints = found, monotonic() + (ASK_AGAIN if found == AWAY_TEXT else CHECK_EVERY)
        return found

    def _find_fingerprints(self, now: int) -> tuple[str, Fingerprints] | str:
        try:
            row = self.table.find(GLOBALS) or self._make(GLOBALS, now)
        except KeyMissing as error:
            return error.shown
        key = self._find(row.id)
        return key if isinstance(key, str) else (row.id, Fingerprints(derive_key(key, _FINGERPRINTS)))

    def _make(self, subject: str, now: int) -> WrappedKey:
        if not 0 < len(subject) <= _LONGEST_SUBJECT:
            raise InvalidRequest(f"subject {quoted(subject)}: a subject has 1 to {_LONGEST_SUBJECT:,} characters")
        if self.ring is None:
            raise InvalidRequest(
                f"a run for subject {quoted(subject)} is sealed under a key of its own, which needs a key ring: open "
                "the ledger with keys=fl.KeyRing.from_file(path), or the command line with --keys FILE"
            )
        key, key_id = secrets.token_bytes(KEY_BYTES), new_id(now)
        try:
            wrapped = self.ring.wrap(key, key_id)
        except Exception as error:
            raise KeyMissing(f"subject {quoted(subject)}", AWAY_TEXT, _away(error)) from error
        return self.table.add(WrappedKey(key_id, subject, wrapped, now))

    def _usable(self, key_id: str, label: str) -> None:
        found = self._find(key_id)
        if isinstance(found, str):
            refuse_unreadable(label, found)

    # --- reading ------------------------------------------------------------------------------------------------------

    def reading(self) -> "Reading":
        """What decodes the events of one reading, which asks for each key once, when it needs it first."""
        return Reading(self)

    def cipher_of(self, stream: str, key_ids: Sequence[str], known: dict[str, bytes | str]) -> Cipher:
        """The cipher of a stream. ``known`` are the keys that a reading has asked for, or why it has none."""
        keys: list[bytes] = []
        missing: list[str] = []
        for key_id in key_ids:
            found = known.get(key_id)
            if found is None:
                found = known[key_id] = self._find(key_id)
            if isinstance(found, str):
                missing.append(found)
            else:
                keys.append(found)
        if missing:  # one that was erased decides: no key that comes back changes that
            return NoCipher(key_ids, next(filter(is_erased, missing), missing[0]))
        return StreamCipher(stream, key_ids, keys)

    def _find(self, key_id: str) -> bytes | str:
        """The key, or what stands for its values."""
        row = self.table.get(key_id)
        if row is None:
            with self._lock:
                self._keys.pop(key_id, None)
            return self._erased(key_id) or LOST_TEXT
        known = self._keys.get(key_id)
        if known is not None and known[0] == row.wrapped:
            return known[1]
        # A table that was restored may hold keys that were destroyed since.
        erased = self._erased(key_id)
        if erased is not None:
            return erased
        if self.ring is None:
            return CLOSED_TEXT
        try:
            key = self.ring.unwrap(row.wrapped, key_id)
        except KeyError:
            return LOST_TEXT
        except Exception:  # noqa: BLE001 - whatever a key ring raises that doesn't answer
            return AWAY_TEXT
        with self._lock:
            _remember(self._keys, key_id, (row.wrapped, key))
        return key

    def _erased(self, key_id: str) -> str | None:
        last = self._find_last(subject_stream(key_id))
        return shown_when_erased(micros(last.recorded_at)) if last is not None and last.type == ERASED else None

    # --- the end ------------------------------------------------------------------------------------------------------

    def destroy(self, key: WrappedKey) -> None:
        """Destroy a key. What this process knew of it is forgotten, too."""
        self.table.destroy(key)
        with self._lock:
            self._keys.pop(key.id, None)
            self._writers.clear()
            self._fingerprints = None

    def rewrap(self) -> int:
        """Wrap every key that an earlier master key has wrapped with the current one. How many those were.

        Raises InvalidRequest without a key ring, KeyMissing where it can't unwrap one, or doesn't answer.
        """
        if self.ring is None:
            raise InvalidRequest("there is no key ring to wrap keys with: open the ledger with keys=")
        count = 0
        for row in self.table.all():
            if self.ring.is_current(row.wrapped):
                continue
            label = f"the key {row.id}"
            try:
                wrapped = self.ring.wrap(self.ring.unwrap(row.wrapped, row.id), row.id)
            except KeyError as error:
                raise KeyMissing(label, LOST_TEXT, f"the key ring can't unwrap it: {error.args[0]!r}") from error
            except Exception as error:
                raise KeyMissing(label, AWAY_TEXT, _away(error)) from error
            self.table.rewrap(row, wrapped)
            count += 1
        return count


class Reading:
    """Decodes events for one reading: all that it reads of a subject is readable, or nothing is."""

    __slots__ = ("_ciphers", "_keys", "_known")

    def __init__(self, keys: SubjectKeys) -> None:
        self._keys = keys
        self._known: dict[str, bytes | str] = {}
        self._ciphers: dict[tuple[str, ...], Cipher] = {}

    def decode(self, stream: str, version: int, type: str, encoded: bytes) -> dict[str, Any]:
        """The body of an event, sealed or not. Raises EventNotReadable."""
        if not is_sealed(encoded):
            return decode(stream, version, type, encoded)

        def fill_in(data: dict[str, Any], sealed: SealedPart) -> dict[str, Any]:
            return self._cipher(stream, tuple(data[SEALED_BY])).open(stream, version, type, data, sealed)

        return decode_sealed(stream, version, type, encoded, fill_in)

    def _cipher(self, stream: str, key_ids: tuple[str, ...]) -> Cipher:
        cipher = self._ciphers.get((stream, *key_ids))
        if cipher is None:
            cipher = self._ciphers[stream, *key_ids] = self._keys.cipher_of(stream, key_ids, self._known)
        return cipher


def _remember(cache: OrderedDict[str, Any], name: str, value: Any) -> None:
    cache[name] = value
    cache.move_to_end(name)
    while len(cache) > _REMEMBERED:
        cache.popitem(last=False)


def _away(error: Exception) -> str:
    return (
        f"the key ring doesn't answer ({type(error).__name__}: {error}), so nothing can be sealed now: see that its "
        "service can be reached, and try again"
    )
