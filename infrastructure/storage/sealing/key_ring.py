"""Key rings: the master keys that wrap the keys of subjects. They are the caller's, and never in the store."""

import json
import os
import secrets
from abc import ABC, abstractmethod
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NoReturn, Self, SupportsIndex

from ....domain.errors import InvalidRequest
from ....domain.visible import quoted
from ...files.atomic import write_file
from ...files.paths import to_path
from ...files.private import ReadByOthers, read_private

KEY_BYTES = 32
_NONCE_BYTES = 12


class KeyRing(ABC):
    """Wraps the keys of subjects, so that the store alone opens nothing.

    ``from_file`` and ``from_env`` hold master keys in this process. For a key management service, or a device, derive
    a class from this one and implement ``wrap`` and ``unwrap``; what they raise where it doesn't answer is shown as it
    is: starts are refused with it, and reads show ``<key ring away>``. KeyError from ``unwrap`` means that the master
    key isn't there any more: reads show ``<key lost>``.
    """

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> NoReturn:
        raise TypeError(
            f"{type(self).__name__} can't be pickled or copied: send the path of its file, or the name of its "
            "variable, as its keys shouldn't lie anywhere else"
        )

    @abstractmethod
    def wrap(self, key: bytes, context: str) -> bytes:
        """Encrypt a key of 32 bytes with the current master key; ``context`` must be given again to unwrap it."""

    @abstractmethod
    def unwrap(self, wrapped: bytes, context: str) -> bytes:
        """Decrypt what ``wrap`` returned, also under an earlier master key. Raises KeyError where that isn't there."""

    def is_current(self, wrapped: bytes) -> bool:  # noqa: ARG002 - of those that know
        """Whether the current master key has wrapped it; else ``ledger.rewrap_keys`` wraps it anew."""
        return False

    def reopen(self) -> "Callable[[], KeyRing]":
        """A function that makes this key ring in another process, for ``ledger.replay_many``; it must be picklable.

        Those of a file or a variable are read again from there, which must be the same where the process is. In a class
        of yours, return a function at the top of a module, or a ``functools.partial`` of one, that connects anew; until
        then it raises InvalidRequest.
        """
        raise InvalidRequest(
            f"the key ring, a {type(self).__name__}, can't be sent to other processes: give it a method reopen, which "
            "returns a function at the top of a module that makes one there"
        )

    @staticmethod
    def from_file(path: "str | os.PathLike[str]") -> "KeyRing":
        """The master keys in a JSON file: ``{"current": id, "keys": {id: base64 of 32 bytes}}``.

        Nobody but its owner may read the file. A new key is added under a new id, and made current; keys that still
        wrap something must stay. Raises InvalidRequest.
        """
        file = to_path(path)
        try:
            text = read_private(file)
        except ReadByOthers as error:
            raise InvalidRequest(
                f"the key ring {quoted(str(file))} can be read by others ({error}): chmod 600 it, and "
                "if others may have read it, add a new key, make it current, and wrap the keys of subjects anew"
            ) from error
        except OSError as error:
            raise InvalidRequest(
                f"the key ring {quoted(str(file))} can't be read: {error.strerror}; make one with "
                "fl.KeyRing.generate(path), or give the path of yours"
            ) from error
        return LocalKeyRing.parse(
            text, f"the key ring {quoted(str(file))}", partial(KeyRing.from_file, file.absolute())
        )

    @staticmethod
    def from_env(name: str) -> "KeyRing":
        """The same JSON in an environment variable. Raises InvalidRequest."""
        text = os.environ.get(name) if isinstance(name, str) else None
        if text is None:
            raise InvalidRequest(f"the environment has no variable {quoted(name)} that would hold a key ring")
        return LocalKeyRing.parse(text, f"the key ring in the variable {quoted(name)}", partial(KeyRing.from_env, name))

    @staticmethod
    def generate(path: "str | os.PathLike[str]") -> "KeyRing":
        """Write a new key ring of one random key to a file that only its owner can read, and return it.

        Keep a copy of the file elsewhere: without it nothing that it has wrapped can ever be read. Raises
        InvalidRequest where there is a file already, StorageUnavailable where it can't be written.
        """
        file = to_path(path)
        ring = LocalKeyRing("1", {"1": secrets.token_bytes(KEY_BYTES)}, partial(KeyRing.from_file, file.absolute()))
        write_file(file, ring.to_json(), replace=False)
        return ring


class LocalKeyRing(KeyRing):
    """Master keys of AES-256-GCM in this process."""

    def __init__(self, current: str, keys: Mapping[str, bytes], reopen: Callable[[], KeyRing]) -> None:
        """``reopen`` reads it again from where it was read."""
        from .ciphers import aes_gcm  # the extra [evidence] brings it

        self._reopen = reopen
        self._current = current
        self._keys = dict(keys)
        self._ciphers = {id: aes_gcm(key) for id, key in keys.items()}

    @classmethod
    def parse(cls, text: bytes | str, name: str, reopen: Callable[[], KeyRing]) -> Self:
        """The key ring of a JSON text, and what reads it again. Raises InvalidRequest, which shows nothing of a key."""
        try:
            found: Any = json.loads(text)
            current, keys = found["current"], {id: b64decode(key, validate=True) for id, key in found["keys"].items()}
            fits = all(len(key) == KEY_BYTES for key in keys.values()) and current in keys
        except (ValueError, LookupError, TypeError, AttributeError):
            fits, current, keys = False, "", {}
        if not fits:
            raise InvalidRequest(
                f'{name} isn\'t one: it must be JSON like {{"current": "1", "keys": {{"1": "base64 of 32 bytes"}}}}, '
                "and the current key one of the keys"
            )
        return cls(current, keys, reopen)

    def reopen(self) -> Callable[[], KeyRing]:
        return self._reopen

    def to_json(self) -> bytes:
        """As ``parse`` takes it."""
        keys = {id: b64encode(key).decode() for id, key in self._keys.items()}
        return json.dumps({"current": self._current, "keys": keys}).encode() + b"\n"

    def wrap(self, key: bytes, context: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._current].encrypt(nonce, key, context.encode())
        return b"".join((self._current.encode(), b"\0", nonce, sealed))

    def unwrap(self, wrapped: bytes, context: str) -> bytes:
        from .ciphers import Unopenable, opened

        id, _, sealed = wrapped.partition(b"\0")
        cipher = self._ciphers[id.decode(errors="replace")]
        try:
            return opened(cipher, sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode())
        except Unopenable as error:
            raise KeyError(f"the master key {id.decode(errors='replace')!r} isn't the one that wrapped it") from error

    def is_current(self, wrapped: bytes) -> bool:
        return wrapped.partition(b"\0")[0] == self._current.encode()
