"""A run that is exported and imported is the same run: its events byte for byte, and all that is said of it."""

import os
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.storage.event_store import LedgerEventStore
from flowledger.infrastructure.transfer import import_ as importing
from flowledger.testing import Crash, Faults, memory_ledger

from ..storage.index import index_of
from .story import SECRET, WORKFLOW, Story, answers, executors, index_is_that_of_a_rebuild, stored


def test_an_imported_run_is_the_same_run(store_url: str, tmp_path: Path) -> None:
    story = Story(store_url)
    for run_id in (story.first, story.repeated, story.retried):
        file = tmp_path / f"{run_id}.jsonl.zst"
        exported = story.ledger.history.export(run_id, file)
        with fl.open_ledger("memory:", executors()) as target:
            report = target.history.import_(file)
            assert (report.run_id, report.added, report.present) == (run_id, exported.events, 0)
            assert tuple(stream.stream for stream in report.streams) == exported.streams
            assert (
                stored(target).items()
                <= {
                    stream: rows[: len(stored(target).get(stream, ()))] for stream, rows in stored(story.ledger).items()
                }.items()
            )
            if run_id == story.retried:
                assert answers(target, run_id) == answers(story.ledger, run_id)
            assert target.history.snapshot(run_id) == story.ledger.history.snapshot(run_id)
            assert target.verify().ok
    story.ledger.close()


def test_every_backend_takes_it_over_and_lists_it(story: Story, target: fl.Ledger, file: Path) -> None:
    target.history.import_(story.export(file))
    assert answers(target, story.retried) == answers(story.ledger, story.retried)
    index_is_that_of_a_rebuild(target)
    assert target.verify().ok
    run = target.runs.retry(story.retried, by="carol", globals={"token": "t"})
    assert run.status == "paused"
    assert target.runs.resume(run.id, payload="go").workflow_version == 2


def test_an_export_of_what_was_imported_is_byte_for_byte_the_same(
    story: Story, new_postgres_store: Callable[[], str], tmp_path: Path
) -> None:
    for name in ("run.jsonl", "run.jsonl.zst"):
        first = story.export(tmp_path / name)
        before = first.read_bytes()
        for url in (f"sqlite:///{tmp_path / name}.db", new_postgres_store(), "memory:"):
            with fl.open_ledger(url) as ledger:
                ledger.history.import_(first)
                ledger.history.export(story.retried, first)
            assert first.read_bytes() == before


def test_the_file_holds_what_the_run_refers_to_and_nothing_else(story: Story, file: Path) -> None:
    first = story.ledger.history.export(story.first, file)
    assert set(first.streams) == {story.first, story.order, "workflow:mail"}
    retried = story.ledger.history.export(story.retried, file)
    assert set(retried.streams) == {*first.streams, story.repeated, story.retried}
    text = file.read_text()
    assert story.stranger not in text
    assert '"workflow:mail","version":2' in text
    assert '"workflow:mail","version":3' not in text


def test_what_happens_later_elsewhere_changes_no_export(story: Story, tmp_path: Path) -> None:
    before = story.export(tmp_path / "before.jsonl").read_bytes()
    story.ledger.runs.retry(story.retried, by="bob", globals={"token": "t"})
    story.ledger.workflows.archive("mail", by="ada")
    assert story.export(tmp_path / "after.jsonl").read_bytes() == before


def test_events_are_stored_in_the_order_in_which_they_happened(story: Story, target: fl.Ledger, file: Path) -> None:
    report = target.history.import_(story.export(file))
    here = [(event.stream, event.version) for event in target._store.tail()]
    there = [(event.stream, event.version) for event in story.ledger._store.tail()]
    assert here == [place for place in there if place in set(here)]
    assert len(here) == report.added


def test_importing_twice_changes_nothing(story: Story, target: fl.Ledger, file: Path) -> None:
    first = target.history.import_(story.export(file))
    before = stored(target), index_of(target._store), target._store.last_position()
    again = target.history.import_(file)
    assert (again.added, again.present) == (0, first.added)
    assert (stored(target), index_of(target._store), target._store.last_position()) == before


@pytest.mark.parametrize("later_first", [False, True])
def test_two_runs_of_one_work_order_come_in_any_order(
    story: Story, target: fl.Ledger, tmp_path: Path, later_first: bool
) -> None:
    files = [story.export(tmp_path / f"{run_id}.jsonl", run_id) for run_id in (story.first, story.retried)]
    wanted = files[::-1] if later_first else files
    reports = [target.history.import_(path, continue_existing=True) for path in wanted]
    assert reports[1].present > 0
    assert (reports[1].added == 0) == later_first
    assert answers(target, story.retried) == answers(story.ledger, story.retried)
    index_is_that_of_a_rebuild(target)


def test_a_run_that_went_on_is_brought_up_to_date(story: Story, target: fl.Ledger, file: Path) -> None:
    run = story.ledger.runs.reproduce(story.first, globals={"token": "t"}, by="bob")
    target.history.import_(story.export(file, run.id))
    story.ledger.runs.cancel(run.id, by="ops")
    before = stored(target), index_of(target._store)
    with pytest.raises(fl.WouldContinue, match=f"1 of stream '{run.id}'") as refused:
        target.history.import_(story.export(file, run.id))
    assert refused.value.streams == {run.id: 1}
    assert (stored(target), index_of(target._store)) == before
    report = target.history.import_(file, continue_existing=True)
    assert (run.status, report.added) == ("paused", 1)
    assert [stream.stream for stream in report.streams if stream.continued] == [run.id]
    assert target.runs.get(run.id) == story.ledger.runs.get(run.id)


def test_a_store_that_is_ahead_stays_ahead(story: Story, target: fl.Ledger, file: Path) -> None:
    target.history.import_(story.export(file))
    target.runs.set_metadata(story.retried, {"seen": True}, by="carol")
    assert target.history.import_(file).added == 0
    assert target.runs.get(story.retried).snapshot.metadata["seen"] is True


def test_a_dry_run_says_what_would_be_added_and_adds_nothing(story: Story, target: fl.Ledger, file: Path) -> None:
    told = target.history.import_(story.export(file), dry_run=True)
    assert stored(target) == {}
    assert target.history.import_(file) == told
    assert told.bytes == sum(len(row.encoded or b"") for rows in stored(target).values() for row in rows)
    assert target.history.import_(file).bytes == 0


def test_a_run_that_has_not_ended_goes_on_in_the_other_store(target: fl.Ledger, file: Path) -> None:
    with fl.open_ledger("memory:", executors()) as source:
        source.workflows.save(WORKFLOW, workflow_id="mail")
        run = source.runs.start("mail", payload={"n": 1}, wait=False)
        source.history.export(run.id, file)
    target.history.import_(file)
    assert target.history.work_orders().items[0].state == "pending"
    assert target.runs.proceed(run.id, globals={"token": "t"}).status == "paused"


def test_secrets_that_were_masked_are_in_no_export(story: Story, file: Path) -> None:
    text = story.export(file).read_text()
    assert SECRET not in text
    assert '"auth":"***"' in text


# --- conflicts --------------------------------------------------------------------------------------------------------


def test_a_run_that_went_on_in_both_places_is_refused(story: Story, target: fl.Ledger, file: Path) -> None:
    target.history.import_(story.export(file))
    version = target.runs.get(story.retried).version
    target.runs.set_metadata(story.retried, {"note": "here"}, by="carol")
    story.ledger.runs.set_metadata(story.retried, {"note": "there"}, by="carol")
    nothing_is_imported(target, story.export(file), story.retried, version + 1)


def test_a_work_order_that_was_retried_in_both_places_is_refused(story: Story, target: fl.Ledger, file: Path) -> None:
    target.history.import_(story.export(file))
    for ledger in (target, story.ledger):
        again = ledger.runs.retry(story.retried, by="carol", globals={"token": "t"})
    nothing_is_imported(target, story.export(file, again.id), story.order, 4)


def test_another_workflow_of_the_same_id_is_refused(story: Story, target: fl.Ledger, file: Path) -> None:
    target.workflows.save(WORKFLOW, workflow_id="mail", by="carol")
    nothing_is_imported(target, story.export(file), "workflow:mail", 1)


def nothing_is_imported(target: fl.Ledger, file: Path, stream: str, version: int) -> None:
    before = stored(target), index_of(target._store)
    for dry_run in (True, False):
        with pytest.raises(fl.ConflictingHistory, match=f"from version {version} on") as refused:
            target.history.import_(file, dry_run=dry_run)
        assert (refused.value.stream, refused.value.version) == (stream, version)
    assert (stored(target), index_of(target._store)) == before


# --- others at work ---------------------------------------------------------------------------------------------------


def just_before_the_append(monkeypatch: pytest.MonkeyPatch, do: Callable[[], object]) -> None:
    append = LedgerEventStore.append_recorded

    def overtaken(store: LedgerEventStore, events: Any) -> list[int]:
        monkeypatch.setattr(LedgerEventStore, "append_recorded", append)
        do()
        return append(store, events)

    monkeypatch.setattr(LedgerEventStore, "append_recorded", overtaken)


def test_somebody_who_imports_the_same_at_once_gets_in_the_way_of_nobody(
    story: Story, durable_url: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.export(file)
    with fl.open_ledger(durable_url) as one, fl.open_ledger(durable_url) as other:
        just_before_the_append(monkeypatch, lambda: other.history.import_(file))
        one.history.import_(file)
        assert one.verify().events == len(story_events(file))
        assert answers(one, story.retried) == answers(story.ledger, story.retried)


def test_somebody_who_saves_the_workflow_meanwhile_is_a_conflict(
    story: Story, durable_url: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.export(file)
    with fl.open_ledger(durable_url, executors()) as one, fl.open_ledger(durable_url, executors()) as other:
        just_before_the_append(monkeypatch, lambda: other.workflows.save(WORKFLOW, workflow_id="mail", by="carol"))
        with pytest.raises(fl.ConflictingHistory):
            one.history.import_(file)
        assert list(stored(one)) == ["workflow:mail"]


def test_many_who_import_at_once_store_each_event_once(story: Story, durable_url: str, file: Path) -> None:
    story.export(file)

    def take_over() -> None:
        with fl.open_ledger(durable_url) as ledger:
            ledger.history.import_(file)

    with fl.open_ledger(durable_url) as ledger:
        threads = [threading.Thread(target=take_over) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (ledger.verify().ok, ledger.verify().events) == (True, len(story_events(file)))
        index_is_that_of_a_rebuild(ledger)


def story_events(file: Path) -> list[str]:
    return file.read_text().splitlines()[1:-1]


# --- large ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_an_import_in_several_commits_makes_the_same_index(
    story: Story, target: fl.Ledger, file: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(importing, "COMMIT_EVENTS", size)
    target.history.import_(story.export(file))
    assert answers(target, story.retried) == answers(story.ledger, story.retried)
    index_is_that_of_a_rebuild(target)


def test_what_was_decided_together_is_committed_together(
    target: fl.Ledger, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source_executors = executors()
    source_executors.register("lost")(lambda step: fl.StepResult(1, "nowhere"))
    lost = {"nodes": [{"id": "a", "type": "lost"}, {"id": "b", "type": "lost"}]}
    commits: list[list[str]] = []
    append = LedgerEventStore.append_recorded

    def listed(store: LedgerEventStore, events: Any) -> list[int]:
        commits.append([event.topic for event in events])
        return append(store, events)

    monkeypatch.setattr(LedgerEventStore, "append_recorded", listed)
    monkeypatch.setattr(importing, "COMMIT_EVENTS", 1)
    with memory_ledger(source_executors) as source:
        source.workflows.save(lost | {"edges": [{"source": "a", "target": "b"}], "start": "a"}, workflow_id="w")
        source.history.export(source.runs.start("w").id, file)
        target.history.import_(file)
        assert commits == [
            ["workflow.created"],
            ["run.started", "work_order.opened", "run.step_completed", "run.failed"],
        ]
        Faults(source).next("crash before commit", passing=1)
        with pytest.raises(Crash):
            source.runs.start("w")
        source.history.export(source.history.runs().items[0].id, file)
    target.history.import_(file)
    assert target.history.work_orders().items[0].state == "running"
    index_is_that_of_a_rebuild(target)


def test_an_import_that_was_interrupted_is_completed_by_the_next_one(
    story: Story, target: fl.Ledger, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "COMMIT_EVENTS", 2)
    append, left = LedgerEventStore.append_recorded, [3]

    def breaking(store: LedgerEventStore, events: Any) -> list[int]:
        if not left[0]:
            raise fl.StorageUnavailable("the disk is full")
        left[0] -= 1
        return append(store, events)

    monkeypatch.setattr(LedgerEventStore, "append_recorded", breaking)
    with pytest.raises(fl.StorageUnavailable):
        target.history.import_(story.export(file))
    in_part = target.verify()
    assert in_part.ok
    monkeypatch.setattr(LedgerEventStore, "append_recorded", append)
    report = target.history.import_(file, continue_existing=True)
    assert report.present == in_part.events > 0
    assert answers(target, story.retried) == answers(story.ledger, story.retried)
    index_is_that_of_a_rebuild(target)


@pytest.mark.exhaustive
def test_memory_does_not_grow_with_the_run(tmp_path: Path) -> None:
    few, many = (peaks(tmp_path / str(steps), steps) for steps in (40, 160))
    assert many[0] < few[0] * 1.25
    assert many[1] < few[1] * 1.25


def peaks(folder: Path, steps: int) -> tuple[int, int]:
    """Bytes that an export takes and an import, of a run with results of 400 kB."""
    folder.mkdir()
    registry = fl.ExecutorRegistry()

    @registry.register("work")
    def work(step: fl.StepContext) -> Any:
        return fl.StepResult(os.urandom(200_000).hex(), "again" if step.runs + 1 < steps else None)

    loop = {
        "nodes": [{"id": "a", "type": "work"}, {"id": "b", "type": "work"}],
        "edges": [{"source": "a", "target": "a", "sourceHandle": "again"}, {"source": "a", "target": "b"}],
    }
    with fl.open_ledger(f"sqlite:///{folder / 'one.db'}", registry) as ledger:
        ledger.workflows.save(loop | {"start": "a"}, workflow_id="loop")
        run = ledger.runs.start("loop")
        tracemalloc.start()
        ledger.history.export(run.id, folder / "run.jsonl.zst")
        exported = peak()
    with fl.open_ledger(f"sqlite:///{folder / 'two.db'}") as target:
        assert target.history.import_(folder / "run.jsonl.zst").added == steps + 4
        imported = peak()
        tracemalloc.stop()
        assert target.runs.get(run.id).version == steps + 2
    return exported, imported


def peak() -> int:
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    return peak


def test_progress_is_told_to_the_end(story: Story, target: fl.Ledger, file: Path) -> None:
    told: list[float] = []
    story.ledger.history.export(story.retried, file, progress=told.append)
    assert told[-1] == 1.0
    told.clear()
    target.history.import_(file, progress=told.append)
    assert told == [0.5, 1.0]


async def test_the_async_twins_do_the_same(story: Story, target: fl.Ledger, file: Path) -> None:
    exported = await story.ledger.history.aexport(story.retried, file)
    assert (await target.history.aimport_(file)).added == exported.events


# --- files ------------------------------------------------------------------------------------------------------------


def test_the_content_says_whether_it_is_compressed_not_the_name(
    story: Story, target: fl.Ledger, tmp_path: Path
) -> None:
    packed, plain = story.export(tmp_path / "run.jsonl.zst"), story.export(tmp_path / "run.jsonl")
    assert packed.stat().st_size < plain.stat().st_size / 2
    added = target.history.import_(packed.rename(tmp_path / "packed.jsonl")).added
    assert target.history.import_(plain.rename(tmp_path / "plain.zst")).present == added


def test_an_export_that_fails_leaves_what_was_there(story: Story, tmp_path: Path) -> None:
    file = story.export(tmp_path / "run.jsonl", story.first)
    before = file.read_bytes()

    def stop(done: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        story.ledger.history.export(story.retried, file, progress=stop)
    with pytest.raises(fl.StorageUnavailable, match="can't write"):
        story.export(file / "run.jsonl")
    with pytest.raises(fl.StorageUnavailable):
        story.export(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["run.jsonl"]
    assert file.read_bytes() == before


def test_a_run_that_is_not_there_is_refused_and_leaves_no_file(story: Story, tmp_path: Path) -> None:
    for unknown in ("nobody", "workflow:mail", story.order):
        with pytest.raises(fl.RunNotFound):
            story.export(tmp_path / "run.jsonl", unknown)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_history_is_not_exported(story: Story, tmp_path: Path) -> None:
    recorder = story.ledger._store.recorder
    place = recorder._stored_events_index[story.first][4]
    event = recorder._stored_events[place]
    recorder._stored_events[place] = type(event)(
        event.originator_id, event.originator_version, event.topic, event.state.replace(b'"bob"', b'"eve"'), event.data
    )
    with pytest.raises(fl.StorageCorrupt, match=f"event 4 of stream '{story.first}' can't be exported"):
        story.export(tmp_path / "run.jsonl")
    assert list(tmp_path.iterdir()) == []
