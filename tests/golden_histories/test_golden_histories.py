"""Histories that releases have recorded: each is read as it was, and goes the same way when it is executed again."""

import re
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl
from flowledger.testing import Diverged, memory_ledger, replay_case

from .executors import price_of_then, registry
from .record import SINCE

HISTORY_FILES = sorted(Path(__file__).parent.glob("*/*.jsonl"))
MUST_FAIL = "changed"


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def test_every_history_is_kept_of_every_release() -> None:
    assert list(SINCE)[-1] == fl.__version__
    expected: set[str] = set()
    for release, added in SINCE.items():
        expected |= {history.__name__ for history in added}
        assert {path.stem for path in HISTORY_FILES if path.parent.name == release} == expected


@pytest.mark.parametrize("path", HISTORY_FILES, ids=name_of)
def test_it_is_read_as_it_was(path: Path, store_url: str, tmp_path: Path) -> None:
    with fl.open_ledger(store_url) as ledger:
        run_id = ledger.history.import_(path).run_id
        assert ledger.history.snapshot(run_id).to_json() == path.with_suffix(".json").read_bytes().strip()
        assert ledger.verify().ok
        ledger.history.export(run_id, tmp_path / path.name)
    again, before = (without_release(each.read_bytes()) for each in (tmp_path / path.name, path))
    assert again == before


def without_release(content: bytes) -> list[bytes]:
    """The header names the release that wrote it, and the last line covers that."""
    return re.sub(rb'"release":"[^"]*"', b"", content).splitlines()[:-1]


@pytest.mark.parametrize("path", [path for path in HISTORY_FILES if path.stem != MUST_FAIL], ids=name_of)
def test_it_goes_the_same_way_again(path: Path) -> None:
    report = replay_case(path, registry())
    assert report.ok
    assert report.executed > 0


@pytest.mark.parametrize("path", [path for path in HISTORY_FILES if path.stem == MUST_FAIL], ids=name_of)
def test_one_that_other_code_has_run_fails_and_says_where(path: Path) -> None:
    with pytest.raises(Diverged) as caught:
        replay_case(path, registry())
    found = caught.value.divergence
    assert (found.node_id, found.attempt, found.version) == ("price", 1, 3)
    assert (found.kind, found.path, found.expected, found.got, found.code_changed) == (
        "output", "/gross", 119.0, 120.0, True,
    )  # fmt: skip
    assert isinstance(caught.value, AssertionError)
    said = str(caught.value)
    assert said.startswith(f"{path}: run ")
    for part in ("version 3", "node 'price'", "attempt 1", "output/gross", "recorded 119.0", "now 120.0", "code has"):
        assert part in said
    assert replay_case(path, registry(price=price_of_then)).ok


def test_the_recorder_still_records_them(tmp_path: Path) -> None:
    from .record import main

    main(tmp_path / "new")
    for golden in HISTORY_FILES:
        path = tmp_path / "new" / golden.name
        assert types(path) == types(golden)
        assert path.with_suffix(".json").read_bytes() == golden.with_suffix(".json").read_bytes()


def types(path: Path) -> list[Any]:
    with memory_ledger() as ledger:
        run_id = ledger.history.import_(path).run_id
        return [(event.type, event.recorded_at) for event in ledger.history.events(run_id)]
