"""Whatever is started, held, removed, erased, exported, imported, backed up and restored, in any order.

All that is kept verifies, and is what was signed; what was erased is nowhere; what was removed says so.
"""

import shutil
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import flowledger as fl
from flowledger.infrastructure.testing.clock import ManualClock

from .. import effort
from ..erasure.subjects import WORKFLOWS, executors, shown
from .places import NewPlace, PostgresPlace, SQLitePlace

DAYS: Final = 100
OLD: Final = timedelta(days=90)
PEOPLE: Final = ("ada", "bob", "cid")
STATUSES: Final = ("completed", "failed", "cancelled")
_words = count()


@dataclass
class Known:
    """What there is to know of a run."""

    order: str
    word: str
    keys: set[str]
    """Of its subjects."""
    source: str | None
    is_open: bool
    active_at: int
    """The day on which something happened last."""


@dataclass
class Model:
    """What the store should be like. A backup keeps one beside the file."""

    runs: dict[str, Known] = field(default_factory=dict[str, Known])
    removed: dict[str, Known] = field(default_factory=dict[str, Known])
    keys: dict[str, str] = field(default_factory=dict[str, str])
    """Person → the key that is in use. A backup has none."""
    held: set[str] = field(default_factory=set[str])
    """Runs and keys."""
    signed: set[tuple[int, bytes]] = field(default_factory=set[tuple[int, bytes]])
    """Sizes and roots of its own past."""

    def can_be_read(self, run: Known) -> bool:
        return run.keys <= set(self.keys.values())

    def is_held(self, run_id: str, run: Known) -> bool:
        return run_id in self.held or bool(run.keys & self.held)

    def belonging_to(self, key: str) -> dict[str, Known]:
        return {id: run for id, run in self.runs.items() if key in run.keys}

    def going(self, today: int) -> set[str]:
        """The runs that a policy takes: of work orders of which all is over, old, not held, and begun with by none."""
        orders: dict[str, dict[str, Known]] = {}
        for id, run in self.runs.items():
            orders.setdefault(run.order, {})[id] = run
        stay = {
            order
            for order, runs in orders.items()
            if any(run.is_open or today - run.active_at < OLD.days or self.is_held(id, run) for id, run in runs.items())
        }
        while (
            more := {self.runs[run.source].order for run in self.runs.values() if run.source and run.order in stay}
            - stay
        ):
            stay |= more
        return {id for id, run in self.runs.items() if run.order not in stay}


class Histories(RuleBasedStateMachine):
    new_place: NewPlace

    @initialize()
    def open(self) -> None:
        self.folder = Path(mkdtemp(prefix="flowledger-"))
        self.elsewhere = self.folder / "checkpoints"
        self.place = self.new_place(self.folder)
        self.ring = fl.KeyRing.generate(self.folder / "ring.json")
        self.clock = ManualClock()
        self.model = Model()
        self.ever: dict[str, Known] = {}
        self.exports: dict[Path, tuple[str, dict[str, Known]]] = {}
        self.backups: dict[Path, Model] = {}
        self.today = 0
        self.last: tuple[int, bytes] | None = None
        """Size and root of the last checkpoint that is kept elsewhere."""
        self.begin()
        for workflow_id, definition in WORKFLOWS.items():
            self.ledger.workflows.save(definition, workflow_id=workflow_id, by="ada")
        self.ledger.evidence.keygen(self.folder / "key", "example.com/all")
        self.sign()
        for people, workflow in (
            (["ada"], "echoes"),
            (["ada", "bob"], "questions"),
            (["bob"], "failures"),
            ([], "echoes"),
        ):
            self.start_run(people, workflow)
        self.back_up()

    def age(self) -> None:
        """All that happened so far is old now."""
        self.clock.advance(days=DAYS)
        self.today += DAYS

    def begin(self) -> None:
        self.ledger = fl.open_ledger(self.place.url, executors(), self.clock, keys=self.ring, checkpoint_every=2)

    @property
    def is_signed(self) -> bool:
        """Whether the store has all that was signed last, and didn't lose it to a restore."""
        return self.last in self.model.signed

    def know(self, run: fl.Run, word: str, keys: set[str], source: str | None = None) -> None:
        is_open = run.status not in STATUSES
        known = Known(run.work_order_id, word, keys, source, is_open, self.today)
        self.model.runs[run.id] = self.ever[run.id] = known

    def any_run(self, data: st.DataObject) -> tuple[str, Known]:
        return data.draw(st.sampled_from(list(self.model.runs.items())))

    @rule(
        people=st.lists(st.sampled_from(PEOPLE), max_size=2, unique=True),
        workflow=st.sampled_from(["echoes", "failures", "questions"]),
    )
    def start(self, people: list[str], workflow: str) -> None:
        self.start_run(people, workflow)

    def start_run(self, people: list[str], workflow: str) -> None:
        word = f"Wort{next(_words):05d}x"
        run = self.ledger.runs.start(workflow, payload=word, subject=people, metadata={"m": word})
        keys = self.ledger._store.subject_keys
        assert keys is not None
        for person in people:
            found = keys.table.find(person)
            assert found is not None
            self.model.keys[person] = found.id
        self.know(run, word, {self.model.keys[person] for person in people})

    @precondition(lambda self: self.model.runs)
    @rule(data=st.data(), how=st.sampled_from(["fork", "reproduce"]), grow_old=st.booleans())
    def run_again(self, data: st.DataObject, how: str, grow_old: bool) -> None:
        if grow_old:
            self.age()
        run_id, known = self.any_run(data)
        again: Callable[[], fl.Run] = {
            "fork": lambda: self.ledger.runs.fork(run_id, version=1),
            "reproduce": lambda: self.ledger.runs.reproduce(run_id),
        }[how]
        try:
            run = again()
        except (fl.Erased, fl.KeyMissing):
            assert not self.model.can_be_read(known)
        except fl.IllegalTransition:
            assert (how, known.is_open) == ("reproduce", True)
        else:
            assert self.model.can_be_read(known)
            self.know(run, known.word, known.keys, run_id)

    @precondition(lambda self: self.model.runs)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        run_id, known = self.any_run(data)
        if not known.is_open:
            return
        try:
            assert self.ledger.runs.resume(run_id, payload=known.word).status == "completed"
        except fl.KeyMissing:
            assert not self.model.can_be_read(known)
            return
        known.is_open, known.active_at = False, self.today

    @precondition(lambda self: self.model.runs)
    @rule(grow_old=st.booleans(), archived=st.booleans())
    def apply_a_policy(self, grow_old: bool, archived: bool) -> None:
        if grow_old:
            self.age()
        policy = fl.RetentionPolicy(OLD, STATUSES, archive=self.folder / "archive" if archived else None)
        going = self.model.going(self.today)
        would = self.ledger.retention.preview(policy)
        done = self.ledger.retention.apply(policy, by="ops", reason="old")
        assert (would.runs, would.events) == (done.runs, done.events)
        assert done.runs == len(going)
        for run_id in going:
            self.model.removed[run_id] = self.model.runs.pop(run_id)

    @precondition(lambda self: self.model.runs)
    @rule(data=st.data(), lifts=st.booleans(), on_person=st.booleans())
    def hold_or_lift(self, data: st.DataObject, lifts: bool, on_person: bool) -> None:
        run_id, _ = self.any_run(data)
        person = data.draw(st.sampled_from(PEOPLE))
        target: dict[str, Any] = {"subject": person} if on_person else {"run_id": run_id}
        held = self.model.keys.get(person) if on_person else run_id
        retention = self.ledger.retention
        try:
            if lifts:
                retention.lift(**target, by="law")
            else:
                retention.hold(**target, by="law", reason="case 7")
        except fl.SubjectNotFound:
            assert held is None
        except fl.InvalidRequest:
            assert lifts
            assert held not in self.model.held
        else:
            assert held is not None
            (self.model.held.discard if lifts else self.model.held.add)(held)

    @rule(person=st.sampled_from(PEOPLE))
    def erase(self, person: str) -> None:
        key = self.model.keys.get(person)
        theirs = self.model.belonging_to(key) if key else {}
        try:
            report = self.ledger.erase(person, by="dpo")
        except fl.SubjectNotFound:
            assert key is None
        except fl.UnderLegalHold:
            assert key in self.model.held or self.model.held & theirs.keys()
        else:
            assert not self.model.held & {key, *theirs}
            assert {run.run_id for run in report.runs} == theirs.keys()
            del self.model.keys[person]
            for run in theirs.values():
                if run.is_open:
                    run.is_open, run.active_at = False, self.today

    @precondition(lambda self: self.model.runs)
    @rule(data=st.data())
    def export(self, data: st.DataObject) -> None:
        run_id, known = self.any_run(data)
        file = self.folder / f"{next(_words)}.jsonl"
        self.ledger.history.export(run_id, file)
        with fl.open_ledger("memory:", executors(), self.clock) as other:
            other.history.import_(file)
            assert other.verify(deep=True).findings == ()
        if known.keys:
            self.exports[file] = run_id, deepcopy(self.model.runs)
        else:
            file.unlink()  # it holds its word in plain, as it should

    @precondition(lambda self: self.exports)
    @rule(data=st.data())
    def bring_back(self, data: st.DataObject) -> None:
        """An export comes back to its own store, which may have lost the run to a policy, or to a restore."""
        file, (run_id, then) = data.draw(st.sampled_from(list(self.exports.items())))
        try:
            self.ledger.history.import_(file)
        except fl.WorkOrderRemoved:
            assert any(run.order == then[run_id].order for run in self.model.removed.values())
        except (fl.RunRemoved, fl.ConflictingHistory, fl.WouldContinue):
            pass
        there = {run.id for run in self.ledger.history.runs(limit=1000)}
        self.model.runs |= {id: run for id, run in then.items() if id in there - self.model.runs.keys()}

    @rule()
    def sign(self) -> None:
        restored = "restored from a backup" if self.last and not self.is_signed else None
        key = self.folder / "key"
        if restored:
            with pytest.raises(fl.StorageCorrupt):
                self.ledger.evidence.checkpoint(key, to=self.elsewhere)
        signed = self.ledger.evidence.checkpoint(key, to=self.elsewhere, ended=restored)
        self.last = signed.size, signed.root
        self.model.signed.add(self.last)

    @rule()
    def back_up(self) -> None:
        self.sign()
        file = self.folder / f"{next(_words)}.backup"
        self.place.back_up(self.ledger, file)
        self.backups[file] = deepcopy(self.model)

    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        file = data.draw(st.sampled_from(list(self.backups)))
        self.ledger.close()
        self.place.restore(file)
        self.model = deepcopy(self.backups[file])
        self.model.keys = {}
        self.begin()

    @rule()
    def reopen_and_rebuild(self) -> None:
        self.ledger.close()
        self.begin()
        self.ledger.rebuild()

    @invariant()
    def all_that_is_kept_verifies_and_is_what_was_signed(self) -> None:
        findings = self.ledger.verify(deep=True).findings
        assert findings == (), findings[:5]
        report = self.ledger.evidence.check(self.elsewhere.read_text())
        assert report.ok == self.is_signed, report

    @invariant()
    def what_is_there_is_read_and_what_is_not_says_why(self) -> None:
        assert {run.id for run in self.ledger.history.runs(limit=1000)} == self.model.runs.keys()
        for run_id, known in self.model.runs.items():
            assert (known.word in shown(self.ledger, run_id)) == self.model.can_be_read(known)
        for run_id in self.model.removed.keys() - self.model.runs.keys():
            with pytest.raises(fl.RunRemoved, match=r"was removed .* by ops"):
                self.ledger.runs.get(run_id)

    def teardown(self) -> None:
        if not hasattr(self, "ledger"):
            return
        sealed = {run.word for run in self.ever.values() if run.keys}
        assert self.place.where_are(sealed) == []
        self.ledger.close()
        assert self.place.where_are(sealed) == []
        shutil.rmtree(self.folder)


@pytest.mark.scaled
@pytest.mark.parametrize(("backend", "examples"), [("sqlite", 24), ("postgres", 10)])
def test_whatever_happens(backend: str, examples: int, request: pytest.FixtureRequest) -> None:
    def new_place(folder: Path) -> SQLitePlace | PostgresPlace:
        if backend == "sqlite":
            return SQLitePlace(folder)
        return PostgresPlace(folder, request.getfixturevalue("new_postgres_url")())

    machine = type("Histories", (Histories,), {"new_place": staticmethod(new_place)})
    many, steps = (examples, 16) if effort.exhaustive else (2, 8)
    run_state_machine_as_test(machine, settings=settings(max_examples=many, stateful_step_count=steps, deadline=None))
