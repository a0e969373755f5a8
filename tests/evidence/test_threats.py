"""Each attack of the page of threats, by SQL as the owner of the store, and what tells of it.

The store is as it was after each attack, which the check itself says.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.storage.codec import BODY, chain_digest, encode_event, id_of, initial_digest

from .stories import SignedStory


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def signed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[SignedStory, fl.SignedCheckpoint]]:
    folder = tmp_path_factory.mktemp("signed")
    url = f"sqlite:///{folder / 's.db'}"
    if request.param == "postgres":
        url = request.getfixturevalue("new_postgres_url")()
    story = SignedStory(url, folder)
    story.tell()
    checkpoint = story.sign()
    story.ledger.runs.start("w", payload={"do": "work"}, by="later")
    yield story, checkpoint
    story.close()


@pytest.fixture
def story(signed: tuple[SignedStory, fl.SignedCheckpoint]) -> Iterator[SignedStory]:
    """As it was signed, before and after the test."""
    story, checkpoint = signed
    assert story.shown(checkpoint) == []
    with story._raw() as connection:
        tables = {table: everything(connection, table) for table in ATTACKED}
    yield story
    with story._raw() as connection:
        for table, (columns, rows) in tables.items():
            mark = "?" if story.url.startswith("sqlite") else "%s"
            connection.execute(f"DELETE FROM {table}")
            for row in rows:
                marks = ", ".join([mark] * len(row))
                connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", row)
    assert story.shown(checkpoint) == []


@pytest.fixture
def checkpoint(signed: tuple[SignedStory, fl.SignedCheckpoint]) -> fl.SignedCheckpoint:
    """What was kept elsewhere."""
    return signed[1]


ATTACKED = (
    "flowledger_events",
    "flowledger_tree_tiles",
    "flowledger_tree_leaves",
    "flowledger_tree_progress",
    "flowledger_tree_checkpoints",
)


def everything(connection: Any, table: str) -> tuple[str, list[Any]]:
    cursor = connection.execute(f"SELECT * FROM {table}")
    columns = ", ".join(column[0] for column in cursor.description)
    return columns, [tuple(row) for row in cursor.fetchall()]


def bodies(story: SignedStory, stream: str, change: Callable[[bytes], bytes], first: int = 1) -> None:
    """The stream with other bodies from a version on, and digests that fit: what an owner who knows the format does."""
    rows = sorted(story.remove(f"originator_id = '{stream}'"), key=lambda row: row[1])
    digest, made = initial_digest(stream), []
    for _, version, type, state, position in rows:
        body = change(state[BODY:]) if version >= first else state[BODY:]
        digest = chain_digest(digest, id_of(state), type, body)
        made.append((stream, version, type, encode_event(id_of(state), digest, body), position))
    assert made != rows
    story.put_back(made)


def test_an_edited_event_is_named(story: SignedStory, checkpoint: fl.SignedCheckpoint) -> None:
    run = story.runs["done"].id
    (row,) = story.remove(f"originator_id = '{run}' AND originator_version = 1")
    story.put_back([(*row[:3], row[3].replace(b'"bob"', b'"eve"'), row[4])])
    assert story.shown(checkpoint) == [(run, 1, "changed")]


def test_an_edited_stream_whose_digests_all_fit_is_named_from_the_edited_event_on(
    story: SignedStory, checkpoint: fl.SignedCheckpoint
) -> None:
    run = story.runs["done"].id
    bodies(story, run, lambda body: body.replace(b"100", b"999"), first=2)
    assert story.ledger.verify().findings == () or story.kinds() <= {"index", "checkpoint", "reference"}
    assert story.shown(checkpoint) == [(run, 2, "rewritten")]


def test_events_in_another_order_are_named(story: SignedStory, checkpoint: fl.SignedCheckpoint) -> None:
    """Of two streams; the chain of neither knows the other."""
    one, other = (
        story.remove(f"originator_id = '{story.runs[name].id}' AND originator_version = 1") for name in ("done", "long")
    )
    story.put_back([(*one[0][:4], other[0][4]), (*other[0][:4], one[0][4])])
    ((stream, version, kind),) = story.shown(checkpoint)
    assert (version, kind) == (1, "reordered")
    assert stream in {story.runs["done"].id, story.runs["long"].id}


def test_a_cut_end_is_named(story: SignedStory, checkpoint: fl.SignedCheckpoint) -> None:
    run = story.runs["long"]
    story.remove(f"originator_id = '{run.id}' AND originator_version > 5")
    assert story.shown(checkpoint) == [(run.id, 6, "cut")]


def test_a_removed_stream_is_named(story: SignedStory, checkpoint: fl.SignedCheckpoint) -> None:
    runs = sorted(story.runs[name].id for name in ("done", "keyed"))
    for run in runs:
        story.remove(f"originator_id = '{run}'")
    assert story.shown(checkpoint) == [(run, 1, "removed") for run in runs]


def test_an_event_that_is_missing_within_a_stream_is_named(story: SignedStory, checkpoint: fl.SignedCheckpoint) -> None:
    run = story.runs["long"].id
    story.remove(f"originator_id = '{run}' AND originator_version = 3")
    assert story.shown(checkpoint) == [(run, 3, "missing")]


def test_an_event_put_among_those_that_were_signed_is_named(
    story: SignedStory, checkpoint: fl.SignedCheckpoint
) -> None:
    (row,) = story.remove(f"originator_id = '{story.runs['done'].id}' AND originator_version = 1")
    story.put_back([row])
    body = row[3][BODY:]
    state = encode_event(id_of(row[3]), chain_digest(initial_digest("planted"), id_of(row[3]), row[2], body), body)
    ((first,),) = story.query("SELECT min(notification_id) FROM flowledger_events")
    story.put_back([("planted", 1, row[2], state, first - 1)])
    assert story.shown(checkpoint) == [("planted", 1, "inserted")]


def test_a_forger_who_makes_the_tree_anew_is_found_though_what_he_did_is_not_named(
    story: SignedStory, checkpoint: fl.SignedCheckpoint
) -> None:
    run = story.runs["done"].id
    bodies(story, run, lambda body: body.replace(b"100", b"999"))
    for table in ATTACKED[1:3]:
        story.change(f"DELETE FROM {table}")
    assert story.shown(checkpoint) == [("", 0, "unknown")]
    story.change("UPDATE flowledger_tree_progress SET size = 0, position = 0")
    with pytest.raises(fl.StorageCorrupt, match=r"isn't the one that .* signed when it had"):
        story.sign()
    assert story.shown(checkpoint) == [("", 0, "unknown")]


def test_older_checkpoints_narrow_down_what_cannot_be_named(
    story: SignedStory, checkpoint: fl.SignedCheckpoint
) -> None:
    later = story.sign()
    (row,) = story.query("SELECT originator_id FROM flowledger_events ORDER BY notification_id DESC LIMIT 1")
    story.remove(f"originator_id = '{row[0]}'")
    for table in ATTACKED[1:3]:
        story.change(f"DELETE FROM {table}")
    report = story.ledger.evidence.check(f"{checkpoint.text}\n{later.text}", story.public)
    assert [finding.kind for finding in report.findings] == ["cut"]
    assert report.size == later.size > checkpoint.size


def test_forged_tiles_are_found_and_nothing_is_signed_by_them(
    story: SignedStory, checkpoint: fl.SignedCheckpoint
) -> None:
    ((hashes,),) = story.query("SELECT hashes FROM flowledger_tree_tiles WHERE level = 0 AND tile = 0")
    forged = bytes([hashes[0] ^ 1]) + hashes[1:]
    literal = f"x'{forged.hex()}'" if story.url.startswith("sqlite") else f"'\\x{forged.hex()}'::bytea"
    story.change(f"UPDATE flowledger_tree_tiles SET hashes = {literal} WHERE level = 0 AND tile = 0")
    assert story.shown(checkpoint) == [("", 0, "tree")]
    with pytest.raises(fl.StorageCorrupt):
        story.sign()
    with pytest.raises(fl.StorageCorrupt):
        story.ledger.evidence.prove(story.runs["done"].id, checkpoint)


def test_a_forged_row_of_the_last_checkpoint_shows_nothing_but_its_forgery(
    story: SignedStory, checkpoint: fl.SignedCheckpoint
) -> None:
    """The store's own copy proves nothing: the one that was kept elsewhere does."""
    forged = checkpoint.text.replace(f"\n{checkpoint.size}\n", f"\n{checkpoint.size - 1}\n")
    story.change(f"UPDATE flowledger_tree_checkpoints SET note = '{forged}'")
    latest = story.ledger.evidence.latest()
    assert latest is not None
    assert story.shown(latest) == [("", 0, "signature")]
    assert story.shown(checkpoint) == []


def forget_the_tree(story: SignedStory) -> None:
    """And what the store knows of having signed it."""
    for table in (*ATTACKED[1:3], ATTACKED[4]):
        story.change(f"DELETE FROM {table}")
    story.change("UPDATE flowledger_tree_progress SET size = 0, position = 0, last_stream = NULL, last_version = NULL")


def test_a_store_that_was_rolled_back_lacks_what_was_signed(
    story: SignedStory, checkpoint: fl.SignedCheckpoint
) -> None:
    """As an older backup put in its place, tables of the tree and all; then it goes on as if nothing were."""
    ((last,),) = story.query("SELECT max(notification_id) FROM flowledger_events")
    ((middle,),) = story.query("SELECT min(notification_id) FROM flowledger_events WHERE topic = 'run.cancelled'")
    assert middle < last
    story.remove(f"notification_id >= {middle}")
    for table in (*ATTACKED[1:3], ATTACKED[4]):
        story.change(f"DELETE FROM {table}")
    story.change("UPDATE flowledger_tree_progress SET size = 0, position = 0")
    assert [kind for _, _, kind in story.shown(checkpoint)] == ["cut"]
    with pytest.raises(fl.StorageCorrupt):
        story.ledger.evidence.prove(story.runs["done"].id, checkpoint)


def test_who_has_the_key_can_sign_another_history_and_what_was_kept_elsewhere_still_tells(
    story: SignedStory, checkpoint: fl.SignedCheckpoint
) -> None:
    """A stolen key signs; it can't unsign. The store's copy of what was signed is gone, too."""
    bodies(story, story.runs["done"].id, lambda body: body.replace(b"100", b"999"))
    forget_the_tree(story)
    forged = story.sign()
    assert story.shown(forged) == []
    assert [kind for _, _, kind in story.shown(checkpoint)] == ["unknown"]


def test_two_who_were_shown_two_histories_find_it_when_they_compare(
    story: SignedStory, checkpoint: fl.SignedCheckpoint
) -> None:
    """Split view: both checkpoints are signed by the key, and one isn't a part of the other."""
    bodies(story, story.runs["done"].id, lambda body: body.replace(b"100", b"999"))
    forget_the_tree(story)
    shown_to_others = story.sign()
    both = f"{checkpoint.text}\n{shown_to_others.text}"
    assert story.shown(both) == [("", 0, "forked")]


def test_a_checkpoint_of_another_store_is_told_apart(
    story: SignedStory, checkpoint: fl.SignedCheckpoint, tmp_path: Path
) -> None:
    with fl.open_ledger("memory:") as other:
        other.workflows.save({"nodes": [{"id": "a", "type": "a"}]}, workflow_id="w")
        found = other.evidence.check(checkpoint, story.public).findings
        assert [finding[:3] for finding in found] == [("", 0, "other")]
        other.evidence.checkpoint(story.key)


def test_an_inserted_event_at_the_end_is_no_attack(story: SignedStory, checkpoint: fl.SignedCheckpoint) -> None:
    """Who may append may append: what the checkpoint is of is still there."""
    story.ledger.runs.start("w", payload={"do": "work"}, by="mallory")
    assert story.shown(checkpoint) == []
