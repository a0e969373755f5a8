"""The door to the search: how far it is behind the log, and catching up."""

from collections.abc import Callable

from ....domain.live import Live
from ...concurrency.aio import in_thread
from ...concurrency.threads import Threads
from ...queries.search.indexer import Lag, SearchIndex


class Search(Live):
    """``ledger.search``. Who searches catches up by himself; a process that writes much may do it now and then."""

    _elsewhere = "send the store's URL, and open a ledger there"

    def __init__(self, index: SearchIndex, threads: Threads) -> None:
        self._index = index
        self._threads = threads

    def catch_up(self, budget: int | None = None, progress: Callable[[float], object] | None = None) -> Lag:
        """Take in what the log holds, at most ``budget`` events, and say what is left.

        Off the write path: no writer waits, and any number of processes may do it at once. ``progress`` is told after
        each batch the part that is done, 0 to 1. A store that can't be written to stays as far behind as it is.

        Raises StorageUnavailable.
        """
        return self._index.catch_up(budget, progress)

    def lag(self) -> Lag:
        """How far the search is behind the log. Raises StorageUnavailable."""
        return self._index.lag()

    def rebuild(self, progress: Callable[[float], object] | None = None) -> Lag:
        """Drop what the search knows and take it in anew from the log. Meanwhile searches find what is there so far.

        Raises StorageUnavailable.
        """
        self._index.clear()
        return self._index.catch_up(None, progress)

    arebuild = in_thread(rebuild)
    acatch_up = in_thread(catch_up)
    alag = in_thread(lag)
