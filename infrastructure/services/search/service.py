"""The door to the search: how far it is behind the log, and catching up."""

from collections.abc import Callable

from ....domain.live import Live
from ...concurrency.async_variants import run_in_thread
from ...concurrency.threads import Threads
from ...queries.search.indexer import Lag, SearchIndex


class Search(Live):
    """``ledger.search``: keep the search index up to date. A search catches up first; whoever writes may, too."""

    _elsewhere = "send the store's URL, and open a ledger there"

    def __init__(self, index: SearchIndex, threads: Threads) -> None:
        self._index = index
        self._threads = threads

    def catch_up(self, budget: int | None = None, progress: Callable[[float], object] | None = None) -> Lag:
        """Index what the log holds and the search doesn't know yet, at most ``budget`` events, and return what is left.

        No writer waits for it, and any number of processes may do it at once. In a store that can't be written to, the
        search stays as far behind as it is.

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
