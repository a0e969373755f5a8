"""Erasing a subject: its key is destroyed, in an order that can be repeated after a crash."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ....domain.errors import IllegalTransition, InvalidRequest, SubjectNotFound, UnderLegalHold
from ....domain.execution.step_loop import check_actor
from ....domain.ports import Write
from ....domain.retention import HoldTarget
from ....domain.run import STARTED, cancel
from ....domain.status import ENDED
from ....domain.subjects import GLOBALS, erase
from ....domain.values.clock import moment
from ....domain.values.ids import subject_stream
from ....projections.erasure import ErasedPlace, ErasedRun, ErasureReport
from ...repositories.legal_holds import load_legal_holds
from ...repositories.subjects import load_subject
from ..runs.run_services import RunServices

if TYPE_CHECKING:
    from ...storage.event_store import LedgerEventStore
    from ...storage.sealing.key_table import WrappedKey
    from ...storage.sealing.subject_keys import SubjectKeys


class _Found(NamedTuple):
    """What belongs to a subject."""

    runs: tuple[ErasedRun, ...]
    work_orders: int
    events: int
    values: int


class Erasure:
    """Erases subjects of one store."""

    def __init__(self, store: "LedgerEventStore", services: RunServices) -> None:
        self._store = store
        self._services = services

    def erase(self, subject: str, by: str, reason: str | None, *, dry_run: bool) -> ErasureReport:
        """See ``Ledger.erase``."""
        check_actor(by)
        keys = self._keys()
        key = keys.table.find(subject) if isinstance(subject, str) else None
        if key is None:
            raise SubjectNotFound(subject)
        state = load_subject(self._store, key.id)
        if dry_run:
            found = self._look(state.streams)
            return self._report(subject, key, None, found, _places(subject, found, self._store.recorder.scrubs))
        self._refuse_held(key.id, state.streams)
        if state.erased_at is None:
            found = self._look(state.streams)
            event = erase(state, found.values, by=by, reason=reason, now=self._services.now())
            self._store.append(Write(subject_stream(key.id), state.version, [event]))
            state.erased_at = event.data["recorded_at"]
        found = self._look(state.streams, cancel_by=by)
        keys.destroy(key)
        # Runs that were started for it meanwhile belong to it, too.
        later = [stream for stream in load_subject(self._store, key.id).streams if stream not in set(state.streams)]
        self._look(later, cancel_by=by)
        done = self._store.recorder.scrub("flowledger_subject_keys")
        return self._report(subject, key, state.erased_at, found, _places(subject, found, done))

    def rewrap_keys(self) -> int:
        """See ``Ledger.rewrap_keys``."""
        return self._keys().rewrap()

    def _keys(self) -> "SubjectKeys":
        if self._store.subject_keys is None:
            raise InvalidRequest("this store has no place for the keys of subjects, so it has no subjects")
        return self._store.subject_keys

    def _refuse_held(self, key_id: str, streams: Sequence[str]) -> None:
        """Raises UnderLegalHold."""
        holds = load_legal_holds(self._store).holds
        targets = [HoldTarget("subject", key_id), *(HoldTarget("run", stream) for stream in streams)]
        for hold in map(holds.get, targets):
            if hold is not None:
                raise UnderLegalHold(hold.target.kind, hold.target.id, hold.by, hold.reason)

    def _look(self, streams: Sequence[str], *, cancel_by: str | None = None) -> _Found:
        """What is sealed in these streams; runs that haven't ended are cancelled, if somebody does it."""
        from ...storage.codec import sealed_names

        runs: list[ErasedRun] = []
        work_orders = events = values = 0
        for stream in streams:
            of_stream, first = 0, ""
            for row in self._store.rows(stream):
                first = first or row.type
                of_stream += len(sealed_names(row.encoded or b""))
                events += 1
            values += of_stream
            if first == STARTED:
                runs.append(self._run(stream, of_stream, cancel_by))
            elif first:  # else it was removed under a retention policy
                work_orders += 1
        return _Found(tuple(runs), work_orders, events, values)

    def _run(self, run_id: str, values: int, cancel_by: str | None) -> ErasedRun:
        header = self._services.runs.header(run_id)
        is_open = header.status not in ENDED
        if is_open and cancel_by is not None:
            self._cancel(run_id, cancel_by)
        first = self._store.beginning(run_id, 1)
        data = {} if first is None else first.data
        kind = data.get("origin", {}).get("kind", "first")
        return ErasedRun(run_id, data.get("workflow_id", ""), kind, header.status, values, is_open)

    def _cancel(self, run_id: str, by: str) -> None:
        services = self._services
        try:
            services.command(run_id, by, lambda state: cancel(state, _WHY_CANCELLED, by, services.now()))
        except IllegalTransition:
            return  # it has ended meanwhile

    @staticmethod
    def _report(
        subject: str, key: "WrappedKey", at: int | None, found: _Found, places: tuple[ErasedPlace, ...]
    ) -> ErasureReport:
        runs, work_orders, events, values = found
        erased_at = None if at is None else moment(at)
        return ErasureReport(subject, at is None, erased_at, key.id, runs, work_orders, events, values, places)


def _places(subject: str, found: _Found, scrubbed: str) -> tuple[ErasedPlace, ...]:
    of_keys = (
        ErasedPlace("the table flowledger_subject_keys", scrubbed),
        ErasedPlace(
            "copies of that table, and of the log of the database",
            "hold the key as the master key wrapped it: delete them, or wrap all keys with a new master key and "
            "destroy the one before (flowledger keys rewrap)",
        ),
    )
    if subject == GLOBALS:
        stay = "stay in the events of claims, and nobody can compare a value with them"
        return (ErasedPlace("fingerprints of globals", stay), *of_keys)
    open_runs = sum(run.cancelled for run in found.runs)
    forks = sum(run.kind == "fork" for run in found.runs)
    return (
        ErasedPlace(
            "events",
            f"{found.values:,} values in {found.events:,} events of {len(found.runs):,} runs and "
            f"{found.work_orders:,} work orders: the bytes stay, and nobody can read them",
        ),
        ErasedPlace("forks and retries", f"{forks:,} forks among these runs lose what their sources lose"),
        ErasedPlace("runs that haven't ended", f"{open_runs:,} are cancelled, as their data is gone"),
        ErasedPlace("index, search, steps and failures", "hold nothing of it: they were made without the key"),
        ErasedPlace("checkpoints", "hold nothing of it: none is kept of a run that belongs to a subject"),
        ErasedPlace("exports", "hold what the store holds, and no key: they can't be read either"),
        *of_keys,
        ErasedPlace(
            "files made of what was read: audits, reports, lists, archives; and logs of your own executors",
            "are yours: delete what you have kept of these runs",
        ),
    )


_WHY_CANCELLED = "its subject was erased"
