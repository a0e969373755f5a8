"""The suite for backends fails stores that are wrong, each by a sentence that says why; a sound one passes it."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

import flowledger as fl
from flowledger.domain.ports import EventStore
from flowledger.infrastructure.ledger.stores import open_store
from flowledger.infrastructure.storage.memory.checkpoints import MemoryCheckpoints
from flowledger.stores import event_store
from flowledger.testing import CheckpointStoreConformance, EventStoreConformance

from . import broken_logs as logs
from . import broken_stores as broken


class Case(NamedTuple):
    store: type[Any]
    test: str
    sentence: str
    given: Mapping[str, Any] = MappingProxyType({})


ONE_WINS = "racing writers were told that they appended event"
WINNER = "of_racing_writers_one_wins"
SEVERAL = "when_several_streams_are_raced_for_one_writer_gets_all_of_them"
POSITION = "each_event_has_the_position_that_its_writer_was_told"
FOLLOWER = "a_reader_beside_racing_writers_gets_each_event_once_and_in_order"
NEXT_OPENER = "what_is_acknowledged_is_there_for_who_opens_the_store_next"
TAIL = "the_tail_goes_on_from_a_position"
LOST = "a_writer_whose_stream_lost_events_is_refused_and_leaves_no_gap"
AT_ONCE, STRETCHED = {"stretched": False}, {"stretched": True}

CASES = [
    Case(broken.Racy, WINNER, ONE_WINS, AT_ONCE),
    Case(broken.Racy, SEVERAL, ONE_WINS),
    Case(broken.Racy, "one_of_racing_writers_begins_a_stream", ONE_WINS),
    Case(broken.RacyAtOnce, WINNER, ONE_WINS, AT_ONCE),
    Case(broken.RacyAtOnce, WINNER, ONE_WINS, STRETCHED),
    Case(broken.RacyTasks, "of_racing_tasks_one_wins", f"8 of 8 {ONE_WINS}"),
    Case(broken.TwoLocks, "of_tasks_and_threads_that_race_one_wins", ONE_WINS),
    Case(broken.LockOfItsOwn, "of_racing_writers_with_stores_of_their_own_one_wins", ONE_WINS),
    Case(broken.RacyBeginnings, "one_of_racing_writers_begins_a_stream", ONE_WINS),
    Case(broken.Lenient, WINNER, ONE_WINS, AT_ONCE),
    Case(
        broken.GivesUp,
        "who_takes_any_version_is_stored_however_many_write",
        "not every event that was acknowledged is stored",
        {"expected": broken.ANY},
    ),
    Case(broken.OneByOne, "nothing_of_an_append_is_seen_before_all_of_it", "a part of an append"),
    Case(broken.OneByOne, "an_append_that_breaks_off_leaves_nothing", "interrupted left a part"),
    Case(broken.OneByOne, SEVERAL, "was refused, and left events in one of them"),
    Case(broken.SharedBuffer, WINNER, "what is acknowledged must be stored", AT_ONCE),
    Case(broken.TellsTooSoon, FOLLOWER, "head told of an event that can't be read"),
    Case(broken.NothingTwice, "an_event_that_says_the_same_as_another_is_another_one", "taken for one that is stored"),
    Case(broken.StaleHeads, "a_store_that_looked_before_others_wrote_sees_what_they_wrote", "a head was remembered"),
    Case(broken.Late, NEXT_OPENER, "it isn't there for others though the append was acknowledged"),
    Case(broken.TwicePolled, TAIL, "goes on behind the position"),
    Case(broken.TwicePolled, "an_append_that_takes_long_is_not_passed_over", "twice", {"place": 0}),
    Case(broken.Unguarded, "a_guard_sees_what_others_were_acknowledged", "its guard didn't hold"),
    Case(broken.Unguarded, "beside_racing_moves_no_guard_holds_that_was_outdated_before_the_append_began", "outdated"),
    Case(logs.LastWriteWins, WINNER, ONE_WINS, AT_ONCE),
    Case(logs.NoLookBehind, LOST, "behind one that the store has lost"),
    Case(logs.LateCommits, FOLLOWER, "passed over"),
    Case(logs.LateCommitsAtOnce, FOLLOWER, "passed over"),
    Case(logs.PositionsCounted, POSITION, "was given to two events"),
    Case(logs.PositionsInBlocks, "positions_go_on_behind_those_of_who_had_the_store_open", "grow with every commit"),
    Case(logs.PositionsInBlocks, POSITION, "positions must grow"),
    Case(logs.InTheOpen, FOLLOWER, "a part of append"),
    Case(logs.ForgetsTheLast, NEXT_OPENER, "it isn't there for others though the append was acknowledged"),
    Case(logs.InMemoryAtFirst, NEXT_OPENER, "it isn't there for others though the append was acknowledged"),
    Case(logs.Busy, "writers_of_other_streams_are_in_nobodys_way", "that was in nobody's way met EventsLost"),
    Case(logs.RememberedTail, TAIL, "written behind it"),
    Case(logs.OneCase, "streams_whose_names_are_alike_are_two", "'A' is at version 1, expected 0"),
    Case(logs.CutOff, "large_events_are_appended_together", "event 2 of stream 'a' can't be read"),
]


class Bound:
    """A store bound to the suite as fixtures would bind it."""

    def __init__(self, kind: type[Any], folder: Path, stack: ExitStack) -> None:
        self._fixtures: dict[str, Any] = {"reopen": None, "open_in_process": None, "lose_newest": None}
        if issubclass(kind, logs.DiskLog):
            disk = logs.Disk()
            opens: Callable[[], Any] = lambda: event_store(kind(disk))  # noqa: E731 - one of two, as short as the other
            self._fixtures["lose_newest"] = disk.lose_newest
        else:
            url = f"sqlite:///{folder / 'store.db'}"
            opens = lambda: kind(open_store(url))  # noqa: E731 - one of two, as short as the other
        store = stack.enter_context(closing(opens()))
        self._fixtures |= {"reopen": opens, "store": store, "guarding": store}

    def check(self, test: str, **given: Any) -> None:
        method = getattr(EventStoreConformance(), f"test_{test}")
        names = inspect.signature(method).parameters
        method(**{name: value for name, value in (self._fixtures | given).items() if name in names})


@pytest.fixture
def bind(tmp_path: Path) -> Iterator[Callable[[type[Any]], Bound]]:
    with ExitStack() as stack:
        yield lambda kind: Bound(kind, tmp_path, stack)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.store.__name__}-{case.test}")
def test_the_suite_fails_a_store_that_is_wrong_and_says_why(bind: Any, case: Case) -> None:
    with pytest.raises((AssertionError, fl.FlowledgerError)) as caught:
        bind(case.store).check(case.test, **case.given)
    assert case.sentence in str(caught.value)


@pytest.mark.parametrize("kind", [broken.Wrapper, logs.DiskLog], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(
    ("test", "given"),
    {(case.test, tuple(case.given.items())): (case.test, case.given) for case in CASES}.values(),
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.sampled(4)
def test_a_sound_store_passes_the_same(bind: Any, kind: type[Any], test: str, given: dict[str, Any]) -> None:
    if "guard" not in test if kind is logs.DiskLog else "lost_events" not in test:
        bind(kind).check(test, **given)


def test_the_suite_fails_a_store_whose_processes_know_nothing_of_each_other(tmp_path: Path) -> None:
    opens: Callable[[], EventStore] = partial(
        broken.opened_under_a_lock_of_the_process, f"sqlite:///{tmp_path / 'store.db'}"
    )
    with closing(opens()) as store, pytest.raises(AssertionError, match="3 racing processes were told"):
        EventStoreConformance().test_of_writers_in_racing_processes_one_wins_and_what_they_were_told_outlives_them(
            store, opens
        )


@pytest.mark.parametrize(
    ("kind", "test", "sentence"),
    [
        (broken.PageByPage, "the_pages_of_one_save_are_seen_together_however_many_save", "a save must be one commit"),
        (
            broken.AnyFold,
            "a_page_of_another_fold_is_never_returned",
            "a page isn't replaced by one for the same version",
        ),
        (broken.NewestFirst, "the_pages_up_to_a_version_are_found_in_order", "pages are out of order"),
    ],
)
def test_the_suite_fails_checkpoints_that_are_wrong_and_says_why(kind: type[Any], test: str, sentence: str) -> None:
    check = getattr(CheckpointStoreConformance(), f"test_{test}")
    check(MemoryCheckpoints())
    with pytest.raises(AssertionError, match=sentence):
        check(kind())
