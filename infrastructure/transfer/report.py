"""The results of exports, imports and backups."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written to a file."""

    run_id: str
    streams: tuple[str, ...]
    """The run, its work order, the workflow, and the runs that it came from."""
    events: int


@dataclass(frozen=True, slots=True)
class ImportedStream:
    """The result for one stream."""

    stream: str
    added: int
    """Events that the store lacked when it was compared."""
    present: int
    """Events that it had already."""
    bytes: int = 0
    """Stored bytes of the events that were added."""

    @property
    def continued(self) -> bool:
        """Whether events were added after those that the store had."""
        return self.added > 0 and self.present > 0


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The contents of an imported file, and how much of it was new."""

    run_id: str
    streams: tuple[ImportedStream, ...]

    @property
    def added(self) -> int:
        """Events that the store lacked."""
        return sum(stream.added for stream in self.streams)

    @property
    def present(self) -> int:
        """Events that it had already."""
        return sum(stream.present for stream in self.streams)

    @property
    def bytes(self) -> int:
        """Stored bytes of the events that it lacked."""
        return sum(stream.bytes for stream in self.streams)


@dataclass(frozen=True, slots=True)
class BackupReport:
    """A copy of a store, and what it holds."""

    path: str
    events: int
    streams: int
    bytes: int
