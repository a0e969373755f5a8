"""AES-256-GCM and HKDF of ``cryptography``, which the extra [evidence] brings."""

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
        raise InvalidRequest(
            "sealing the data of subjects needs the library cryptography: pip install 'flowledger[evidence]'"
        ) from None
    return AESGCM(key)


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
