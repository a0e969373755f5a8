"""A file costs bounded time and memory, whatever it unpacks to: each is read by a child that may take no more."""

import resource
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import orjson
import pytest
import zstandard

import flowledger as fl
from flowledger.infrastructure.storage.codec import chain_digest, initial_digest
from flowledger.infrastructure.transfer import limits

from ..effort import spread
from .story import Story

IMPORT = """
import sys
import flowledger as fl
with fl.open_ledger("memory:") as ledger:
    try:
        ledger.history.import_(sys.argv[1])
    except fl.InvalidExport as error:
        print(error)
"""


def refused(file: Path, *, memory: int, seconds: int) -> str:
    """What a child says of a file, which must be refused within these limits."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    command = [sys.executable, "-c", IMPORT, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=limit)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr[-500:]
    assert done.stdout, "it was taken in"
    return done.stdout


def packed(file: Path, parts: Iterable[bytes]) -> Path:
    with file.open("wb") as target, zstandard.ZstdCompressor().stream_writer(target) as writer:
        for part in parts:
            writer.write(part)
    return file


@pytest.mark.exhaustive
@pytest.mark.parametrize("compressed", [True, False])
def test_a_first_line_with_a_million_streams_is_not_even_read(tmp_path: Path, compressed: bool) -> None:
    streams = ",".join(f'"s{number}":1' for number in range(1_000_000)).encode()
    line = b'{"flowledger":"run","format":1,"release":"1","run":"s1","streams":{' + streams + b"}}\n"
    file = packed(tmp_path / "many.zst", [line])
    if not compressed:
        file.write_bytes(line)
    said = refused(file, memory=2**29, seconds=4)
    assert "longer than one that names 10,000 streams; where that is meant, allow more with max_streams" in said


@pytest.mark.exhaustive
@pytest.mark.parametrize("part", [b"\0" * 2**20, b"\n" * 2**20, b'{"a":' * 2**18])
def test_what_unpacks_to_gigabytes_is_refused_at_its_first_line(tmp_path: Path, part: bytes) -> None:
    file = packed(tmp_path / "bomb.zst", [part] * 2_048)
    assert file.stat().st_size < 2**20
    refused(file, memory=2**29, seconds=4)


def with_payload(story: Story, folder: Path, payload: bytes) -> list[bytes]:
    """The lines of an export whose first run began with this payload, its digest made anew."""
    lines = story.export(folder / "real.jsonl", story.first).read_bytes().splitlines(keepends=True)
    place = next(at for at, line in enumerate(lines) if b'"type":"run.started"' in line)
    event = orjson.loads(lines[place])
    head, _, body = lines[place].partition(b',"data":')
    body = body[:-2].replace(orjson.dumps(event["data"]["payload"]), payload)
    digest = chain_digest(initial_digest(event["stream"]), bytes.fromhex(event["id"]), event["type"], body).hex()
    lines[place] = b"".join([head.replace(event["digest"].encode(), digest.encode()), b',"data":', body, b"}\n"])
    return lines


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("value", "size"),
    [(b"[]", 130_000_000), *((value, 52_000_000) for value in (b"{}", b'{"a":1}', b'"ab"', b"1", b"[[[]]]"))],
)
def test_an_event_of_millions_of_small_values_is_refused_before_it_is_read(
    story: Story, tmp_path: Path, value: bytes, size: int
) -> None:
    """One as large as a line may be; the others large enough to be refused, and too large to be read all the same."""
    values = b"[" + b",".join([value] * (size // (len(value) + 1))) + b"]"
    file = packed(tmp_path / "values.zst", with_payload(story, tmp_path, values))
    memory, seconds = (3 * 2**29, 8) if size > 2**26 else (2**30, 4)
    assert "holds more than 5,000,000 values" in refused(file, memory=memory, seconds=seconds)


@pytest.mark.exhaustive
@pytest.mark.parametrize("value", spread([b"[]", b'{"a":1}', b'"ab"', b"[[[]]]"], by_default=[b'{"a":1}']))
def test_an_event_of_as_many_values_as_may_be_takes_bounded_memory(story: Story, tmp_path: Path, value: bytes) -> None:
    each = value.count(b"[") + 4 * value.count(b"{") + 1
    values = b"[" + b",".join([value] * (4_900_000 // each)) + b"]"
    lines = with_payload(story, tmp_path, values)
    refused(packed(tmp_path / "values.zst", lines[:-1]), memory=3 * 2**29, seconds=20)


def test_marks_in_texts_are_no_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_VALUES", 2)
    monkeypatch.setattr(limits, "_CHUNK", 3)
    assert limits.values_in(rb'["a,b[{","\"[,","\\",1]') == 3  # and more
    assert limits.values_in(rb'"[[[[[[[\\\"[[[[[["') == 0


def test_each_limit_says_how_to_allow_more_and_does(story: Story, target: fl.Ledger, file: Path) -> None:
    story.export(file)
    size = file.stat().st_size
    report = target.history.import_(file, dry_run=True)
    enough = {"max_streams": len(report.streams), "max_events": report.added, "max_bytes": size}
    for name, least in enough.items():
        with pytest.raises(fl.InvalidExport, match=f"allow more with {name}"):
            target.history.import_(file, **{name: least - 1})
    for wrong in (0, -1, 1.5, "many", True, None):
        with pytest.raises(fl.InvalidRequest, match="max_events"):
            target.history.import_(file, max_events=wrong)
    assert target.history.import_(file, **enough).added == report.added
