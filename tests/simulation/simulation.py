"""One seed from beginning to end."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from .faults import draw_faults, without
from .invariants import PROMISES, read_log
from .scheduler import Scheduler
from .schedules import Priorities, RandomWalk, Replayed, Schedule
from .threads import simulated
from .world import World, determined

LENGTH = 250
"""Switch points within which faults are drawn."""


class Case(NamedTuple):
    """A seed, or what is left of it."""

    seed: int
    dropped_faults: frozenset[int] = frozenset()
    switches: tuple[tuple[int, str], ...] | None = None
    """The only ones; None: the seed's schedule decides."""


@dataclass
class Result:
    """What came of a case."""

    case: Case
    failure: str | None
    trace: str
    """A hash of every switch and every event."""
    switches: list[tuple[int, str]] = field(default_factory=list)
    faults: int = 0
    steps: int = 0
    points: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    story: list[str] = field(default_factory=list)


def simulate(case: Case, *, is_told: bool = False) -> Result:
    """Run it and judge it."""
    scenario, chance = Random(f"{case.seed}/scenario"), Random(f"{case.seed}/faults")
    drawn = draw_faults(chance, LENGTH)
    scheduler = Scheduler(_schedule(case), tick=scenario.choice((50, 500, 20_000)))
    with determined(case.seed), simulated(scheduler):
        world = World(case.seed, scenario, scheduler, without(drawn, case.dropped_faults), is_told=is_told)
        failure = None
        try:
            try:
                world.run()
            except AssertionError as error:
                failure = f"{error}"
            log = read_log(world)
            if failure is None:
                failure = _judge(world, log)
            trace = hashlib.sha256(repr((world.scheduler.trace, world.scheduler.time, log.rows)).encode()).hexdigest()
        finally:
            world.close()
    return Result(
        case,
        None if failure is None else world.in_words(failure),
        trace[:16],
        world.scheduler.switches,
        len(drawn),
        world.scheduler.steps,
        world.scheduler.points,
        world.faults.struck,
        world.watch.answers_of,
        world.story.lines,
    )


def _schedule(case: Case) -> Schedule:
    if case.switches is not None:
        return Replayed(case.switches)
    chance = Random(f"{case.seed}/schedule")
    if chance.random() < 0.3:
        return Priorities(chance, changes=chance.choice((1, 2, 3, 3, 6)), length=LENGTH)
    return RandomWalk(chance, chance.choice((0.02, 0.1, 0.3, 1.0)))


def _judge(world: World, log: object) -> str | None:
    for promise in PROMISES:
        try:
            promise(world, log)
        except AssertionError as error:
            return f"{promise.__name__}: {error}"
    return None
