"""An exported folder remembers the version that it came from, and a save of it is based on that."""

import json
import logging
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flowledger as fl
from flowledger.infrastructure.files import base
from flowledger.infrastructure.files.base import read_base

from ..effort import tries


def texts(one: str, two: str) -> dict[str, Any]:
    nodes = [{"id": "a", "type": "t", "data": one, "code": f"# {one}\n"}, {"id": "b", "type": "t", "data": two}]
    return {"nodes": nodes, "edges": [{"source": "a", "target": "b"}]}


@pytest.fixture
def ledger() -> Iterator[Any]:
    with fl.open_ledger("memory:") as ledger:
        ledger.workflows.save(texts("hello", "bye"), workflow_id="w", by="ada")
        yield ledger


@pytest.fixture(params=["json", "yaml"])
def folder(ledger: Any, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    ledger.workflows.export("w", tmp_path / "w", format=request.param)
    return tmp_path / "w"


def edit(folder: Path, old: str, new: str) -> None:
    for file in folder.glob("workflow.*"):
        file.write_text(file.read_text().replace(old, new))


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_whose_version_others_saved_over_is_refused_by_who_and_what(ledger: Any, folder: Path) -> None:
    ledger.workflows.save(texts("hello", "bye, says bob"), workflow_id="w", by="bob", message="kinder")
    edit(folder, "hello", "hello, says zed")
    for path in (folder, *folder.glob("workflow.*")):
        with pytest.raises(fl.StaleVersion, match="bob saved at") as refused:
            ledger.workflows.save(path, workflow_id="w", by="zed")
        assert (refused.value.expected, refused.value.actual) == (1, 2)
        assert "(kinder): changed node 'b'" in str(refused.value)
        assert "--force" in str(refused.value)
    assert ledger.workflows.get("w").by == "bob"


def test_force_saves_over_what_others_saved(ledger: Any, folder: Path) -> None:
    ledger.workflows.save(texts("hello", "bye, says bob"), workflow_id="w", by="bob")
    edit(folder, "hello", "hello, says zed")
    assert ledger.workflows.save(folder, workflow_id="w", by="zed", force=True).version == 3
    edit(folder, "says zed", "says zed again")
    assert ledger.workflows.save(folder, workflow_id="w", by="zed").version == 4


def test_who_goes_on_editing_is_never_stale_against_his_own_saves(ledger: Any, folder: Path) -> None:
    for number in range(2, 6):
        edit(folder, "bye", f"bye {number}")
        assert ledger.workflows.save(folder, workflow_id="w", by="zed").version == number
        assert ledger.workflows.save(folder, workflow_id="w", by="zed").version == number
    ledger.workflows.release("w", 2, by="bob")
    ledger.workflows.archive("w", by="bob")
    ledger.workflows.restore("w", by="bob")
    edit(folder, "bye", "bye for now")
    assert ledger.workflows.save(folder, workflow_id="w", by="zed", draft=True).version == 9


def test_a_merge_takes_the_remembered_version_and_can_be_repeated(ledger: Any, folder: Path) -> None:
    ledger.workflows.save(texts("hello", "bye, says bob"), workflow_id="w", by="bob")
    edit(folder, "data: hello", "data: hello, says zed")
    edit(folder, '"data": "hello"', '"data": "hello, says zed"')
    merged = ledger.workflows.save(folder, workflow_id="w", by="zed", merge=True)
    assert [node.data for node in merged.definition.nodes] == ["hello, says zed", "bye, says bob"]
    # What bob changed isn't in the folder: another save of it must not take that away.
    with pytest.raises(fl.StaleVersion):
        ledger.workflows.save(folder, workflow_id="w", by="zed")
    assert ledger.workflows.save(folder, workflow_id="w", by="zed", merge=True) == merged
    ledger.workflows.export("w", folder)
    assert ledger.workflows.save(folder, workflow_id="w", by="zed") == merged


def test_an_expected_version_counts_before_the_remembered_one(ledger: Any, folder: Path) -> None:
    ledger.workflows.save(texts("hello", "bye, says bob"), workflow_id="w", by="bob")
    edit(folder, "bye", "bye, says zed")
    with pytest.raises(fl.StaleVersion):
        ledger.workflows.save(folder, workflow_id="w", by="zed", expected_version=0)
    assert ledger.workflows.save(folder, workflow_id="w", by="zed", expected_version=2).version == 3
    assert ledger.workflows.save(folder, workflow_id="w", by="zed").version == 3


def test_a_folder_that_remembers_nothing_is_saved_as_ever_and_stays_as_it_is(ledger: Any, folder: Path) -> None:
    shutil.rmtree(folder / ".flowledger")
    ledger.workflows.save(texts("hello", "bye, says bob"), workflow_id="w", by="bob")
    before = files_in(folder)
    assert ledger.workflows.save(folder, workflow_id="w", by="zed").version == 3
    assert files_in(folder) == before


def test_what_another_workflow_or_store_remembers_says_nothing_of_this_one(ledger: Any, folder: Path) -> None:
    before = files_in(folder)
    for _ in range(2):
        assert ledger.workflows.save(folder, workflow_id="copy", by="zed").version == 1
    ledger.workflows.save(texts("other", "other"), workflow_id="copy", by="bob")
    assert ledger.workflows.save(folder, workflow_id="copy", by="zed").version == 3
    with fl.open_ledger("memory:") as other:
        other.workflows.save(texts("of", "another"), workflow_id="w", by="eve")
        assert other.workflows.save(folder, workflow_id="w", by="zed").version == 2
    assert files_in(folder) == before


def test_one_file_alone_remembers_nothing(ledger: Any, folder: Path) -> None:
    ledger.workflows.export("w", folder / "alone.json")
    ledger.workflows.save(texts("hello", "bye, says bob"), workflow_id="w", by="bob")
    assert ledger.workflows.save(folder / "alone.json", workflow_id="w", by="zed").version == 3


def test_the_same_definition_is_the_same_bytes_whatever_the_version(ledger: Any, tmp_path: Path) -> None:
    ledger.workflows.export("w", tmp_path / "w")
    before = files_in(tmp_path / "w")
    ledger.workflows.rename("w", "another name", by="ada")
    ledger.workflows.export("w", tmp_path / "w")
    after = files_in(tmp_path / "w")
    assert {name for name in before if before[name] != after[name]} == {".flowledger/base.json"}
    assert before[".flowledger/.gitignore"] == b"*\n"


@pytest.mark.skipif(shutil.which("git") is None, reason="git isn't installed")
def test_git_sees_nothing_of_what_is_remembered(ledger: Any, folder: Path) -> None:
    def git(*arguments: str) -> str:
        return subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True).stdout

    git("init", "-q")
    assert sorted(git("ls-files", "--others", "--exclude-standard").split()) == [
        "nodes/a.py",
        next(file.name for file in folder.glob("workflow.*")),
    ]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"workflowId": "w"}', b'{"workflowId": 1, "snapshotId": 2}', b"\xff", b"9" * 2**17]
)
def test_what_cant_be_read_is_told_and_nothing_is_saved(ledger: Any, folder: Path, content: bytes) -> None:
    edit(folder, "bye", "bye, says zed")
    (folder / ".flowledger/base.json").write_bytes(content)
    with pytest.raises(fl.InvalidRequest, match=r"base\.json.*; without that file nothing is checked"):
        ledger.workflows.save(folder, workflow_id="w", by="zed")
    assert ledger.workflows.get("w").version == 1
    ledger.workflows.export("w", folder)
    assert ledger.workflows.save(folder, workflow_id="w", by="zed").version == 1


def test_a_folder_that_cant_be_written_is_saved_and_the_log_says_so(
    ledger: Any, folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise fl.StorageUnavailable("can't write: read-only file system")

    edit(folder, "bye", "bye, says zed")
    monkeypatch.setattr(base, "write_files", refuse)
    with caplog.at_level(logging.WARNING, "flowledger.files"):
        assert ledger.workflows.save(folder, workflow_id="w", by="zed").version == 2
    assert "version 2 of workflow 'w' is saved, but" in caplog.text
    assert "read-only file system" in caplog.text


def test_a_link_that_leads_out_of_the_folder_is_not_written_through(
    ledger: Any, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    elsewhere = tmp_path / "elsewhere"
    shutil.move(folder / ".flowledger", elsewhere)
    (folder / ".flowledger").symlink_to(elsewhere)
    before = files_in(elsewhere)
    edit(folder, "bye", "bye, says zed")
    with caplog.at_level(logging.WARNING, "flowledger.files"):
        assert ledger.workflows.save(folder, workflow_id="w", by="zed").version == 2
    assert files_in(elsewhere) == before
    assert "leads out of the folder" in caplog.text


@pytest.mark.parametrize("workflow_id", ["a/b", '"q"', "🦉", "x" * 1000, "späth"])
def test_any_id_is_remembered(ledger: Any, tmp_path: Path, workflow_id: str) -> None:
    saved = ledger.workflows.save(texts("a", "b"), workflow_id=workflow_id, by="ada")
    ledger.workflows.export(workflow_id, tmp_path / "out")
    assert read_base(tmp_path / "out") == (workflow_id, saved.snapshot_id)
    assert json.loads((tmp_path / "out/.flowledger/base.json").read_text())["version"] == 1


@given(steps=st.lists(st.tuples(st.sampled_from(["zed", "bob"]), st.sampled_from(["save", "export"])), max_size=12))
@settings(max_examples=tries(60), deadline=None)
def test_of_two_people_with_folders_neither_takes_away_what_he_has_not_seen(
    steps: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("two")
    with fl.open_ledger("memory:") as ledger:
        ledger.workflows.save(texts("0", "0"), workflow_id="w", by="ada")
        seen: dict[str, int] = {}
        for name in ("zed", "bob"):
            ledger.workflows.export("w", place / name)
            seen[name] = 1
        for number, (name, act) in enumerate(steps, 1):
            head = ledger.workflows.get("w").version
            if act == "export":
                ledger.workflows.export("w", place / name)
                seen[name] = head
                continue
            (place / name / "nodes/a.py").write_text(f"# {number} of {name}\n")
            if seen[name] == head:
                seen[name] = ledger.workflows.save(place / name, workflow_id="w", by=name).version
                assert seen[name] == head + 1
            else:
                with pytest.raises(fl.StaleVersion):
                    ledger.workflows.save(place / name, workflow_id="w", by=name)
