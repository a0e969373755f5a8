"""Identifiers: UUIDs for runs and work orders, stream names for all."""

import hashlib
import json
from uuid import UUID

from ..errors import InvalidRequest
from ..visible import quoted


def uuid7(at: int, random: bytes) -> str:
    """A UUIDv7 (RFC 9562 §5.7) for the moment ``at`` (microseconds since 1970); ``random`` is 10 bytes."""
    noise = int.from_bytes(random, "big")
    rand_a = noise >> 68
    rand_b = noise & (1 << 62) - 1
    return str(UUID(int=(at // 1000 & (1 << 48) - 1) << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b))


def keyed_work_order_id(workflow_id: str, key: str) -> str:
    """The id of the work order that a caller's key stands for: a UUIDv8 (RFC 9562 §5.8), the same in every process.

    Raises InvalidRequest for a workflow's id that isn't text.
    """
    _check_text(workflow_id)
    return _named_uuid(json.dumps(["work order", workflow_id, key]))


def workflow_stream(workflow_id: str) -> str:
    """The stream of a workflow. Runs and work orders have their id alone as a stream: no UUID has this prefix.

    Raises InvalidRequest for what isn't text, and would be some other workflow's id as text.
    """
    _check_text(workflow_id)
    return f"workflow:{workflow_id}"


def bulk_stream(bulk_id: str) -> str:
    """The stream of a bulk action."""
    return f"bulk:{bulk_id}"


def subject_stream(key_id: str) -> str:
    """The stream of a subject, by the id of its key."""
    return f"subject:{key_id}"


def retention_stream(removal_id: str) -> str:
    """The stream that records what one call of ``retention.apply`` took away."""
    return f"retention:{removal_id}"


def keyed_bulk_id(key: str) -> str:
    """The id of the bulk action that a caller's key stands for: a UUIDv8, the same in every process."""
    return _named_uuid(json.dumps(["bulk action", key]))


def _named_uuid(seed: str) -> str:
    """A UUIDv8 (RFC 9562 §5.8) that follows from a text."""
    name = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:16], "big")
    return str(UUID(int=name & ~(0xF << 76 | 0b11 << 62) | 0x8 << 76 | 0b10 << 62))


def _check_text(workflow_id: str) -> None:
    if not isinstance(workflow_id, str):
        raise InvalidRequest(f"workflow_id {quoted(workflow_id)} is not text")
