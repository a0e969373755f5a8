"""Files that strangers wrote cost what the limits say, and are refused by name."""

import os
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl
from flowledger.domain.workflow.definition import STORED
from flowledger.domain.workflow.graph_faults import MAX_PARTS
from flowledger.infrastructure.files import definition_reader, yaml_read
from flowledger.infrastructure.files.yaml_read import from_yaml


def folder_with(tmp_path: Path, *codes: str) -> Path:
    """A definition whose nodes have their code in files of these names."""
    nodes = ",".join(f'{{"id":"n{at}","type":"t","code":{{"file":"{code}"}}}}' for at, code in enumerate(codes))
    (tmp_path / "workflow.json").write_text(f'{{"nodes":[{nodes}],"start":"n0"}}')
    return tmp_path


def test_a_definition_file_beyond_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "w.json").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(fl.InvalidRequest, match=r"w.json': it has more than 16 MiB"):
        fl.read_definition(tmp_path / "w.json")


def test_a_device_that_never_ends_is_read_up_to_the_limit() -> None:
    with pytest.raises(fl.InvalidRequest, match=r"it has more than 16 MiB"):
        fl.read_definition("/dev/zero")


def test_all_files_of_code_together_have_one_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definition_reader, "MAX_FILE_BYTES", 100)
    (tmp_path / "long.py").write_text("x" * 60)
    assert len(fl.read_definition(folder_with(tmp_path, "long.py")).nodes) == 1
    with pytest.raises(fl.InvalidDefinition, match=r"nodes\[1\].code: with the file 'long.py' the code has more than"):
        fl.read_definition(folder_with(tmp_path, "long.py", "long.py"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_code_is_read_from_regular_files_alone(tmp_path: Path) -> None:
    """A pipe would be waited for until somebody writes to it."""
    os.mkfifo(tmp_path / "pipe.py")
    with pytest.raises(fl.InvalidDefinition, match=r"the file 'pipe.py' can't be read: it is no regular file"):
        fl.read_definition(folder_with(tmp_path, "pipe.py"))
    (tmp_path / "zero.py").symlink_to("/dev/zero")
    with pytest.raises(fl.InvalidDefinition, match=r"the file 'zero.py' is outside the folder"):
        fl.read_definition(folder_with(tmp_path, "zero.py"))


def laughs(leaf: str, levels: int) -> str:
    """Each level is nine times the one before."""
    lines = [f"l0: &l0 {leaf}"] + [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]" for i in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        laughs("[]", 10),
        laughs("[x, x, x, x]", 9),
        laughs("{x: {}}", 10),
        "a: &a {" + ", ".join(f"k{i}: 1" for i in range(2_000)) + "}\nb:\n" + "- {<<: *a}\n" * 2_000,
        "a: &a {" + ", ".join(f"k{i}: 1" for i in range(2_000)) + "}\nb: {<<: [" + "*a, " * 2_000 + "]}",
        "a: &a " + "x" * 1_000_000 + "\nb: [" + "*a, " * 1_000 + "]",
        "[" + "1," * 300_000 + "1]",
    ],
    ids=["empty lists", "texts", "objects", "merged", "merged at once", "a long text", "no aliases at all"],
)
@pytest.mark.sampled(4)
def test_yaml_is_charged_for_what_it_says_with_its_aliases_written_out(text: str) -> None:
    with pytest.raises(fl.InvalidRequest, match=r"w.yaml has more than 100,000 keys and values"):
        from_yaml(text, "w.yaml")


@pytest.mark.parametrize("text", ["&a [*a]", "a: &x {b: [*x]}", "&a {*a : 1}"])
def test_yaml_that_contains_itself_is_no_json(text: str) -> None:
    with pytest.raises(fl.InvalidRequest, match=r"contains itself"):
        from_yaml(text, "w.yaml")


def test_aliases_within_the_limit_are_what_they_stand_for() -> None:
    """Also an anchor that is given twice: an alias means the one before it."""
    assert from_yaml("- &a {b: 1}\n- *a\n- {<<: *a, c: 2}\n- &a 3\n- *a", "w.yaml") == [
        {"b": 1},
        {"b": 1},
        {"b": 1, "c": 2},
        3,
        3,
    ]


def test_a_yaml_file_has_a_limit_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_read, "MAX_YAML_BYTES", 3 * 2**20)
    with pytest.raises(fl.InvalidRequest, match=r"w.yaml is larger than 3 MiB: write it as JSON"):
        from_yaml(" " * (3 * 2**20 + 1), "w.yaml")


def many_nodes(count: int) -> dict[str, Any]:
    return {"nodes": [{"id": f"n{at}", "type": "t"} for at in range(count)], "start": "n0"}


def test_more_nodes_than_the_limit_are_one_fault() -> None:
    with pytest.raises(fl.InvalidDefinition) as refused:
        fl.WorkflowDefinition.model_validate(many_nodes(MAX_PARTS + 1))
    assert [str(fault) for fault in refused.value.faults] == [
        "nodes: there are 100,001, the limit is 100,000: make several workflows of it"
    ]


def test_a_stored_definition_is_read_whatever_the_limit_was_when_it_was_saved() -> None:
    assert len(fl.WorkflowDefinition.model_validate(many_nodes(MAX_PARTS + 1), context=STORED).nodes) == MAX_PARTS + 1


def test_the_message_of_many_faults_is_short_and_says_how_many_there_are() -> None:
    with pytest.raises(fl.InvalidDefinition) as refused:
        fl.WorkflowDefinition.model_validate({"nodes": [{"id": "x" * 10_000}] * 5_000})
    assert len(refused.value.faults) == 5_001
    assert len(str(refused.value)) < 200_000
    assert "5,001 faults" in str(refused.value)
    assert "4,901 more" in str(refused.value)
