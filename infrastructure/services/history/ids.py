"""Ids by a part of them, of ``ledger.history``."""

from ....domain.errors import InvalidRequest
from ...concurrency.async_variants import run_in_thread
from ...concurrency.threads import Threads
from ...queries.index.ids import IdOf, ids_like
from ...queries.index.reader import Index


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
        if type(limit) is not int or not 1 <= limit <= 1_000:
            raise InvalidRequest(f"limit {limit!r} is not a whole number from 1 to 1,000")
        return ids_like(self._index, part, of, limit)

    aids = run_in_thread(ids)
