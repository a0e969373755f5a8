"""``ledger.search``: how far the search is behind the log, and catching up."""

from collections.abc import Callable

from ....domain.live import Unpicklable
from ...concurrency.async_variants import run_in_thread
from ...concurrency.threads import Threads
from ...queries.search.indexer import Lag, SearchIndex


class Search(Unpicklable):
    """``ledger.search``: keep the search index up to date. A search catches up first; a writer may do so, too."""

    _send_instead = "send the store's URL, and open a ledger there"

    def __init__(self, index: SearchIndex, threads: Threads) -> None:
        self._index = index
        self._threads = threads

    def catch_up(self, budget: int | None = None, progress: Callable[[float], object] | None = None) -> Lag:
        """Index the events that the search doesn't know yet, at most ``budget`` of them, and return what is left.

        No writer waits for it, and any number of processes may do it at once. In a store that can't be written to,
        nothing changes.

        Raises StorageUnavailable.
        """
        return self._index.catch_up(budget, progress)

    def lag(self) -> Lag:
        """Return how far the search is behind the log.

        Raises StorageUnavailable.
        """
        return self._index.lag()

    def rebuild(self, progress: Callable[[float], object] | None = None) -> Lag:
        """Empty the search index and build it again from the log. Meanwhile a search finds what is there so far.

        Raises StorageUnavailable.
        """
        self._index.clear()
        return self._index.catch_up(None, progress)

    arebuild = run_in_thread(rebuild)
    acatch_up = run_in_thread(catch_up)
    alag = run_in_thread(lag)
