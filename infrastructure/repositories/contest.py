"""What ends a loop that decides again when others have appended first."""

from ...domain.errors import ConcurrencyError


class Contest:
    """A loop of tries, each on a stream as it was just read. It goes on as long as others get further meanwhile.

    A stream that stands where it stood at the try before has not been appended to by anybody: then there is another
    reason, and the next try would be refused as well.
    """

    def __init__(self) -> None:
        self._version = -1

    def lost(self, version: int, error: ConcurrencyError) -> None:
        """A try was refused, on a stream that had been read at ``version``. Raises the error where no other helps."""
        if version <= self._version:
            raise error
        self._version = version
