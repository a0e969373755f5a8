"""Exports with other contents, whose digests and counts are made anew, as somebody would who knows how."""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import orjson

from flowledger.infrastructure.storage.codec import chain_digest, initial_digest

Event = dict[str, Any]


def events_of(content: bytes) -> list[Event]:
    """The events of an export, each as its line says it."""
    return [orjson.loads(line) for line in content.splitlines()[1:-1]]


def forged(content: bytes, change: Callable[[list[Event]], Any]) -> bytes:
    """The file with other events."""
    events = events_of(content)
    change(events)
    return encode_export(orjson.loads(content.split(b"\n", 1)[0]), events)


def encode_export(header: Mapping[str, Any], events: list[Event]) -> bytes:
    """A file of these events: versions as they are, digests and counts anew."""
    count: dict[str, int] = {}
    last: dict[str, bytes] = {}
    for event in events:
        stream = event["stream"]
        count[stream] = count.get(stream, 0) + 1
        before = last.get(stream) or initial_digest(stream)
        last[stream] = chain_digest(before, bytes.fromhex(event["id"]), event["type"], orjson.dumps(event["data"]))
        event["digest"] = last[stream].hex()
    lines = [header | {"streams": dict(sorted(count.items()))}, *events]  # type: ignore[operator]
    text = b"".join(orjson.dumps(each) + b"\n" for each in lines)
    return text + orjson.dumps({"events": len(events), "digest": sha256(text).hexdigest()}) + b"\n"


def renumbered(events: list[Event]) -> None:
    """Let the versions of each stream count up again."""
    count: dict[str, int] = {}
    for event in events:
        count[event["stream"]] = event["version"] = count.get(event["stream"], 0) + 1
