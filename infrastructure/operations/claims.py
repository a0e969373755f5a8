"""Claiming runs for a worker: a lot at a time, each by an event of its own, all of them in one commit."""

import logging
from collections.abc import Mapping, Sequence

from ...domain.errors import (
    ConcurrencyError,
    EventsLost,
    ExecutorMissing,
    FlowledgerError,
    GlobalsMissing,
    IllegalTransition,
    StorageUnavailable,
)
from ...domain.ports import NewEvent, RowBatch, Write
from ...domain.run import RECOVERED, RunState, advance, proceed, with_header
from ...domain.status import TERMINAL
from ...projections.runs.run import Run
from ..execution.runner import PreparedCall
from ..services.runs.run_services import Claim, RunServices
from ..storage.event_store import LedgerEventStore
from ..storage.leases import ClaimableRow, Leases
from .setbacks import Setbacks

_log = logging.getLogger("flowledger.workers")

_STEP_LIMIT = 10_000
"""Steps of one claim: as many as a call of ``start`` makes unless it says otherwise."""


class Claims:
    """What one worker takes. ``services`` have its custody; ``workflows``: only these, None: all."""

    def __init__(
        self, services: RunServices, store: LedgerEventStore, leases: Leases, name: str, workflows: Sequence[str] | None
    ) -> None:
        self._services = services
        self._store = store
        self._leases = leases
        self._name = name
        self._workflows = workflows
        self.lacking = Setbacks(services.now)
        """Versions, written ``workflow@version``, of which this process lacks executors or globals."""
        self._nodes: dict[str, set[str]] = {}
        """By limited type: where runs stood that came to it next, written ``workflow@version/node``; what is queued
        stands at no node."""
        self._passed = Setbacks(services.now)
        """Runs that can't be claimed here, for example because an event of theirs is damaged."""
        self.may_be_more = False
        """Whether the last lot had as many runs as were asked for, and some of them can be executed here."""
        self.hears_all = False
        """Whether the last look may have left something that can be claimed when others have claimed theirs, or when a
        run ends: it asked for no more than it found, it met what others were about to claim, or types are limited."""

    def take(self, most: int) -> list[PreparedCall[Run]]:
        """Claim at most so many runs. Returns their steps, for the caller to execute. Raises StorageUnavailable."""
        now = self._services.now()
        lacking, passed = self.lacking.current(), self._passed.current()
        room = self._room()
        full = self._full(room)
        claimed: list[Claim] = []
        is_full = False
        self.hears_all = True
        try:
            with self._leases.lot(now, most, self._workflows, lacking, passed, full) as (rows, is_cut):
                is_full = len(rows) == most
                self.hears_all = is_full or is_cut or not rows or bool(room)
                short = self._store.of_one_event([row.run_id for row in rows if row.lost_by is None])
                claims = [
                    claim
                    for row in rows
                    if (claim := self._prepare(row, now, short.get(row.run_id))) is not None
                    and self._has_room(claim, room)
                ]
                with self._services.claiming([claim.state for claim in claims]):
                    claimed = self._append(claims)
        except StorageUnavailable:
            if not claimed:
                raise
            # Only the locks couldn't be given back in order: the claims are stored, and nobody else would execute them.
        calls = [call for claim in claimed if (call := self._begin(claim)) is not None]
        self.may_be_more = is_full and bool(calls)
        return calls

    def _room(self) -> dict[str, int]:
        """By limited type how many more steps may begin now."""
        custody, executors = self._services.custody, self._services.executors
        return {} if custody is None or executors is None else custody.slots.room(executors)

    def _full(self, room: Mapping[str, int]) -> set[str]:
        """Where runs stand whose next step may not begin now, as far as such runs were met."""
        return {node for type, left in room.items() if left <= 0 for node in self._nodes.get(type, ())}

    def _has_room(self, claim: Claim, room: dict[str, int]) -> bool:
        """Whether the run's next step may begin now, by ``room``, where it is counted. Others are left unclaimed."""
        state = claim.state
        planned = claim.plan.nodes.get(state.current_node_id or "")
        if planned is None or (left := room.get(planned.executor.type)) is None:
            return True
        node = "" if state.status == "active" else planned.node.id  # as the index knows it
        node = f"{state.workflow_id}@{state.workflow_version}/{node}"
        self._nodes.setdefault(planned.executor.type, set()).add(node)
        if left <= 0 or self._services.custody is None:
            return False
        room[planned.executor.type] = left - 1
        self._services.custody.slots.expect(planned.executor.type, str(state.run_id))
        return True

    def _begin(self, claim: Claim) -> PreparedCall[Run] | None:
        """The steps of a claimed run; None where they can't be prepared now, and it was left to others."""
        try:
            return self._services.go_on(claim)
        except FlowledgerError as error:
            _log.warning(
                "worker %s leaves run %s to others: %s",
                self._name,
                claim.state.run_id,
                error,
                extra={"worker": self._name, "run_id": claim.state.run_id},
            )
            self._forget(claim)
            return None

    def _forget(self, claim: Claim) -> None:
        """The run's next step isn't executed here."""
        if self._services.custody is not None:
            self._services.custody.slots.expect_no_more(str(claim.state.run_id))

    def take_one(self, run_id: str) -> PreparedCall[Run] | None:
        """Claim this run, if it may be taken now. Raises StorageUnavailable."""
        now = self._services.now()
        row = self._leases.claimable_run(run_id, now)
        if row is None or not self._is_for_this_worker(row):
            return None
        claim = self._prepare(row, now)
        if claim is None or not self._has_room(claim, self._room()):
            return None
        with self._services.claiming([claim.state]):
            claimed = self._append([claim])
        return self._begin(claim) if claimed else None

    def due(self, most: int) -> list[ClaimableRow]:
        """At most so many runs that this worker may take now, in the order in which it would; none is claimed."""
        lacking, passed = self.lacking.current(), self._passed.current()
        full = self._full(self._room())
        with self._leases.lot(self._services.now(), most, self._workflows, lacking, passed, full) as lot:
            return lot.rows

    def _is_for_this_worker(self, row: ClaimableRow) -> bool:
        if self._workflows is not None and row.workflow_id not in self._workflows:
            return False
        version = f"{row.workflow_id}@{row.workflow_version}"
        return version not in self.lacking.current() and row.run_id not in self._passed.current()

    def next_due(self) -> int | None:
        """When the next run can be taken that can't be yet, in microseconds since 1970."""
        return self._leases.next_due(self._services.now())

    def first_due(self) -> int | None:
        """When the first run can be taken, also one that can be now: one statement, without locks."""
        return self._leases.next_due(-1)

    def _executes(self, row: ClaimableRow) -> bool:
        """Whether this very worker, whose lease was over for a while, executes the run all the same."""
        custody = self._services.custody
        return (
            custody is not None and row.lost_by == custody.id and row.run_id in self._services.executions.of(custody.id)
        )

    def _prepare(self, row: ClaimableRow, now: int, events: RowBatch | None = None) -> Claim | None:
        """The claim of a run; None where it has moved on, or can't be executed here. ``events``: all that it has, if
        they were read."""
        if row.lost_by is not None and self._executes(row):
            return None
        try:
            runs = self._services.runs
            state = runs.load(row.run_id) if events is None else runs.load_from(row.run_id, events)
            event = _decide(row, state, self._name, now)
            if event is None:
                return None
            settings = self._services.settings(self._name, None, _STEP_LIMIT)
            return self._services.prepare_claim(state, event, settings)
        except (ExecutorMissing, GlobalsMissing) as error:
            self._leave(self.lacking, f"{row.workflow_id}@{row.workflow_version}", error)
        except StorageUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - also what supplies the globals raises; others may be able to
            self._leave(self._passed, row.run_id, error)
        return None

    def _leave(self, setbacks: Setbacks, what: str, error: Exception) -> None:
        if setbacks.add(what, f"{type(error).__name__}: {error}"):
            _log.warning(
                "worker %s leaves %s to others for now: %s", self._name, what, error, extra={"worker": self._name}
            )

    def _append(self, claims: list[Claim]) -> list[Claim]:
        """Store all claims in one commit; where another writer was faster on one, each in its own."""
        if not claims:
            return []
        placed = [(claim, *with_header(claim.state, [claim.event])) for claim in claims]
        writes = [Write(str(claim.state.run_id), claim.state.version, events) for claim, events, _ in placed]
        try:
            self._store.append(*writes)
        except (ConcurrencyError, EventsLost) as error:
            if len(claims) == 1:
                _log.info(
                    "run %s was taken by another: %s",
                    claims[0].state.run_id,
                    error,
                    extra={"worker": self._name, "run_id": claims[0].state.run_id},
                )
                self._forget(claims[0])
                return []
            return [claimed for claim in claims for claimed in self._append([claim])]
        except BaseException:
            for claim in claims:
                self._forget(claim)
            raise
        for claim, events, after in placed:
            advance(claim.state, events, after)
            self._passed.clear(str(claim.state.run_id))
        return claims


def _decide(row: ClaimableRow, state: RunState, by: str, now: int) -> NewEvent | None:
    """The event that claims the run; None where it isn't any more as the index said.

    A run that another worker executes is only taken from the very worker that has lost it.
    """
    if state.status in TERMINAL or state.held is not None:
        return None
    if row.lost_by is not None:
        if state.status != "active" or state.queued or state.owner != row.lost_by:
            return None
        event = proceed(state, None, by, now)
        if event is None or event.type != RECOVERED or not row.handed_back:
            return event
        return NewEvent(RECOVERED, {**event.data, "handed_back": True})
    if state.status == "active" and not state.queued:
        return None
    due_at = state.due_at
    if due_at is not None and due_at > now:
        return None
    try:
        return proceed(state, None, by, now)
    except IllegalTransition:
        return None  # it waits for an answer
