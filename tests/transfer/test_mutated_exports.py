"""A real export with anything in it changed, and its digests made anew, is refused and leaves no trace; or it is one
that a store could have written, and then nothing is wrong in the store that took it in."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

import flowledger as fl

from ..effort import tries
from ..storage.index import index_of
from ..verification.stories import Story as ManyRuns
from ..verification.stories import executors
from .forging import Event, events_of, forged, renumbered
from .story import stored

NUMBERS = [0, -1, 1, 2, 3, 1.5, 2**53, 2**63 - 1, 2**63, 2**64 - 1, 10**18, 253_339_228_800_000_000]
TEXTS = ["", "w", "x", "loop", "completed", "active", "failed", "paused", "cancelled", "queued", "a\0b", "\x1b[31m"]
NAMES = ["retry", "fork", "reproduction", "a", "b", "l", "e", "more", "done", "work", "\u202e"]
ODD = st.sampled_from([None, True, *NUMBERS, *TEXTS, *NAMES, [], {}, [[]], {"a": 1}])
KINDS = ["set", "set", "set", "borrow", "remove", "add", "drop", "double", "swap", "move", "type", "cut"]
KEYS = [
    "next_node_id",
    "handle",
    "queued",
    "finished_at",
    "origin",
    "edited",
    "unrouted",
    "no_condition_held",
    "run_id",
    "after",
    "payload",
]


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[bytes]]:
    """Real ones, of runs of every kind."""
    folder = tmp_path_factory.mktemp("exports")
    story = ManyRuns("memory:").tell()
    contents: list[bytes] = []
    for run in story.runs.values():
        story.ledger.history.export(run.id, folder / "run.jsonl")
        contents.append((folder / "run.jsonl").read_bytes())
    yield contents
    story.close()


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


class Mutation(NamedTuple):
    """One change to a list of events."""

    kind: str
    number: int
    other: int
    field: int
    value: Any

    def change(self, events: list[Event]) -> None:
        if not events:
            return
        chosen, stranger = events[self.number % len(events)], events[self.other % len(events)]
        getattr(self, self.kind)(events, chosen, stranger)
        renumbered(events)

    def set(self, _events: list[Event], chosen: Event, _stranger: Event) -> None:
        holder, key = self._place_in(chosen["data"], self.field)
        holder[key] = copy.deepcopy(self.value)

    def borrow(self, _events: list[Event], chosen: Event, stranger: Event) -> None:
        there, name = self._place_in(stranger["data"], self.other)
        holder, key = self._place_in(chosen["data"], self.field)
        holder[key] = copy.deepcopy(there[name])

    def remove(self, _events: list[Event], chosen: Event, _stranger: Event) -> None:
        holder, key = self._place_in(chosen["data"], self.field)
        del holder[key]

    def add(self, _events: list[Event], chosen: Event, _stranger: Event) -> None:
        chosen["data"][KEYS[self.field % len(KEYS)]] = copy.deepcopy(self.value)

    def drop(self, events: list[Event], _chosen: Event, _stranger: Event) -> None:
        del events[self.number % len(events)]

    def double(self, events: list[Event], chosen: Event, _stranger: Event) -> None:
        events.insert(self.other % len(events), copy.deepcopy(chosen))

    def swap(self, _events: list[Event], chosen: Event, stranger: Event) -> None:
        chosen["data"], stranger["data"] = stranger["data"], chosen["data"]

    def move(self, _events: list[Event], chosen: Event, stranger: Event) -> None:
        chosen["stream"] = stranger["stream"]

    def type(self, _events: list[Event], chosen: Event, stranger: Event) -> None:
        chosen["type"] = stranger["type"]

    def cut(self, events: list[Event], _chosen: Event, _stranger: Event) -> None:
        del events[self.number % len(events) :]

    @staticmethod
    def _place_in(data: Any, number: int) -> tuple[Any, Any]:
        found = list(places(data))
        *path, last = found[number % len(found)]
        for step in path:
            data = data[step]
        return data, last


PLACES = st.integers(0, 10_000)
MUTATIONS = st.builds(Mutation, st.sampled_from(KINDS), PLACES, PLACES, PLACES, ODD)


@settings(deadline=None, max_examples=tries(150), suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_is_taken_in_is_what_a_store_could_have_written(
    exports: list[bytes], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = exports[data.draw(PLACES) % len(exports)]
    changes = data.draw(st.lists(MUTATIONS, min_size=1, max_size=3))
    known = data.draw(st.none() | PLACES)
    file = tmp_path_factory.getbasetemp() / "mutated.jsonl"
    before = None if known is None else exports[known % len(exports)]
    event(try_to_import(content, changes, before, file, continue_existing=data.draw(st.booleans())))


def try_to_import(
    content: bytes, changes: list[Mutation], before: bytes | None, file: Path, *, continue_existing: bool
) -> str:
    """How it ended, which must be well."""

    def change(events: list[Event]) -> None:
        for one in changes:
            one.change(events)

    try:
        changed = forged(content, change)
    except (TypeError, LookupError):
        return "no JSON, or nothing left to change"
    with fl.open_ledger("memory:", executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "mine", "type": "loop"}]}, workflow_id="mine", by="me")
        ledger.runs.start("mine", payload={"animal": "giraffe"}, by="me")
        if before is not None:
            file.write_bytes(before)
            ledger.history.import_(file)
        held = stored(ledger), index_of(ledger._store)
        file.write_bytes(changed)
        try:
            report = ledger.history.import_(file, continue_existing=continue_existing)
        except fl.FlowledgerError as error:
            assert (stored(ledger), index_of(ledger._store)) == held
            return type(error).__name__
        all_is_well(ledger, report)
        return "taken in"


def all_is_well(ledger: fl.Ledger, report: fl.ImportReport) -> None:
    assert ledger.verify(deep=True).findings == ()
    rows = index_of(ledger._store)
    ledger.rebuild(left_out=pytest.fail)
    assert index_of(ledger._store) == rows
    runs = ledger.history.runs(limit=1_000)
    assert report.run_id in [run.id for run in runs]
    assert len(ledger.history.runs(text="giraffe")) == 1
    for run in runs:
        assert ledger.runs.get(run.id).status == run.status
        list(ledger.history.snapshots(run.id))
        ledger.history.audit(run.id)
        ledger.history.lineage(run.id)
        ledger.runs.work_order(run.work_order_id)
    for workflow in ledger.workflows.list(archived=True):
        assert ledger.workflows.get(workflow.id).version == workflow.saved_version
        list(map(str, ledger.workflows.versions(workflow.id)))
    assert all(act.summary for act in ledger.history.trail(limit=1_000))


def test_exports_of_runs_of_every_kind_are_taken_in_as_they_are(exports: list[bytes], tmp_path: Path) -> None:
    for content in exports:
        (tmp_path / "run.jsonl").write_bytes(content)
        with fl.open_ledger("memory:", executors) as ledger:
            assert ledger.history.import_(tmp_path / "run.jsonl").added == len(events_of(content))
            assert ledger.verify(deep=True).ok
