"""A store that an older release filled with odd names stays readable, and its workflows, runs and keys go on."""

from pathlib import Path

import pytest

import flowledger as fl
from flowledger.domain.visible import visible_lines

from .older_names import EVIL, as_older_releases_did, definition, executors, fill


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param == "sqlite":
        made = f"sqlite:///{tmp_path_factory.mktemp('older')}/s.db"
    else:
        made = request.getfixturevalue("new_postgres_url")()
    runs = fill(made)
    request.config.stash[RUNS] = runs
    return made


RUNS = pytest.StashKey[dict[str, str]]()


def test_all_of_it_can_be_read_and_found(url: str, request: pytest.FixtureRequest) -> None:
    runs = request.config.stash[RUNS]
    with fl.open_ledger(url, executors) as ledger:
        history = ledger.history
        assert ledger.workflows.get(EVIL).workflow_id == EVIL
        assert [row.id for row in ledger.workflows.list()] == [EVIL]
        assert {run.id for run in history.runs(workflow_id=EVIL, by=EVIL, limit=50)} == {
            id for how, id in runs.items() if how != "order"
        }
        assert [run.id for run in history.runs(node=EVIL, status="paused")] == [runs["paused"]]
        assert list(history.trail(by=EVIL, stream=f"workflow:{EVIL}"))
        assert {run.id for run in history.runs(text="PWNED", limit=50)} >= {runs["completed"]}
        for how, run_id in runs.items():
            if how != "order":
                history.snapshot(run_id)
                history.audit(run_id)
                assert history.replay(run_id).divergence is None
        assert ledger.verify(deep=True).findings == ()


def test_what_has_begun_goes_on(url: str, request: pytest.FixtureRequest) -> None:
    runs = request.config.stash[RUNS]
    with fl.open_ledger(url, executors) as ledger:
        again = ledger.runs.start(EVIL, payload={EVIL: EVIL, "way": EVIL}, idempotency_key=EVIL)
        assert again.id == runs["completed"], "the key is known"
        with pytest.raises(fl.InvalidValue, match="idempotency_key"):
            ledger.runs.start(EVIL, idempotency_key=f"{EVIL}, a new one")
        assert ledger.runs.resume(runs["paused"], payload=1, by="ada").status == "completed"
        assert ledger.workflows.restore(EVIL, by="ada", version=1).version == 3
        longer = definition(EVIL) | {"start": EVIL}
        longer["nodes"].append({"id": "plain", "type": EVIL})
        assert ledger.workflows.save(longer, workflow_id=EVIL, by="ada").version == 4
        longer["nodes"].append({"id": f"{EVIL}, a new one", "type": EVIL})
        with pytest.raises(fl.InvalidDefinition, match=r"1 fault:\n  - nodes\[3\].id: .* has no control characters"):
            ledger.workflows.save(longer, workflow_id=EVIL, by="ada")
        assert ledger.workflows.archive(EVIL, by="ada").archived


@pytest.mark.parametrize("how", ["completed", "failed", "paused", "forked"])
def test_an_import_makes_names_so_it_takes_no_odd_ones(
    url: str, how: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with fl.open_ledger(url, executors) as ledger:
        ledger.history.export(request.config.stash[RUNS][how], tmp_path / "run.jsonl")
    with fl.open_ledger(f"sqlite:///{tmp_path}/other.db") as other:
        with pytest.raises(fl.InvalidExport, match="a name has no control characters") as refused:
            other.history.import_(tmp_path / "run.jsonl")
        assert visible_lines(str(refused.value)) == str(refused.value)
        assert other.verify().events == 0


def test_an_old_id_can_be_saved_under_again(tmp_path: Path) -> None:
    mine = fl.ExecutorRegistry()
    mine.register("t")(lambda step: 1)
    definition = {"nodes": [{"id": "n", "type": "t"}]}
    with fl.open_ledger(f"sqlite:///{tmp_path}/s.db", mine) as ledger:
        with as_older_releases_did():
            ledger.workflows.save(definition, workflow_id=EVIL)
        changed = {"nodes": [{"id": "n", "type": "t", "data": 1}]}
        assert ledger.workflows.save(changed, workflow_id=EVIL).version == 2
        assert ledger.runs.start(EVIL).status == "completed"
