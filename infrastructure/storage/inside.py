"""The event store inside a transaction of the caller's, who commits or rolls back."""

from collections.abc import Sequence

from ...domain.errors import FlowledgerError, InvalidRequest, TransactionConflict
from ...domain.ports import Write
from .callers import CallersConnection
from .event_store import LedgerEventStore
from .stored_events import IndexedEvent, LinkedEvent
from .stream_heads import Head, HeadCache


class InsideEventStore(LedgerEventStore):
    """Reads and appends through the caller's connection: it sees what was appended there, and nobody else does yet.

    Of what is appended it remembers nothing, as the caller may take it back at any moment, all or to a savepoint.
    """

    def __init__(self, outside: LedgerEventStore, caller: CallersConnection) -> None:
        """Raises InvalidRequest where the store has no transactions of callers."""
        vars(self).update(vars(outside))
        if outside.enter is None:
            raise InvalidRequest(
                "within(…) needs a store that your own tables are beside: in PostgreSQL, or in an SQLite file"
            )
        self.recorder, self.calls = outside.enter(caller, outside.threads)
        self._heads = HeadCache(capacity=0)

    @property
    def can_guard(self) -> bool:
        """Not here: an append must also lie behind what it is based on, which is known by reading that."""
        return False

    async def aappend(self, *writes: Write) -> list[int]:
        return await self.calls.run(self.append, *writes)

    def close(self) -> None:
        """The caller closes the connection, and the ledger closes its store."""

    def _commit(self, stored: list[LinkedEvent]) -> list[int]:
        return self.recorder.insert_events(stored)  # shared with nobody, and gone with the connection

    def _committed(self, stored: Sequence[LinkedEvent], heads: dict[str, Head]) -> None:  # noqa: ARG002 - not believed
        if any(isinstance(event, IndexedEvent) for event in stored):
            self.wakeups.notify_after(self.recorder.callers_transaction)

    def _unexplained(self, error: Exception) -> FlowledgerError:
        return TransactionConflict(
            "another transaction has appended what this one can't see yet, as it reads the store as it was when it "
            f"began: roll your transaction back, and do all of it again ({error})"
        )
