"""A witness signs what grew from what it has seen, and nothing else; both checkers know its signature."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import flowledger as fl
from flowledger.domain.evidence.merkle import leaf_hash, root_of
from flowledger.domain.evidence.tiles import TiledTree, grow, has_within

from ..verification.stories import LINE
from .stories import SignedStory, by_javascript, by_python


@given(st.integers(0, 40), st.integers(0, 700), st.integers(0, 1 << 20))
def test_a_path_shows_that_an_older_tree_is_in_a_newer_one_and_no_other_path_does(old: int, more: int, at: int) -> None:
    leaves = [leaf_hash(bytes([number % 256, number // 256])) for number in range(old + more)]
    tiles = grow(0, leaves, lambda _: {})
    path = TiledTree(len(leaves), lambda _: tiles).consistency(old)
    before, now = root_of(leaves[:old]), root_of(leaves)
    assert has_within(old, before, len(leaves), now, path)
    if old and path:
        changed = [*path]
        changed[at % len(path)] = leaf_hash(b"another")
        assert not has_within(old, before, len(leaves), now, changed)
        assert not has_within(old, before, len(leaves), now, path[:-1])
        assert not has_within(old, leaf_hash(b"another"), len(leaves), now, path)


class Witnessed(SignedStory):
    """A store and its witness, which is a ledger somewhere else."""

    def __init__(self, folder: Path) -> None:
        super().__init__("memory:", folder)
        self.folder = folder
        self.witness = fl.open_ledger("memory:")
        self.line = self.witness.evidence.keygen(folder / "witness", "witness.example", witness=True)

    def save(self) -> None:
        self.ledger.workflows.save(LINE, workflow_id=f"line-{self.ledger.evidence.checkpoint(self.key).size}", by="ada")

    def cosign(self, request: str) -> fl.SignedCheckpoint:
        return self.witness.evidence.cosign(request, self.folder / "witness", self.public, self.folder / "seen")


@pytest.fixture
def story(tmp_path: Path) -> Witnessed:
    return Witnessed(tmp_path)


def test_what_grew_from_what_was_seen_is_signed_and_the_signature_is_known(story: Witnessed) -> None:
    story.save()
    ask = story.ledger.evidence.ask_witness
    first = story.cosign(ask(story.sign()))
    assert story.cosign(ask(first)).size == first.size  # asked again
    (story.folder / "seen").write_text(first.text)
    story.save()
    second = story.cosign(ask(story.sign(), seen=first))
    assert second.size > first.size
    check = story.ledger.evidence.check
    for key in (story.public, story.line):
        assert check(second, key).ok
    both = f"{story.public}\n{story.line}"
    assert check(second, both).ok
    for key in (story.line, both):
        assert [found.kind for found in check(story.sign(), key).findings] == ["signature"]
    assert (story.folder / "seen").read_text() == f"{first.text}\n{second.text}"


def test_nothing_else_is_signed(story: Witnessed, tmp_path: Path) -> None:
    story.save()
    ask, evidence = story.ledger.evidence.ask_witness, story.witness.evidence
    first = story.cosign(ask(story.sign()))
    story.save()
    now = story.sign()
    with pytest.raises(fl.InvalidRequest, match="were seen last: ask again from there"):
        story.cosign(ask(now))
    with pytest.raises(fl.InvalidRequest, match="aren't shown to hold"):
        story.cosign(f"old {first.size}\n\n{now.text}")
    with pytest.raises(fl.InvalidRequest, match="this is no request"):
        story.cosign(now.text)
    with pytest.raises(fl.InvalidRequest, match="isn't signed by the key"):
        evidence.cosign(ask(now, first), tmp_path / "witness", evidence.keygen(tmp_path / "k", "b"), tmp_path / "seen")
    with pytest.raises(fl.InvalidRequest, match="and no witness's"):
        evidence.cosign(ask(now, first), story.key, story.public, tmp_path / "seen")
    with pytest.raises(fl.InvalidRequest, match="and no store's"):
        story.ledger.evidence.checkpoint(tmp_path / "witness")
    with pytest.raises(fl.InvalidRequest, match="the witness has seen"):
        ask(first, seen=now)
    assert (tmp_path / "seen").read_text() == first.text


def test_both_checkers_ask_for_the_signatures_of_the_witnesses_in_a_file_of_keys(story: Witnessed) -> None:
    story.ledger.workflows.save(LINE, workflow_id="line", by="ada")
    run = story.ledger.runs.start("line", payload={}, by="bob")
    alone = story.sign()
    both = story.cosign(story.ledger.evidence.ask_witness(alone))
    (story.folder / "keys").write_text(f"{story.public}\n{story.line}\n")
    files = [story.folder / "alone.proof", story.folder / "both.proof"]
    for file, checkpoint in zip(files, (alone, both), strict=True):
        file.write_bytes(story.ledger.evidence.prove(run.id, checkpoint))
    for checker in (by_python, by_javascript):
        assert checker(story.public, files) == [True, True]
        assert checker("keys", files) == [False, True]


def test_a_filed_audit_is_checked_by_the_keys_of_witnesses_too(story: Witnessed) -> None:
    story.ledger.workflows.save(LINE, workflow_id="line", by="ada")
    run = story.ledger.runs.start("line", payload={}, by="bob")
    both = story.cosign(story.ledger.evidence.ask_witness(story.sign()))
    keys = f"{story.public}\n{story.line}"
    filed = story.ledger.history.audit(run.id, proof=True).to_data()
    check = story.ledger.evidence.check_audit
    assert check(filed, story.public).proof_holds
    assert "hasn't signed" in f"{check(filed, keys).proof}"
    proof = story.ledger.evidence.prove(run.id, both).decode()
    assert check({**filed, "proof": proof}, keys).proof_holds
    for wrong in (story.line, f"{keys}\n{story.public}"):
        with pytest.raises(fl.InvalidRequest, match="comes first"):
            check(filed, wrong)
