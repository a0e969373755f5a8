import json

from .conftest import CommandLine


def saved_twice(cli: CommandLine) -> None:
    for by, data in (("ada", {}), ("bob", {"model": "large"})):
        definition = json.dumps({"nodes": [{"id": "score", "type": "echo", "data": data}]})
        cli.json("workflow", "save", "-", "--id", "triage", "--by", by, "-m", f"by {by}", stdin=definition)


def test_a_trail_reads_line_by_line_and_as_json_and_csv(cli: CommandLine) -> None:
    saved_twice(cli)
    lines = cli("trail").stdout.splitlines()
    assert "bob (cli)  saved version 2 of 'triage': by bob" in lines[0]
    assert "ada (cli)  created 'triage': by ada" in lines[1]
    acts = cli.json("trail", "--by", "ada")["acts"]
    assert [(act["kind"], act["subject"], act["summary"]) for act in acts] == [
        ("workflow", "triage", "created 'triage': by ada")
    ]
    header, line = cli("trail", "--by", "bob", "--csv").stdout.splitlines()
    assert header == "at,by,type,stream,version,position,kind,subject,summary,channel"
    assert line.endswith(",workflow,triage,saved version 2 of 'triage': by bob,cli")
    assert cli.json("trail", "--since", "2999-01-01")["acts"] == []
    assert "nobody did anything" in cli("trail", "--by", "eve").stdout


def test_the_diff_of_a_save_stands_below_it(cli: CommandLine) -> None:
    saved_twice(cli)
    told = cli("trail", "--diff").stdout
    assert "~ node 'score'" in told
    assert "large" in told
    second, first = cli.json("trail", "--diff")["acts"]
    assert first["changes"] is None
    (node,) = second["changes"]["nodes"]["changed"]
    assert node["id"] == "score"


def test_a_trail_goes_on_behind_its_cursor(cli: CommandLine) -> None:
    saved_twice(cli)
    page = cli.json("trail", "--limit", "1")
    rest = cli.json("trail", "--limit", "1", "--after", page["next"])
    assert [act["version"] for act in page["acts"] + rest["acts"]] == [2, 1]
    assert rest["next"] is None
    assert "is no cursor" in cli.refused("trail", "--after", "x")
