"""Whatever the interleaving of writers, followers and their deaths: each follower gets each event, in order."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flowledger as fl
from flowledger.domain.ports import Write
from flowledger.infrastructure.services.subscriptions import feed as feeds
from flowledger.infrastructure.storage.subscription_table import Place
from flowledger.testing import ManualClock

from ..effort import tries
from ..storage.events import notes
from .renewals import end_renewals

ROOT = str(Path(__file__).parents[2])

NAMES = st.sampled_from(("one", "two", None))
ACTIONS = st.one_of(
    st.tuples(st.just("write"), st.sampled_from("abc"), st.integers(1, 12)),
    st.tuples(st.just("follow"), NAMES, st.integers(1, 15)),
    st.tuples(st.just("die"), NAMES, st.just(0)),
    st.tuples(st.just("read"), st.none(), st.just(0)),
)


@given(actions=st.lists(ACTIONS, max_size=40), kept=st.integers(1, 20))
@settings(max_examples=tries(200), deadline=None)
def test_each_follower_gets_each_event_once_and_the_last_one_again_after_it_died(
    actions: list[tuple[str, str, int]], kept: int
) -> None:
    clock, got = ManualClock(), dict[str | None, list[int]]()
    following: dict[str | None, fl.Subscription] = {}
    with pytest.MonkeyPatch.context() as patch, fl.open_ledger("memory:", clock=clock) as ledger:
        patch.setattr(feeds, "ROWS_KEPT", kept)
        store, feed = ledger._store, ledger._subscriptions._source.feed

        def follow(name: str | None, number: int) -> None:
            seen = got.setdefault(name, [])
            if name not in following:
                # Who has no name remembers for itself.
                following[name] = ledger.subscribe(name=name, after=seen[-1] if seen and name is None else 0)
            follower = following[name]._follower
            for _ in range(number):
                event = follower.take()
                if event is None:
                    feed._read_on()
                    event = follower.take()
                if event is None:
                    return
                seen.append(event.position)

        for act, name, number in actions:
            if act == "write":
                store.append(Write(name, store.head(name), notes(*range(number))))
            elif act == "read":
                # What the reader of the process does now and then: it keeps the end of the log for who has come there.
                if feed._end is None:
                    feed._begin, feed._end = store.last_position(), Place(store.last_position())
                feed._read_on()
            elif act == "follow":
                follow(name, number)
            elif name in following:
                end_renewals(following.pop(name)._source.leases)  # nothing of it runs any more
                clock.advance(31)
        for name in got:
            follow(name, store.last_position() + 1)
            assert got[name][-1:] == [event.position for event in store.tail()][-1:]
    for name, positions in got.items():
        last = 0
        for position in positions:
            assert position == last + 1 or (name is not None and position == last)
            last = position


@pytest.mark.exhaustive
def test_writers_in_threads_and_followers_in_others(durable_url: str) -> None:
    writers, each = 4, 100
    with fl.open_ledger(durable_url) as here, fl.open_ledger(durable_url) as there:

        def write(stream: str) -> None:
            for number in range(each):
                there._store.append(Write(stream, number, notes(number)))

        subscriptions = [here.subscribe(name=name) for name in ("one", "two", None)]
        with ThreadPoolExecutor(writers + len(subscriptions)) as pool:
            following = [pool.submit(list, islice(one, writers * each)) for one in subscriptions]
            for writing in [pool.submit(write, f"s{number}") for number in range(writers)]:
                writing.result()
            log = list(here._store.tail())
            assert len(log) == writers * each
            for one in following:
                assert one.result(120) == log


FOLLOWER = """
import sys
sys.path.insert(0, {root!r})
import flowledger as fl
from tests.storage import events

for event in fl.open_ledger({url!r}).subscribe(name="mailer", lease=1.0):
    print(event.version, flush=True)
    if event.version == 3:
        sys.stdin.read()  # it works on this one for ever
"""


@pytest.mark.exhaustive
def test_a_follower_that_is_killed_is_followed_by_the_next_one(durable_url: str) -> None:
    with fl.open_ledger(durable_url) as ledger:
        ledger._store.append(Write("a", 0, notes(*range(5))))
        code = FOLLOWER.format(root=ROOT, url=durable_url)
        command = [sys.executable, "-c", code]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as follower:
            try:
                assert follower.stdout is not None
                assert [int(follower.stdout.readline()) for _ in range(3)] == [1, 2, 3]
                threading.Event().wait(1.5)  # its lease would have run out by now, if it weren't renewed
                with pytest.raises(fl.SubscriptionHeld) as error:
                    ledger.subscribe(name="mailer")
                assert error.value.pid == follower.pid
            finally:
                follower.kill()
        while True:
            try:
                mailer = ledger.subscribe(name="mailer", catch_up=True)
                break
            except fl.SubscriptionHeld:
                threading.Event().wait(0.05)
        assert [event.version for event in mailer] == [3, 4, 5]
