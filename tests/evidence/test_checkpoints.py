"""Signing checkpoints: what they say, where they go, and what isn't signed."""

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest

import flowledger as fl
from flowledger.domain.evidence.merkle import leaf_hash, root_of

DEFINITION = {"nodes": [{"id": "a", "type": "a"}], "edges": []}


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 27, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def ledger(store_url: str, clock: Hand) -> Iterator[fl.Ledger]:
    with fl.open_ledger(store_url, clock=clock) as ledger:
        ledger.workflows.save(DEFINITION, workflow_id="w", by="ada")
        yield ledger


@pytest.fixture
def key(tmp_path: Path, ledger: fl.Ledger) -> Path:
    ledger.evidence.keygen(tmp_path / "key", "example.com/w")
    return tmp_path / "key"


def leaves(ledger: fl.Ledger) -> list[bytes]:
    """Of all events, written by hand from the page of the reference."""
    events = ledger.subscribe(catch_up=True)
    texts = [f"flowledger/event@v1\n{e.digest}\n{e.version}\n{e.type}\n{e.stream}\n" for e in events]
    return [leaf_hash(text.encode()) for text in texts]


def test_a_checkpoint_is_size_and_root_of_all_events_in_their_order(ledger: fl.Ledger, key: Path) -> None:
    for number in range(260):
        ledger.workflows.save({**DEFINITION, "name": f"n{number}"}, workflow_id=f"w{number % 7}", by="ada")
        if number in (0, 1, 250):
            ledger.evidence.checkpoint(key)
    signed = ledger.evidence.checkpoint(key)
    assert (signed.origin, signed.size) == ("example.com/w", 261)
    assert signed.root == root_of(leaves(ledger)).hex()
    origin, size, root, time, first, *_ = signed.text.splitlines()
    assert (origin, int(size), base64.b64decode(root).hex()) == (signed.origin, signed.size, signed.root)
    assert first == f"first {base64.b64encode(leaves(ledger)[0]).decode()}"
    assert time == f"time {int(signed.signed_at.timestamp() * 1e6)}"
    assert ledger.evidence.latest() == signed
    assert ledger.evidence.check(signed).ok


def test_a_tree_that_is_made_anew_has_the_same_root(ledger: fl.Ledger, key: Path) -> None:
    before = ledger.evidence.checkpoint(key)
    ledger.rebuild()
    after = ledger.evidence.checkpoint(key)
    assert (before.size, before.root) == (after.size, after.root)


def test_checkpoints_go_to_a_file_or_to_a_function(ledger: fl.Ledger, key: Path, tmp_path: Path) -> None:
    kept, given = tmp_path / "kept", list[fl.SignedCheckpoint]()
    one = ledger.evidence.checkpoint(key, kept)
    ledger.workflows.save({**DEFINITION, "name": "b"}, workflow_id="w", by="ada")
    two = ledger.evidence.checkpoint(key, str(kept))
    three = ledger.evidence.checkpoint(key, given.append)
    assert kept.read_text() == f"{one.text}\n{two.text}"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert given == [three]
    report = ledger.evidence.check(kept.read_text())
    assert (report.ok, report.size, report.events) == (True, 2, 2)


def test_a_file_that_cannot_be_written_is_told_and_the_checkpoint_is_kept(ledger: fl.Ledger, key: Path) -> None:
    with pytest.raises(fl.StorageUnavailable, match="was signed, but can't be added"):
        ledger.evidence.checkpoint(key, key.parent / "nowhere" / "kept")
    assert ledger.evidence.latest() is not None


def test_they_are_signed_by_themselves_after_so_many_events_and_at_the_end(ledger: fl.Ledger, key: Path) -> None:
    sizes, begun, grown = list[int](), Event(), Event()

    def keep(checkpoint: fl.SignedCheckpoint) -> None:
        sizes.append(checkpoint.size)
        begun.set()
        if checkpoint.size >= 4:
            grown.set()

    with ledger.evidence.sign_regularly(key, keep, every=timedelta(hours=1), events=3):
        assert begun.wait(60)
        for number in range(3):
            ledger.workflows.save({**DEFINITION, "name": str(number)}, workflow_id="w", by="ada")
        assert grown.wait(60)
        ledger.workflows.save({**DEFINITION, "name": "last"}, workflow_id="w", by="ada")
    assert sizes[-1] == 5


def test_what_cannot_be_handed_on_is_tried_again(
    ledger: fl.Ledger, key: Path, caplog: pytest.LogCaptureFixture
) -> None:
    done, tried = Event(), list[int]()

    def keep(checkpoint: fl.SignedCheckpoint) -> None:
        tried.append(checkpoint.size)
        if len(tried) == 1:
            raise OSError("the mail server is away")
        done.set()

    with ledger.evidence.sign_regularly(key, keep, every=timedelta(milliseconds=50)):
        assert done.wait(60)
    assert "the mail server is away" in caplog.text


# --- bad input --------------------------------------------------------------------------------------------------------


def test_a_key_that_others_may_read_is_not_used(ledger: fl.Ledger, key: Path) -> None:
    key.chmod(0o640)
    with pytest.raises(fl.InvalidRequest, match=r"mode 0640.*chmod 600"):
        ledger.evidence.checkpoint(key)


def test_a_lost_key_and_a_damaged_one_are_told(ledger: fl.Ledger, key: Path) -> None:
    line = key.read_text()
    for damaged in (line.replace("example", "exemple"), line[:40], "", line.removeprefix("PRIVATE+KEY+")):
        key.write_text(damaged)
        with pytest.raises(fl.InvalidRequest, match="the key"):
            ledger.evidence.checkpoint(key)
    key.unlink()
    with pytest.raises(fl.StorageUnavailable, match="keygen"):
        ledger.evidence.checkpoint(key)


def test_a_key_is_never_written_over(ledger: fl.Ledger, key: Path) -> None:
    before = key.read_text()
    with pytest.raises(fl.InvalidRequest):
        ledger.evidence.keygen(key, "another")
    assert key.read_text() == before
    assert key.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["", "two words", "a+b", "a\nb", "\x1b[1m", "a" * 256, None, 7])
def test_a_name_that_a_note_cannot_carry_is_refused(name: Any, tmp_path: Path) -> None:
    with fl.open_ledger("memory:") as ledger, pytest.raises(fl.InvalidRequest, match="a key's name"):
        ledger.evidence.keygen(tmp_path / "key", name)


def test_another_key_signs_only_where_that_is_said(ledger: fl.Ledger, key: Path, tmp_path: Path) -> None:
    first = ledger.evidence.checkpoint(key)
    public = ledger.evidence.keygen(tmp_path / "other", "example.com/w")
    with pytest.raises(fl.InvalidRequest, match="signed by another key"):
        ledger.evidence.checkpoint(tmp_path / "other")
    second = ledger.evidence.checkpoint(tmp_path / "other", new_key=True)
    assert ledger.evidence.check(second, public).ok
    assert [finding.kind for finding in ledger.evidence.check(first, public).findings] == ["signature"]
    assert ledger.evidence.check(first).ok


def restored(url: str, key: Path, file: Path, tmp_path: Path) -> None:
    """A store that was backed up, went on, and is that backup again; what was signed meanwhile is in the file."""
    backup = tmp_path / "backup.db"
    with fl.open_ledger(url) as ledger:
        ledger.workflows.save(DEFINITION, workflow_id="w", by="ada")
        ledger.evidence.checkpoint(key, file)
        ledger.backup(backup)
        ledger.workflows.save({**DEFINITION, "name": "lost"}, workflow_id="w", by="ada")
        ledger.evidence.checkpoint(key, file)
    place = Path(url.removeprefix("sqlite:///"))
    for beside in (place.with_name(f"{place.name}-wal"), place.with_name(f"{place.name}-shm")):
        beside.unlink(missing_ok=True)
    backup.replace(place)


def test_a_restored_store_signs_only_with_the_reason_and_the_file_tells_it(tmp_path: Path) -> None:
    url, key, file = f"sqlite:///{tmp_path}/s.db", tmp_path / "key", tmp_path / "signed"
    with fl.open_ledger("memory:") as other:
        public = other.evidence.keygen(key, "example.com/w")
    restored(url, key, file, tmp_path)
    with fl.open_ledger(url) as ledger:
        ledger.workflows.save({**DEFINITION, "name": "instead"}, workflow_id="w", by="ada")
        assert not ledger.evidence.check(file.read_text(), public).ok
        with pytest.raises(fl.StorageCorrupt, match="--ended REASON"):
            ledger.evidence.checkpoint(key, file)
        for reason in ("", "two\nlines"):
            with pytest.raises((fl.InvalidRequest, fl.InvalidValue), match="ended"):
                ledger.evidence.checkpoint(key, file, ended=reason)
        ledger.evidence.checkpoint(key, file, ended="the disk broke; restored the backup of noon")
        report = ledger.evidence.check(file.read_text(), public)
        assert report.ok
        assert [(history.size, history.reason) for history in report.ended] == [
            (2, "the disk broke; restored the backup of noon")
        ]
        with pytest.raises(fl.InvalidRequest, match="nothing has ended"):
            ledger.evidence.checkpoint(key, file, ended="again")
        ledger.evidence.checkpoint(key, file)
        assert ledger.evidence.check(file.read_text(), public).ok


def test_an_end_that_another_key_signed_ends_nothing(tmp_path: Path) -> None:
    url, key, file = f"sqlite:///{tmp_path}/s.db", tmp_path / "key", tmp_path / "signed"
    with fl.open_ledger("memory:") as other:
        public = other.evidence.keygen(key, "example.com/w")
        other.evidence.keygen(tmp_path / "mallory", "example.com/w")
    restored(url, key, file, tmp_path)
    with fl.open_ledger(url) as ledger:
        ledger.evidence.checkpoint(tmp_path / "mallory", file, new_key=True, ended="nothing to see here")
        found = ledger.evidence.check(file.read_text(), public)
        assert [finding.kind for finding in found.findings] == ["signature"]


def test_a_clock_before_the_last_checkpoint_signs_nothing(ledger: fl.Ledger, key: Path, clock: Hand) -> None:
    ledger.evidence.checkpoint(key)
    clock.now -= timedelta(seconds=1)
    with pytest.raises(fl.InvalidRequest, match="set the clock"):
        ledger.evidence.checkpoint(key)


def test_a_checkpoint_of_more_events_than_there_are_is_told_apart_from_one_that_holds(
    ledger: fl.Ledger, key: Path
) -> None:
    """Of this store, but of the future, as after a restore."""
    ledger.workflows.save({**DEFINITION, "name": "b"}, workflow_id="w", by="ada")
    future = ledger.evidence.checkpoint(key)
    with fl.open_ledger("memory:") as other:
        found = other.evidence.check(future)
    assert not found.ok
    assert (found.size, found.events) == (2, 0)


def test_a_run_is_proved_only_by_what_was_signed() -> None:
    with fl.open_ledger("memory:") as ledger, pytest.raises(fl.InvalidRequest, match="no checkpoint was signed yet"):
        ledger.evidence.prove("any")


@pytest.mark.parametrize("text", ["", "a", "a\n\n— b c\n", "a\n1\nAA==\n\n— b AAAAAAA=\n", 7, None])
def test_what_is_no_checkpoint_is_refused(text: Any) -> None:
    with fl.open_ledger("memory:") as ledger, pytest.raises(fl.InvalidRequest, match="checkpoint"):
        ledger.evidence.check(text)


@pytest.mark.parametrize("key", [None, 7, b"key", ["key"]])
def test_what_is_neither_a_key_nor_the_name_of_a_file_is_refused(key: Any, tmp_path: Path) -> None:
    with fl.open_ledger("memory:") as ledger:
        ledger.evidence.keygen(tmp_path / "key", "example.com/a")
        signed = ledger.evidence.checkpoint(tmp_path / "key")
        with pytest.raises(fl.InvalidRequest, match="is neither text nor a Path"):
            ledger.evidence.checkpoint(key)
        if key is not None:
            with pytest.raises(fl.InvalidRequest, match="is neither text nor a Path"):
                ledger.evidence.check(signed, key)


def test_a_checkpoint_of_another_store_proves_nothing_and_is_told_as_such(tmp_path: Path) -> None:
    with fl.open_ledger("memory:") as other:
        other.workflows.save(DEFINITION, workflow_id="other", by="ada")
        other.evidence.keygen(tmp_path / "key", "example.com/other")
        foreign = other.evidence.checkpoint(tmp_path / "key")
    with fl.open_ledger("memory:") as ledger:
        ledger.workflows.save(DEFINITION, workflow_id="w", by="ada")
        run = ledger.runs.start("w", wait=False)
        with pytest.raises(fl.StorageCorrupt, match="it is a checkpoint of another store, ") as told:
            ledger.evidence.prove(run.id, foreign)
    assert "ended=" not in str(told.value)


def test_an_empty_store_can_be_signed(tmp_path: Path) -> None:
    key = tmp_path / "key"
    with fl.open_ledger("memory:") as ledger:
        ledger.evidence.keygen(key, "example.com/w")
        signed = ledger.evidence.checkpoint(key)
        assert (signed.size, ledger.evidence.check(signed).ok) == (0, True)
        ledger.workflows.save(DEFINITION, workflow_id="w", by="ada")
        assert ledger.evidence.check(signed).ok


def test_several_processes_may_sign_at_once(durable_url: str, tmp_path: Path) -> None:
    """The tree is kept once, whoever was faster."""
    key = tmp_path / "key"
    with fl.open_ledger(durable_url) as one, fl.open_ledger(durable_url) as other:
        one.evidence.keygen(key, "example.com/w")
        for number in range(30):
            one.workflows.save({**DEFINITION, "name": f"n{number}"}, workflow_id="w", by="ada")
        with ThreadPoolExecutor(4) as pool:
            signed = list(pool.map(lambda ledger: ledger.evidence.checkpoint(key), [one, other] * 4))
        assert {(found.size, found.root) for found in signed} == {(30, root_of(leaves(one)).hex())}
