"""Evidence on the command line: from a key to a proof that is checked without flowledger."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from flowledger import check_proof

from .conftest import CommandLine


def test_from_a_key_to_a_proof_and_to_what_was_cut_off(cli: CommandLine) -> None:
    cli.workflow("triage", "echo")
    run = cli.json("run", "start", "triage", "--payload", "1", "--by", "ada")["id"]
    made = cli("evidence", "keygen", "key", "--name", "example.com/triage")
    assert made.returncode == 0, made.stderr
    public = made.stdout.strip()
    assert (cli.home / "key").stat().st_mode & 0o777 == 0o600
    signed = cli("evidence", "checkpoint", "--key", "key", "--to", "kept")
    assert signed.returncode == 0, signed.stderr
    assert (cli.home / "kept").read_text() == signed.stdout
    as_data = json.loads(cli("evidence", "checkpoint", "--json", FLOWLEDGER_SIGNING_KEY="key").stdout)
    assert (as_data["origin"], as_data["size"]) == ("example.com/triage", 4)
    assert as_data["text"].startswith("example.com/triage\n4\n")

    proved = cli.json("evidence", "prove", run[-8:])
    assert (proved["runId"], proved["file"]) == (run, f"{run}.proof")
    checked = cli.python(str(Path(check_proof.__file__)), public, proved["file"])
    assert checked.stdout.startswith(f"OK    {run}.proof: run")
    by_kept = cli("evidence", "prove", run, "--checkpoint", "kept", "--out", "other")
    assert by_kept.returncode == 0, by_kept.stderr

    assert cli("audit", run, "--proof", "--out", "audit.json").returncode == 0
    filed = cli("audit", "--check", "audit.json", "--key", public)
    assert (filed.returncode, f'its proof holds: run "{run}": 2 events' in filed.stdout) == (0, True), filed.stdout

    held = cli("evidence", "check", "kept", "--key", public)
    assert (held.returncode, "all of them are here" in held.stdout) == (0, True), held.stdout
    with closing(sqlite3.connect(cli.home / "ledger.db")) as store, store:
        store.execute("DROP TRIGGER flowledger_events_refuse_delete")
        store.execute("DELETE FROM flowledger_events WHERE originator_id = ? AND originator_version > 1", (run,))
    cut = cli("evidence", "check", "kept")
    assert cut.returncode == 1
    assert f"cut: {run} event 2: it ends with version 1" in cut.stdout
    assert "give --key" in cut.stderr
    report = json.loads(cli("--json", "evidence", "check", "kept", "--key", public).stdout)
    assert report["ok"] is False
    assert [(found["stream"], found["version"], found["kind"]) for found in report["findings"]] == [(run, 2, "cut")]


def test_what_cannot_be_signed_says_what_to_do(cli: CommandLine) -> None:
    cli.workflow("triage", "echo")
    refused = cli("evidence", "checkpoint", "--key", "key")
    assert refused.returncode != 0
    assert "keygen" in refused.stderr
    cli("evidence", "keygen", "key")
    (cli.home / "key").chmod(0o644)
    readable = cli("evidence", "checkpoint", "--key", "key")
    assert "chmod 600" in readable.stderr
    again = cli("evidence", "keygen", "key")
    assert again.returncode != 0
