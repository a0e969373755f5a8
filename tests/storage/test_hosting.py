"""Stores that aren't ours: all that a ledger answers is the same on them, and what is no store is told."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.ledger.stores import open_store
from flowledger.infrastructure.storage.codec import MAX_EVENT_BYTES
from flowledger.infrastructure.storage.log.event_store import adapt_store
from flowledger.stores import EventLog, NewRow, event_store
from flowledger.testing import ManualClock

from ..testing.broken_logs import Disk, DiskLog
from ..testing.broken_stores import Wrapper
from .events import texts, write

DEFINITION = {
    "nodes": [{"id": "call", "type": "call", "data": {"who": "{{ payload.who }}"}}, {"id": "ask", "type": "ask"}],
    "edges": [{"source": "call", "target": "ask"}],
}

Opens = Callable[[], Any]


@pytest.fixture(params=["a log", "the port", "sqlite"])
def opens(request: pytest.FixtureRequest, tmp_path: Path) -> Opens:
    """What opens the same store each time, for ``open_ledger``."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    disk = Disk()
    return {"a log": lambda: DiskLog(disk), "the port": lambda: Wrapper(open_store(url)), "sqlite": lambda: url}[
        request.param
    ]


def ledger_on(store: Any, clock: ManualClock | None = None) -> fl.Ledger:
    executors = fl.ExecutorRegistry()

    @executors.register("call")
    def call(step: fl.StepContext) -> Any:
        if step.data["who"] == "nobody":
            raise ValueError("nobody is there")
        return {"greeting": f"hello {step.data['who']}", "large": "x" * 2**17}

    executors.register("ask")(lambda step: step.payload if "ok" in (step.payload or {}) else fl.Pause("ok?"))
    return fl.open_ledger(store, executors, clock or ManualClock())


def told(ledger: fl.Ledger) -> list[Any]:
    """What a ledger tells of its runs, whatever their ids."""
    runs = list(ledger.history.runs())
    return [
        [(run.status, run.node_id, run.error_type, run.by, run.started_at, run.finished_at) for run in runs],
        [run.status for run in ledger.history.runs(status="failed")],
        [run.by for run in ledger.history.runs(text="hello")],
        [run.by for run in ledger.history.runs(where=['payload.who == "bob"'])],
        [(workflow.id, workflow.version) for workflow in ledger.workflows.list()],
        [(act.type, act.by) for act in ledger.history.trail()],
        [order.state for order in ledger.history.work_orders()],
        [ledger.history.audit(run.id).status for run in runs],
        [ledger.history.replay(run.id, verify=True).ok for run in runs],
        [len(list(ledger.history.events(run.id))) for run in runs],
        ledger.verify().events,
        ledger.verify().findings,
    ]


def work(ledger: fl.Ledger, clock: ManualClock) -> None:
    ledger.workflows.save(DEFINITION, workflow_id="w", by="ada")
    for who in ("ann", "nobody", "bob"):
        clock.advance(1)
        ledger.runs.start("w", payload={"who": who}, by=who)
    clock.advance(1)
    ledger.runs.resume(ledger.history.runs(by="ann").items[0].id, payload={"ok": True}, by="ada")
    ledger.workflows.save(DEFINITION | {"start": "call"}, workflow_id="w", by="ada")
    asyncio.run(ledger.runs.astart("w", payload={"who": "cay"}, by="cay"))


def test_all_that_a_ledger_answers_is_the_same_on_any_store(opens: Opens, tmp_path: Path) -> None:
    clock, expected = ManualClock(), ManualClock()
    with ledger_on("memory:", expected) as ours:
        work(ours, expected)
        answers = told(ours)
    with ledger_on(opens(), clock) as ledger:
        work(ledger, clock)
        assert told(ledger) == answers
        assert ledger.rebuild() > 0
        assert told(ledger) == answers
        run = ledger.history.runs(by="ann").items[0]
        ledger.history.export(run.id, tmp_path / "run.jsonl")
        snapshot = ledger.runs.get(run.id).snapshot
    with ledger_on(opens(), clock) as ledger:
        assert told(ledger) == answers
        assert ledger.runs.get(run.id).snapshot == snapshot
        assert ledger.history.import_(tmp_path / "run.jsonl").run_id == run.id  # which is there already
    with ledger_on("memory:") as other:
        other.history.import_(tmp_path / "run.jsonl")
        assert other.runs.get(run.id).snapshot == snapshot


def test_each_who_has_the_store_open_finds_what_others_did(opens: Opens) -> None:
    with ledger_on(opens()) as one, ledger_on(opens()) as other:
        one.workflows.save(DEFINITION, workflow_id="w", by="ada")
        for number in range(3):
            run = (one, other)[number % 2].runs.start("w", payload={"who": f"who{number}"})
            for ledger in (one, other):
                assert [found.id for found in ledger.history.runs(text=f"who{number}")] == [run.id]
                assert len(list(ledger.history.runs(status="paused"))) == number + 1


def test_an_export_is_imported_into_a_log_and_not_through_the_port(tmp_path: Path) -> None:
    with ledger_on("memory:") as ledger:
        ledger.workflows.save(DEFINITION, workflow_id="w", by="ada")
        run = ledger.runs.start("w", payload={"who": "ann"})
        ledger.history.export(run.id, tmp_path / "run.jsonl")
    with ledger_on(DiskLog(Disk())) as ledger:
        ledger.history.import_(tmp_path / "run.jsonl")
        assert ledger.runs.get(run.id).snapshot == run.snapshot
        assert ledger.verify().ok
    with (
        ledger_on(Wrapper(open_store("memory:"))) as ledger,
        pytest.raises(fl.InvalidRequest, match=r"nothing can be imported into Wrapper: the port .* new events only"),
    ):
        ledger.history.import_(tmp_path / "run.jsonl")


# --- a log that isn't as it was ---------------------------------------------------------------------------------------


def test_lists_forget_what_a_log_has_lost() -> None:
    disk = Disk()
    with ledger_on(DiskLog(disk)) as ledger:
        ledger.workflows.save(DEFINITION, workflow_id="w", by="ada")
        kept, kept_positions = list(disk.rows), disk.positions
        lost = ledger.runs.start("w", payload={"who": "ann"})
        assert [run.id for run in ledger.history.runs(text="ann")] == [lost.id]
        disk.rows, disk.positions = kept, kept_positions
        assert list(ledger.history.runs()) == []
        found = ledger.runs.start("w", payload={"who": "bob"})
        assert [run.id for run in ledger.history.runs()] == [found.id]
        assert [run.id for run in ledger.history.runs(text="bob")] == [found.id]
        assert list(ledger.history.runs(text="ann")) == []
        assert ledger.verify().ok


def test_an_event_that_can_not_be_read_leaves_the_others_listed() -> None:
    disk = Disk()
    with ledger_on(DiskLog(disk)) as ledger:
        ledger.workflows.save(DEFINITION, workflow_id="w", by="ada")
        damaged, whole = (ledger.runs.start("w", payload={"who": who}) for who in ("ann", "bob"))
    disk.rows = [
        row._replace(state=row.state[:50]) if (row.stream, row.version) == (damaged.id, 1) else row for row in disk.rows
    ]
    with ledger_on(DiskLog(disk)) as ledger:
        for _ in range(2):
            assert [(run.id, run.status) for run in ledger.history.runs()] == [
                (whole.id, "paused"),
                (damaged.id, "paused"),
            ]
            assert isinstance(ledger.history.runs().items[1].started_at, fl.OddTime)
            assert next((found.stream, found.version) for found in ledger.verify().findings) == (damaged.id, 1)
            left_out: list[fl.EventNotReadable] = []
            ledger.rebuild(left_out=left_out.append)
            assert [(error.stream, error.version) for error in left_out] == [(damaged.id, 1)]


class Shaky(DiskLog):
    """Loses the connection, before or after it has stored what it was given."""

    fails: list[str]

    def append(self, rows: Any) -> Any:
        if not self.fails:
            return super().append(rows)
        if self.fails.pop() == "after":
            super().append(rows)
        raise TimeoutError("no answer")


@pytest.mark.parametrize("fails", [["before"], ["after"]])
def test_a_log_that_loses_its_connection_is_asked_what_it_holds(fails: list[str]) -> None:
    log = Shaky(Disk())
    log.fails = fails
    with closing(event_store(log)) as store:
        (position,) = write(store, "a", 0, 1)
        assert [(event.version, event.position) for event in store.tail()] == [(1, position)]
        log.fails = ["before", "before"]
        with pytest.raises(fl.StorageUnavailable, match=r"is unknown.*Shaky met TimeoutError: no answer"):
            write(store, "a", 1, 2)
        assert texts(store, "a") == [1]


def test_a_child_goes_on_with_the_log_and_with_lists_of_its_own() -> None:
    with ledger_on(DiskLog(Disk())) as ledger:
        ledger.workflows.save(DEFINITION, workflow_id="w", by="ada")
        run = ledger.runs.start("w", payload={"who": "ann"})
        assert len(list(ledger.history.runs(text="ann"))) == 1
        child = os.fork()
        if child == 0:
            with suppress(BaseException):
                found = [found.id for found in ledger.history.runs(text="ann")] == [run.id]
                os._exit(0 if found and ledger.runs.start("w", payload={"who": "bob"}).status == "paused" else 2)
            os._exit(3)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert [found.id for found in ledger.history.runs()] == [run.id]  # what is in memory is each process's own


# --- what is opened ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nonsense", [None, 7, Path("store.db"), {"url": "memory:"}])
def test_what_is_no_store_is_refused(nonsense: Any) -> None:
    with pytest.raises(fl.InvalidRequest, match=r"an EventLog or an EventStore is needed.*it lacks append"):
        fl.open_ledger(nonsense)


@pytest.fixture
def enter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str, str], None]]:
    """Installs a package that brings a store under a scheme."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "brought_stores.py").write_text(
        "from flowledger.infrastructure.ledger.stores import open_store\n"
        "def in_memory(url, *, create, max_event_bytes):\n"
        "    assert url.startswith('brought:') and create and max_event_bytes > 2**20\n"
        "    return open_store('memory:')\n"
        "def nothing(url, **options):\n    return None\n"
        "def fails(url, **options):\n    raise OSError('no route to host')\n"
    )

    def install(package: str, scheme: str, factory: str) -> None:
        folder = tmp_path / f"{package}-1.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1\n")
        (folder / "entry_points.txt").write_text(f"[flowledger.stores]\n{scheme} = brought_stores:{factory}\n")

    yield install
    sys.modules.pop("brought_stores", None)


def test_a_package_brings_a_store_under_a_scheme(enter: Any) -> None:
    enter("one", "brought", "in_memory")
    with fl.open_ledger("brought:anything") as ledger:
        assert ledger.verify().events == 0
    with pytest.raises(fl.InvalidRequest, match=r"'carried:x' is not a store's URL.*memory:, sqlite.*, brought:$"):
        fl.open_ledger("carried:x")


def test_two_packages_with_one_scheme_are_told(enter: Any) -> None:
    enter("one", "brought", "in_memory")
    enter("two", "brought", "nothing")
    with pytest.raises(fl.InvalidRequest, match=r"claimed by .*in_memory of one 1 and by .*nothing of two 1"):
        fl.open_ledger("brought:x")


@pytest.mark.parametrize(
    ("factory", "error", "message"),
    [
        (
            "fails",
            fl.StorageUnavailable,
            "//me:.*@host can't be opened by brought_stores:fails of one 1: OSError",
        ),
        ("nothing", fl.InvalidRequest, "the package that opens brought://me:.*@host returned None"),
        ("missing", fl.StorageUnavailable, "can't be opened by brought_stores:missing of one 1: AttributeError"),
    ],
)
def test_a_package_that_can_not_open_its_store_is_named(enter: Any, factory: str, error: Any, message: str) -> None:
    enter("one", "brought", factory)
    with pytest.raises(error, match=message) as caught:
        fl.open_ledger("brought://me:secret@host")
    assert "secret" not in str(caught.value)


# --- what the library asks of a recorder ------------------------------------------------------------------------------


def test_the_log_is_followed_as_any_other() -> None:
    with closing(event_store(DiskLog(Disk()))) as store:
        write(store, "a", 0, 1, 2)
        with store.recorder.subscribe() as following:
            assert [next(following).originator_version for _ in range(2)] == [1, 2]
            write(store, "b", 0, 3)
            assert next(following).originator_id == "b"
        notifications = store.recorder.select_notifications(2, 10)
        assert [(one.originator_id, one.id) for one in notifications] == [("a", 2), ("b", 3)]
        assert [event.version for event in store.get("a", gt=1)] == [2]


def test_an_append_is_checked_against_what_the_log_holds() -> None:
    row = NewRow("a", 2, "test.noted", b"", previous=b"d" * 32)
    assert row.follows(b"\1" + bytes(8) + b"d" * 32 + b"{}")
    assert not row.follows(b"\1" + bytes(8) + b"e" * 32 + b"{}")


def test_a_log_reads_a_page_at_a_time() -> None:
    class Counting(DiskLog):
        read = 0

        def stream(self, *place: Any, **order: Any) -> Iterator[Any]:
            for row in super().stream(*place, **order):
                self.read += 1
                yield row

    log: EventLog = Counting(Disk())
    with closing(adapt_store(log, MAX_EVENT_BYTES)) as store:
        write(store, "a", 0, *range(3_000))
        log.read = 0  # type: ignore[attr-defined]
        next(store.read("a"))
        assert log.read == 1_000  # type: ignore[attr-defined]
