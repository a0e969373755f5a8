"""Keys of Ed25519 in files: making them, reading them, signing and verifying with them."""

from pathlib import Path

from ....domain.errors import InvalidRequest, StorageUnavailable
from ....domain.evidence.signed_note import (
    COSIGNER,
    ED25519,
    NamedKey,
    check_key_name,
    cosignature_line,
    key_hint,
    parse_private_key,
    parse_verifier_key,
    private_key,
    signed_text,
    verifier_key,
)
from ....domain.visible import quoted
from ...files.atomic import write_file
from ...files.paths import to_path
from ...files.private import ReadByOthers, read_private

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
except ImportError as error:
    raise InvalidRequest("signing needs a library: pip install 'flowledger[evidence]'") from error


class SigningKey:
    """A private key."""

    def __init__(self, line: str) -> None:
        """Read it as it stands in a file. Raises ValueError."""
        private, self.public = parse_private_key(line.strip(), _public_of)
        self.hint = key_hint(self.public)
        self._key = Ed25519PrivateKey.from_private_bytes(private.bytes)

    def sign(self, text: str) -> str:
        """The text, as a signed note."""
        return signed_text(text, self.public, self._key.sign(text.encode()))

    def cosign(self, text: str, seconds: int) -> str:
        """The line of a witness's signature of a note's text, at a time in seconds since 1970."""
        return cosignature_line(self.public, seconds, text, self._key.sign)


def make_key(path: Path, name: str, kind: bytes = ED25519) -> str:
    """Write a new private key to a file of mode 0600. Returns the line that others check with.

    Raises InvalidRequest (a file is there; the name can't be one), StorageUnavailable.
    """
    if not isinstance(name, str) or len(name) > _LONGEST_NAME:
        raise InvalidRequest(f"the name {quoted(name)}: a key's name is text of 1 to {_LONGEST_NAME} characters")
    try:
        check_key_name(name)
    except ValueError as error:
        raise InvalidRequest(f"the name {quoted(name)}: {error}") from error
    key = Ed25519PrivateKey.generate()
    private = NamedKey(name, key.private_bytes_raw(), kind)
    public = NamedKey(name, key.public_key().public_bytes_raw(), kind)
    write_file(path, f"{private_key(private, public)}\n".encode(), replace=False)
    return verifier_key(public)


def read_signing_key(key: str | Path, kind: bytes = ED25519) -> SigningKey:
    """A private key of a file, which nobody else may read, or itself as text.

    Raises InvalidRequest (also where it is of another kind), StorageUnavailable.
    """
    signing = _read_signing_key(key)
    if signing.public.kind != kind:
        is_for = "a store's own, and no witness's" if kind == COSIGNER else "a witness's, and no store's"
        raise InvalidRequest(f"the key of {quoted(signing.public.name)} is {is_for}: keygen makes either")
    return signing


def _read_signing_key(key: str | Path) -> SigningKey:
    if isinstance(key, str) and key.startswith("PRIVATE+KEY+"):
        return _signing_key(key, "the private key")
    path = to_path(key, "the key")
    try:
        line = read_private(path, _LONGEST).decode("utf-8", errors="replace")
    except OSError as error:
        raise StorageUnavailable(
            f"the key {str(path)!r}: {error.strerror}; `flowledger evidence keygen` makes one"
        ) from error
    except ReadByOthers as error:
        raise InvalidRequest(
            f"the key {str(path)!r} may be read by others ({error}): whoever has it signs in your name; "
            "chmod 600 it, or make another one if it may have been read"
        ) from error
    return _signing_key(line, f"the key {str(path)!r}")


def read_verifier_keys(key: str | Path) -> list[NamedKey]:
    """Public keys, a line each, as text or of a file: a store's, and those of its witnesses.

    Raises InvalidRequest, StorageUnavailable.
    """
    path, where = to_path(key, "the public key"), "the public key"
    text = str(key)
    if not isinstance(key, str) or ("+" not in key and path.is_file()):
        where = f"the public key {text!r}"
        try:
            with path.open("rb") as file:
                text = file.read(_LONGEST).decode("utf-8", errors="replace")
        except OSError as error:
            raise StorageUnavailable(f"{where}: {error.strerror}") from error
    try:
        return [parse_verifier_key(line) for line in text.strip().split("\n")]
    except ValueError as error:
        raise InvalidRequest(f"{where}: {error}") from error


def read_verifier_key(key: str | Path) -> NamedKey:
    """The one public key, as text or of a file. Raises InvalidRequest, StorageUnavailable."""
    first, *others = read_verifier_keys(key)
    if others:
        raise InvalidRequest(f"one public key is needed here, and there are {1 + len(others)}")
    return first


def verify_signature(key: bytes, signature: bytes, text: bytes) -> bool:
    """Whether a signature is of that key and that text."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, text)
    except (InvalidSignature, ValueError):
        return False
    return True


_LONGEST_NAME = 255
_LONGEST = 4096
"""Bytes of a file that can hold keys: more than one of a line, which is a key of some 80."""


def _signing_key(line: str, where: str) -> SigningKey:
    try:
        return SigningKey(line)
    except ValueError as error:
        raise InvalidRequest(f"{where}: {error}") from error


def _public_of(private: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
