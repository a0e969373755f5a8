import sqlite3

import pytest

from .conftest import CommandLine

NOBODY = "0197a3b0-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", NOBODY], "no run"),
        (["events", NOBODY], "no run"),
        (["workflow", "show", "ghost"], "no workflow 'ghost'"),
        (["run", "start", "ghost"], "no workflow 'ghost'"),
        (["run", "resume", NOBODY], "no run"),
        (["run", "cancel", NOBODY], "no run"),
        (["show", f"{NOBODY}@{'9' * 5_000}"], "5,000 digits"),
        (["show", NOBODY, "--at", "whenever"], "or 2026-11-05T09:30:00Z"),
        (["run", "start", "w", "--payload", "{'a': 1}"], "--payload is not JSON: Expecting property name"),
        (["run", "start", "w", "--payload", "hello"], "neither a file nor JSON"),
        (["run", "start", "w", "--payload", '{"a": NaN}'], "NaN is not a JSON value"),
        (["run", "start", "w", "--payload", "[" * 50_000], "nested too deep"),
        (["run", "start", "w", "--metadata", "[1]"], "--metadata is an array, not a JSON object"),
        (["run", "start", "w", "--global", "token"], "--global takes KEY=VALUE"),
        (["run", "start", "w", "--step-limit", "-1"], "--step-limit"),
        (["workflow", "save", "missing.json", "--id", "w"], "can't read 'missing.json': No such file"),
        (["workflow", "save", ".", "--id", "w"], "the folder '.' has no workflow.json or workflow.yaml"),
        (["workflow", "show", "other@zzzzzzz"], "has no snapshot id 'zzzzzzz'"),
        (["workflow", "show", "other@"], "has no snapshot id ''"),
        (["workflow", "versions", "ghost"], "no workflow 'ghost'"),
        (["workflow", "diff", "other", "1", "2"], "has no version 2: its versions are 1 to 1"),
        (["workflow", "archive", "ghost"], "no workflow 'ghost'"),
        (["workflow", "restore", "other"], "not archived"),
        (["workflow", "restore", "other@7"], "has no version 7"),
        (["workflow", "rename", "ghost", "x"], "no workflow 'ghost'"),
        (["workflow", "export", "ghost", "out"], "no workflow 'ghost'"),
        (["workflow", "export", "other", "steps.py"], "is a file; name a folder"),
        (["workflow", "export", "other", "."], "is neither empty nor an export"),
        (["workflow", "export", "other", "out.json", "--format", "yaml"], "is one JSON file"),
        (["workflow", "list", "--limit", "0"], "--limit"),
        (["--store", "mysql://root@here/db", "verify"], "is not a store's URL"),
        (["--store", "postgresql://nobody:hunter2@127.0.0.1:1/x", "verify"], "can't be reached"),
        (["--app", "steps", "run", "start", "w"], "module:registry"),
        (["--app", "ghost:executors", "run", "start", "w"], "can't import 'ghost'"),
        (["--app", "steps:ghost", "run", "start", "w"], "its registries: executors"),
        (["--app", "steps:not_a_registry", "run", "start", "w"], "is int, not an ExecutorRegistry"),
        (["--app", "json:dumps", "run", "start", "w"], "it has no ExecutorRegistry at all"),
        (["--store", "memory:", "demo"], "other processes"),
        (["run", "start"], "Try 'flowledger run start --help'"),
        (["run"], "Try 'flowledger run --help'"),
        (["shwo", "x"], "No such command 'shwo'"),
        (["verify", "--quickly"], "--quickly"),
    ],
)
@pytest.mark.sampled(4)
def test_bad_input_exits_with_2_and_says_what_is_wrong(cli: CommandLine, arguments: list[str], words: str) -> None:
    cli.workflow("other", "echo")
    message = cli.refused(*arguments)
    assert words in message
    assert "hunter2" not in message


@pytest.mark.parametrize("command", [["show", NOBODY], ["verify"], ["run", "resume", NOBODY]])
def test_a_mistyped_store_is_refused_and_not_made(cli: CommandLine, command: list[str]) -> None:
    assert "there is no store at" in cli.refused("--store", "sqlite:///ledgre.db", *command)
    assert not (cli.home / "ledgre.db").exists()


def test_errors_are_json_too(cli: CommandLine) -> None:
    cli.workflow("echo", "echo")
    run_id = cli.json("run", "start", "echo")["id"]
    error = cli.json("show", f"{run_id}@99", code=2)["error"]
    assert (error["type"], error["asked"], error["head"]) == ("VersionNotFound", 99, 2)
    assert "versions are 1 to 2" in error["message"]
    assert cli.json("show", code=2)["error"]["type"] == "MissingParameter"
    assert cli.json("show", run_id, "--bogus", code=2)["error"]["message"].startswith("No such option")


def test_running_without_an_application_is_refused(cli: CommandLine) -> None:
    cli.workflow("echo", "echo")
    del cli.environment["FLOWLEDGER_APP"]
    assert "--app module:registry" in cli.refused("run", "start", "echo")


def test_an_application_that_fails_to_import_is_told_without_a_traceback(cli: CommandLine) -> None:
    (cli.home / "leaving.py").write_text("raise SystemExit(0)")
    assert "SystemExit: 0" in cli.refused("--app", "leaving:executors", "run", "start", "w")
    (cli.home / "broken.py").write_text("1 / 0")
    assert "ZeroDivisionError: division by zero" in cli.refused("--app", "broken:executors", "run", "start", "w")


def test_a_version_beyond_the_head_is_not_found(cli: CommandLine) -> None:
    cli.workflow("echo", "echo")
    run_id = cli.json("run", "start", "echo")["id"]
    assert "has no version 3" in cli.refused("show", f"{run_id}@3")
    assert "has no version 0" in cli.refused("show", f"{run_id}@0")
    assert "not both" in cli.refused("show", f"{run_id}@1", "--at", "2030-01-01")


def test_resuming_what_is_not_paused_is_refused_and_writes_nothing(cli: CommandLine) -> None:
    cli.workflow("echo", "echo")
    run_id = cli.json("run", "start", "echo")["id"]
    assert "is completed, not paused" in cli.refused("run", "resume", run_id, "--payload", "1")
    assert len(cli.json("events", run_id)) == 2


def test_a_payload_that_is_no_unicode_text_is_refused_with_its_path(cli: CommandLine) -> None:
    cli.workflow("echo", "echo")
    assert 'payload.a["b c"]' in cli.refused("run", "start", "echo", "--payload", r'{"a": {"b c": "\ud800"}}')
    (cli.home / "latin.json").write_bytes(b'"caf\xe9"')
    assert "not UTF-8" in cli.refused("run", "start", "echo", "--payload", "latin.json")


def test_a_file_that_is_no_store_is_refused_and_left_as_it_is(cli: CommandLine) -> None:
    text = cli.home / "notes.db"
    text.write_text("these are my notes, not a database" * 100)
    before = text.read_bytes()
    cli.refused("--store", "sqlite:///notes.db", "verify")
    assert text.read_bytes() == before
    foreign = sqlite3.connect(cli.home / "theirs.db")
    foreign.execute("CREATE TABLE customers (name text)")
    foreign.close()
    before = (cli.home / "theirs.db").read_bytes()
    cli.refused("--store", "sqlite:///theirs.db", "verify")
    assert (cli.home / "theirs.db").read_bytes() == before


def test_who_only_reads_needs_no_application(cli: CommandLine) -> None:
    cli.workflow("echo", "echo")
    run_id = cli.json("run", "start", "echo")["id"]
    (cli.home / "steps.py").write_text("raise SystemExit('must not be imported')")
    for command in (["show", run_id], ["events", run_id], ["verify"], ["workflow", "show", "echo"]):
        cli.json(*command)


def test_an_application_that_breaks_on_import_is_told_with_the_line(cli: CommandLine) -> None:
    (cli.home / "broken.py").write_text("import flowledger\n\n1 / 0\n")
    message = cli.refused("--app", "broken:executors", "run", "start", "w")
    assert "ZeroDivisionError" in message
    assert "broken.py, line 3" in message
