"""Writers that share commits: each hears of its own events, whatever becomes of the others; nobody waits for ever."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from threading import Thread
from typing import Any

import hypothesis.strategies as st
import pytest
from eventsourcing.persistence import IntegrityError, OperationalError, StoredEvent
from hypothesis import HealthCheck, Phase, given, settings

from flowledger.infrastructure.storage import group_commit
from flowledger.infrastructure.storage.errors import ConnectionLost

from ..effort import tries
from .company import MAX_WAIT, Company, Disk, event, guarded_event, place, run_in_thread

# --- who shares with whom ---------------------------------------------------------------------------------------------


def test_who_comes_alone_commits_in_its_own_thread(company: Company) -> None:
    company.disk.open = True
    events = [event("a", 1), event("a", 2)]
    assert company.group.insert(events) == [1, 2]
    assert [insert.events for insert in company.disk.inserts] == [events]
    assert company.disk.inserts[0].thread is threading.current_thread()
    assert company.group._server is None


def test_a_task_that_comes_alone_causes_one_insert_off_its_loop(company: Company) -> None:
    company.disk.open = True
    events = (event("a", 1), event("a", 2))
    assert company.on_loop(*events).result(MAX_WAIT) == [1, 2]
    assert [tuple(insert.events) for insert in company.disk.inserts] == [events]


def test_all_who_come_while_another_commits_share_the_next_commit(company: Company) -> None:
    first = company.on_thread(event("first"))
    leading = company.disk.next_insert()
    others = [company.on_thread(event(f"t{number}"), event(f"u{number}")) for number in range(3)]
    others += [company.on_loop(event(f"l{number}"), loop=number % 2) for number in range(3)]
    company.queued(6)
    leading.end()
    company.all_go_on()
    assert first.result() == [1]
    assert [len(insert.events) for insert in company.disk.inserts[:2]] == [1, 9]
    assert sorted(position for other in others for position in other.result()) == list(range(2, 11))


@pytest.mark.parametrize("place_taken_by", ["who is stored", "who shares the commit"])
def test_one_conflict_leaves_the_others_their_shared_commit(company: Company, place_taken_by: str) -> None:
    company.on_thread(event("stored"))
    leading = company.disk.next_insert()
    others = [company.on_thread(event("twice"))]
    company.queued(1)
    taken = "stored" if place_taken_by == "who is stored" else "twice"
    late = [company.on_thread(event(taken)), company.on_loop(event(taken))]
    company.queued(3)
    others += [company.on_loop(event(f"l{number}")) for number in range(3)]
    company.queued(6)
    leading.end()
    company.disk.open = True
    assert sorted(position for other in others for position in other.result(MAX_WAIT)) == [2, 3, 4, 5]
    for writer in late:
        with pytest.raises(IntegrityError):
            writer.result(MAX_WAIT)
    assert [len(insert.events) for insert in company.disk.inserts] == [1, 6, 4, 1, 1]


def test_a_guard_that_is_outdated_leaves_the_others_their_shared_commit(company: Company) -> None:
    company.disk.log += [first := event("g", 1, size=41), last := event("g", 2, size=41)]
    company.on_thread(event("stored"))
    leading = company.disk.next_insert()
    others = [company.on_thread(guarded_event("t", last)), company.on_loop(guarded_event("l", last))]
    others.append(company.on_thread(event("plain")))
    company.queued(3)
    late = [company.on_thread(guarded_event("late t", first)), company.on_loop(guarded_event("late l", first))]
    company.queued(5)
    leading.end()
    company.disk.open = True
    assert sorted(position for other in others for position in other.result(MAX_WAIT)) == [4, 5, 6]
    for writer in late:
        with pytest.raises(IntegrityError, match="a guard doesn't hold"):
            writer.result(MAX_WAIT)
    assert [len(insert.events) for insert in company.disk.inserts] == [1, 5, 3, 1, 1]


@pytest.mark.parametrize(("count", "size"), [(1, 2**20 + 1), (2, 2**19 + 1), (1_001, 8)])
@pytest.mark.parametrize("joins", [Company.on_thread, Company.on_loop])
def test_what_is_too_large_to_share_goes_beside_the_others(
    company: Company, joins: Callable[..., "Future[list[int]]"], count: int, size: int
) -> None:
    company.on_thread(event("first"))
    company.disk.next_insert()
    large = joins(company, *(event("large", version, size) for version in range(1, count + 1)))
    company.disk.until(lambda: len(company.disk.at_gate) == 2)
    company.disk.at_gate[1].end()
    assert large.result(MAX_WAIT) == list(range(1, count + 1))
    assert company.queue.came == []
    company.all_go_on()


OUTCOMES = ["stored", "stored", "stored", "lost before", "lost after", OperationalError]
PLACES = st.sampled_from(["thread", "thread", 0, 1])
SIZES = st.lists(st.sampled_from([8, 8, 8, 40, 70]), min_size=1, max_size=3)
COMES = st.tuples(st.just("comes"), PLACES, st.sampled_from("abcdefgh"), SIZES)
ENDS = st.tuples(st.just("ends"), st.integers(0, 3), st.sampled_from(OUTCOMES))
LEAVES = st.tuples(st.just("leaves"), st.integers(0, 9))
PROGRAMS = st.lists(st.one_of(COMES, COMES, COMES, ENDS, ENDS, LEAVES), min_size=15, max_size=40)


# A program that hangs isn't shrunk, as each try would last until patience ends.
@settings(
    max_examples=tries(200),
    deadline=None,
    phases=[Phase.reuse, Phase.generate],
    suppress_health_check=[*HealthCheck],
)
@given(program=PROGRAMS)
def test_whatever_happens_each_writer_gets_the_answer_that_is_its_own(
    loops: list[asyncio.AbstractEventLoop], program: list[tuple[Any, ...]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(group_commit, "MAX_SHARED_BYTES", 64)
        patch.setattr(group_commit, "MAX_SHARED_EVENTS", 4)
        company = Company(loops)
        for action in program:
            perform(company, *action)
            company.settle()
        company.all_go_on()
        company.group.close()
        assert not company.group._leading
        assert not company.queue
        for events, future in company.futures:
            check_answer(company.disk, events, future)
        check_sharing(company)


def perform(company: Company, action: str, *rest: Any) -> None:
    if action == "comes":
        where, stream, sizes = rest
        head = sum(stored.originator_id == stream for stored in company.disk.log)
        events = [event(stream, version, size) for version, size in enumerate(sizes, head + 1)]
        if where == "thread":
            company.on_thread(*events)
        else:
            company.on_loop(*events, loop=where)
    elif action == "ends" and company.disk.at_gate:
        which, outcome = rest
        insert = company.disk.at_gate[which % len(company.disk.at_gate)]
        insert.end(OperationalError("no room") if outcome is OperationalError else outcome)
        company.disk.until(lambda: insert not in company.disk.at_gate)
    elif action == "leaves" and company.futures:
        company.futures[rest[0] % len(company.futures)][1].cancel()


def check_answer(disk: Disk, events: list[StoredEvent], future: "Future[list[int]]") -> None:
    stored = [one for one in disk.log if one in events]
    assert stored in ([], events), "half of a writer's events"
    *earlier, last = (insert for insert in disk.inserts if events[0] in insert.events)
    assert not any(isinstance(insert.raised, ConnectionLost) for insert in earlier), "perhaps stored, and tried again"
    if future.cancelled():
        return
    error = future.exception()
    if error is None:
        assert [disk.log[position - 1] for position in future.result()] == events
        return
    assert type(last.raised) is type(error)
    assert last.events == events or not isinstance(error, IntegrityError), "a conflict of others"
    if isinstance(error, IntegrityError):
        assert stored or {place(one) for one in disk.log} & set(map(place, events)), "a conflict with nobody"


def check_sharing(company: Company) -> None:
    writers = {events[0]: events for events, _ in company.futures}
    in_order: list[StoredEvent] = []
    for insert in company.disk.inserts:
        sharing = [one for one in insert.events if one in writers]
        if len(sharing) > 1:
            assert not insert.is_large
        if insert.is_first:
            in_order += sharing
    came = [events[0] for events in company.queue.came]
    assert [one for one in in_order if one in came] == came, "the order of arrival"


# --- closing, and processes that fork ---------------------------------------------------------------------------------


def test_closing_waits_for_tasks_that_wait_behind_a_thread(company: Company) -> None:
    company.disk.open = True
    served(company, event("there is a server"))
    company.disk.open = False
    thread = company.on_thread(event("thread"))
    leading = company.disk.next_insert()
    task = company.on_loop(event("task"))
    company.queued(2)
    closing = run_in_thread(company.group.close)
    company.disk.open = True
    leading.end()
    assert thread.result(MAX_WAIT) == [2]
    assert task.result(MAX_WAIT) == [3]
    closing.result(MAX_WAIT)


def test_closing_ends_though_others_keep_coming(company: Company) -> None:
    """Whenever it looks, somebody commits and somebody waits."""
    company.on_thread(event("first"))
    company.on_thread(event("second"))
    company.settle()
    closing = run_in_thread(company.group.close)
    for number in range(300):
        company.on_thread(event(f"comes while it closes {number}"))
        company.settle()
        if closing.done():
            break
        passing = company.disk.next_insert()
        passing.end()
        company.disk.until(lambda passing=passing: company.disk.at_gate not in ([], [passing]))
    assert closing.done()
    company.all_go_on()


@pytest.mark.parametrize("why", ["closed", "no thread"])
def test_where_no_thread_can_serve_tasks_they_hear_of_it_and_threads_go_on(
    company: Company, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    company.disk.open = True
    if why == "closed":
        served(company, event("there is a server"))
        company.group.close()
    else:
        monkeypatch.setattr(Thread, "start", no_thread)
    late = asyncio.run_coroutine_threadsafe(company.group.ainsert([event("late")]), company.loops[0])
    if why == "closed":
        assert late.result(MAX_WAIT) == [2]  # by a thread of its own
    else:
        with pytest.raises(OperationalError, match="no thread can commit for others: can't start new thread"):
            late.result(MAX_WAIT)
    monkeypatch.undo()
    company.all_go_on()


def no_thread(_: Thread) -> None:
    raise RuntimeError("can't start new thread")


def served(company: Company, one: StoredEvent) -> list[int]:
    """What a task gets that comes alone; returns when the server is idle again."""
    positions = company.on_loop(one).result(MAX_WAIT)
    company.group._server.submit(int).result(MAX_WAIT)  # type: ignore[union-attr]
    return positions


def test_a_server_that_went_idle_serves_again(company: Company) -> None:
    company.disk.open = True
    for number in range(3):
        assert served(company, event(f"task {number}")) == [2 * number + 1]
        assert company.group.insert([event(f"thread {number}")]) == [2 * number + 2]
    assert len({insert.thread for insert in company.disk.inserts}) == 2


FORKED = """
import os, signal, sys, threading
from flowledger.domain.ports import NewEvent, Write
from flowledger.infrastructure.ledger.stores import open_store
sys.path.insert(0, sys.argv[2])
from tests.storage.events import write

store = open_store(sys.argv[1])
recorder, parent = store.recorder, os.getpid()
insert_events, at_work, may_end = recorder.insert_events, threading.Event(), threading.Event()

def gated(events, **options):
    if os.getpid() == parent:
        at_work.set()
        assert may_end.wait(60)
    return insert_events(events, **options)

recorder.insert_events = gated
threads = [threading.Thread(target=write, args=(store, f"parent {number}", 0, 1)) for number in range(3)]
for thread in threads:
    thread.start()
assert at_work.wait(60)
while len(store._commits._queue) < 2:
    os.sched_yield()
child = os.fork()
if not child:
    signal.alarm(60)
    if sys.argv[3] == "append":
        write(store, "child", 0, 1)
    store.close()
    os._exit(0)
_, status = os.waitpid(child, 0)
may_end.set()
for thread in threads:
    thread.join()
assert status == 0
print(store.head("child"), *(store.head(f"parent {number}") for number in range(3)))
store.close()
"""


@pytest.mark.parametrize("child", ["append", "close"])
def test_a_forked_child_can_append_and_close_though_its_parent_was_committing(durable_url: str, child: str) -> None:
    command = [sys.executable, "-c", FORKED, durable_url, str(Path(__file__).parents[2]), child]
    done = subprocess.run(command, capture_output=True, text=True, timeout=MAX_WAIT, check=False)
    assert done.stdout.split() == ["1" if child == "append" else "0", "1", "1", "1"], done.stderr
