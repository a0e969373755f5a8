"""Who executes runs, as a store keeps it beside the events: workers with their leases, and what a worker may take."""

from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from .errors import translate_errors
from .recorder import LedgerRecorder
from .sql import queries


class WorkerRow(NamedTuple):
    """A worker, or a process whose own calls execute runs. Times and durations are microseconds."""

    id: str
    name: str
    host: str
    pid: int
    release: str
    started_at: int
    seen_at: int
    lease_until: int
    lease: int
    concurrency: int | None
    """How many runs it executes at once; None: what its process calls for."""
    details: str
    """What else it says of itself: a JSON object."""


class ClaimableRow(NamedTuple):
    """A run that a worker may take."""

    run_id: str
    workflow_id: str
    workflow_version: int
    lost_by: str | None
    """The worker that had it, whose lease is over or who gave it up; None: it is due."""
    handed_back: bool
    """Whether that one gave it up between two steps."""
    ready_at: int
    """Since when."""


class Lot(NamedTuple):
    """Runs that a worker may take, and no other is given meanwhile."""

    rows: list[ClaimableRow]
    is_cut: bool
    """Whether there may be more behind what others are given now."""


class Standing(NamedTuple):
    """Where a run stands that somebody executes."""

    run_id: str
    owner: str | None
    status: str
    held: bool


class Leases:
    """The tables of workers. Raises StorageUnavailable, StorageCorrupt."""

    def __init__(self, recorder: LedgerRecorder) -> None:
        self._recorder = recorder
        self._sql = queries(recorder.dialect, "workers.sql")

    def set_clock(self) -> None:
        """Set the store's clock by the database's, where it has one of its own."""
        with translate_errors():
            self._recorder.set_clock()

    def renew(self, row: WorkerRow) -> None:
        """Enter a worker, or renew its lease."""
        self._change("renew", row._asdict())

    def expire(self, worker_id: str, now: int) -> None:
        """End the lease of a worker that stops."""
        self._change("expire", {"id": worker_id, "now": now})

    def tidy(self, now: int, lease: int, before: int) -> None:
        """Forget what nobody asks for any more; give those a lease that own runs here and are not known."""
        self._change("enter_strangers", {"now": now, "until": now + lease, "lease": lease})
        self._change("tidy", {})
        self._change("forget", {"before": before})

    def give_up(self, run_id: str, owner: str, *, handed_back: bool) -> None:
        """Leave a run to others, which its owner executes no more although it lives."""
        self._change("give_up", {"run_id": run_id, "owner": owner, "handed_back": handed_back})

    def take_back(self, run_ids: Collection[str], owner: str) -> None:
        """Forget that its owner gave up these runs: it has claimed them again."""
        self._change("take_back", {"runs": self._recorder.list_parameter(list(run_ids)), "owner": owner})

    # --- slots --------------------------------------------------------------------------------------------------------

    def take_slot(self, type: str, limit: int, holder: str, owner: str, now: int, lease_until: int) -> bool:
        """Whether a step of the type may begin, of which ``limit`` may be under way; who came first goes first.

        The slot is the holder's, one execution of a run, until ``leave_slot`` or until the lease of its worker is over.
        """
        whose = {"type": type, "holder": holder, "owner": owner}
        self._change(
            "take_slot", {**whose, "limit": limit, "now": now, "lease_until": lease_until, "heard": now - _HEARD}
        )
        if self._query("has_slot", whose):
            self._change("want_no_slot", {"type": type, "holder": holder})
            return True
        self._change("want_slot", {"type": type, "holder": holder, "now": now})
        return False

    def leave_slot(self, type: str, holder: str, owner: str) -> None:
        """Give it back, or wait for none any more."""
        self._change("leave_slot", {"type": type, "holder": holder, "owner": owner})
        self._change("want_no_slot", {"type": type, "holder": holder})

    def slots(self, now: int) -> dict[str, int]:
        """How many steps of each limited type are under way."""
        return dict(self._query("slots", {"now": now}))

    def tidy_slots(self, now: int) -> None:
        """Forget the slots of workers that are gone, and who waits no more."""
        self._change("forget_slots", {"now": now})
        self._change("forget_wanted", {"heard": now - _HEARD})

    # --- what is read -------------------------------------------------------------------------------------------------

    def workers(self) -> list[WorkerRow]:
        """All of them, those first that began first; also those whose lease is over and whose runs nobody took yet."""
        return [WorkerRow._make(row) for row in self._query("workers", {})]

    def owned(self) -> dict[str, list[str]]:
        """The ids of the runs that each worker executes."""
        found: dict[str, list[str]] = {}
        for owner, run_id in self._query("owned", {}):
            found.setdefault(owner, []).append(run_id)
        return found

    def owned_by(self, owner: str) -> set[str]:
        """The ids of the runs that one worker executes."""
        return {run_id for (run_id,) in self._query("owned_by", {"owner": owner})}

    def standing(self, run_ids: Collection[str]) -> list[Standing]:
        """Where these runs stand."""
        runs = self._recorder.list_parameter(list(run_ids))
        return [Standing(row[0], row[1], row[2], bool(row[3])) for row in self._query("standing", {"runs": runs})]

    def next_due(self, after: int) -> int | None:
        """Behind a moment, when the next run comes due or is lost by its worker; -1: from the beginning."""
        ((at,),) = self._query("next_due", {"after": after})
        return at  # type: ignore[no-any-return]

    def claimable_run(self, run_id: str, now: int) -> ClaimableRow | None:
        """This run, if a worker may take it now."""
        rows = self._query("claimable_run", {"run_id": run_id, "now": now})
        return _claimable(rows[0]) if rows else None

    @contextmanager
    def lot(
        self,
        now: int,
        most: int,
        workflows: Sequence[str] | None = None,
        lacking: Collection[str] = (),
        passed: Collection[str] = (),
        full: Collection[str] = (),
    ) -> Generator[Lot]:
        """At most ``most`` runs that a worker may take; until the block is left no other worker is given them.

        ``workflows``: only these; ``lacking``: versions, written ``workflow@version``, that this worker can't execute;
        ``passed``: runs that it passes over; ``full``: nodes, written ``workflow@version/node``, of which enough steps
        are under way; without the node, those of runs that are queued.
        """
        parameters = {
            "now": now,
            "most": most if self._recorder.dialect == "sqlite" else most + _LOOK_PAST,
            "lot": most,
            "workflows": None if workflows is None else self._recorder.list_parameter(workflows),
            "lacking": self._recorder.list_parameter(sorted(lacking)),
            "passed": self._recorder.list_parameter(sorted(passed)),
            "full": self._recorder.list_parameter(sorted(full)),
        }
        with translate_errors(), self._recorder.locked(self._sql["claimable"], parameters) as rows:
            yield Lot([_claimable(row) for row in rows[:most]], bool(rows) and bool(rows[0][-1]))

    def _change(self, query: str, parameters: dict[str, Any]) -> None:
        with translate_errors():
            self._recorder.change(self._sql[query], parameters)

    def _query(self, query: str, parameters: dict[str, Any]) -> list[Any]:
        with translate_errors():
            return self._recorder.query(self._sql[query], parameters)


def _claimable(row: Sequence[Any]) -> ClaimableRow:
    return ClaimableRow(row[0], row[1], row[2], row[3], bool(row[4]), row[5])


_LOOK_PAST = 256
"""Runs that other workers may have locked, and that one looks past. SQLite has no such locks."""

_HEARD = 5_000_000
"""Microseconds: who hasn't asked for a slot for so long waits for none any more."""
