"""Ids by a part of them, of ``ledger.history``."""

from ...concurrency.async_variants import run_in_thread
from ...concurrency.threads import Threads
from ...queries.index.ids import IdOf, ids_like
from ...queries.index.reader import Index
from ...queries.listing import check_limit


class IdSearch:
    """People tell runs apart by the last characters of their ids."""

    _index: Index
    _threads: Threads

    def ids(self, part: str, of: IdOf = "run", limit: int = 20) -> tuple[str, ...]:
        """Return the ids of runs, or of work orders, that begin or end with ``part``, the newest first.

        ``part`` has 6 characters or more. ``of`` is ``"run"`` or ``"work_order"``. An id begins with the time at which
        it was made, so its end tells runs apart sooner. A beginning is looked up in an index; for an end, all ids are
        read.

        Raises InvalidRequest.
        """
        check_limit(limit)
        return ids_like(self._index, part, of, limit)

    aids = run_in_thread(ids)
