"""A real export with anything in it changed, and its digests made anew, is refused and leaves no trace; or it is one
that a store could have written, and then nothing is wrong in the store that took it in."""

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

import flowledger as fl

from ..store.index import index_of
from ..verification.stories import Story as ManyRuns
from ..verification.stories import executors
from .forging import Event, events_of, forged, renumbered
from .story import stored

NUMBERS = [0, -1, 1, 2, 3, 1.5, 2**53, 2**63 - 1, 2**63, 2**64 - 1, 10**18, 253_339_228_800_000_000]
TEXTS = ["", "w", "x", "loop", "completed", "active", "failed", "paused", "cancelled", "queued", "a\0b", "\x1b[31m"]
NAMES = ["retry", "fork", "reproduction", "a", "b", "l", "e", "more", "done", "work", "\u202e"]
ODD = st.sampled_from([None, True, *NUMBERS, *TEXTS, *NAMES, [], {}, [[]], {"a": 1}])
KINDS = ["set", "set", "set", "borrow", "remove", "add", "drop", "double", "swap", "move", "type", "cut"]
KEYS = ["next_node_id", "handle", "queued", "finished_at", "origin", "edited", "unrouted", "run_id", "after", "payload"]


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


@st.composite
def mutations(draw: st.DrawFn) -> Callable[[list[Event]], None]:
    """One change to a list of events."""
    number, other, field = draw(st.integers(0, 10_000)), draw(st.integers(0, 10_000)), draw(st.integers(0, 10_000))
    value = draw(ODD)
    kind = draw(st.sampled_from(KINDS))

    def change(events: list[Event]) -> None:
        if not events:
            return
        chosen = events[number % len(events)]
        stranger = events[other % len(events)]
        if kind in ("set", "borrow", "remove"):
            found = list(places(chosen["data"]))
            *path, last = found[field % len(found)]
            holder = chosen["data"]
            for step in path:
                holder = holder[step]
            if kind == "remove":
                del holder[last]
            elif kind == "borrow":
                there = list(places(stranger["data"]))
                borrowed: Any = stranger["data"]
                for step in there[other % len(there)]:
                    borrowed = borrowed[step]
                holder[last] = copy.deepcopy(borrowed)
            else:
                holder[last] = value
        elif kind == "add":
            chosen["data"][KEYS[field % len(KEYS)]] = value
        elif kind == "drop":
            events.remove(chosen)
        elif kind == "double":
            events.insert(other % len(events), copy.deepcopy(chosen))
        elif kind == "swap":
            chosen["data"], stranger["data"] = stranger["data"], chosen["data"]
        elif kind == "move":
            chosen["stream"] = stranger["stream"]
        elif kind == "type":
            chosen["type"] = stranger["type"]
        else:
            del events[number % len(events) :]
        renumbered(events)

    return change


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_is_taken_in_is_what_a_store_could_have_written(
    exports: list[bytes], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = data.draw(st.sampled_from(exports))
    changes = data.draw(st.lists(mutations(), min_size=1, max_size=3))
    before_file = data.draw(st.sampled_from([None, *range(len(exports))]))
    continue_existing = data.draw(st.booleans())

    def change(events: list[Event]) -> None:
        for one in changes:
            one(events)

    try:
        file_content = forged(content, change)
    except (TypeError, ValueError, OverflowError):
        return  # no JSON
    file = tmp_path_factory.getbasetemp() / "mutated.jsonl"
    with fl.open_ledger("memory:", executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "mine", "type": "loop"}]}, workflow_id="mine", by="me")
        ledger.runs.start("mine", payload={"animal": "giraffe"}, by="me")
        if before_file is not None:
            file.write_bytes(exports[before_file])
            ledger.history.import_(file)
        before = stored(ledger), index_of(ledger._store)
        file.write_bytes(file_content)
        try:
            report = ledger.history.import_(file, continue_existing=continue_existing)
        except fl.FlowledgerError as error:
            event(type(error).__name__)
            assert (stored(ledger), index_of(ledger._store)) == before
        else:
            event("taken in")
            all_is_well(ledger, report)


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
