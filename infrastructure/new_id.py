"""Ids that nobody else makes."""

import os

from ..domain.values.ids import uuid7


def new_id(at: int) -> str:
    """A UUIDv7 for the moment ``at``, in microseconds since 1970."""
    return uuid7(at, os.urandom(10))
