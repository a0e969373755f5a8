"""The keys of a stream are found as in a dict, however many there are; copies of a state go ways of their own."""

from hypothesis import given
from hypothesis import strategies as st

from flowledger.domain.ports import RowDecoder
from flowledger.domain.run import RunState, evolve
from flowledger.domain.values.used_keys import UsedKey, UsedKeys, find_key, keys_after, with_key
from flowledger.projections.runs.checkpoint import apply_checkpoint, checkpoint_of

KEYS = st.lists(st.text(min_size=1), unique=True)


def used(version: int) -> UsedKey:
    return UsedKey(f"request {version}", version, "ada", version * 1000)


def all_of(keys: list[str]) -> UsedKeys:
    found: UsedKeys = ()
    for version, key in enumerate(keys, 1):
        found = with_key(found, key, used(version))
    return found


@given(KEYS, st.text())
def test_a_key_is_found_as_it_was_used(keys: list[str], other: str) -> None:
    known = dict(zip(keys, map(used, range(1, len(keys) + 1)), strict=True))
    found = all_of(keys)
    assert {key: find_key(found, key) for key in [*keys, other]} == {key: known.get(key) for key in [*keys, other]}


@given(KEYS, st.integers(0, 10))
def test_those_after_a_version_are_those_of_later_events(keys: list[str], version: int) -> None:
    later = dict(keys_after(all_of(keys), version))
    assert later == {key: used(place) for place, key in enumerate(keys, 1) if place > version}


@given(KEYS, st.text(min_size=1), st.text(min_size=1))
def test_what_one_copy_learns_the_other_one_does_not(keys: list[str], ours: str, theirs: str) -> None:
    before = all_of([key for key in keys if key not in (ours, theirs)])
    here, there = with_key(before, ours, used(98)), with_key(before, theirs, used(99))
    assert find_key(before, ours) is None
    assert find_key(here, ours) == used(98)
    assert find_key(there, theirs) == used(99)
    if ours != theirs:
        assert find_key(here, theirs) is find_key(there, ours) is None


def test_ten_thousand_keys_stand_in_few_levels() -> None:
    assert len(all_of([str(number) for number in range(10_000)])) <= 14


@given(KEYS, st.integers(0, 10))
def test_a_checkpoint_has_the_keys_since_the_one_before(keys: list[str], cut: int) -> None:
    state, since = RunState("r"), RunState("r")
    for version, key in enumerate(keys, 1):
        evolve(
            state,
            "run.metadata_set",
            {"recorded_at": version, "by": "ada", "key": key, "request": f"of {key}", "metadata": {}},
        )
        if version == cut:
            since.become(state)
    page = checkpoint_of(state, since)
    assert len(page["keys"]) == len(keys) - since.version
    read = RunState("r")
    read.become(since)
    apply_checkpoint(read, page, [], RowDecoder("r", lambda *_: {}))
    assert dict(keys_after(read.keys, 0)) == dict(keys_after(state.keys, 0))
