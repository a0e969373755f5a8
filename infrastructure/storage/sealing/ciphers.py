"""AES-256-GCM and HKDF of ``cryptography``, and base64 of ``pybase64``, which the extra [evidence] brings."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ....domain.errors import InvalidRequest

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class Unopenable(Exception):
    """The key isn't the one that sealed it, or it was changed or moved since."""


def aes_gcm(key: bytes) -> "AESGCM":
    """The cipher of a key of 32 bytes. Raises InvalidRequest where ``cryptography`` isn't installed."""
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError:
        raise _missing("cryptography") from None
    return AESGCM(key)


def base64_encoder() -> Callable[[bytes], str]:
    """What writes bytes as base64: that of the standard library takes five times as long as the encryption.

    Raises InvalidRequest where ``pybase64`` isn't installed.
    """
    try:
        from pybase64 import b64encode_as_string
    except ImportError:
        raise _missing("pybase64") from None
    return b64encode_as_string


def _missing(library: str) -> InvalidRequest:
    return InvalidRequest(
        f"sealing the data of subjects needs the library {library}: pip install 'flowledger[evidence]'"
    )


def opened(cipher: "AESGCM", nonce: bytes, sealed: bytes, associated: bytes) -> bytes:
    """What was sealed. Raises Unopenable."""
    from cryptography.exceptions import InvalidTag

    try:
        return cipher.decrypt(nonce, sealed, associated)
    except (InvalidTag, ValueError) as error:
        raise Unopenable from error


def derive_key(keys: bytes, info: bytes) -> bytes:
    """HKDF-SHA256 of keys that are random already: 32 bytes for one purpose."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), 32, None, info).derive(keys)
