"""``flowledger serve``: what it refuses, and that it stops when it is told to."""

import getpass
import json
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
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
        (["--host", "192.0.2.7"], "--auth tokens"),
        (["--auth", "passwords"], "tokens is the only way"),
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
    with (
        serving(url) as (process, told),
        httpx.Client(base_url=told["url"], timeout=PATIENCE) as client,
        client.stream("GET", "api/stream") as stream,
    ):
        told_on_stream = stream.iter_text()
        assert next(told_on_stream) == "retry: 1000\n\n"
        assert client.get("history").status_code == 200
        process.send_signal(signal.SIGTERM)
        pings = "".join(told_on_stream).count(": \n\n")
        assert pings < 3, "it was ended, as one that ends by itself says every 15 of its 55 seconds that it is there"
        assert process.wait(PATIENCE) == 0


@pytest.mark.exhaustive
def test_a_server_that_asks_who_it_is_prints_a_link_for_who_has_its_terminal(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with fl.open_ledger(url, fl.ExecutorRegistry(), create=True) as ledger:
        token = ledger.tokens.create("shop-import", "viewer").secret
    with serving(url, "--auth", "tokens") as (_, told), httpx.Client(base_url=told["url"], timeout=PATIENCE) as client:
        assert client.get("api/runs").status_code == 401
        assert client.get("api/runs", headers={"Authorization": f"Bearer {token}"}).status_code == 200
        page = client.get(told["link"], follow_redirects=True)
        assert (page.status_code, page.url.path) == (200, "/history")
        assert client.get("api/runs").status_code == 200
        client.cookies.clear()
        assert client.get(told["link"]).status_code == 401


@pytest.mark.exhaustive
def test_a_server_on_this_machine_prints_a_link_that_signs_in_under_the_name_of_who_started_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with fl.open_ledger(url, fl.ExecutorRegistry(), create=True):
        pass
    with serving(url) as (_, told), httpx.Client(base_url=told["url"], timeout=PATIENCE) as client:
        assert client.get("login.json").json() == {"name": "local", "role": "admin"}
        page = client.get(told["link"], follow_redirects=True)
        assert (page.status_code, page.url.path) == (200, "/history")
        assert client.get("login.json").json() == {"name": getpass.getuser(), "role": "admin"}


@contextmanager
def serving(url: str, *options: str) -> Generator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """A server of a store, and what it has told."""
    arguments = [sys.executable, "-m", "flowledger", "--store", url, "serve", "--port", "0", "--json", *options]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
        finally:
            process.kill()
