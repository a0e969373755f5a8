"""Heads that were kept elsewhere tell what leaves no trace inside of a store."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl

from .stories import Story
from .test_contradictions import TABLES, rewrite, streams, without_rows


@pytest.fixture
def story(durable_url: str) -> Iterator[Story]:
    story = Story(durable_url).tell()
    yield story
    story.close()


@pytest.fixture
def heads(story: Story, tmp_path: Path) -> Path:
    path = tmp_path / "elsewhere.jsonl"
    report = story.ledger.verify(heads=path)
    assert (report.ok, report.heads_compared, report.heads_written) == (True, None, True)
    return path


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_file_says_how_every_stream_stands_and_that_it_is_whole(story: Story, heads: Path) -> None:
    first, *middle, last = lines(heads)
    assert (first["flowledger"], first["format"]) == ("heads", 1)
    assert [line["stream"] for line in middle] == sorted(streams(story))
    assert {line["stream"]: line["version"] for line in middle} == streams(story)
    for line in middle:
        (event,) = story.store.read(line["stream"], after=line["version"] - 1)
        assert line["digest"] == event.digest
    assert (last["streams"], last["events"]) == (len(middle), len(list(story.store.tail())))
    assert last["digest"] == sha256(b"".join(heads.read_bytes().splitlines(keepends=True)[:-1])).hexdigest()


def test_the_same_store_has_the_same_heads_on_every_backend(store_url: str, tmp_path: Path) -> None:
    path = tmp_path / "heads"
    with fl.open_ledger(store_url) as ledger:
        ledger.workflows.save({"nodes": [{"id": "a", "type": "a"}]}, workflow_id="w")
        ledger.verify(heads=path)
        before = path.read_bytes()
        report = ledger.verify(heads=str(path))
        assert (report.ok, report.heads_compared, report.heads_written) == (True, 1, True)
        assert path.read_bytes() == before


def test_what_came_since_is_no_fault_and_is_kept_from_now_on(story: Story, heads: Path) -> None:
    before = heads.read_bytes()
    story.ledger.runs.start("loop", by="bob")
    story.ledger.runs.set_metadata(story.runs["done"].id, {"later": 1}, by="eve")
    assert story.ledger.verify(heads=heads).ok
    assert heads.read_bytes() != before
    assert len(lines(heads)) == len(streams(story)) + 2


def traceless(story: Story, stream: str, behind: int = 0) -> None:
    """The newest events of a stream, or all, with all that says so."""
    with story._raw() as connection:
        connection.execute(
            f"DELETE FROM flowledger_events WHERE originator_id = '{stream}' AND originator_version > {behind}"
        )
        for table in (*(table.name for table in TABLES), "flowledger_checkpoints"):
            connection.execute(f"DELETE FROM {table}")
    story.ledger.rebuild()


def test_a_stream_that_is_gone_without_a_trace_is_told(story: Story, heads: Path) -> None:
    before = heads.read_bytes()
    run = story.runs["queued"]
    traceless(story, run.id)
    traceless(story, run.work_order_id)
    assert story.ledger.verify().ok
    report = story.ledger.verify(heads=heads)
    assert {finding[:3] for finding in report.findings} == {(run.id, 1, "lost"), (run.work_order_id, 1, "lost")}
    assert (report.heads_compared, report.heads_written) == (len(lines(heads)) - 2, False)
    assert heads.read_bytes() == before


@pytest.mark.parametrize("behind", [1, 2, 3])
def test_an_end_that_was_cut_off_without_a_trace_is_told(story: Story, heads: Path, behind: int) -> None:
    run = story.runs["resumed"]
    head = story.store.head(run.id)
    assert head > behind
    traceless(story, run.id, behind)
    assert story.ledger.verify().ok
    assert story.found(heads=heads) == [(run.id, head, "cut")]
    story.ledger.runs.set_metadata(run.id, {"others": "since"}, by="eve")
    if story.store.head(run.id) < head:
        assert story.found(heads=heads) == [(run.id, head, "cut")]


def test_a_stream_that_was_written_anew_with_digests_that_fit_is_told(story: Story, heads: Path) -> None:
    run = story.runs["done"]
    rewrite(story, run.id, lambda body: body.replace(b'"amount":100', b'"amount":999'))
    story.ledger.rebuild()
    assert story.ledger.verify().ok
    assert story.found(heads=heads) == [(run.id, story.store.head(run.id), "rewritten")]
    with fl.open_ledger(story.url) as other:
        other.runs.set_metadata(run.id, {"others": "since"}, by="eve")
    assert [finding[2] for finding in story.found(heads=heads)] == ["rewritten"]


def test_an_event_of_a_kept_head_that_is_missing_in_the_middle_is_told(story: Story, heads: Path) -> None:
    run = story.runs["done"]
    head = story.store.head(run.id)
    story.ledger.runs.set_metadata(run.id, {"others": "since"}, by="eve")
    story.remove(f"originator_id = '{run.id}' AND originator_version = {head}")
    assert (run.id, head, "rewritten") in story.found(heads=heads)


def test_a_file_that_is_there_stays_when_anything_is_found_and_a_new_one_is_written(story: Story, heads: Path) -> None:
    """Whoever has an explanation for what is found moves the file away, and begins anew from here."""
    before = heads.read_bytes()
    without_rows(story, story.runs["done"].id)
    story.ledger.runs.start("loop", by="bob")
    report = story.ledger.verify(heads=heads)
    assert (report.ok, report.heads_written) == (False, False)
    assert heads.read_bytes() == before
    new = heads.with_name("new")
    report = story.ledger.verify(heads=new)
    assert (report.ok, report.heads_written) == (False, True)
    assert len(lines(new)) == len(streams(story)) + 2


SPOILT = {
    "empty": lambda whole: b"",
    "of something else": lambda whole: b'{"nodes": []}\n',
    "no text": lambda whole: b"\xff\xfe\x00",
    "a list": lambda whole: b"[]\n",
    "cut in a line": lambda whole: whole[: len(whole) // 2],
    "cut behind a line": lambda whole: b"".join(whole.splitlines(keepends=True)[:-1]),
    "without a line": lambda whole: b"".join(whole.splitlines(keepends=True)[:2] + whole.splitlines(keepends=True)[3:]),
    "with a line twice": lambda whole: b"".join(
        whole.splitlines(keepends=True)[:2] + whole.splitlines(keepends=True)[1:]
    ),
    "with an edited version": lambda whole: whole.replace(b'"version":2', b'"version":1', 1),
    "with more behind it": lambda whole: whole + b"{}\n",
    "of a newer release": lambda whole: whole.replace(b'"format":1', b'"format":2', 1),
    "of one endless line": lambda whole: b'{"flowledger":' + b" " * 10**6,
}


@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_file_that_holds_no_heads_is_refused_and_stays(story: Story, heads: Path, spoilt: str) -> None:
    content = SPOILT[spoilt](heads.read_bytes())
    heads.write_bytes(content)
    with pytest.raises(fl.InvalidRequest, match=r"line \d+ of .*(Nothing was compared|upgrade)"):
        story.ledger.verify(heads=heads)
    assert heads.read_bytes() == content


def test_a_folder_is_no_file_of_heads(story: Story, tmp_path: Path) -> None:
    with pytest.raises(fl.StorageUnavailable, match="Is a directory"):
        story.ledger.verify(heads=tmp_path)


def test_a_store_with_streams_of_all_names_is_compared_in_one_order(durable_url: str, tmp_path: Path) -> None:
    names = [
        "a",
        "A",
        "Z",
        "ä",
        "é",
        "e\u0301",
        "\u00ff",
        "\u0100",
        "ﬀ",
        "\U0001f600",
        "\ue000",
        "0",
        "~",
        "a b",
        "%",
        "''",
    ]
    with fl.open_ledger(durable_url) as ledger:
        for name in names:
            ledger.workflows.save({"nodes": [{"id": "a", "type": "a"}]}, workflow_id=name)
        assert ledger.verify(deep=True, heads=tmp_path / "heads").ok
        report = ledger.verify(heads=tmp_path / "heads")
        assert (report.ok, report.heads_compared) == (True, len(names))
