"""``ledger.retention``: take away what is old, hold what must stay, and say what went."""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Event
from typing import TYPE_CHECKING

from ....domain.errors import InvalidRequest, SubjectNotFound
from ....domain.evidence.report import RemovedHistory
from ....domain.execution.step_loop import check_actor
from ....domain.live import Unpicklable
from ....domain.ports import Write
from ....domain.retention import (
    LEGAL_HOLDS,
    HoldTarget,
    RetentionPolicy,
    legal_hold_lifted,
    legal_hold_placed,
)
from ....domain.values.names import check_run_id
from ....domain.visible import quoted
from ....projections.history_beginning import HistoryBeginning
from ....projections.retention import PlacedHold, RetentionReport, placed_hold
from ...concurrency.async_variants import run_in_thread
from ...concurrency.regular import RegularAct
from ...concurrency.threads import Threads
from ...queries.history_beginning import HistoryBeginnings
from ...queries.listing import check_id, check_text, check_time
from ...queries.tree.removed import removed_histories
from ...repositories.legal_holds import load_holds_on, load_legal_holds
from ...repositories.missing import missing_run
from .pace import BESIDE_WRITERS, Pace, check_pace
from .policy_act import PolicyAct

if TYPE_CHECKING:
    from ...queries.index.reader import Index
    from ...storage.event_store import LedgerEventStore
    from ...storage.removal_table import RemovalTable

_log = logging.getLogger("flowledger.retention")


class Retention(Unpicklable):
    """``ledger.retention``: policies say what goes, legal holds what must stay."""

    _send_instead = "send the store's URL, and open a ledger there"

    def __init__(self, store: "LedgerEventStore", index: "Index", now: Callable[[], int], threads: Threads) -> None:
        self._store = store
        self._index = index
        self._now = now
        self._threads = threads
        self._beginnings = HistoryBeginnings(store)

    def preview(self, policy: RetentionPolicy) -> RetentionReport:
        """Return what ``apply`` would take away now under a ``policy``, and what stays and why. Nothing is changed.

        Reads the index of all work orders and workflows that the policy is about, and counts the bytes of those that
        would go.

        Raises InvalidRequest, StorageUnavailable.
        """
        _check_policy(policy)
        return self._act(policy).preview()

    def apply(
        self,
        policy: RetentionPolicy,
        by: str = "unknown",
        reason: str | None = None,
        progress: Callable[[float], object] | None = None,
        pace: float = BESIDE_WRITERS,
    ) -> RetentionReport:
        """Take away what the ``policy`` says. It can't be undone; its ``archive`` has each run in a file before.

        It goes in small steps, each one commit, beside others who write; where it is cut short, call it again. A record
        stays of what went, with the hashes of its events, so ``verify``, checkpoints and proofs of what stays are
        right. A run that went raises RunRemoved, and an idempotency key that it began with begins nothing anew; a
        workflow that went raises WorkflowRemoved, and its id isn't used again. What was freed goes back to the disk as
        far as that is possible beside others. ``progress`` is called with the fraction done, 0 to 1. ``pace``: while
        others write it works for so much of the time, and waits for the rest; with 1 it never waits.

        Raises InvalidRequest (the policy would leave nothing, and doesn't say ``everything``; the store is in memory),
        StorageCorrupt (a run is damaged, or its archive isn't what the store holds), StoreReadOnly, StorageUnavailable.
        """
        _check_policy(policy)
        check_actor(by)
        check_text(reason, "reason")
        check_pace(pace)
        table = self._table()
        _refuse_everything(policy)
        return self._act(policy).apply(table, by, reason, progress, Pace(self._store, pace))

    def apply_regularly(
        self,
        policy: RetentionPolicy,
        by: str = "unknown",
        every: timedelta = timedelta(hours=1),
        pace: float = BESIDE_WRITERS,
    ) -> RegularAct:
        """Apply a ``policy`` every so often, in a thread of its own, for as long as the block lasts.

        ``every``: so much time lies between two. Several processes may do it at once. At the end of the block it stops
        behind the step that is under way. ``pace`` is as in ``apply``. What can't be removed is an error in the
        process's log (``flowledger.retention``), and is tried again the next time.

        Raises InvalidRequest (also where the policy would leave nothing, and doesn't say ``everything``).
        """
        _check_policy(policy)
        check_actor(by)
        check_pace(pace)
        table = self._table()
        _refuse_everything(policy)
        if not isinstance(every, timedelta) or every <= timedelta(0):
            raise InvalidRequest("every is a length of time above 0")

        def apply(stopped: Event) -> None:
            def wait(seconds: float) -> None:
                if stopped.wait(seconds):
                    raise _Stopped

            with suppress(_Stopped):
                report = self._act(policy).apply(table, by, None, None, Pace(self._store, pace, wait))
                if report.removal_id is not None:
                    _log.info(
                        "%d runs and %d workflows with %d events were removed",
                        report.runs,
                        report.workflows,
                        report.events,
                    )

        return RegularAct("flowledger-retention", apply, every, _log, "the retention policy wasn't applied")

    def begins(self, workflow_id: str | None = None, since: datetime | None = None) -> HistoryBeginning | None:
        """Return from when on the history of runs is whole, and what is missing from before; None: nothing is missing.

        ``workflow_id``: of this workflow's runs. ``since``: what happened before doesn't matter. Lists and timings
        have it, too, as their ``begins``. Cheap, unlike ``removals``.

        Raises InvalidRequest, StorageUnavailable.
        """
        check_time(since, "since")
        return self._beginnings.find(check_id(workflow_id, "workflow_id"), since)

    def removals(self) -> tuple[RemovedHistory, ...]:
        """Return what went so far, in the order in which it went: when, by whom, how much, and where its archive is.

        Raises StorageUnavailable.
        """
        return removed_histories(self._store)

    def hold(self, run_id: str | None = None, *, subject: str | None = None, by: str, reason: str) -> PlacedHold:
        """Place a legal hold on a run, or on all runs of a ``subject``: no policy takes them, and nobody erases them.

        What is held already stays held as it was. Raises RunNotFound, SubjectNotFound, InvalidRequest, StoreReadOnly,
        StorageUnavailable.
        """
        check_actor(by)
        check_text(reason, "reason")
        if not reason:
            raise InvalidRequest("a legal hold needs a reason")
        target = self._target(run_id, subject)
        holds = load_legal_holds(self._store)
        if target not in holds.holds:
            event = legal_hold_placed(holds, target, by=by, reason=reason, now=self._now())
            self._store.append(Write(LEGAL_HOLDS, holds.version, [event]))
            holds = load_legal_holds(self._store)
        return placed_hold(holds.holds[target])

    def lift(
        self, run_id: str | None = None, *, subject: str | None = None, by: str, reason: str | None = None
    ) -> None:
        """Lift a legal hold on a run, or on a ``subject``: policies and erasures count again.

        Raises InvalidRequest (nothing holds it), RunNotFound, SubjectNotFound, StoreReadOnly, StorageUnavailable.
        """
        check_actor(by)
        check_text(reason, "reason")
        target = self._target(run_id, subject)
        holds = load_legal_holds(self._store)
        if target not in holds.holds:
            raise InvalidRequest(f"{target.kind} {quoted(target.id)} is under no legal hold")
        event = legal_hold_lifted(holds, target, by=by, reason=reason, now=self._now())
        self._store.append(Write(LEGAL_HOLDS, holds.version, [event]))

    def holds(self, run_id: str | None = None) -> tuple[PlacedHold, ...]:
        """Return the legal holds that stand, those first that were placed first.

        ``run_id``: those that keep this run. They are on it, on a subject of its, or on another run of its work order,
        with which it stays.

        Raises RunNotFound, StorageUnavailable.
        """
        if run_id is None:
            return tuple(map(placed_hold, load_legal_holds(self._store).holds.values()))
        check_run_id(run_id)
        return tuple(map(placed_hold, load_holds_on(self._store, run_id)))

    def _target(self, run_id: str | None, subject: str | None) -> HoldTarget:
        if (run_id is None) == (subject is None):
            raise InvalidRequest("name a run, or a subject")
        if run_id is not None:
            check_run_id(run_id)
            if self._store.head(run_id) == 0:
                raise missing_run(self._store, run_id)
            return HoldTarget("run", run_id)
        keys = self._store.subject_keys
        key = None if keys is None or not isinstance(subject, str) else keys.table.find(subject)
        if key is None:
            raise SubjectNotFound(str(subject))
        return HoldTarget("subject", key.id)

    def _act(self, policy: RetentionPolicy) -> PolicyAct:
        return PolicyAct(self._store, self._index, self._now, policy)

    def _table(self) -> "RemovalTable":
        if self._store.removals is None:
            raise InvalidRequest(
                "a store in memory, or of your own, keeps all that it has: retention needs SQLite or PostgreSQL"
            )
        return self._store.removals

    apreview = run_in_thread(preview)
    aapply = run_in_thread(apply)
    abegins = run_in_thread(begins)
    aremovals = run_in_thread(removals)
    ahold = run_in_thread(hold)
    alift = run_in_thread(lift)
    aholds = run_in_thread(holds)


def _check_policy(policy: object) -> None:
    if not isinstance(policy, RetentionPolicy):
        raise InvalidRequest(f"policy {quoted(policy)} is no RetentionPolicy")


def _refuse_everything(policy: RetentionPolicy) -> None:
    if policy.keeps_nothing and not policy.everything:
        raise InvalidRequest(
            "this policy keeps nothing that has ended so: give older_than, keep_last or max_bytes, or say that all "
            "of it is meant with everything=True (--everything)"
        )


class _Stopped(Exception):
    """The block is over."""
