"""What the simulation itself has seen of the store: who committed what, and what was acknowledged to whom."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from eventsourcing.persistence import StoredEvent

from flowledger.domain.ports import Guard, NewEvent, Write
from flowledger.infrastructure.storage.event_store import LedgerEventStore

from .watch import Execution


class Writer(NamedTuple):
    """Who committed an event."""

    process: str
    task: int


class Journal:
    """Of all processes together."""

    def __init__(self, world: Any) -> None:
        self._world = world
        self.writers: dict[tuple[str, int], Writer] = {}
        self.times: dict[tuple[str, int], int] = {}
        """The scheduler's when it was committed: an event's own time never goes back, where the clock was set back."""
        self.executions: dict[tuple[str, int], Execution | None] = {}
        """By the place of an event: what the task that committed it had executed last."""
        self.acknowledged: list[tuple[int, str, NewEvent]] = []
        """Position, stream and event, as the writer got its answer."""

    def committed(self, process: Any, events: Sequence[StoredEvent], positions: Sequence[int]) -> None:
        """The store holds these events from now on; their writer doesn't know yet."""
        task = self._world.scheduler.current
        writer = Writer(process.name, -1 if task is None else task.number)
        for event in events:
            self._world.story.tell(
                "commits",
                run=self._world.label(str(event.originator_id)),
                version=event.originator_version,
                type=event.topic,
                position=positions[-1],
            )
            place = str(event.originator_id), event.originator_version
            self.writers[place] = writer
            self.times[place] = self._world.scheduler.time
            self.executions[place] = self._world.watch.last_of.get(writer.task)


class JournalingStore(LedgerEventStore):
    """A process's event store, which tells the journal of each acknowledgement."""

    journal: Journal

    def append(self, *writes: Write) -> list[int]:
        return self._told(super().append(*writes), writes)

    def append_while(self, guard: Guard, *writes: Write) -> list[int]:
        return self._told(super().append_while(guard, *writes), writes)

    def _told(self, positions: list[int], writes: Sequence[Write]) -> list[int]:
        events = [(write.stream, event) for write in writes for event in write.events]
        self.journal.acknowledged += [
            (position, stream, event) for position, (stream, event) in zip(positions, events, strict=True)
        ]
        return positions
