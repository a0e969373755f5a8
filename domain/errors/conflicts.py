"""What is stored stands in the way."""

from collections.abc import Mapping
from datetime import datetime

from ..visible import quoted, visible
from .base import Conflict


class ConcurrencyError(Conflict):
    """The stream isn't at the version that the writer expected. Read again, decide again."""

    def __init__(self, stream: str, expected: int | str, actual: int) -> None:
        self.stream = stream
        self.expected = expected
        self.actual = actual
        if isinstance(expected, int) and actual < expected:
            why = "it has never had so many events, or the store has lost some"
        else:
            why = "another writer appended first"
        super().__init__(
            f"stream {quoted(stream)} is at version {actual}, expected {expected}: "
            f"{why}; read it again before you decide what to do"
        )


class TransactionConflict(Conflict):
    """The caller's own transaction can't take what was to be appended in it: others have written since it began.

    Nothing was written, and the transaction can still be used for anything else; the same call would be refused again.
    Roll the transaction back, and do all of it once more.
    """


class ConflictingHistory(Conflict):
    """The store and an export have different histories of a stream, from ``version`` on. Nothing was imported."""

    def __init__(self, stream: str, version: int, head: int) -> None:
        self.stream = stream
        self.version = version
        self.head = head
        super().__init__(
            f"stream {quoted(stream)} is another one from version {version} on, and has {head} events in this store: "
            "it began or went on in both places; import into a store that has none of it"
        )


class WouldContinue(Conflict):
    """An export continues streams that the store has, without ``continue_existing``. Nothing was imported.

    ``streams``: for each, how many events the file has after those of the store.
    """

    def __init__(self, streams: Mapping[str, int]) -> None:
        self.streams = dict(streams)
        listed = ", ".join(f"{events} of stream {quoted(stream)}" for stream, events in list(self.streams.items())[:5])
        more = f" and of {len(self.streams) - 5} more" if len(self.streams) > 5 else ""
        super().__init__(
            f"the file has events behind those that are in this store: {listed}{more}. Whoever wrote it goes on with "
            "what is yours: where you want that, import with continue_existing=True (--continue)"
        )


class IdempotencyConflict(Conflict):
    """The idempotency key was used before for something else: in this workflow, on this run, for a bulk action.

    ``work_order_id``: of a start. ``run_id``: of a command on a run. ``bulk_id``: of a bulk action.
    """

    def __init__(
        self,
        key: str,
        used_by: str,
        used_at: datetime,
        *,
        workflow_id: str | None = None,
        work_order_id: str | None = None,
        run_id: str | None = None,
        bulk_id: str | None = None,
    ) -> None:
        self.key = key
        self.used_by = used_by
        self.used_at = used_at
        self.workflow_id = workflow_id
        self.work_order_id = work_order_id
        self.run_id = run_id
        self.bulk_id = bulk_id
        of = f"run {quoted(run_id)}" if run_id is not None else f"workflow {quoted(workflow_id)}"
        of = of if bulk_id is None else f"bulk action {visible(bulk_id)}"
        used = "for another command" if work_order_id is None else "with another payload"
        for_order = "" if work_order_id is None else f", for work order {visible(work_order_id)}"
        super().__init__(
            f"idempotency key {quoted(key)} of {of} was used {used}, by "
            f"{visible(used_by)} at {used_at.isoformat()}{for_order}: give each command a key of its own"
        )


class SubscriptionHeld(Conflict):
    """Somebody else follows the log under this name, or has taken it over from a follower that was stalled.

    ``host`` and ``pid``: who that is. ``lease_until``: the end of its lease, which it renews while it lives.
    """

    def __init__(self, name: str, host: str, pid: int, lease_until: datetime) -> None:
        self.name = name
        self.host = host
        self.pid = pid
        self.lease_until = lease_until
        super().__init__(
            f"the subscription {quoted(name)} is followed by process {pid} on {quoted(host)}, at least until "
            f"{lease_until.isoformat()}: one follower a name; use another one, or try again when that one has ended"
        )


class UnderLegalHold(Conflict):
    """What was to go must stay, until the hold is lifted. Nothing was erased or removed.

    ``kind``: ``run`` or ``subject``. ``held``: the run's id, or that of the subject's key. ``by`` placed the hold.
    """

    def __init__(self, kind: str, held: str, by: str, reason: str) -> None:
        self.kind = kind
        self.held = held
        self.by = by
        self.reason = reason
        super().__init__(
            f"{visible(kind)} {quoted(held)} is under a legal hold that {quoted(by)} has placed ({visible(reason)}): "
            "retention.lift ends it"
        )
