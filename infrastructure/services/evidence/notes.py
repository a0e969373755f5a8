"""Reading checkpoints that somebody gives: one, or those that were added to a file, and who has signed them."""

from pathlib import Path

from ....domain.errors import InvalidRequest
from ....domain.evidence.checkpoint import SignedCheckpoint, TreeHead, read_checkpoint
from ....domain.evidence.report import ConsistencyFinding, EndedHistory
from ....domain.evidence.signed_note import COSIGNER, SignedNote, split_notes
from ....domain.values.clock import moment
from ....domain.visible import quoted, visible


def text_of(checkpoint: object) -> str:
    """Raises InvalidRequest unless it is a checkpoint, or text."""
    if isinstance(checkpoint, SignedCheckpoint):
        return checkpoint.text
    if isinstance(checkpoint, str):
        return checkpoint
    raise InvalidRequest(f"checkpoint {quoted(checkpoint)} is neither a SignedCheckpoint nor its text")


def read_note(text: str) -> tuple[TreeHead, SignedNote]:
    """What one checkpoint says, and its signatures. Raises InvalidRequest."""
    try:
        return read_checkpoint(text)
    except ValueError as error:
        raise InvalidRequest(f"the checkpoint can't be read: {error}") from error


def read_notes(text: str) -> list[tuple[TreeHead, SignedNote]]:
    """The same of each in a file, in its order: at least one. Raises InvalidRequest."""
    return [read_note(note) for note in split_notes(text) or [""]]


def since_last_end(heads: list[TreeHead]) -> tuple[list[TreeHead], tuple[EndedHistory, ...]]:
    """Those of the history that goes on, and what has ended before it, in the order in which they were signed."""
    heads = sorted(heads, key=lambda head: head.time)
    ends = [(place, head.ends) for place, head in enumerate(heads) if head.ends is not None]
    ended = tuple(EndedHistory(end.size, moment(heads[place].time), end.reason) for place, end in ends)
    return heads[ends[-1][0] if ends else 0 :], ended


def find_unsigned(notes: list[tuple[TreeHead, SignedNote]], keys: str | Path) -> list[ConsistencyFinding]:
    """The checkpoints that lack a signature of a key. Raises InvalidRequest, StorageUnavailable."""
    from .keys import read_verifier_keys, verify_signature

    verifiers = read_verifier_keys(keys)
    return [
        ConsistencyFinding(
            "",
            0,
            "signature",
            f"the checkpoint of {head.size:,} events of {visible(head.origin)} isn't signed by the key "
            f"{key.name}: it was forged or changed, or it is another's",
        )
        for head, note in notes
        for key in verifiers
        if not note.is_signed_by(key, verify_signature) or (key.kind != COSIGNER and head.origin != key.name)
    ]
