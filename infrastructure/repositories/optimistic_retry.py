"""Optimistic concurrency: decide again when another writer has appended first, as long as that can help."""

from ...domain.errors import ConcurrencyError


class OptimisticRetry:
    """A loop of attempts, each on a stream as it was just read. It goes on while other writers make progress.

    A stream at the same version as at the attempt before has not been appended to: then the refusal has another
    reason, and the next attempt would be refused as well.
    """

    def __init__(self) -> None:
        self._version = -1

    def check_progress(self, version: int, error: ConcurrencyError) -> None:
        """After an attempt was refused on a stream read at ``version``: raises the error where no other can help."""
        if version <= self._version:
            raise error
        self._version = version
