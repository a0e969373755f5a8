"""Commands that act on what a search finds warn where it doesn't know all events yet."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

import flowledger as fl
from flowledger.infrastructure.interfaces.cli.shared.listing import Listing
from flowledger.infrastructure.interfaces.cli.shared.run_filters import RunFilters
from flowledger.infrastructure.interfaces.cli.shared.session import Session
from flowledger.infrastructure.queries.search import runs as searched
from flowledger.projections.pagination import Page

from .conftest import CommandLine

NOTE = "the search does not know the last"


@pytest.fixture
def behind(cli: CommandLine, new_postgres_url: Callable[[], str]) -> CommandLine:
    """A command line that may only read, and so can't bring the search up to date."""
    url = new_postgres_url()
    cli.environment["FLOWLEDGER_STORE"] = url
    executors = fl.ExecutorRegistry()
    executors.register("boom")(lambda step: step.data["missing"])
    with fl.open_ledger(url, executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "a", "type": "boom"}]}, workflow_id="w", by="ada")
        ledger.runs.start("w", payload={"word": "zebra"})
    cli.environment["FLOWLEDGER_STORE"] = f"{url}%20-c%20default_transaction_read_only%3Don"
    return cli


def test_a_list_says_that_runs_may_be_missing(behind: CommandLine) -> None:
    done = behind("history", "--text", "zebra")
    assert done.returncode == 0
    assert NOTE in done.stderr
    found = behind.json("history", "--where", "payload.word=zebra")
    assert found["runs"] == []
    assert found["behind"] > 0
    assert "behind" not in behind.json("history")


@pytest.mark.parametrize(
    "command",
    [
        ("replay", "--all", "--verify"),
        ("run", "retry", "--by", "ops", "--all", "--dry-run"),
        ("run", "cancel", "--by", "ops", "--all", "--dry-run"),
    ],
    ids=lambda command: command[0] if command[0] == "replay" else command[1],
)
def test_a_command_on_what_a_search_finds_does_not_end_as_if_it_was_all(
    behind: CommandLine, command: tuple[str, ...]
) -> None:
    done = behind(*command, "--text", "zebra")
    assert done.returncode == 1
    assert NOTE in done.stdout + done.stderr
    document = behind.json(*command, "--text", "zebra", code=1)
    assert document["behind"] > 0
    assert document.get("ok", False) is False
    assert "behind" not in behind.json(*command, "--status", "completed")


def test_a_command_on_all_runs_takes_in_all_news_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searched, "CATCH_UP_EVENTS", 0)
    executors = fl.ExecutorRegistry()
    executors.register("do")(lambda step: step.payload)
    with fl.open_ledger("memory:", executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "a", "type": "do"}]}, workflow_id="w", by="ada")
        run = ledger.runs.start("w", payload="zebra")
        assert ledger.history.runs(text="zebra").behind
        chosen = RunFilters(text="zebra").select()
        assert chosen.find(ledger, datetime.now(UTC)) == ([run.id], 0.0)


def test_a_list_of_all_pages_is_as_far_behind_as_the_page_that_lacked_most(capsys: pytest.CaptureFixture[str]) -> None:
    pages = iter([Page((), "next", 0.5), Page((), "last", 90.0), Page((), None, 0.0)])
    told: list[float | None] = []
    listing = Listing(fl.RunSummary, lambda _: next(pages), None, everything=True)
    listing.answer(Session(json=False), False, None, "runs", lambda *_: told.append(listing._behind))
    assert told == [90.0]
    assert f"{NOTE} 90 s of events" in capsys.readouterr().err
