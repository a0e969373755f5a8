"""Events that no write of ours records, put into a store as an older import, or anybody with an INSERT, would do it."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from flowledger.infrastructure.storage.codec import chain_digest, encode_event, initial_digest

from ..verification.stories import EVENT, Story

NOW = 1_767_225_600_000_000
DEFINITION = {"nodes": [{"id": "n", "type": "work"}]}
DEEP = b"[" * 1_000 + b"]" * 1_000

Body = dict[str, Any]


def run_body(**changes: Any) -> Body:
    return {
        "recorded_at": NOW,
        "by": "eve",
        "correlation_id": "poisoned-order",
        "workflow_id": "poison",
        "workflow_version": 1,
        "definition_digest": "0",
        "start_node_id": "n",
        "payload": {"animal": "zebra"},
        "after": {"status": "active", "spent": 0, "last_started_at": NOW, "node_id": "n", "attempt": 1},
    } | changes


def save_body(**changes: Any) -> Body:
    return {
        "recorded_at": NOW,
        "by": "eve",
        "workflow_id": "poison",
        "definition": DEFINITION,
        "digest": "0",
        "code": {},
        "snapshot_id": "abcdefg",
    } | changes


def order_body(**changes: Any) -> Body:
    return {
        "recorded_at": NOW,
        "by": "eve",
        "correlation_id": "poisoned-order",
        "workflow_id": "poison",
        "run_id": "poisoned-run",
    } | changes


BODIES: Mapping[str, tuple[str, Callable[..., Body]]] = {
    "run.started": ("poisoned-run", run_body),
    "work_order.opened": ("poisoned-order", order_body),
    "workflow.created": ("workflow:poison", save_body),
}
"""Type → the stream, and a body that says nothing odd."""


POISONS: dict[str, Callable[[bytes], bytes]] = {
    "10^18 µs": lambda body: body.replace(b'"recorded_at":%d' % NOW, b'"recorded_at":%d' % 10**18),
    "-10^18 µs": lambda body: body.replace(b'"recorded_at":%d' % NOW, b'"recorded_at":-%d' % 10**18),
    "2^64 - 1 µs": lambda body: body.replace(b"%d" % NOW, b"%d" % (2**64 - 1)),
    "the year 9998": lambda body: body.replace(b"%d" % NOW, b"253339228800000000"),
    "a time that is text": lambda body: body.replace(b'"recorded_at":%d' % NOW, b'"recorded_at":"noon"'),
    "a time that is a fraction": lambda body: body.replace(b'"recorded_at":%d' % NOW, b'"recorded_at":1.5'),
    "1,000 levels": lambda body: body[:-1] + b',"metadata":{"a":' + DEEP + b"}}",
    "1,000 levels in what is text": lambda body: body.replace(b'"eve"', DEEP),
    "2,000 levels": lambda body: body[:-1] + b',"metadata":' + b"[" * 2_000 + b"]" * 2_000 + b"}",
    "a NUL": lambda body: body.replace(b'"eve"', b'"e\\u0000ve"').replace(b'"poison"', b'"poi\\u0000son"'),
    "half a character": lambda body: body.replace(b'"eve"', b'"\\ud800"'),
    "no UTF-8": lambda body: body.replace(b'"eve"', b'"\xff\xfe"'),
    "no JSON": lambda body: body[:-5],
    "an array": lambda body: b"[" + body + b"]",
    "lists for names": lambda body: body.replace(b'"poison"', b'["poison"]'),
    "a number for a name": lambda body: body.replace(b'"poison"', b"7").replace(b'"poisoned-order"', b"8"),
    "an endless name": lambda body: body.replace(b'"poison"', b'"%s"' % (b"x1" * 10_000)),
    "nothing but the head": lambda body: b'{"recorded_at":%d,"by":"eve"}' % NOW,
    "no definition": lambda body: body.replace(b'{"nodes":[{"id":"n","type":"work"}]}', b'{"x":1}'),
    "a definition that is text": lambda body: body.replace(b'{"nodes":[{"id":"n","type":"work"}]}', b'"draw me one"'),
    "a status of its own": lambda body: body.replace(b'"active"', b'"on fire"'),
    "counts that none is": lambda body: body.replace(b'"workflow_version":1', b'"workflow_version":%d' % 2**63),
    "an end before the start": lambda body: body.replace(b'"attempt":1}', b'"attempt":1,"finished_at":5}'),
    "an unknown type": lambda body: body,
}


def plant_behind(story: Story, poison: str, run_id: str, order_id: str) -> None:
    """Put a poisoned event behind those of a run."""
    version = story.store.head(run_id) + 1
    ((last,),) = story.query("SELECT max(notification_id) FROM flowledger_events")
    body = POISONS[poison](orjson.dumps(run_body(correlation_id=order_id)))
    type = "run.teleported" if poison == "an unknown type" else "run.recovered"
    digest = chain_digest(story.store.link_at(run_id, version - 1)[9:], b"\1" * 8, type, body)
    story.put_back([(run_id, version, type, encode_event(b"\1" * 8, digest, body), last + 1)])


def plant(story: Story, poison: str) -> None:
    """Put one poisoned event of each kind into the store, with digests that fit."""
    rows: list[tuple[Any, ...]] = []
    ((last,),) = (
        story.query("SELECT max(notification_id) FROM flowledger_events") if story.url != "memory:" else ((0,),)
    )
    for type, (stream, body_of) in BODIES.items():
        body = POISONS[poison](orjson.dumps(body_of()))
        shown = "run.teleported" if poison == "an unknown type" else type
        digest = chain_digest(initial_digest(stream), b"\1" * 8, shown, body)
        rows.append((stream, 1, shown, encode_event(b"\1" * 8, digest, body), last + 1 + len(rows)))
    with story._raw() as connection:
        mark = "?" if story.url.startswith("sqlite") else "%s"
        for row in rows:
            connection.execute(f"INSERT INTO flowledger_events ({EVENT}) VALUES ({', '.join([mark] * 5)})", row)
