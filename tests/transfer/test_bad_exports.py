"""A file that isn't as it was written is refused, with the line, and nothing of it is imported."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
import zstandard

import flowledger as fl
from flowledger.infrastructure.storage.codec import chain_digest, initial_digest

from . import forging
from .forging import Event
from .story import Story, executors, stored

Lines = list[bytes]


@pytest.fixture
def lines(story: Story, file: Path) -> Lines:
    return story.export(file).read_bytes().splitlines(keepends=True)


def refused(content: bytes, file: Path, message: str | None = None, **options: Any) -> int:
    """The line at which it is refused."""
    file.write_bytes(content)
    with fl.open_ledger("memory:", **options) as ledger:
        for dry_run in (True, False):
            with pytest.raises(fl.InvalidExport, match=message) as caught:
                ledger.history.import_(file, dry_run=dry_run)
            assert str(caught.value).startswith(f"line {caught.value.line} of {str(file)!r}: ")
            assert caught.value.path == str(file)
        assert stored(ledger) == {}
    return caught.value.line


def forged(lines: Lines, change: Callable[[list[Event]], Any]) -> bytes:
    """The file with other events, and digests and counts made anew, as somebody would who knows how."""
    return forging.forged(b"".join(lines), change)


def test_a_forgery_that_changes_nothing_is_the_same_file(lines: Lines) -> None:
    assert forged(lines, lambda events: None) == b"".join(lines)


# --- damage -----------------------------------------------------------------------------------------------------------


def test_a_file_that_was_cut_off_is_refused_with_the_line_that_is_missing(lines: Lines, file: Path) -> None:
    for count in range(1, len(lines)):
        assert refused(b"".join(lines[:count]), file, "the file was cut off: its last line is missing") == count + 1
        middle = len(lines[count]) // 2
        assert refused(b"".join(lines[:count]) + lines[count][:middle], file, "cut off in this line") == count + 1
    assert refused(b"".join(lines)[:-1], file, "cut off in this line") == len(lines)
    assert refused(b"", file, "not the first line of a run's export") == 1


EDITS = [
    (b'"by":"', b'"by":"x'),
    (b'"id":"', b'"id":"0'),
    (b'"version":', b'"version":1'),
    (b'"version":', b'"version":-'),
    (b'"recorded_at":1', b'"recorded_at":2'),
    (b'"type":"run', b'"type":"work_order'),
    (b'"digest":"', b'"digest":"f'),
    (b"{", b"{ "),
    (b"}\n", b"}}\n"),
    (b"}\n", b"}\r\n"),
    (b'"stream":"', b'"stream":"x'),
    (b'"data":', b'"data" :'),
]


def test_a_change_of_any_value_of_any_line_is_refused_with_that_line(lines: Lines, file: Path) -> None:
    for number, line in enumerate(lines[1:-1], 2):
        for was, now in EDITS:
            edited = line.replace(was, now, 1)
            if edited != line:
                assert refused(b"".join([*lines[: number - 1], edited, *lines[number:]]), file) == number, edited


def test_lines_that_are_missing_doubled_or_swapped_are_refused(lines: Lines, file: Path) -> None:
    last = len(lines)
    for number in range(2, last):
        without = lines[: number - 1] + lines[number:]
        assert number <= refused(b"".join(without), file) <= last - 1
        doubled = lines[:number] + lines[number - 1 :]
        assert refused(b"".join(doubled), file) == number + 1
    swapped = [*lines[:1], lines[2], lines[1], *lines[3:]]
    assert refused(b"".join(swapped), file) in (2, 3, last)


@pytest.mark.parametrize(
    ("was", "now"),
    [
        (b'"release":"0', b'"release":"9'),
        (b'"workflow:mail":2', b'"workflow:mail":1'),
        (b'"workflow:mail":2', b'"workflow:mail":3'),
        (b'"workflow:mail":2', b'"workflow:mall":2'),
        (b'"workflow:mail":2', b'"workflow:mail":"2"'),
        (b'"run":"', b'"run":"x'),
        (b'"format":1', b'"format":true'),
        (b'"format":1', b'"format":0'),
        (b'"flowledger":"run"', b'"flowledger":"walk"'),
    ],
)
def test_a_changed_first_line_is_refused(lines: Lines, file: Path, was: bytes, now: bytes) -> None:
    assert was in lines[0]
    refused(b"".join([lines[0].replace(was, now), *lines[1:]]), file)


def test_a_changed_last_line_or_one_behind_it_is_refused(lines: Lines, file: Path) -> None:
    for edited in (lines[-1].replace(b'"events":1', b'"events":2'), lines[-1].replace(b'"digest":"', b'"digest":"0')):
        assert refused(b"".join([*lines[:-1], edited]), file, "its digest is not that of the lines") == len(lines)
    assert refused(b"".join([*lines, b"{}\n"]), file, "nothing may stand behind") == len(lines) + 1
    assert refused(b"".join([*lines, *lines]), file, "nothing may stand behind") == len(lines) + 1


def test_a_compressed_file_with_any_damage_is_refused_or_is_read_as_it_was_written(
    story: Story, tmp_path: Path
) -> None:
    """zstd has bits that say nothing, a few in a thousand: a change of one of those is no damage."""
    packed = story.export(tmp_path / "run.jsonl.zst").read_bytes()
    written = unpacked(packed)
    for cut in {*range(1, len(packed), 97), *range(len(packed) - 8, len(packed))}:
        assert is_refused(packed[:cut], tmp_path / "cut.zst") or unpacked(packed[:cut]) == written
    for place in range(0, len(packed), 61):
        spoiled = bytearray(packed)
        spoiled[place] ^= 0x10
        assert is_refused(bytes(spoiled), tmp_path / "spoiled.zst") or unpacked(bytes(spoiled)) == written
    refused(packed + b"more", tmp_path / "more.zst")
    refused(packed + packed, tmp_path / "twice.zst")


def unpacked(content: bytes) -> bytes:
    """What zstd itself makes of it, as far as it comes."""
    return bytes(zstandard.ZstdDecompressor().decompressobj().decompress(content))


def is_refused(content: bytes, file: Path) -> bool:
    """Nothing is imported of a file that is."""
    file.write_bytes(content)
    with fl.open_ledger("memory:") as ledger:
        try:
            ledger.history.import_(file)
        except fl.InvalidExport:
            assert stored(ledger) == {}
            return True
    return False


# --- forgeries --------------------------------------------------------------------------------------------------------


def forge(place: int, **changes: Any) -> Callable[[list[dict[str, Any]]], None]:
    def change(events: list[dict[str, Any]]) -> None:
        data = events[place]["data"]
        for key, value in changes.items():
            if key == "data_without":
                del data[value]
            elif key in events[place]:
                events[place][key] = value
            else:
                data[key] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (forge(-1, recorded_at=1), "before the event before it"),
        (forge(-1, recorded_at="1"), "not microseconds since 1970"),
        (forge(-1, recorded_at=True), "not microseconds since 1970"),
        (forge(-1, data_without="recorded_at"), "lacks recorded_at or by"),
        (forge(-1, data_without="after"), "it says None, and the run stands at"),
        (forge(-1, data_without="node_id"), "is no 'run.step_failed'"),
        (forge(-1, extra=1), "is no 'run.step_failed'"),
        (forge(-1, v=7), "schema version 7 is unknown"),
        (forge(-1, type="run.teleported"), "its type 'run.teleported' is unknown"),
        (forge(-1, type="workflow.archived"), "can't have a 'workflow.archived'"),
        (lambda events: events.pop(0), "version 1 is missing before it"),
        (forge(0, type="workflow.saved"), "can't have a 'workflow.saved' as its event 1"),
        (forge(0, stream="mail"), "can't have a 'workflow.created' as its event 1"),
        (
            lambda events: events.append(dict(events[2], stream="workflow:x")),
            "can't have a 'run.started' as its event 1",
        ),
    ],
)
def test_events_that_no_store_would_have_recorded_are_refused(
    lines: Lines, file: Path, change: Callable[[Any], Any], message: str
) -> None:
    refused(forged(lines, change), file, message)


def test_a_newer_format_is_refused_and_says_what_to_do(lines: Lines, file: Path) -> None:
    header = orjson.loads(lines[0]) | {"format": 2, "release": "9.0"}
    assert refused(orjson.dumps(header) + b"\n", file, "by flowledger 9.0 in format 2: upgrade") == 1


def test_an_event_over_the_limit_of_the_store_is_refused(file: Path) -> None:
    with fl.open_ledger("memory:", executors()) as source:
        source.workflows.save({"nodes": [{"id": "send", "type": "do"}]}, workflow_id="w")
        run = source.runs.start("w", payload="x" * 4_000_000)
        source.history.export(run.id, file)
    assert refused(file.read_bytes(), file, "over this store's limit of", max_value_bytes=1_000_000) == 3
    content = file.read_bytes().replace(b"xxx", b"xx" * 3)
    assert refused(content, file, "longer than any event that this store takes", max_value_bytes=1_000_000) == 3


@pytest.mark.parametrize(
    "content",
    [b"\n", b"{}", b"{}\n", b"[]\n", b"null\n", b"PK\x03\x04\n", b"\xff\xfe\n", b"\x28\xb5\x2f\xfd", b"a,b\n1,2\n"],
)
def test_what_is_no_export_is_refused_at_its_first_line(file: Path, content: bytes) -> None:
    assert refused(content, file) == 1


def test_what_can_not_be_read_is_refused(tmp_path: Path) -> None:
    with fl.open_ledger("memory:") as ledger:
        for path, message in ((tmp_path, "Is a directory"), (tmp_path / "none", "No such file")):
            with pytest.raises(fl.InvalidRequest, match=message):
                ledger.history.import_(path)


TWICE = [
    (0, b'"format":1', b'"format":1,"format":1', "format"),
    (1, b'"version":1', b'"version":1,"version":1', "version"),
    (1, b'"data":{', b'"data":{"by":"eve",', "by"),
    (-1, b'{"events":', b'{"events":1,"events":', "events"),
]


@pytest.mark.parametrize(("place", "before", "after", "key"), TWICE)
def test_a_key_that_comes_twice_is_refused_though_all_digests_fit(
    lines: Lines, file: Path, place: int, before: bytes, after: bytes, key: str
) -> None:
    lines[place] = lines[place].replace(before, after, 1)
    if place == 1:  # by somebody who knows how digests are made
        event = orjson.loads(lines[1])
        body = lines[1].partition(b',"data":')[2][:-2]
        digest = chain_digest(initial_digest(event["stream"]), bytes.fromhex(event["id"]), event["type"], body).hex()
        lines[1] = lines[1].replace(event["digest"].encode(), digest.encode())
    line = refused(b"".join(lines), file, f"the key '{key}' comes twice")
    assert line == (len(lines) if place == -1 else place + 1)


def released(file: Path) -> bytes:
    """An export whose workflow was saved, drafted, released and restored."""
    with fl.open_ledger("memory:", executors()) as ledger:
        for text in ("one", "two"):
            draft = text == "two"
            node = {"id": "n", "type": "do", "data": text}
            ledger.workflows.save({"nodes": [node]}, workflow_id="deployed", by="ada", draft=draft)
        ledger.workflows.release("deployed", 2, by="ada")
        ledger.workflows.release("deployed", 2, by="ada", idempotency_key="k")
        ledger.workflows.restore("deployed", by="ada", version=1)
        run = ledger.runs.start("deployed", by="ada")
        ledger.history.export(run.id, file)
        return file.read_bytes()


@pytest.mark.parametrize(
    ("type", "key", "value", "message"),
    [
        ("workflow.released", "version", 9, "version 9 is no save that was released"),
        ("workflow.released", "version", 3, "version 3 is no save that was released"),
        ("workflow.saved", "live_version", 0, "it says 0, and version 1 was live"),
        ("workflow.saved", "live_version", 7, "it says 7, and version 1 was live"),
        ("workflow.saved", "restored_version", 8, "version 8 is no save that came back"),
        ("unchanged", "version", 1, "nothing changed, and version 2 was live"),
    ],
)
def test_a_release_of_what_is_no_save_is_refused(file: Path, type: str, key: str, value: int, message: str) -> None:
    content = released(file)

    def change(events: list[Event]) -> None:
        for event in events:
            data = event["data"]
            if (event["type"] == type and key in data and "unchanged" not in data) or type in data:
                data[key] = value
                return

    with fl.open_ledger("memory:") as ledger:
        assert ledger.history.import_(file).added
    refused(forging.forged(content, change), file, message)
