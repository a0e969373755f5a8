"""Many processes append at the same time, and a reader follows the log and must see every event."""

from collections.abc import Callable
from contextlib import ExitStack

from .race import Race, race
from .report import Row
from .servers import Stores
from .systems import ours, raw, stock
from .workers import Crew, Worker


def measure(stores: Stores, rounds: int, quick: bool) -> list[Row]:
    return [measured(stores, rounds, writers=8, events=8 * (100 if quick else 400), least=0.7, with_stock=True)]


def measured(
    stores: Stores, rounds: int, writers: int, events: int, least: float | None = None, *, with_stock: bool = False
) -> Row:
    """One row: so many writers, ``events`` a round in all."""
    url = stores.postgres()
    with ExitStack() as stack:
        crew = stack.enter_context(Crew(ours.append, url, writers))
        tail = stack.enter_context(Worker(ours.missed_by_a_tail, url))
        missed: list[float] = []
        works: dict[str, Callable[[int], float]] = {
            "raw": stack.enter_context(Crew(raw.insert, stores.postgres(), writers)),
            "flowledger": lambda units: _followed(crew, tail, units, writers, missed),
        }
        if with_stock:
            works["eventsourcing"] = stack.enter_context(Crew(stock.save, stores.postgres(), writers))
        outcomes = race(works, dict.fromkeys(works, events), rounds)
    return Race(outcomes).row(
        f"writer processes: {writers}, append alone, PostgreSQL",
        "event",
        "flowledger",
        "raw",
        [name for name in works if name == "eventsourcing"],
        least=least,
        fault=f"a tailing reader missed {sum(missed):,.0f}" if sum(missed) else "",
        note=f"a tailing reader saw all {(events + writers) * (rounds + 1):,}",
    )


def _followed(crew: Crew, tail: Worker, units: int, writers: int, missed: list[float]) -> float:
    # A writer's first event in a round makes its stream, and is not counted as a unit of its work.
    each = units // writers
    tail.begin(writers * (each + 1))
    try:
        return crew(units)
    finally:
        missed.append(tail.end())
