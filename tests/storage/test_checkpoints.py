"""Checkpoints: pages beside the events, which come and go and change no answer."""

import random
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from hashlib import sha256
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flowledger as fl
from flowledger.domain.errors import NotStorable, StorageUnavailable
from flowledger.domain.ports import CheckpointStore, NewEvent, RowBatch, Write
from flowledger.domain.run import FOLD_REVISION
from flowledger.infrastructure.ledger.stores import open_store
from flowledger.infrastructure.repositories.runs import RunRepository
from flowledger.infrastructure.storage.checkpoints import CHECKPOINTS_AT_ONCE, LARGE_CHECKPOINT
from flowledger.infrastructure.storage.memory.checkpoints import MemoryCheckpoints

from ..effort import tries
from .events import opened, write

# --- the store of pages -----------------------------------------------------------------------------------------------


def pages(checkpoints: CheckpointStore, upto: int | None = None, revision: int = 1) -> dict[int, bytes]:
    found = list(checkpoints.pages("a", upto, revision))
    assert found == sorted(found)
    return dict(found)


def test_the_pages_up_to_a_version_are_found_in_order(store_url: str) -> None:
    with opened(store_url) as store:
        checkpoints = store.checkpoints
        assert pages(checkpoints) == {}
        checkpoints.save("a", 1, {30: b"30", 10: b"10"})
        checkpoints.save("a", 1, {20: b"20"})
        checkpoints.save("b", 1, {15: b"of another stream"})
        assert pages(checkpoints) == pages(checkpoints, 30) == {10: b"10", 20: b"20", 30: b"30"}
        assert pages(checkpoints, 29) == {10: b"10", 20: b"20"}
        assert pages(checkpoints, 9) == {}


def test_a_page_of_another_fold_is_passed_over(store_url: str) -> None:
    with opened(store_url) as store:
        store.checkpoints.save("a", 1, {10: b"old"})
        store.checkpoints.save("a", 2, {5: b"new"})
        assert pages(store.checkpoints, revision=1) == {10: b"old"}
        assert pages(store.checkpoints, revision=2) == {5: b"new"}
        assert pages(store.checkpoints, revision=3) == {}


def test_a_page_replaces_the_one_of_the_same_version(store_url: str) -> None:
    with opened(store_url) as store:
        store.checkpoints.save("a", 1, {10: b"old", 20: b"old"})
        store.checkpoints.save("a", 2, {10: bytes(range(256))})
        assert pages(store.checkpoints, revision=1) == {20: b"old"}
        assert pages(store.checkpoints, revision=2) == {10: bytes(range(256))}


def test_many_and_large_pages_are_found_too(store_url: str) -> None:
    rng = random.Random(1)
    large = {version: rng.randbytes(LARGE_CHECKPOINT + version - 7) for version in (3, 7, 8, CHECKPOINTS_AT_ONCE, 40)}
    kept = {version: b"%d" % version for version in range(1, 3 * CHECKPOINTS_AT_ONCE + 1)} | large
    with opened(store_url) as store:
        store.checkpoints.save("a", 1, kept)
        assert pages(store.checkpoints) == kept


def test_pages_are_saved_all_or_none(durable_url: str) -> None:
    with opened(durable_url) as store:
        spoilt: Any = {1: b"x", 2: None}
        with pytest.raises(NotStorable):
            store.checkpoints.save("a", 1, spoilt)
        assert pages(store.checkpoints) == {}


def test_clearing_forgets_checkpoints_and_no_event(store_url: str) -> None:
    with opened(store_url) as store:
        write(store, "a", 0, 1)
        store.checkpoints.save("a", 1, {1: b"x"})
        store.checkpoints.clear()
        assert pages(store.checkpoints) == {}
        assert store.head("a") == 1


def test_checkpoints_outlive_the_store_that_saved_them(durable_url: str) -> None:
    with opened(durable_url) as store:
        store.checkpoints.save("a", 1, {1: b"x"})
    with opened(durable_url) as store:
        assert pages(store.checkpoints) == {1: b"x"}


def test_many_threads_may_save_the_same_pages_at_once(store_url: str) -> None:
    versions = range(1, 1_001)
    with opened(store_url) as store, ThreadPoolExecutor(8) as pool:

        def save(number: int) -> None:
            order = versions if number % 2 else reversed(versions)
            store.checkpoints.save("a", 1, dict.fromkeys(order, b"x"))

        list(pool.map(save, range(40)))
        assert pages(store.checkpoints) == dict.fromkeys(versions, b"x")


# --- runs read over them ----------------------------------------------------------------------------------------------

RUN = "run"
STEPS = 40
EVERY = 5
DEFINITION = {
    "nodes": [{"id": "work", "type": "work"}, {"id": "end", "type": "work"}],
    "edges": [
        {"source": "work", "target": "work", "sourceHandle": "more"},
        {"source": "work", "target": "end", "sourceHandle": "done"},
    ],
    "start": "work",
}


def to_recorded_event(steps: int, output: Callable[[int], Any]) -> list[NewEvent]:
    """The events of a run of so many steps: a loop that fails once, and is given a note in the middle."""
    executors = fl.ExecutorRegistry()

    @executors.register("work", retry=fl.RetryPolicy(max_retries=1, interval=0.0))
    def work(step: fl.StepContext) -> Any:
        if step.node.id == "work" and step.runs == steps // 4 and step.attempt == 1:
            raise RuntimeError("once")
        if step.runs == steps // 2:
            ledger.runs.set_metadata(str(step.run_id), {"half": True}, by="ops")
        return fl.StepResult(output(step.runs), handle="more" if step.runs < steps - 2 else "done")

    with fl.open_ledger("memory:", executors) as ledger:
        ledger.workflows.save(DEFINITION, workflow_id="w")
        run = ledger.runs.start("w")
        while run.status != "completed":
            run = ledger.runs.proceed(run.id)
        return [NewEvent(event.type, event.data) for event in ledger.history.events(run.id)]


@cache
def events() -> list[NewEvent]:
    return to_recorded_event(STEPS, lambda number: {"number": number, "noise": random.Random(number).random()})


@cache
def expected() -> list[bytes]:
    """The snapshot at each version, from the events alone."""
    with opened("memory:") as store:
        return answers(stored(store), None)


def stored(store: Any, head: int | None = None) -> Any:
    store.append(Write(RUN, 0, events()[:head]))
    return store


def states_of(store: Any, every: int | None) -> RunRepository:
    """What one process has: it believes the pages that it made itself, whatever their length."""
    states: RunRepository = store.__dict__.setdefault("states", RunRepository(store, store.checkpoints, every))
    states._checkpoint_every = every
    return states


def answers(store: Any, every: int | None) -> list[bytes]:
    states = states_of(store, every)
    return [states.load(RUN, version).snapshot().to_json() for version in range(1, store.head(RUN) + 1)]


def now(store: Any, every: int | None = EVERY) -> bytes:
    return states_of(store, every).load(RUN).snapshot().to_json()


def contents(store: Any, run_id: str) -> dict[int, bytes]:
    return dict(store.checkpoints.pages(run_id, None, FOLD_REVISION))


def kept(store: Any) -> dict[int, bytes]:
    return contents(store, RUN)


@cache
def pages_of(every: int) -> dict[int, bytes]:
    with opened("memory:") as store:
        now(stored(store), every)
        return kept(store)


class Watched(MemoryCheckpoints):
    """Remembers which pages each save brought."""

    def __init__(self) -> None:
        super().__init__()
        self.saved: list[list[int]] = []

    def save(self, stream: str, fold_revision: int, pages: Mapping[int, bytes]) -> None:
        self.saved.append(list(pages))
        super().save(stream, fold_revision, pages)


@pytest.fixture
def watched() -> Iterator[Any]:
    """A store with the run in it, and checkpoints that are watched."""
    with opened("memory:") as store:
        store.checkpoints = Watched()
        yield stored(store)


MULTIPLES = [5, 10, 15, 20, 25, 30, 35, 40]


def test_a_read_saves_all_its_pages_in_one_go_and_the_next_one_none(watched: Any) -> None:
    now(watched)
    now(watched)
    assert watched.checkpoints.saved == [MULTIPLES]


def test_pages_end_at_multiples_wherever_the_first_one_begins(watched: Any) -> None:
    states_of(watched, 7).load(RUN, 7)
    now(watched)
    assert watched.checkpoints.saved == [[7], [10, 15, 20, 25, 30, 35, 40]]


@pytest.mark.parametrize("backwards", [False, True])
def test_each_page_is_written_once(watched: Any, backwards: bool) -> None:
    states = states_of(watched, EVERY)
    versions = range(1, watched.head(RUN) + 1)
    for _ in range(2):
        for version in reversed(versions) if backwards else versions:
            states.load(RUN, version)
        states.load(RUN)
    assert sorted(version for saved in watched.checkpoints.saved for version in saved) == MULTIPLES


def test_steps_write_no_page() -> None:
    executors = fl.ExecutorRegistry()
    executors.register("work")(lambda step: fl.StepResult(step.runs, handle="more" if step.runs < STEPS else "done"))
    with fl.open_ledger("memory:", executors, checkpoint_every=1) as ledger:
        ledger.workflows.save(DEFINITION, workflow_id="w")
        run = ledger.runs.start("w")
        assert run.version > STEPS
        assert contents(ledger._store, run.id) == {}
        ledger.runs.get(run.id)
        assert len(contents(ledger._store, run.id)) == run.version


def test_a_page_holds_only_its_own_results() -> None:
    sizes = [len(content) for content in pages_of(EVERY).values()]
    assert max(sizes) < 1.5 * min(sizes)


@pytest.mark.parametrize(
    ("output", "least", "most"),
    [(lambda number: "m" * 100, 0.0, 0.25), (lambda number: random.Random(number).randbytes(100).hex(), 0.8, 1.5)],
    ids=["the same", "noise"],
)
def test_results_are_compressed_where_that_makes_them_small(
    output: Callable[[int], str], least: float, most: float
) -> None:
    with opened("memory:") as store:
        store.append(Write(RUN, 0, to_recorded_event(STEPS, output)))
        plain = now(store, None)
        assert now(store, STEPS) == plain
        (page,) = kept(store).values()
        assert least * len(plain) < len(page) < most * len(plain)
        assert now(store, STEPS) == plain


# --- what changes no answer -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("every", [1, 3, EVERY, 7, STEPS, 1000])
def test_every_version_is_the_same_with_pages_and_without(store_url: str, every: int) -> None:
    with opened(store_url) as store:
        stored(store)
        assert answers(store, every) == expected()
        assert answers(store, every) == expected()
        assert now(store, every) == expected()[-1]


@pytest.mark.parametrize("lost", [{MULTIPLES[0]}, {MULTIPLES[-1]}, {10, 15, 25}, set(MULTIPLES[:-1]), set(MULTIPLES)])
def test_lost_pages_alone_are_written_again(watched: Any, lost: set[int]) -> None:
    now(watched)
    whole = kept(watched)
    watched.checkpoints.clear()
    watched.checkpoints.save(RUN, FOLD_REVISION, {version: whole[version] for version in whole if version not in lost})
    watched.checkpoints.saved.clear()
    assert now(watched) == expected()[-1]
    assert watched.checkpoints.saved == [sorted(lost)]
    assert kept(watched) == whole
    assert answers(watched, EVERY) == expected()


@pytest.mark.parametrize("first", [1, 2, 3, 4, 7, 12])
@pytest.mark.parametrize("second", [1, 2, 3, 4, 6, 7, 12])
def test_pages_of_another_length_change_no_answer(first: int, second: int) -> None:
    with opened("memory:") as store:
        stored(store)
        assert answers(store, first) == answers(store, second) == expected()
        store.checkpoints.save(RUN, FOLD_REVISION, pages_of(second) | pages_of(first))
        assert answers(store, second) == answers(store, first) == expected()


def test_a_checkpoint_in_another_form_changes_no_answer(watched: Any) -> None:
    for body in (b'{"version":5}', b"\0{}", b"\1garbage", b""):
        content = sha256(f"{RUN}\0{EVERY}\0".encode() + body).digest() + body
        watched.checkpoints.save(RUN, FOLD_REVISION, {EVERY: content})
        assert answers(watched, EVERY) == expected()


def test_pages_of_another_run_change_no_answer(store_url: str) -> None:
    with opened(store_url) as store:
        store.append(Write("other", 0, to_recorded_event(STEPS, lambda number: {"other": number})))
        RunRepository(store, store.checkpoints, EVERY).load("other")
        store.checkpoints.save(RUN, FOLD_REVISION, contents(store, "other"))
        assert answers(stored(store), EVERY) == expected()


@pytest.mark.parametrize("head", [1, 4, 5, 6, 10, 23])
def test_pages_that_go_further_than_the_stream_change_no_answer(store_url: str, head: int) -> None:
    with opened(store_url) as store:
        stored(store, head)
        store.checkpoints.save(RUN, FOLD_REVISION, pages_of(EVERY))
        assert now(store) == expected()[head - 1]
        assert answers(store, EVERY) == expected()[:head]
        first_lost = {version: content for version, content in pages_of(EVERY).items() if version != 10}
        store.checkpoints.clear()
        store.checkpoints.save(RUN, FOLD_REVISION, first_lost)
        assert now(store) == expected()[head - 1]


def test_pages_without_any_event_make_no_run(store_url: str) -> None:
    with opened(store_url) as store:
        store.checkpoints.save(RUN, FOLD_REVISION, pages_of(EVERY))
        with pytest.raises(fl.RunNotFound):
            now(store)


def test_a_store_that_takes_no_pages_answers(watched: Any) -> None:
    def refuse(*_: Any) -> None:
        raise StorageUnavailable("read-only")

    watched.checkpoints.save = refuse
    assert answers(watched, EVERY) == expected()


@pytest.mark.parametrize("spoilt", ["", "text"])
def test_a_page_that_somebody_made_text_changes_no_answer(sqlite_url: str, spoilt: str) -> None:
    with opened(sqlite_url) as store:
        stored(store)
        now(store)
        store.recorder.datastore.execute("UPDATE flowledger_checkpoints SET state = :spoilt", {"spoilt": spoilt})
        assert answers(store, EVERY) == expected()


@pytest.fixture
def sqlite_url(tmp_path: Any) -> str:
    return f"sqlite:///{tmp_path / 'ledger.db'}"


def test_a_result_that_can_not_be_read_is_told_to_who_looks_and_has_no_page() -> None:
    run = to_recorded_event(1_200, lambda number: number)

    class Damaged:
        """Spoils the body of one event."""

        def __init__(self, inner: Any) -> None:
            self.inner, self.head, self.checkpoints = inner, inner.head, inner.checkpoints
            self.events_at = inner.events_at

        def pages(self, *arguments: Any, **bounds: Any) -> Iterator[RowBatch]:
            for page in self.inner.pages(*arguments, **bounds):
                rows = [(*row[:2], b"\x01}", row[3]) if row[0] == 850 else row for row in page.rows]
                yield page._replace(rows=rows)

    with opened("memory:") as store:
        store.append(Write(RUN, 0, run))
        damaged: Any = Damaged(store)
        for _ in range(2):
            snapshot = RunRepository(damaged, store.checkpoints, 200).load(RUN).snapshot()
            with pytest.raises(fl.EventNotReadable):
                snapshot.to_json()
        assert list(kept(store)) == [200, 400, 600, 800]


class Found(NamedTuple):
    """A page of a certain length, and what became of it."""

    every: int
    fate: str
    place: int

    def at(self, version: int) -> bytes:
        content = pages_of(self.every if version % self.every == 0 else 1)[version]
        place = self.place % len(content)
        if self.fate == "cut":
            return content[:place]
        if self.fate == "flipped":
            return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        if self.fate == "moved":
            return pages_of(1)[1 + self.place % len(events())]
        return content


FOUND = st.builds(
    Found,
    st.sampled_from([1, 2, 3, 4, 5, 8]),
    st.sampled_from(["whole"] * 6 + ["cut", "flipped", "moved", "old"]),
    st.integers(0, 10_000),
)


@settings(max_examples=tries(60), deadline=None)
@given(
    st.dictionaries(st.integers(1, STEPS), FOUND, max_size=STEPS),
    st.integers(1, 9),
    st.integers(1, STEPS),
    st.booleans(),
)
def test_whatever_becomes_of_pages_every_answer_is_that_of_the_events(
    found: dict[int, Found], every: int, head: int, believed: bool
) -> None:
    store = stored(open_store("memory:"), head)
    if believed:
        now(store, every)
    for version, page in found.items():
        store.checkpoints.save(RUN, FOLD_REVISION - (page.fate == "old"), {version: page.at(version)})
    assert now(store, every) == expected()[head - 1]
    assert answers(store, every) == expected()[:head]
    assert now(store, every) == expected()[head - 1]
