"""Who makes a request."""

from typing import NamedTuple


class Principal(NamedTuple):
    """Somebody who was recognised."""

    name: str
    """The actor of what they do."""
    roles: frozenset[str]
    """Of ``viewer``, ``operator``, ``editor``, ``admin``; the highest counts."""
