"""Lists, searches and audits in a store with very many runs, and in one with a tenth, beside one read by key."""

import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import flowledger as fl
from flowledger.infrastructure.ledger.stores import open_store

from .full_store import EVENTS, began_at, fill, run_id_of
from .report import Row
from .rounds import Figure, interleaved, speed, warmed_up
from .servers import Stores
from .systems import raw
from .workers import Work

RUNS, RUNS_QUICK = 1_000_000, 50_000
MOST = 20
"""So many reads by key a page or an audit may take."""
LEAST_OF_READING = 0.3
"""So fast, compared with reading all events, the index is to be rebuilt."""
BEFORE_THE_HUNDREDTH = 99

Pages = Callable[..., fl.Page[Any]]
"""A page of some list, ``after`` a cursor."""


def measure(stores: Stores, rounds: int, quick: bool) -> list[Row]:
    most = RUNS_QUICK if quick else RUNS
    with ExitStack() as stack:
        small, large = (stack.enter_context(filled(stores.postgres(), runs)) for runs in (most // 10, most))
        read_by_key = stack.enter_context(raw.read_one_row(large.url, run_id_of(most // 2), EVENTS - 1))
        beside = partial(_beside_a_read_by_key, read_by_key, rounds, most)
        stores_lists = [_lists(store.ledger, store.runs) for store in (small, large)]
        audits = [
            {"audit": partial(store.ledger.history.audit, run_id_of(store.runs // 2))} for store in (small, large)
        ]
        return [
            _rebuilding(small, rounds),
            _searching(large),
            *(beside(f"list {name}", [_places(lists[name]) for lists in stores_lists]) for name in stores_lists[0]),
            beside("audit of a run", audits),
        ]


class _Store:
    def __init__(self, ledger: fl.Ledger, url: str, runs: int, seconds_to_search: float) -> None:
        self.ledger = ledger
        self.url = url
        self.runs = runs
        self.seconds_to_search = seconds_to_search


@contextmanager
def filled(url: str, runs: int) -> Generator[_Store]:
    _tell(f"filling a store with {runs:,} runs")
    fill(url, runs)
    with fl.open_ledger(url) as ledger:
        _tell("making its index")
        ledger.rebuild()
        _tell("and its search")
        began = time.perf_counter()
        ledger.search.catch_up()
        yield _Store(ledger, url, runs, time.perf_counter() - began)


# --- pages and audits -------------------------------------------------------------------------------------------------


def _lists(ledger: fl.Ledger, runs: int) -> dict[str, Pages]:
    history = ledger.history
    halfway = began_at(runs // 2) + timedelta(milliseconds=1)
    of_runs: dict[str, Mapping[str, Any]] = {
        "of all runs": {},
        "by workflow": {"workflow_id": "workflow07"},
        "by version": {"workflow_id": "workflow07", "version": 3},
        "by status": {"status": "failed"},
        "by several statuses": {"status": ("paused", "failed")},
        "by workflow and status": {"workflow_id": "workflow07", "status": "failed"},
        "by who started them": {"by": "actor07"},
        "by node": {"node": "node8"},
        "by type of error": {"error_type": "Refused"},
        "by time": {"since": began_at(runs // 4), "until": began_at(runs // 2)},
        "by workflow, type of error and time": {
            "workflow_id": "workflow07",
            "error_type": "Refused",
            "since": began_at(runs // 4),
        },
        "as of a past time": {"as_of": halfway},
        "by status as of a past time": {"status": "failed", "as_of": halfway},
        "by workflow and type of error as of a past time": {
            "workflow_id": "workflow07",
            "error_type": "Refused",
            "as_of": halfway,
        },
        "by a word of one run": {"text": f"parcel{runs // 3:010}"},
        "by a word of one run in a hundred": {"text": "customer07"},
        "by a word of every run": {"text": "noon"},
        "by a value of one run": {"where": f"payload.parcel=parcel{runs // 3:010}"},
        "by a value of one run in a hundred": {"where": "payload.customer=customer07"},
        "by comparing a value": {"where": 'output["node3"].weight > 10'},
    }
    return {name: partial(history.runs, **filters) for name, filters in of_runs.items()} | {
        "of work orders by state": partial(history.work_orders, state="failed"),
        "of what an actor did": partial(history.trail, by="actor07"),
        "of open waits": history.waits,
        "of open waits by workflow": partial(history.waits, "workflow07"),
        "of open waits by node": partial(history.waits, node="node8"),
        "of open waits by deadline": partial(history.waits, due_before=halfway),
    }


def _places(pages: Pages) -> dict[str, Callable[[], object]]:
    """The first page, and the hundredth, or the last where there are fewer."""
    after: str | None = None
    for _ in range(BEFORE_THE_HUNDREDTH):
        page = pages(after=after)
        if page.next is None:
            break
        after = page.next
    return {"first page": pages, "hundredth": partial(pages, after=after)}


def _beside_a_read_by_key(
    read_by_key: Work, rounds: int, most: int, what: str, small_and_large: Sequence[Mapping[str, Callable[[], object]]]
) -> Row:
    candidates: dict[str, Callable[[], float]] = {"key": lambda: read_by_key(100) / 100}
    for size, calls in zip((f", {most // 10:,} runs", ""), small_and_large, strict=True):
        candidates |= {name + size: partial(_timed, call) for name, call in calls.items()}
    figures = interleaved(warmed_up(candidates), rounds)
    key = figures.pop("key")
    times = {name: 1 / speed(figure, key).median for name, figure in figures.items()}
    return Row(
        f"{what}, {most:,} runs",
        "; ".join(f"{name}: {times[name]:.1f} ×" for name in small_and_large[1]),
        f"≤ {MOST} reads by key, also with a tenth of the runs",
        met=max(times.values()) <= MOST,
        detail="; ".join(f"{name}: {times[name]:.1f} ×" for name in times if name not in small_and_large[1]),
        limit=str(key),
    )


def _timed(call: Callable[[], object], times: int = 5) -> float:
    began = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - began) / times


# --- making index and search ------------------------------------------------------------------------------------------


def _rebuilding(store: _Store, rounds: int) -> Row:
    events = store.runs * EVENTS
    with closing(open_store(store.url)) as log:
        read, rebuild = lambda: deque(log.tail(), maxlen=0), store.ledger.rebuild
        candidates = {"read": partial(_timed, read, 1), "rebuild": partial(_timed, rebuild, 1)}
        figures = interleaved(candidates, max(3, rounds // 2))
    per_event = {name: Figure(tuple(time / events for time in figure.times)) for name, figure in figures.items()}
    ratio = speed(per_event["rebuild"], per_event["read"])
    return Row(
        f"rebuild the index of {events:,} events",
        str(ratio),
        f"≥ {LEAST_OF_READING} × the speed of reading them",
        met=ratio.median >= LEAST_OF_READING,
        detail=f"{per_event['rebuild']} per event",
        limit=str(per_event["read"]),
    )


def _searching(store: _Store) -> Row:
    events = store.runs * EVENTS
    return Row(
        f"make {events:,} events searchable",
        f"{store.seconds_to_search / events * 1e6:,.1f} µs per event",
        "",
        met=True,
    )


def _tell(what: str) -> None:
    print(what, file=sys.stderr)
