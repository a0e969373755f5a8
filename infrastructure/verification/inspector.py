"""What goes along on the walk through a store, and compares the events with something else."""

from collections.abc import Iterable, Iterator
from typing import Any

from ...domain.events.integrity import Finding
from ..storage.recorder import EventRow


class Inspector:
    """Is shown every event of the store, stream by stream in the order of their names, and says what contradicts it.

    Others may write meanwhile. What is compared was read at different moments: so whatever seems wrong is read again,
    both sides as they were at one moment, before it is reported.
    """

    def begin(self, stream: str) -> Iterable[Finding]:  # noqa: ARG002 - for those that look
        """Before the first event of a stream: between the last stream and this one there is none."""
        return ()

    def event(self, row: EventRow, data: dict[str, Any] | None) -> Iterable[Finding]:  # noqa: ARG002 - for those that look
        """The next event; ``data`` is None where what it says, or one before it, isn't what was written."""
        return ()

    def end(self, stream: str, *, sound: bool) -> Iterable[Finding]:  # noqa: ARG002 - for those that look
        """Behind its last event. ``sound``: what its events say is what was written."""
        return ()

    def finish(self) -> Iterator[Finding]:
        """Behind the last stream."""
        yield from ()
