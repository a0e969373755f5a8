"""``flowledger serve``: what it refuses, and that it stops when it is told to."""

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

import flowledger as fl

from .conftest import CommandLine

PATIENCE = 60


def without_environment(cli: CommandLine) -> CommandLine:
    """The same where neither store nor application is named."""
    return replace(cli, environment={key: cli.environment[key] for key in cli.environment if "FLOWLEDGER" not in key})


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--host", "192.0.2.7"], "not the loopback"),
        (["--worker"], "--app"),
        (["--port", "70000"], "port 70000"),
    ],
)
def test_what_would_be_open_to_everybody_or_cannot_work_is_refused(
    cli: CommandLine, arguments: list[str], told: str
) -> None:
    assert told in without_environment(cli).refused("serve", *arguments)


def test_where_there_is_no_store_both_ways_to_one_are_said(cli: CommandLine) -> None:
    told = without_environment(cli).refused("serve", "--port", "0")
    assert "--store" in told
    assert "serve --demo" in told


@pytest.mark.exhaustive
def test_a_server_stops_while_streams_are_open(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with fl.open_ledger(url, fl.ExecutorRegistry(), create=True):
        pass
    arguments = [sys.executable, "-m", "flowledger", "--store", url, "serve", "--port", "0", "--json"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = "".join(iter(process.stdout.readline, "}\n")) + "}"
        with (
            httpx.Client(base_url=json.loads(told)["url"], timeout=PATIENCE) as client,
            client.stream("GET", "api/stream") as stream,
        ):
            assert next(stream.iter_text()) == "retry: 1000\n\n"
            assert client.get("history").status_code == 200
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0
