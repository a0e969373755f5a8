"""``flowledger bulk``: many runs retried or cancelled as an action that is stored."""

from .conftest import CommandLine


def failed(cli: CommandLine, count: int) -> list[str]:
    cli.workflow("boom", "boom")
    return [cli.json("run", "start", "boom", code=1)["id"] for _ in range(count)]


def test_an_action_is_counted_asked_for_worked_on_and_shown(cli: CommandLine) -> None:
    ids = failed(cli, 2)
    counted = cli.json("bulk", "request", "retry", "--status", "failed", "--dry-run")
    assert (counted["count"], counted["can"]) == (2, 2)
    assert cli.json("bulk", "list")["bulk"] == []
    made = cli.json("bulk", "request", "retry", "--status", "failed", "--by", "ops", "-r", "fixed", "--key", "k")
    assert (made["by"], made["reason"], made["selection"]) == ("ops", "fixed", {"status": ["failed"]})
    assert cli.json("bulk", "request", "retry", "--status", "failed", "-r", "fixed", "--key", "k")["created"] is False
    done = cli.json("bulk", "run", made["id"])
    assert (done["status"], done["outcomes"]) == ("finished", {"retried": 2})
    shown = cli.json("bulk", "show", made["id"], "--outcome", "retried", "--limit", "1")
    assert [item["runId"] for item in shown["items"]] == ids[:1]
    text = cli("bulk", "show", made["id"]).stdout
    assert "retry of 2 runs, asked for by ops" in text
    assert all(run_id in text for run_id in ids)
    assert made["id"] in cli("bulk", "list").stdout


def test_an_action_is_stopped(cli: CommandLine) -> None:
    made = cli.json("bulk", "request", "cancel", *(run_id[-12:] for run_id in failed(cli, 1)))
    stopped = cli.json("bulk", "stop", made["id"], "--by", "ivo", "-r", "wrong ones")
    assert (stopped["status"], stopped["stoppedBy"]) == ("stopped", "ivo")
    assert "stopped by ivo: wrong ones" in cli("bulk", "show", made["id"]).stdout
    assert "stopped already" in cli.refused("bulk", "stop", made["id"])


def test_requests_that_make_no_sense_are_refused(cli: CommandLine) -> None:
    (run_id,) = failed(cli, 1)
    assert "say --all" in cli.refused("bulk", "request", "retry")
    assert "not both" in cli.refused("bulk", "request", "retry", run_id, "--status", "failed")
    assert "neither retry nor cancel" in cli.refused("bulk", "request", "hold", run_id)
    assert "no bulk action" in cli.refused("bulk", "show", "nobody")
    assert "no bulk actions" in cli("bulk", "list").stdout
