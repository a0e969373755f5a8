"""Texts that are signed, and keys, in the form of C2SP's signed notes. Signing itself is somebody else's task."""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

ED25519: Final = b"\1"
COSIGNER: Final = b"\4"
"""A key of Ed25519, too, whose signatures are cosignatures: those of a witness, each with its time."""
KeyKind = bytes
"""One byte, ED25519 or COSIGNER."""

_SIGNATURE: Final = "— "
_PRIVATE: Final = "PRIVATE+KEY+"
_TIME_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class NamedKey:
    """A key of Ed25519, public or private, and the name that its signatures carry."""

    name: str
    bytes: bytes
    kind: KeyKind = ED25519


@dataclass(frozen=True, slots=True)
class Signature:
    """One line below a note."""

    name: str
    hint: bytes
    """The first bytes of a digest of name and key: which key it may be of."""
    bytes: bytes


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A text, which ends with a line break, and the signatures below it."""

    text: str
    signatures: tuple[Signature, ...]

    def is_signed_by(self, key: NamedKey, verify: Callable[[bytes, bytes, bytes], bool]) -> bool:
        """Whether a signature of the key is below it. ``verify`` is given key, signature and text."""
        hint = key_hint(key)
        theirs = [each.bytes for each in self.signatures if (each.name, each.hint) == (key.name, hint)]
        if key.kind == COSIGNER:
            cosigned = [(each[_TIME_BYTES:], cosigned_text(each[:_TIME_BYTES], self.text)) for each in theirs]
            return any(verify(key.bytes, signature, text.encode()) for signature, text in cosigned)
        return any(verify(key.bytes, signature, self.text.encode()) for signature in theirs)


def key_hint(key: NamedKey) -> bytes:
    """The four bytes that say which public key a signature is of."""
    return sha256(key.name.encode() + b"\n" + key.kind + key.bytes).digest()[:4]


def signed_text(text: str, key: NamedKey, signature: bytes) -> str:
    """The note of a text and one signature; ``key`` is the public one."""
    return f"{text}\n{signature_line(key, signature)}"


def signature_line(key: NamedKey, signature: bytes) -> str:
    """The line of one signature."""
    return f"{_SIGNATURE}{key.name} {b64encode(key_hint(key) + signature).decode()}\n"


def cosigned_text(time: bytes, text: str) -> str:
    """What a witness signs of a note's text (C2SP's cosignature/v1); the time is 8 bytes of seconds since 1970."""
    return f"cosignature/v1\ntime {int.from_bytes(time)}\n{text}"


def cosignature_line(key: NamedKey, seconds: int, text: str, sign: Callable[[bytes], bytes]) -> str:
    """The line of a cosignature; ``key`` is the public one of the witness."""
    time = seconds.to_bytes(_TIME_BYTES)
    return signature_line(key, time + sign(cosigned_text(time, text).encode()))


def parse_note(note: str) -> SignedNote:
    """Raises ValueError for what isn't a signed note."""
    text, blank, below = note.rpartition("\n\n")
    if not (blank and below.endswith("\n")):
        raise ValueError("it is no signed note: a text, a blank line, and lines with signatures")
    signatures = tuple(map(_parse_signature, below.removesuffix("\n").split("\n")))
    return SignedNote(text + "\n", signatures)


def split_notes(text: str) -> list[str]:
    """The notes of a text that has one or more, one behind the other, each followed by a blank line but the last."""
    pieces = text.removesuffix("\n").split("\n\n")
    notes = [f"{told}\n\n{signatures}" for told, signatures in zip(pieces[::2], pieces[1::2], strict=False)]
    if len(pieces) % 2:
        notes.append(pieces[-1])
    return [note if note.endswith("\n") else f"{note}\n" for note in notes if note]


def _parse_signature(line: str) -> Signature:
    name, _, encoded = line.removeprefix(_SIGNATURE).partition(" ")
    found = from_base64(encoded)
    if not line.startswith(_SIGNATURE) or not name or len(found) < 5:
        raise ValueError("it is no signed note: below its blank line is a line that is no signature")
    return Signature(name, found[:4], found[4:])


def verifier_key(key: NamedKey) -> str:
    """A public key as one line, for those who check."""
    return f"{key.name}+{key_hint(key).hex()}+{b64encode(key.kind + key.bytes).decode()}"


def private_key(private: NamedKey, public: NamedKey) -> str:
    """A private key as one line, to be kept secret."""
    return f"{_PRIVATE}{private.name}+{key_hint(public).hex()}+{b64encode(private.kind + private.bytes).decode()}"


def parse_verifier_key(line: str) -> NamedKey:
    """Raises ValueError for what is no public key, or one with a byte changed."""
    if line.startswith(_PRIVATE):
        raise ValueError("it is a private key, which whoever checks must not have")
    key, hint = _parse_key(line)
    if key_hint(key) != hint:
        raise ValueError("its parts don't belong together: a character of it was changed")
    return key


def parse_private_key(line: str, public_of: Callable[[bytes], bytes]) -> tuple[NamedKey, NamedKey]:
    """The private key, and the public one. Raises ValueError as ``parse_verifier_key``."""
    if not line.startswith(_PRIVATE):
        raise ValueError(f"a private key begins with {_PRIVATE}")
    private, hint = _parse_key(line.removeprefix(_PRIVATE))
    public = NamedKey(private.name, public_of(private.bytes), private.kind)
    if key_hint(public) != hint:
        raise ValueError("its parts don't belong together: a character of it was changed")
    return private, public


def check_key_name(name: str) -> None:
    """Raises ValueError for a name that a signed note can't carry."""
    if not name or "+" in name or any(character.isspace() or not character.isprintable() for character in name):
        raise ValueError("a key's name has no blanks, no + and no control characters, and isn't empty")


def _parse_key(line: str) -> tuple[NamedKey, bytes]:
    name, hint, encoded = [*line.strip().split("+", 2), "", ""][:3]
    check_key_name(name)
    found = from_base64(encoded)
    if found[:1] not in (ED25519, COSIGNER) or len(found) != 33:
        raise ValueError("it is no key of Ed25519 in the form of signed notes: NAME+HINT+KEY")
    try:
        return NamedKey(name, found[1:], found[:1]), bytes.fromhex(hint)
    except ValueError:
        raise ValueError("it is no key of Ed25519 in the form of signed notes: NAME+HINT+KEY") from None


def from_base64(text: str) -> bytes:
    """Raises ValueError for what isn't base64 as it is written: one text for each sequence of bytes."""
    try:
        found = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if not found or b64encode(found).decode() != text:
        raise ValueError("it isn't base64")
    return found
