import csv
import io

from .conftest import CommandLine

SLEEPY = """
import time
import flowledger as fl

executors = fl.ExecutorRegistry()

@executors.register("sleep")
def sleep(step):
    time.sleep(step.data["seconds"])
"""


def test_a_slower_version_is_told_in_a_table_json_and_csv(cli: CommandLine) -> None:
    (cli.home / "steps.py").write_text(SLEEPY)
    script = """
import sys
import flowledger as fl
from steps import executors

with fl.open_ledger("sqlite:///ledger.db", executors) as ledger:
    for seconds, message in ((0, "first"), (0.02, "the large model")):
        nodes = [{"id": "score", "type": "sleep", "data": {"seconds": seconds}}]
        ledger.workflows.save({"nodes": nodes}, workflow_id="triage", by="ada", message=message)
        for _ in range(20):
            ledger.runs.start("triage")
"""
    (cli.home / "fill.py").write_text(script)
    assert cli.python("fill.py").returncode == 0
    table = cli("timings", "triage").stdout
    for words in ("triage, 40 runs", "score", "█", "node 'score' slower since version 2 (ada, 'the large model')"):
        assert words in table
    found = cli.json("timings", "triage")
    assert [(row["nodeId"], row["group"], row["count"]) for row in found["rows"]] == [
        ("score", 1, 20),
        ("score", 2, 20),
    ]
    (change,) = found["changes"]
    assert (change["version"], change["by"]) == (2, "ada")
    assert found["rows"][1]["median"] >= 20
    rows = list(csv.DictReader(io.StringIO(cli("timings", "triage", "--by", "day", "--csv").stdout)))
    assert [(row["node_id"], row["count"]) for row in rows] == [("score", "40")]
    assert cli.json("timings", "triage", "--since", "2999-01-01")["rows"] == []


def test_what_cant_be_timed_is_refused(cli: CommandLine) -> None:
    cli.workflow("echo", "echo")
    assert "no node has run yet" in cli("timings", "echo").stdout
    assert "no workflow 'unheard-of'" in cli.refused("timings", "unheard-of")
    assert "--by" in cli.refused("timings", "echo", "--by", "week")
    assert "--since 'noon' is not a time" in cli.refused("timings", "echo", "--since", "noon")
    refused = cli("timings", "echo", "--json", "--csv")
    assert refused.returncode == 2
    assert "exclude each other" in refused.stderr
