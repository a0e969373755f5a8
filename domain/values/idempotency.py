"""Idempotency keys: what a command asks for in one digest, so that the same command is known when it comes again.

An event carries the ``key`` of its command and, as ``request``, the digest of what the command asked for. Who sent it
isn't part of that, nor are ``globals``.
"""

from typing import Any, Final

from ..errors import InvalidRequest
from ..visible import quoted
from .json_compare import json_digest

LONGEST_KEY: Final = 1_024
"""Characters of a key."""


def check_key(key: object) -> None:
    """Raises InvalidRequest for what can't be a key. Control characters are checked where a key is used first."""
    if not isinstance(key, str) or not key:
        raise InvalidRequest(f"idempotency_key {quoted(key)}: a key is text, not empty")
    if len(key) > LONGEST_KEY:
        raise InvalidRequest(f"the idempotency_key has {len(key):,} characters: a key has {LONGEST_KEY:,} at most")


def command_digest(command: str, **arguments: Any) -> str:
    """SHA-256 (hex) of what a command asks for; its arguments are JSON values. One that is None is as if left out."""
    given = {name: value for name, value in arguments.items() if value is not None}
    return json_digest({"command": command, **given})
