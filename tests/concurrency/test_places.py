"""Whatever work begins other work and waits for it, everybody has his turn, and no place holds more than one chain."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from flowledger.infrastructure.concurrency.places import Places, Turn


@dataclass
class Script:
    """What a work does: it begins these, waits then for the first ones of them, and ends."""

    pool: int
    begins: "list[Script]"
    waits_for: int
    waits_for_theirs: bool = False
    """Also for what those began in turn, and so on."""


scripts = st.recursive(
    st.builds(Script, st.integers(0, 1), st.just([]), st.just(0)),
    lambda inner: st.builds(Script, st.integers(0, 1), st.lists(inner, max_size=4), st.integers(0, 4), st.booleans()),
    max_leaves=25,
)


@dataclass(eq=False)
class Work:
    script: Script
    turn: Turn
    begun: "list[Work]" = field(default_factory=list)
    state: str = "waits"

    @property
    def may_end(self) -> bool:
        return all(work.is_over(self.script.waits_for_theirs) for work in self.begun[: self.script.waits_for])

    def is_over(self, and_theirs: bool) -> bool:
        over = self.state in ("ended", "gone")
        return over and not (and_theirs and any(not work.is_over(and_theirs) for work in self.begun))


class World:
    """Works on two pools, which go on one at a time, in any order."""

    def __init__(self, counts: tuple[int, int]) -> None:
        self.counts = counts
        self.pools = tuple(map(Places, counts))
        self.works: dict[Turn, Work] = {}

    def begin(self, script: Script, by: Work | None) -> Work:
        turn = Turn(self.pools[script.pool], None if by is None else by.turn)
        work = self.works[turn] = Work(script, turn)
        if turn.ask():
            work.state = "executes"
        return work

    def actions(self) -> Iterator[Any]:
        for work in self.works.values():
            if work.state == "executes" and len(work.begun) < len(work.script.begins):
                yield lambda work=work: work.begun.append(self.begin(work.script.begins[len(work.begun)], work))
            elif work.state == "executes" and work.may_end:
                yield lambda work=work: self.end(work)

    def end(self, work: Work) -> None:
        work.state = "ended"
        for turn in work.turn.end():
            assert self.works[turn].state == "waits"
            self.works[turn].state = "executes"

    def leave(self, work: Work) -> None:
        assert work.turn.leave()
        work.state = "gone"

    def in_state(self, state: str) -> list[Work]:
        return [work for work in self.works.values() if work.state == state]

    def check(self) -> None:
        executing = {work.turn for work in self.in_state("executes")}
        for places, count in zip(self.pools, self.counts, strict=True):
            # One chain a place, though the last one of it may be of the other pool.
            assert places.free + sum(turn.place is places for turn in executing) == count
            assert not (places.free and places.waiting)
        for turn in executing:
            assert (turn.place is None) != (turn.lender is None)
            if turn.lender is not None:
                assert turn.lender in executing
                assert turn.lender.borrower is turn
        lenders = [turn.lender for turn in executing if turn.lender is not None]
        assert len(lenders) == len(set(lenders))


@given(st.tuples(st.integers(1, 3), st.integers(1, 3)), st.lists(scripts, min_size=1, max_size=6), st.data())
def test_everybody_has_his_turn_whoever_waits_for_what_he_began(
    counts: tuple[int, int], programs: list[Script], data: st.DataObject
) -> None:
    world = World(counts)
    for script in programs:
        world.begin(script, None)
    world.check()
    while actions := list(world.actions()):
        waiting = world.in_state("waits")
        if waiting and data.draw(st.integers(0, 9), label="one in ten leaves") == 0:
            world.leave(data.draw(st.sampled_from(waiting), label="who leaves"))
        else:
            data.draw(st.sampled_from(actions), label="who goes on")()
        world.check()
    assert not world.in_state("waits")
    assert not world.in_state("executes")
    assert [places.free for places in world.pools] == list(counts)


def test_who_waits_has_his_turn_in_order() -> None:
    places = Places(1)
    first = Turn(places, None)
    assert first.ask()
    waiting = [Turn(places, None) for _ in range(5)]
    assert not any(turn.ask() for turn in waiting)
    gone = waiting.pop(2)
    assert gone.leave()
    assert not gone.leave()
    for turn, following in zip([first, *waiting], waiting, strict=False):
        assert turn.end() == [following]
    assert waiting[-1].end() == []
    assert places.free == 1


def test_work_that_began_work_and_ended_is_forgotten() -> None:
    turn = None
    for _ in range(100):
        following = Turn(Places(1), turn)
        assert following.ask()
        if turn is not None:
            turn.end()
        turn = following
    known = 0
    while turn is not None:
        known, turn = known + 1, turn.begun_by
    assert known <= 2


def test_what_was_begun_by_work_that_ended_goes_in_the_place_of_whoever_began_that() -> None:
    places = Places(1)
    first = Turn(places, None)
    second = Turn(places, first)
    third, fourth = Turn(places, second), Turn(places, second)
    assert [turn.ask() for turn in (first, second, third, fourth)] == [True, True, True, False]
    assert second.end() == []  # the third keeps what was lent to the second
    assert third.end() == [fourth]
    assert fourth.end() == first.end() == []
    assert places.free == 1
