"""What exports, imports and backups answer with."""

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
    """What became of one stream."""

    stream: str
    added: int
    """The number of events that the store didn't have."""
    present: int
    """The number of events that the store had already."""
    bytes: int = 0
    """The size of the added events, as they are stored."""

    @property
    def continued(self) -> bool:
        """Whether the file continued a stream that the store had."""
        return self.added > 0 and self.present > 0


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What was read from a file, and how much of it was new."""

    run_id: str
    """Empty where the file holds no run, but a workflow that was archived before it was removed."""
    streams: tuple[ImportedStream, ...]

    @property
    def added(self) -> int:
        """The number of events that the store didn't have."""
        return sum(stream.added for stream in self.streams)

    @property
    def present(self) -> int:
        """The number of events that the store had already."""
        return sum(stream.present for stream in self.streams)

    @property
    def bytes(self) -> int:
        """The size of these events, as they are stored."""
        return sum(stream.bytes for stream in self.streams)


@dataclass(frozen=True, slots=True)
class BackupReport:
    """A copy of a store, and what it holds."""

    path: str
    events: int
    streams: int
    bytes: int
