"""The vectors of the reference are what the code makes."""

import re
from base64 import b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from flowledger.domain.evidence.checkpoint import read_checkpoint
from flowledger.domain.evidence.leaf import leaf_data
from flowledger.domain.evidence.merkle import EMPTY, leaf_hash, root_of
from flowledger.domain.evidence.signed_note import (
    NamedKey,
    parse_note,
    parse_verifier_key,
    private_key,
    split_notes,
    verifier_key,
)
from flowledger.infrastructure.services.evidence.keys import SigningKey, verify_signature
from flowledger.infrastructure.storage.codec import chain_digest, initial_digest

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "evidence.md"


def vectors() -> list[str]:
    """What the code makes, in the order of the table."""
    digest = chain_digest(initial_digest("run-1"), bytes(range(1, 9)), "run.started", b'{"n":1}')
    leaf = leaf_hash(leaf_data("run-1", 1, "run.started", digest))
    root = root_of([leaf] * 3)
    private = NamedKey("example.com/log", b"\7" * 32)
    public = NamedKey(private.name, Ed25519PrivateKey.from_private_bytes(private.bytes).public_key().public_bytes_raw())
    note = SigningKey(private_key(private, public)).sign(
        f"example.com/log\n3\n{b64encode(root).decode()}\ntime 1795737600000000\n"
    )
    head, parsed = read_checkpoint(note)
    assert (head.size, head.root, head.first, head.text) == (3, root, None, parsed.text)
    assert parsed.is_signed_by(parse_verifier_key(verifier_key(public)), verify_signature)
    return [digest.hex(), leaf.hex(), EMPTY.hex(), root.hex(), verifier_key(public), note.splitlines()[-1]]


def test_the_page_has_the_vectors_that_the_code_makes() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("### Test vectors")[2]
    assert re.findall(r"\| `([^`]*)` \|$", table, re.M) == vectors()


def test_notes_one_behind_the_other_are_told_apart() -> None:
    note = "a\n1\nx\n\n— a AAAA\n"
    assert split_notes(f"{note}\n{note}\n{note}") == [note] * 3
    assert split_notes(note) == [note]
    assert parse_note(f"{note}— b AAAAAAA=\n".replace("AAAA\n", "AAAAAAA=\n")).signatures[1].name == "b"


@pytest.mark.parametrize("note", ["", "a\n", "a\n\n", "a\n\nb\n", "a\n\n— a\n", "a\n\n— a AAAA\n"])
def test_what_is_no_signed_note_is_refused(note: str) -> None:
    with pytest.raises(ValueError, match=r"signed note|base64"):
        parse_note(note)
