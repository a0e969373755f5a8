"""The header of a run: one row tells it, however large or odd that row is."""

import itertools
from datetime import UTC, datetime

import pytest

import flowledger as fl
from flowledger.domain.run import RunState, header_of
from flowledger.projections.runs.run import fold

ODD = 'a "quoted" node, ünïcode {[,\\'
LONG = "n" * 3000


def ledger_of(store_url: str) -> fl.Ledger:
    executors = fl.ExecutorRegistry()

    @executors.register("work", retry=fl.RetryPolicy(max_retries=1, interval=60.0))
    def work(step: fl.StepContext) -> object:
        match step.data.get("act"):
            case "fail":
                raise ValueError("x" * 5000)
            case "wait" if step.payload is None:
                return fl.Pause("look at it")
            case _:
                return "o" * step.data.get("size", 10)

    return fl.open_ledger(store_url, executors)


def line(*nodes: tuple[str, dict[str, object]]) -> dict[str, object]:
    ids = [node_id for node_id, _ in nodes]
    return {
        "nodes": [{"id": node_id, "type": "work", "data": data} for node_id, data in nodes],
        "edges": [{"source": source, "target": target} for source, target in itertools.pairwise(ids)],
    }


@pytest.mark.parametrize("by", ["ada", "b" * 2000], ids=["short actor", "long actor"])
def test_the_header_is_that_of_the_fold_at_every_version_however_large_the_values(store_url: str, by: str) -> None:
    with ledger_of(store_url) as ledger:
        nodes = [("small", {}), ("large", {"size": 200_000, "input": "i" * 3000}), (ODD, {"size": 900}), (LONG, {})]
        ledger.workflows.save(line(*nodes, ("waits", {"act": "wait"}), ("fails", {"act": "fail"})), workflow_id="w")
        run = ledger.runs.start("w", payload={"text": "p" * 5000}, by=by)
        run = ledger.runs.resume(run.id, payload="p" * 5000, by=by)
        ledger.runs.hold(run.id, by=by, reason="r" * 5000)
        ledger.runs.set_metadata(run.id, {"note": "m" * 5000}, by=by)
        ledger.runs.cancel(run.id, by=by, reason="r" * 5000)
        ledger.runs.set_metadata(run.id, {"note": None}, by=by)
        versions = range(1, ledger.runs.get(run.id).version + 1)
        for version in versions:
            folded = fold(RunState(run.id), ledger._store.pages(run.id, upto=version))
            assert ledger.history.header(run.id, version) == header_of(folded)
        now = ledger.history.header(run.id)
        assert now == ledger.history.header(run.id, versions[-1]) == ledger.history.header(run.id, at=datetime.now(UTC))
        assert (now.status, now.current_node_id, now.attempt) == ("cancelled", "fails", 1)


def test_a_header_is_one_row_and_never_a_fold(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with ledger_of(store_url) as ledger:
        ledger.workflows.save(line(("a", {"size": 100_000}), ("b", {}), ("c", {"act": "wait"})), workflow_id="w")
        run = ledger.runs.start("w")
        monkeypatch.setattr(ledger._store, "pages", None)
        headers = [ledger.history.header(run.id, version) for version in range(1, 5)]
        assert [header.current_node_id for header in headers] == ["a", "b", "c", "c"]
        assert [header.status for header in headers] == ["active", "active", "active", "paused"]


def test_there_is_no_header_beyond_the_head_before_the_first_event_or_of_what_is_no_run(store_url: str) -> None:
    with ledger_of(store_url) as ledger:
        ledger.workflows.save(line(("a", {})), workflow_id="w")
        run = ledger.runs.start("w")
        for asked in (3, 999, 0, -1):
            with pytest.raises(fl.VersionNotFound) as refused:
                ledger.history.header(run.id, asked)
            assert (refused.value.asked, refused.value.head) == (asked, 2)
        for stream in ("nobody", run.work_order_id, "workflow:w"):
            with pytest.raises(fl.RunNotFound):
                ledger.history.header(stream)
        with pytest.raises(fl.InvalidValue):
            ledger.history.header("a\0b")
        with pytest.raises(fl.NothingAsOf):
            ledger.history.header(run.id, at=datetime(2000, 1, 1, tzinfo=UTC))
        with pytest.raises(fl.InvalidRequest):
            ledger.history.header(run.id, version=1, at=datetime.now(UTC))
