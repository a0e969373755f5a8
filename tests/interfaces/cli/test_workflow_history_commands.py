"""Workflows on the command line: lists, versions, differences, the archive, files."""

import csv
import io
import json
import os
import subprocess
import sys
from typing import Any

import pytest

from .conftest import CommandLine

ONE: dict[str, Any] = {"nodes": [{"id": "a", "type": "echo", "data": {"x": 1}, "code": "one\ntwo\n"}]}
TWO: dict[str, Any] = {
    "nodes": [{"id": "a", "type": "echo", "data": {"x": 2}, "code": "one\n2\n"}, {"id": "b", "type": "boom"}],
    "edges": [{"source": "a", "target": "b"}],
}


def save(cli: CommandLine, definition: Any, workflow_id: str = "w", *options: str) -> dict[str, Any]:
    document = json.dumps(definition)
    return cli.json("workflow", "save", "-", "--id", workflow_id, "--by", "ada", *options, stdin=document)


def test_workflows_are_listed(cli: CommandLine) -> None:
    for workflow_id in ("w", "a/b", '"q"', "🦉"):
        save(cli, ONE, workflow_id, "-m", "draft", "--name", f"The {workflow_id}")
    cli.json("workflow", "archive", "w", "--by", "eve", "--reason", "old")
    first = cli.json("workflow", "list", "--archived", "--limit", "3")
    assert [row["id"] for row in first["workflows"]] == ['"q"', "a/b", "w"]
    assert first["next"] == "w"
    assert first["workflows"][2] | {"snapshotId": "", "takenAt": ""} == {
        "id": "w",
        "name": "The w",
        "version": 2,
        "saves": 1,
        "savedVersion": 1,
        "snapshotId": "",
        "by": "ada",
        "takenAt": "",
        "message": "draft",
        "archived": True,
        "liveVersion": 1,
    }
    assert [row["id"] for row in cli.json("workflow", "list", "--after", "a/b")["workflows"]] == ["🦉"]
    shown = cli("workflow", "list", "--archived", "--limit", "3")
    assert "w (archived)" in shown.stdout
    assert "more: --after 'w'" in shown.stdout
    table = cli("workflow", "list", "--csv", "--limit", "1")
    (row,) = csv.DictReader(io.StringIO(table.stdout))
    assert (row["id"], row["name"], row["archived"]) == ('"q"', 'The "q"', "false")
    assert table.stderr == "more: --after '\"q\"'\n"


def test_an_empty_list_is_one(cli: CommandLine) -> None:
    save(cli, ONE)
    cli.json("workflow", "archive", "w")
    assert cli.json("workflow", "list") == {"workflows": [], "next": None}
    assert "no workflow" in cli("workflow", "list").stdout
    assert cli("workflow", "list", "--csv").stdout.startswith("id,version,saves,")
    assert "--json and --csv exclude each other" in cli("workflow", "list", "--csv", "--json").stderr


def test_versions_tell_who_did_what(cli: CommandLine) -> None:
    save(cli, ONE, "w", "-m", "first")
    save(cli, TWO)
    cli.json("workflow", "rename", "w", "The Workflow", "--by", "bob")
    cli.json("workflow", "archive", "w", "--by", "eve", "--reason", "holidays")
    cli.json("workflow", "restore", "w", "--by", "eve")
    rows = cli.json("workflow", "versions", "w")
    assert [(row["version"], row["kind"], row["by"]) for row in rows] == [
        (1, "saved", "ada"),
        (2, "saved", "ada"),
        (3, "saved", "bob"),
        (4, "archived", "eve"),
        (5, "restored", "eve"),
    ]
    assert rows[1]["changes"]["nodes"] == {"added": ["b"], "removed": [], "changed": ["a"]}
    assert [row["isLatest"] for row in rows] == [False, False, True, False, False]
    shown = cli("workflow", "versions", "w").stdout
    for words in ("added node 'b'; changed node 'a'; added edge 'a → b'", "renamed", "holidays", rows[0]["snapshotId"]):
        assert words in shown
    listed = list(csv.DictReader(io.StringIO(cli("workflow", "versions", "w", "--csv").stdout)))
    assert [row["summary"] for row in listed] == [row["summary"] for row in rows]


def test_a_diff_is_shown_line_by_line(cli: CommandLine) -> None:
    first = save(cli, ONE)
    save(cli, TWO)
    for version in ("1", first["snapshotId"]):
        shown = cli("workflow", "diff", "w", version, "2")
        assert shown.returncode == 0, shown.stderr
        for line in ("~ node 'a'", "    data.x: 1 → 2", "      -two", "      +2", "+ edge 'a → b' "):
            assert f"\n{line}" in shown.stdout
    document = cli.json("workflow", "diff", "w", "2", "1")
    assert document["before"]["version"] == 2
    assert [*document["nodes"]["removed"]] == ["b"]
    assert "-2\n+two" in document["nodes"]["changed"][0]["changes"][1]["diff"]
    assert cli.json("workflow", "diff", "w", "1", "1")["summary"] == "nothing changed"


def test_a_diff_is_coloured_on_a_terminal_and_can_not_steer_it(cli: CommandLine) -> None:
    save(cli, ONE)
    save(cli, ONE | {"nodes": [ONE["nodes"][0] | {"code": "one\n\x1b[2Jtwo\n"}]})
    shown = cli("workflow", "diff", "w", "1", "2")
    assert "\x1b" not in shown.stdout
    coloured = on_a_terminal(cli, "workflow", "diff", "w", "1", "2")
    assert "\x1b[32m      +\\x1b[2Jtwo" in coloured
    assert "\x1b[31m      -two" in coloured
    assert "\x1b[2J" not in coloured


def on_a_terminal(cli: CommandLine, *arguments: str) -> str:
    pty = pytest.importorskip("pty")
    reader, writer = pty.openpty()
    environment = cli.environment | {"TERM": "xterm-256color", "COLUMNS": "140"}
    done = subprocess.run(
        [sys.executable, "-m", "flowledger", *arguments], stdout=writer, cwd=cli.home, env=environment, check=True
    )
    os.close(writer)
    assert done.returncode == 0
    return os.read(reader, 65536).decode().replace("\r\n", "\n")


def test_an_archived_workflow_refuses_saves_and_runs_until_it_is_restored(cli: CommandLine) -> None:
    save(cli, ONE)
    archived = cli("workflow", "archive", "w", "--by", "eve", "--reason", "old")
    assert "at version 1" in archived.stdout
    assert "archived" in archived.stdout
    for command in (["run", "start", "w"], ["workflow", "rename", "w", "x"], ["workflow", "archive", "w"]):
        assert "archived by eve at" in cli.refused(*command)
    assert "restore it first" in cli.refused("workflow", "save", "-", "--id", "w", stdin=json.dumps(TWO))
    assert "(archived)" in cli("workflow", "show", "w").stdout
    assert cli.json("workflow", "restore", "w")["archived"] is False
    assert cli.json("run", "start", "w")["status"] == "completed"


def test_an_old_version_becomes_the_newest_one(cli: CommandLine) -> None:
    first = save(cli, ONE)
    save(cli, TWO)
    assert "StaleVersion" in json.dumps(cli.json("workflow", "restore", "w@1", "--expect", "1", code=2))
    restored = cli.json("workflow", "restore", f"w@{first['snapshotId']}", "--by", "bob", "--expect", "2")
    assert (restored["version"], restored["message"]) == (3, "restored from version 1")
    assert restored["definition"] == first["definition"]
    assert restored["code"] == first["code"]
    assert cli.json("workflow", "show", f"w@{first['snapshotId']}")["version"] == 1


def test_a_name_is_shown_and_taken_back(cli: CommandLine) -> None:
    save(cli, ONE)
    cli("workflow", "rename", "w", "Nightly run")
    assert "'Nightly run'" in cli("workflow", "show", "w").stdout
    assert cli.json("workflow", "rename", "w", "")["name"] is None


def test_a_stale_save_tells_what_others_changed_and_merges_on_request(cli: CommandLine) -> None:
    save(cli, TWO)
    theirs = TWO | {"nodes": [TWO["nodes"][0] | {"data": {"x": 3}}, TWO["nodes"][1]]}
    cli.json("workflow", "save", "-", "--id", "w", "--by", "bob", "-m", "tuned", stdin=json.dumps(theirs))
    mine = TWO | {"nodes": [TWO["nodes"][0], TWO["nodes"][1] | {"type": "echo"}]}
    save_mine = ["workflow", "save", "-", "--id", "w", "--by", "ada", "--expect", "1"]
    message = cli.refused(*save_mine, stdin=json.dumps(mine))
    assert "version 2, bob at" in message
    assert "(tuned): changed node 'a'" in message
    error = cli.json(*save_mine, stdin=json.dumps(mine), code=2)["error"]
    assert error["changes"][0]["changes"]["nodes"]["changed"] == ["a"]
    assert error["changes"][0]["takenAt"] == cli.json("workflow", "show", "w")["takenAt"]
    merged = cli.json(*save_mine, "--merge", stdin=json.dumps(mine))
    assert (merged["version"], merged["message"]) == (3, "merged over version 2")
    assert merged["definition"]["nodes"] == [theirs["nodes"][0], mine["nodes"][1]]
    conflict = TWO | {"nodes": [TWO["nodes"][0] | {"data": {"x": 9}}, TWO["nodes"][1]]}
    error = cli.json(*save_mine, "--merge", stdin=json.dumps(conflict), code=2)["error"]
    assert error["conflicts"] == ["node 'a'"]
    assert "--expect" in cli.refused("workflow", "save", "-", "--id", "w", "--merge", stdin=json.dumps(mine))


@pytest.mark.parametrize("path", ["out", "w.json", "w.yaml"])
def test_an_exported_definition_is_edited_and_saved(cli: CommandLine, path: str) -> None:
    first = save(cli, ONE)
    written = cli.json("workflow", "export", "w", path)
    assert written == {"workflowId": "w", "version": 1, "snapshotId": first["snapshotId"], "path": path}
    assert cli.json("workflow", "save", path, "--id", "w", "--by", "bob") == first
    file = cli.home / path
    edited = file / "nodes" / "a.py" if path == "out" else file
    edited.write_text(edited.read_text().replace("two", "three"))
    saved = cli.json("workflow", "save", path, "--id", "w", "--by", "bob", "-m", "from files")
    assert (saved["version"], saved["by"]) == (2, "bob")
    assert saved["definition"]["nodes"][0]["code"] == "one\nthree\n"
    assert "is in" in cli("workflow", "export", "w@1", path).stdout
    # A folder knows that bob saved since, a file alone doesn't.
    forced = ("--force",) if path == "out" else ()
    assert cli.json("workflow", "save", path, "--id", "w", "--by", "ada", *forced)["version"] == 3


def test_an_export_with_executors_in_yaml(cli: CommandLine) -> None:
    save(cli, ONE)
    cli.json("workflow", "export", "w", "out", "--format", "yaml", "--with-executors")
    files = sorted(str(path.relative_to(cli.home / "out")) for path in (cli.home / "out").rglob("*") if path.is_file())
    assert [file for file in files if not file.startswith(".flowledger")] == [
        "executors/echo.py",
        "nodes/a.py",
        "workflow.yaml",
    ]
    assert 'print("an executor that prints")' in (cli.home / "out/executors/echo.py").read_text()
    (cli.home / "taken").mkdir()
    (cli.home / "taken/notes").touch()
    assert "neither empty nor an export" in cli.refused("workflow", "export", "w", "taken")
    assert cli("workflow", "export", "w", "taken", "--force").returncode == 0
