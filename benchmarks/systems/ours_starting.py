"""flowledger: runs that are started for workers, and what a start appends, by itself."""

import time
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager

import orjson

import flowledger as fl
from flowledger.domain.ports import ExpectedVersion, NewEvent, RecordedEvent, Write
from flowledger.infrastructure.ledger.stores import open_store
from flowledger.infrastructure.new_id import new_id

from ..workers import Work
from .ours_queued import WORKFLOW, save_line


@contextmanager
def starts(url: str) -> Generator[Work]:
    """Each unit is one ``start(wait=False)``."""
    with fl.open_ledger(url) as ledger:
        save_line(ledger)

        def work(units: int) -> float:
            began = time.perf_counter()
            for _ in range(units):
                ledger.runs.start(WORKFLOW, wait=False)
            return time.perf_counter() - began

        yield work


@contextmanager
def appends(url: str) -> Generator[Work]:
    """Each unit is the append of what one start appends."""
    pattern = _appended_by_a_start()
    with closing(open_store(url)) as store:

        def work(units: int) -> float:
            prepared = [_of_another_run(pattern) for _ in range(units)]
            began = time.perf_counter()
            for writes in prepared:
                store.append(*writes)
            return time.perf_counter() - began

        yield work


def _appended_by_a_start() -> list[RecordedEvent]:
    with closing(open_store("memory:")) as store, fl.open_ledger(store) as ledger:
        save_line(ledger)
        run = ledger.runs.start(WORKFLOW, wait=False)
        return [event for event in store.tail() if event.stream in (run.id, run.work_order_id)]


def _of_another_run(pattern: Sequence[RecordedEvent]) -> list[Write]:
    others = {event.stream: new_id(time.time_ns() // 1_000) for event in pattern}
    writes: list[Write] = []
    for event in pattern:
        text = orjson.dumps(event.data)
        for old, new in others.items():
            text = text.replace(old.encode(), new.encode())
        new_event = NewEvent(event.type, orjson.loads(text))
        writes.append(Write(others[event.stream], ExpectedVersion.NO_STREAM, [new_event]))
    return writes
