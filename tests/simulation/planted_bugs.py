"""Bugs that the simulation must find, each planted in the product's own code for as long as a block lasts."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from eventsourcing.persistence import IntegrityError, OperationalError

from flowledger.domain.ports import ExpectedVersion, Write
from flowledger.domain.run import CLAIMS
from flowledger.infrastructure.execution import committer
from flowledger.infrastructure.operations import claims
from flowledger.infrastructure.services.runs import answer, commands, run_services
from flowledger.infrastructure.services.runs.custody import Custody
from flowledger.infrastructure.storage.event_store import LedgerEventStore
from flowledger.infrastructure.storage.group_commit import GroupCommit
from flowledger.infrastructure.storage.leases import Leases
from flowledger.infrastructure.storage.memory import recorder as memory

Bug = Callable[[], Any]


@contextmanager
def acknowledged_before_the_commit() -> Generator[None]:
    """A thread of the process commits a little later, and a crash comes in between."""

    def insert(self: GroupCommit, events: Any) -> list[int]:
        recorder: Any = self._recorder
        process = recorder._process
        last = recorder._inner.max_notification_id() or 0
        if not process.tasks:
            return list(recorder.insert_events(events))  # it is being set up

        def commit(_: Any) -> None:
            recorder._world.scheduler.sleep(10)
            recorder.insert_events(events)

        process.spawn("commits later", commit)
        return [last + place for place in range(1, len(events) + 1)]

    with patch.object(GroupCommit, "insert", insert):
        yield


@contextmanager
def acknowledged_though_the_disk_was_full() -> Generator[None]:
    """An error of the disk is taken for success."""
    real = GroupCommit.insert

    def insert(self: GroupCommit, events: Any) -> list[int]:
        try:
            return real(self, events)
        except OperationalError:
            last = self._recorder.max_notification_id() or 0
            return [last + place for place in range(1, len(events) + 1)]

    with patch.object(GroupCommit, "insert", insert):
        yield


@contextmanager
def a_conflict_taken_for_a_lost_acknowledgement() -> Generator[None]:
    """Whatever event is at the place is taken for one's own."""

    def positions(self: LedgerEventStore, stored: Any) -> list[int]:
        found = [self.recorder.header(event.originator_id, event.originator_version) for event in stored]
        if None in found:
            raise IntegrityError("taken")
        return [header[1] for header in found if header is not None]

    with patch.object(LedgerEventStore, "_positions_if_ours", positions):
        yield


@contextmanager
def appended_once_more_after_a_lost_acknowledgement() -> Generator[None]:
    """Nobody looks whether the event is stored already."""

    def commit_again(self: LedgerEventStore, stored: Any) -> list[int]:
        return list(self.recorder.insert_events(stored))

    def positions(self: LedgerEventStore, stored: Any) -> list[int]:
        raise IntegrityError("taken")

    with (
        patch.object(LedgerEventStore, "_commit_again", commit_again),
        patch.object(LedgerEventStore, "_positions_if_ours", positions),
    ):
        yield


@contextmanager
def resume_without_a_wait() -> Generator[None]:
    """An answer goes to whatever is open."""
    real = answer.answer_wait
    with patch(
        "flowledger.infrastructure.services.runs.steering.answer_wait",
        lambda services, run_id, request: real(services, run_id, request._replace(wait=None)),
    ):
        yield


@contextmanager
def an_answer_given_again_to_the_next_question() -> Generator[None]:
    """What was decided on one question is tried on the one after it."""
    real = answer._is_open

    def is_open(state: Any, version: int) -> bool:
        return state.wait is not None or real(state, version)

    with patch.object(answer, "_is_open", is_open):
        yield


@contextmanager
def a_claim_without_an_expected_version() -> Generator[None]:
    """Of two that claim a run both get it."""
    real = committer._make_write

    def make_write(state: Any, events: Any) -> Write:
        write = real(state, events)
        if state.version and events[0].type in CLAIMS:
            return write._replace(expected=ExpectedVersion.ANY)
        return write

    with patch.object(committer, "_make_write", make_write):
        yield


@contextmanager
def a_late_outcome_recorded_behind_the_new_holders() -> Generator[None]:
    """Whoever has lost a run goes on with it."""
    with patch.object(committer, "only_operators", lambda added: True):
        yield


@contextmanager
def keys_forgotten() -> Generator[None]:
    """A command that comes again is done again."""
    never = lambda store, state, command: False  # noqa: E731
    with (
        patch.object(commands, "is_answered", never),
        patch.object(answer, "is_answered", never),
        patch.object(run_services, "is_answered", never),
    ):
        yield


@contextmanager
def a_held_run_claimed() -> Generator[None]:
    """A hold is looked at by nobody who goes on with a run."""
    with patch("flowledger.domain.run.decisions.refuse_held", lambda state: None):
        yield


@contextmanager
def effects_repeated() -> Generator[None]:
    """A fork does to the world what was done already."""
    with (
        patch.object(run_services, "record_for", lambda *_: None),
        patch("flowledger.infrastructure.services.runs.rerun.record_of", lambda *_: None),
    ):
        yield


@contextmanager
def an_index_behind_the_log() -> Generator[None]:
    """The index of an append is written with the next one."""
    real, late = memory.change_index, []

    def change(connection: Any, changes: Any, position_of: Any) -> None:
        for earlier in late:
            real(*earlier)
        late[:] = [(connection, changes, position_of)]

    with patch.object(memory, "change_index", change):
        yield


@contextmanager
def heads_believed() -> Generator[None]:
    """What a process remembers of a stream is taken for the end of it."""
    real = LedgerEventStore.pages

    def pages(self: LedgerEventStore, stream: str, *, after: int = 0, upto: int | None = None) -> Any:
        known = self._heads.get(stream)
        return real(self, stream, after=after, upto=known.version if upto is None and known is not None else upto)

    with patch.object(LedgerEventStore, "pages", pages):
        yield


@contextmanager
def remembered_workflows_believed() -> Generator[None]:
    """What a process remembers of a workflow is what its runs start with, whatever others have saved."""
    with patch.object(run_services.RunServices, "append_on", lambda self, guard: self.store.append):
        yield


@contextmanager
def no_lease_looked_at() -> Generator[None]:
    """A run is taken from a worker that lives."""
    with _sql_changed("claimable", "worker.lease_until < :now", "worker.lease_until IS NOT NULL"):
        yield


@contextmanager
def a_lease_that_never_ends() -> Generator[None]:
    """Nobody takes what a dead worker has left."""
    with _sql_changed("claimable", "worker.lease_until < :now", "worker.lease_until < 0"):
        yield


@contextmanager
def what_is_given_up_forgotten() -> Generator[None]:
    """Nobody hears that a living worker executes a run no more."""
    with patch.object(Leases, "give_up", lambda self, run_id, owner, *, handed_back: None):
        yield


@contextmanager
def a_claim_without_an_epoch() -> Generator[None]:
    """A lost run is taken from whoever has it by now."""
    real = claims._decide

    def decide(row: Any, state: Any, by: str, now: int) -> Any:
        return real(row._replace(lost_by=row.lost_by and state.owner), state, by, now)

    with patch.object(claims, "_decide", decide), _claims_of_any_version():
        yield


@contextmanager
def a_lot_claimed_without_an_expected_version() -> Generator[None]:
    """Of two workers that claim a run both get it."""
    with _claims_of_any_version():
        yield


@contextmanager
def no_heartbeat() -> Generator[None]:
    """A worker lives, and its lease runs out all the same."""
    with patch.object(Custody, "_beat", lambda self: None):
        yield


@contextmanager
def deadlines_missed() -> Generator[None]:
    """What waits for an answer until a deadline waits on."""
    with _sql_changed("claimable", "next.ready_at <= :now", "next.ready_at <= :now AND next.wait_version IS NULL"):
        yield


@contextmanager
def _sql_changed(query: str, text: str, other: str) -> Generator[None]:
    real = Leases.__init__

    def init(self: Any, recorder: Any) -> None:
        real(self, recorder)
        assert text in self._sql[query]
        self._sql = {**self._sql, query: self._sql[query].replace(text, other)}

    with patch.object(Leases, "__init__", init):
        yield


@contextmanager
def _claims_of_any_version() -> Generator[None]:
    """A worker's claims are appended wherever their streams end."""
    real = LedgerEventStore.append

    def append(self: LedgerEventStore, *writes: Write) -> list[int]:
        return real(
            self,
            *(
                write._replace(expected=ExpectedVersion.ANY)
                if write.events[0].type in ("run.claimed", "run.recovered")
                else write
                for write in writes
            ),
        )

    with patch.object(LedgerEventStore, "append", append):
        yield


BUGS: tuple[Bug, ...] = (
    acknowledged_before_the_commit,
    acknowledged_though_the_disk_was_full,
    a_conflict_taken_for_a_lost_acknowledgement,
    appended_once_more_after_a_lost_acknowledgement,
    resume_without_a_wait,
    an_answer_given_again_to_the_next_question,
    a_claim_without_an_expected_version,
    a_late_outcome_recorded_behind_the_new_holders,
    keys_forgotten,
    a_held_run_claimed,
    effects_repeated,
    an_index_behind_the_log,
    heads_believed,
    remembered_workflows_believed,
    no_lease_looked_at,
    a_lease_that_never_ends,
    what_is_given_up_forgotten,
    a_claim_without_an_epoch,
    a_lot_claimed_without_an_expected_version,
    no_heartbeat,
    deadlines_missed,
)
