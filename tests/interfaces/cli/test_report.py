"""``report``: a run as one file."""

from tests.web.reading import read
from tests.web.test_report import damage

from .conftest import CommandLine
from .test_audit import a_run_with_a_story


def test_a_report_is_one_file_whose_digest_the_audit_command_tells(cli: CommandLine) -> None:
    run_id = a_run_with_a_story(cli)
    told = cli.json("report", run_id[-8:], "run.html")
    content = (cli.home / "run.html").read_bytes()
    assert told == {
        "runId": run_id,
        "version": 8,
        "file": "run.html",
        "bytes": len(content),
        "auditDigest": cli.json("audit", f"{run_id}@8")["digest"],
        "unreadable": None,
    }
    assert "a person must look" in read(content.decode()).text
    assert told["auditDigest"] in content.decode()


def test_a_report_replaces_no_file_unless_it_is_told_to(cli: CommandLine) -> None:
    run_id = a_run_with_a_story(cli)
    (cli.home / "run.html").write_text("mine")
    refused = cli("report", run_id, "run.html")
    assert refused.returncode == 2
    assert "--force" in refused.stderr
    assert (cli.home / "run.html").read_text() == "mine"
    assert cli("report", run_id, "run.html", "--force").returncode == 0
    assert (cli.home / "run.html").read_text().startswith("<!doctype html>")


def test_a_report_of_a_damaged_run_says_where_it_ends_and_exits_with_1(cli: CommandLine) -> None:
    run_id = a_run_with_a_story(cli)
    damage(cli.home / "ledger.db", run_id, 6)
    done = cli("report", run_id, "run.html")
    assert done.returncode == 1
    assert f"run {run_id} up to version 5 in run.html; event 6 of stream '{run_id}' can't be read" in done.stdout
    assert "This is the run up to version 5" in read((cli.home / "run.html").read_text("utf-8")).text


def test_a_report_that_can_not_be_made_leaves_no_file(cli: CommandLine) -> None:
    run_id = a_run_with_a_story(cli)
    damage(cli.home / "ledger.db", run_id, 1)
    assert cli("report", run_id, "run.html").returncode == 2
    assert cli("report", "nobody", "run.html").returncode == 2
    assert not (cli.home / "run.html").exists()
