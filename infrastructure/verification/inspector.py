"""Inspectors: they follow the walk through a store, and compare its events with other data."""

from collections.abc import Iterable, Iterator
from typing import Any

from ...domain.events.integrity import Finding
from ..storage.recorder import EventRow


class Inspector:
    """Is given every event of the store, stream by stream in the order of their names, and reports contradictions.

    Others may write meanwhile, and the compared data is read at different moments: so anything that seems wrong is read
    again, both sides at one moment, before it is reported.
    """

    def begin(self, stream: str) -> Iterable[Finding]:  # noqa: ARG002 - for subclasses
        """Before the first event of a stream; there is no stream between the last one and this one."""
        return ()

    def event(self, row: EventRow, data: dict[str, Any] | None) -> Iterable[Finding]:  # noqa: ARG002 - for subclasses
        """The next event; ``data`` is None where it, or one before it, isn't as it was written."""
        return ()

    def end(self, stream: str, *, sound: bool) -> Iterable[Finding]:  # noqa: ARG002 - for subclasses
        """After its last event. ``sound``: its events are as they were written."""
        return ()

    def finish(self) -> Iterator[Finding]:
        """After the last stream."""
        yield from ()
