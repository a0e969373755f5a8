"""Whatever work starts other work and waits for it, each has its turn, and no slot holds more than one chain."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from flowledger.infrastructure.concurrency.slots import Slots, Work


@dataclass
class Script:
    """What a piece of work does: it starts these, waits then for the first ones of them, and finishes."""

    pool: int
    begins: "list[Script]"
    waits_for: int
    waits_for_theirs: bool = False
    """Also for what those started in turn, and so on."""


scripts = st.recursive(
    st.builds(Script, st.integers(0, 1), st.just([]), st.just(0)),
    lambda inner: st.builds(Script, st.integers(0, 1), st.lists(inner, max_size=4), st.integers(0, 4), st.booleans()),
    max_leaves=25,
)


@dataclass(eq=False)
class Scripted:
    script: Script
    turn: Work
    begun: "list[Scripted]" = field(default_factory=list)
    state: str = "waits"

    @property
    def may_end(self) -> bool:
        return all(work.is_over(self.script.waits_for_theirs) for work in self.begun[: self.script.waits_for])

    def is_over(self, and_theirs: bool) -> bool:
        over = self.state in ("ended", "gone")
        return over and not (and_theirs and any(not work.is_over(and_theirs) for work in self.begun))


class World:
    """Work on two pools, which goes on one piece at a time, in any order."""

    def __init__(self, counts: tuple[int, int]) -> None:
        self.counts = counts
        self.pools = tuple(map(Slots, counts))
        self.works: dict[Work, Scripted] = {}

    def begin(self, script: Script, by: Scripted | None) -> Scripted:
        turn = Work(self.pools[script.pool], None if by is None else by.turn)
        work = self.works[turn] = Scripted(script, turn)
        if turn.try_start():
            work.state = "executes"
        return work

    def actions(self) -> Iterator[Any]:
        for work in self.works.values():
            if work.state == "executes" and len(work.begun) < len(work.script.begins):
                yield lambda work=work: work.begun.append(self.begin(work.script.begins[len(work.begun)], work))
            elif work.state == "executes" and work.may_end:
                yield lambda work=work: self.finish(work)

    def finish(self, work: Scripted) -> None:
        work.state = "ended"
        for turn in work.turn.finish():
            assert self.works[turn].state == "waits"
            self.works[turn].state = "executes"

    def withdraw(self, work: Scripted) -> None:
        assert work.turn.withdraw()
        work.state = "gone"

    def in_state(self, state: str) -> list[Scripted]:
        return [work for work in self.works.values() if work.state == state]

    def check(self) -> None:
        executing = {work.turn for work in self.in_state("executes")}
        for slots, count in zip(self.pools, self.counts, strict=True):
            # One chain a slot, though the last of it may be of the other pool.
            assert slots.free + sum(turn.held is slots for turn in executing) == count
            assert not (slots.free and slots.waiting)
        for turn in executing:
            assert (turn.held is None) != (turn.lender is None)
            if turn.lender is not None:
                assert turn.lender in executing
                assert turn.lender.borrower is turn
        lenders = [turn.lender for turn in executing if turn.lender is not None]
        assert len(lenders) == len(set(lenders))


@given(st.tuples(st.integers(1, 3), st.integers(1, 3)), st.lists(scripts, min_size=1, max_size=6), st.data())
def test_all_work_has_its_turn_whatever_waits_for_what_it_started(
    counts: tuple[int, int], programs: list[Script], data: st.DataObject
) -> None:
    world = World(counts)
    for script in programs:
        world.begin(script, None)
    world.check()
    while actions := list(world.actions()):
        waiting = world.in_state("waits")
        if waiting and data.draw(st.integers(0, 9), label="one in ten leaves") == 0:
            world.withdraw(data.draw(st.sampled_from(waiting), label="who leaves"))
        else:
            data.draw(st.sampled_from(actions), label="who goes on")()
        world.check()
    assert not world.in_state("waits")
    assert not world.in_state("executes")
    assert [slots.free for slots in world.pools] == list(counts)


def test_waiting_work_has_its_turn_in_order() -> None:
    slots = Slots(1)
    first = Work(slots, None)
    assert first.try_start()
    waiting = [Work(slots, None) for _ in range(5)]
    assert not any(turn.try_start() for turn in waiting)
    gone = waiting.pop(2)
    assert gone.withdraw()
    assert not gone.withdraw()
    for turn, following in zip([first, *waiting], waiting, strict=False):
        assert turn.finish() == [following]
    assert waiting[-1].finish() == []
    assert slots.free == 1


def test_work_that_started_work_and_finished_is_forgotten() -> None:
    turn = None
    for _ in range(100):
        following = Work(Slots(1), turn)
        assert following.try_start()
        if turn is not None:
            turn.finish()
        turn = following
    known = 0
    while turn is not None:
        known, turn = known + 1, turn.parent
    assert known <= 2


def test_work_whose_parent_finished_runs_in_the_slot_of_the_nearest_ancestor() -> None:
    slots = Slots(1)
    first = Work(slots, None)
    second = Work(slots, first)
    third, fourth = Work(slots, second), Work(slots, second)
    assert [turn.try_start() for turn in (first, second, third, fourth)] == [True, True, True, False]
    assert second.finish() == []  # the third keeps what was lent to the second
    assert third.finish() == [fourth]
    assert fourth.finish() == first.finish() == []
    assert slots.free == 1
