"""What came of one of many runs where nothing can be said of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BulkFailure:
    """A run with which bulk work could do nothing; the work on the others goes on."""

    run_id: str
    """The id that was given."""
    kind: str
    """``unreadable``: an error of the store, or its values were erased, or can't be opened with the keys at hand;
    ``worker died``: the process that worked on it came to an end; ``error``: the work itself failed."""
    message: str
    """What happened."""
