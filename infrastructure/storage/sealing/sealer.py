"""Sealing and opening the events of one stream.

The sealed part of a body: ``{"names": [...], "data": base64 of nonce (12 bytes), ciphertext, tag (16 bytes)}``, where
the plain text is the JSON object of what has these names. Nothing can be moved to another place, as that is
authenticated.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from ....domain.events.personal import LOST_TEXT, SEALED_BY, UNREADABLE, fill, join, split
from ..codec import SEALED_KEY, SealedPart
from .ciphers import Unopenable, aes_gcm, base64_encoder, derive_key, opened

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12
_STREAM = b"flowledger stream\0"


class StreamCipher:
    """The cipher of one stream, whose key follows from those of all its subjects: without one of them there is none."""

    def __init__(self, stream: str, key_ids: Sequence[str], keys: Sequence[bytes]) -> None:
        """``keys`` are in the order of their ids."""
        self.key_ids = list(key_ids)
        self._cipher: AESGCM = aes_gcm(derive_key(b"".join(keys), _STREAM + stream.encode()))
        self._to_text = base64_encoder()

    def __call__(
        self, stream: str, version: int, type: str, data: Mapping[str, Any], encode: Callable[[Any], bytes]
    ) -> dict[str, Any]:
        """The body as it is stored. See ``codec.Seal``."""
        stored, personal = split(data)
        nonce = os.urandom(_NONCE_BYTES)
        text = nonce + self._cipher.encrypt(nonce, encode(personal), _place(stream, version, type))
        stored[SEALED_BY] = self.key_ids
        stored[SEALED_KEY] = {"names": list(personal), "data": self._to_text(text)}
        return stored

    def open(self, stream: str, version: int, type: str, data: dict[str, Any], sealed: SealedPart) -> dict[str, Any]:
        """The body with what was sealed. Raises ValueError where it was changed, or moved to this place."""
        text = sealed.ciphertext
        if not text:  # appended when there was no key
            return fill(data, sealed.names, LOST_TEXT)
        try:
            found = opened(self._cipher, text[:_NONCE_BYTES], text[_NONCE_BYTES:], _place(stream, version, type))
        except Unopenable:
            raise ValueError("what is sealed in it was changed or moved, or is under another key") from None
        return join(data, orjson.loads(found))


class NoCipher:
    """In place of the cipher of a stream whose values can't be read: what is sealed now is kept nowhere."""

    def __init__(self, key_ids: Sequence[str], shown: str) -> None:
        self.key_ids = list(key_ids)
        self.shown = shown
        """What stands for the values."""

    def __call__(
        self,
        stream: str,  # noqa: ARG002 - as StreamCipher
        version: int,  # noqa: ARG002
        type: str,  # noqa: ARG002
        data: Mapping[str, Any],
        encode: Callable[[Any], bytes],  # noqa: ARG002
    ) -> dict[str, Any]:
        """The body without what would be sealed."""
        stored, personal = split(data)
        stored[SEALED_BY] = self.key_ids
        stored[SEALED_KEY] = {"names": list(personal), "data": ""}
        return stored

    def open(
        self,
        stream: str,  # noqa: ARG002 - as StreamCipher
        version: int,  # noqa: ARG002
        type: str,  # noqa: ARG002
        data: dict[str, Any],
        sealed: SealedPart,
    ) -> dict[str, Any]:
        """The body with a text in place of what was sealed."""
        data[UNREADABLE] = self.shown
        return fill(data, sealed.names, self.shown)


def _place(stream: str, version: int, type: str) -> bytes:
    return f"{stream}\0{version}\0{type}".encode()
