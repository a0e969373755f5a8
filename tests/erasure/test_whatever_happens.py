"""Whatever is started, forked, exported, imported and erased: what is kept verifies, what is erased is nowhere."""

import shutil
from itertools import count
from pathlib import Path
from tempfile import mkdtemp

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.effort import tries

import flowledger as fl

from .subjects import executors, files_with, open_with, shown

SUBJECTS = st.lists(st.sampled_from(["ada", "bob", "cid"]), max_size=2, unique=True)
_words = count()


class Erasures(RuleBasedStateMachine):
    @initialize()
    def open(self) -> None:
        self.folder = Path(mkdtemp(prefix="flowledger-"))
        self.ring = fl.KeyRing.generate(self.folder / "ring.json")
        self.ledger = open_with(f"sqlite:///{self.folder}/store.db", self.ring)
        self.words: dict[str, tuple[str, set[str]]] = {}
        """Run → a word that it recorded, and its subjects."""
        self.erased: set[str] = set()
        """Runs."""

    @rule(subjects=SUBJECTS, workflow=st.sampled_from(["echoes", "failures", "questions"]))
    def start(self, subjects: list[str], workflow: str) -> None:
        word = f"Wort{next(_words):05d}x"
        run = self.ledger.runs.start(workflow, payload=word, subject=subjects, metadata={"m": word})
        self.words[run.id] = word, set(subjects)

    @precondition(lambda self: self.words)
    @rule(data=st.data())
    def fork(self, data: st.DataObject) -> None:
        run_id = data.draw(st.sampled_from(sorted(self.words)))
        word, subjects = self.words[run_id]
        try:
            fork = self.ledger.runs.fork(run_id, version=1)
        except fl.Erased:
            assert run_id in self.erased
        else:
            assert run_id not in self.erased
            self.words[fork.id] = word, subjects

    @precondition(lambda self: self.words)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        run_id = data.draw(st.sampled_from(sorted(self.words)))
        if self.ledger.runs.get(run_id).status == "paused":
            assert self.ledger.runs.resume(run_id, payload=self.words[run_id][0]).status == "completed"

    @precondition(lambda self: self.words)
    @rule(data=st.data())
    def export(self, data: st.DataObject) -> None:
        run_id = data.draw(st.sampled_from(sorted(self.words)))
        file = self.folder / f"{run_id}.jsonl"
        self.ledger.history.export(run_id, file)
        with fl.open_ledger("memory:", executors()) as other:
            other.history.import_(file)
            assert other.verify(deep=True).ok
        if not self.words[run_id][1]:
            file.unlink()  # it holds its words in plain, as it should

    @rule(subject=st.sampled_from(["ada", "bob", "cid"]))
    def erase(self, subject: str) -> None:
        theirs = {run_id for run_id, (_, subjects) in self.words.items() if subject in subjects} - self.erased
        try:
            report = self.ledger.erase(subject, by="dpo")
        except fl.SubjectNotFound:
            assert not theirs
        else:
            assert {run.run_id for run in report.runs} >= theirs
            self.erased |= theirs

    @rule()
    def reopen(self) -> None:
        self.ledger.close()
        self.ledger = open_with(f"sqlite:///{self.folder}/store.db", self.ring)

    @rule()
    def rebuild(self) -> None:
        self.ledger.rebuild()

    @invariant()
    def what_is_kept_is_kept_and_what_is_erased_is_nowhere(self) -> None:
        assert self.ledger.verify().ok
        for run_id, (word, subjects) in self.words.items():
            assert (word in shown(self.ledger, run_id)) == (run_id not in self.erased)
            if subjects:
                assert files_with(word, self.folder) == []

    def teardown(self) -> None:
        self.ledger.close()
        shutil.rmtree(self.folder)


TestErasures = Erasures.TestCase
TestErasures.settings = settings(max_examples=tries(40), stateful_step_count=12, deadline=None)
