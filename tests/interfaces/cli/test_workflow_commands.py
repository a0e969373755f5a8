import json

from .conftest import CommandLine

DEFINITION = {
    "nodes": [
        {"id": "look", "type": "ask", "data": {"text": "\x1b[31mred"}},
        {"id": "yes", "type": "echo"},
        {"id": "no", "type": "echo"},
    ],
    "edges": [
        {"source": "look", "target": "yes", "sourceHandle": "approved"},
        {"source": "look", "target": "no", "sourceHandle": "rejected"},
        {"source": "no", "target": "look"},
    ],
    "start": "look",
}


def test_a_definition_is_saved_from_a_file_and_from_stdin(cli: CommandLine) -> None:
    (cli.home / "workflow.json").write_text(json.dumps(DEFINITION))
    first = cli.json("workflow", "save", "workflow.json", "--id", "approval", "--by", "ada", "-m", "first draft")
    assert (first["version"], first["by"], first["message"]) == (1, "ada", "first draft")
    assert first["definition"] == DEFINITION
    assert first["code"]["ask"]["name"] == "steps.ask"
    changed = json.dumps(DEFINITION | {"start": "no"})
    assert cli.json("workflow", "save", "-", "--id", "approval", stdin=changed)["version"] == 2


def test_a_save_that_changes_nothing_adds_no_version(cli: CommandLine) -> None:
    text = json.dumps(DEFINITION)
    cli.json("workflow", "save", "-", "--id", "approval", "--by", "ada", stdin=text)
    again = cli("workflow", "save", "-", "--id", "approval", "--by", "bob", stdin=text)
    assert again.returncode == 0
    assert "version 1" in again.stdout
    assert "saved by ada" in again.stdout


def test_the_saver_is_the_user_of_this_computer_unless_named(cli: CommandLine) -> None:
    cli.environment["LOGNAME"] = "linus"
    assert cli.json("workflow", "save", "-", "--id", "w", stdin=json.dumps(DEFINITION))["by"] == "linus"


def test_show_draws_the_graph_and_lists_the_nodes(cli: CommandLine) -> None:
    cli.json("workflow", "save", "-", "--id", "approval", "--by", "ada", "-m", "why", stdin=json.dumps(DEFINITION))
    shown = cli("workflow", "show", "approval")
    assert shown.returncode == 0, shown.stderr
    assert "look\n├ [approved] yes\n└ [rejected] no → look ↑\n" in shown.stdout
    assert "why" in shown.stdout
    assert "steps.ask" in shown.stdout


def test_stored_text_cannot_steer_the_terminal(cli: CommandLine) -> None:
    cli.json("workflow", "save", "-", "--id", "approval", "-m", "ada\x1b[2J", stdin=json.dumps(DEFINITION))
    shown = cli("workflow", "show", "approval")
    assert "\x1b" not in shown.stdout
    assert "ada\\x1b[2J" in shown.stdout


def test_an_earlier_version_is_shown_as_it_was(cli: CommandLine) -> None:
    first = cli.json("workflow", "save", "-", "--id", "w", stdin=json.dumps(DEFINITION))
    cli.json("workflow", "save", "-", "--id", "w", stdin=json.dumps(DEFINITION | {"start": "no"}))
    assert cli.json("workflow", "show", "w@1")["definition"] == DEFINITION
    assert cli.json("workflow", "show", "w@1")["isLatest"] is False
    assert cli.json("workflow", "show", "w", "--at", first["takenAt"])["version"] == 1
    assert cli.json("workflow", "show", "w")["version"] == 2


def test_a_save_based_on_an_old_version_is_refused_and_says_who_saved(cli: CommandLine) -> None:
    cli.json("workflow", "save", "-", "--id", "w", "--by", "ada", "--expect", "0", stdin=json.dumps(DEFINITION))
    changed = json.dumps(DEFINITION | {"start": "no"})
    error = cli.json("workflow", "save", "-", "--id", "w", "--expect", "0", stdin=changed, code=2)["error"]
    assert (error["type"], error["expected"], error["actual"], error["savedBy"]) == ("StaleVersion", 0, 1, "ada")
    assert cli.json("workflow", "show", "w")["version"] == 1


def test_a_bad_definition_prints_every_fault_and_writes_nothing(cli: CommandLine) -> None:
    faulty = {
        "nodes": [{"id": "a", "type": "echo"}, {"id": "a", "type": "echo"}, {"id": "b"}],
        "edges": [{"source": "a", "target": "ghost"}, {"source": "a", "target": "b"}],
        "start": "nowhere",
    }
    message = cli.refused("workflow", "save", "-", "--id", "w", stdin=json.dumps(faulty))
    for fault in ("nodes[2].type", "'a'", "edges[0].target", "edges[1]", "start"):
        assert fault in message
    error = cli.json("workflow", "save", "-", "--id", "w", stdin=json.dumps(faulty), code=2)["error"]
    assert error["type"] == "InvalidDefinition"
    assert {"path": "start", "message": "there is no node 'nowhere'"} in error["faults"]
    assert not (cli.home / "ledger.db").exists()


def test_an_unknown_node_type_is_refused_where_the_application_is_known(cli: CommandLine) -> None:
    unknown = json.dumps({"nodes": [{"id": "a", "type": "teleport"}]})
    assert "'teleport'" in cli.refused("workflow", "save", "-", "--id", "w", stdin=unknown)
    del cli.environment["FLOWLEDGER_APP"]
    assert cli.json("workflow", "save", "-", "--id", "w", stdin=unknown)["version"] == 1
