"""What must be true in the end, whatever died meanwhile."""

from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import flowledger as fl
from flowledger.infrastructure.ledger.stores import open_store

from . import journal
from .workload import STEPS, content

ENDED = ("completed", "failed", "cancelled")


@dataclass(frozen=True)
class Verdict:
    """Figures of what was allowed to happen."""

    runs: int
    events: int
    acknowledged: int
    effects: int
    repeated: int
    """Effects that were executed again, as their worker died or was late before their result was stored."""
    recoveries: int
    lost: tuple[tuple[str, int], ...]
    """Stream and position of each event that was acknowledged and isn't there."""

    def __str__(self) -> str:
        return (
            f"{self.runs} runs ended, {self.events} events, {self.acknowledged} acknowledged, {len(self.lost)} lost; "
            f"{self.effects} effects, {self.repeated} of them repeated; {self.recoveries} recoveries"
        )


def judge(url: str, folder: Path, runs: int) -> Verdict:
    """Fails unless all runs ended well, the log is sound, and each node's work was done under one key of its own."""
    stored: dict[int, tuple[str, str, str]] = {}
    types: defaultdict[str, Counter[str]] = defaultdict(Counter)
    with closing(open_store(url)) as store:
        for event in store.tail():
            stored[event.position] = (event.stream, event.type, content(event.data))
            types[event.stream][event.type] += 1
    with fl.open_ledger(url) as ledger:
        report = ledger.verify()
        assert report.ok, report
        ids = [run.id for run in _all_runs(ledger)]
        assert len(ids) == runs
        for run_id in ids:
            assert ledger.runs.get(run_id).status == "completed"
            assert types[run_id]["run.step_completed"] == STEPS
    acknowledged = {
        (line["position"], line["stream"], line["type"], line["content"])
        for line in journal.read(folder, "acknowledged")
    }
    keys: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for line in journal.read(folder, "effect"):
        keys[line["run"], line["node"]][line["key"]] += 1
    assert len(keys) == runs * STEPS
    assert all(len(used) == 1 for used in keys.values()), "an effect was repeated under another key"
    assert len({key for used in keys.values() for key in used}) == runs * STEPS, "two effects share a key"
    effects = sum(sum(used.values()) for used in keys.values())
    return Verdict(
        runs,
        len(stored),
        len(acknowledged),
        effects,
        effects - len(keys),
        sum(count["run.recovered"] for count in types.values()),
        tuple(
            (stream, position) for position, stream, *rest in acknowledged if stored.get(position) != (stream, *rest)
        ),
    )


def has_ended(url: str, runs: int) -> bool:
    """Whether so many runs were started, and all have ended."""
    with fl.open_ledger(url) as ledger:
        return sum(run.status in ENDED for run in _all_runs(ledger)) == runs


def _all_runs(ledger: fl.Ledger) -> list[fl.RunSummary]:
    found: list[fl.RunSummary] = []
    after: str | None = None
    while True:
        page = ledger.history.runs(after=after, limit=200)
        found += page
        after = page.next
        if after is None:
            return found
