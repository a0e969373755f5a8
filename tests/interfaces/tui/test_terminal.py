"""The real command in a real terminal: keys go in, screens come out, and the terminal is left as it was."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import flowledger as fl

from .screens import unlike
from .story import ledger_at, order
from .terminal import Terminal

Open = Callable[..., Terminal]


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
def terminal(tmp_path: Path, store: str) -> Iterator[Open]:
    opened: list[Terminal] = []
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("FLOWLEDGER_", "COLUMNS", "LINES"))}

    def start(
        *arguments: str, columns: int = 80, rows: int = 24, program: tuple[str, ...] = ("-m", "flowledger")
    ) -> Terminal:
        command = [sys.executable, *program, *arguments]
        opened.append(Terminal(command, tmp_path, kept | {"FLOWLEDGER_STORE": store}, columns, rows))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


@pytest.fixture
def run_id(store: str, same_ids: None) -> str:
    with ledger_at(store) as ledger:
        return order(ledger)


def test_a_run_is_walked_through(terminal: Open, run_id: str) -> None:
    walk = terminal("replay", run_id, "--step")
    assert "version 1 of 10  active at read" in walk.until("q quit")
    walk.keys("f")
    assert "version 3 of 10  error at charge" in walk.until("version 3 of 10")
    walk.until(lambda screen: unlike("narrow", screen) == "")
    walk.keys("\x1b[C")
    walk.until("version 4 of 10")
    walk.keys(":9\r")
    walk.until("version 9 of 10  active at ship")
    walk.keys("\t")
    walk.until("state at version 9")
    walk.keys("c")
    walk.until("copied the state at version 9")
    assert b"\x1b]52;c;" in walk.written
    walk.keys("q")
    assert walk.ends() == 0
    assert walk.is_as_it_was()


def test_a_wide_terminal_shows_all_panes(terminal: Open, run_id: str) -> None:
    walk = terminal("replay", f"{run_id}@5", "--step", columns=160, rows=48)
    walk.until("q quit")
    walk.until(lambda screen: unlike("wide", screen) == "")
    walk.keys("\x1b[<0;10;6M\x1b[<0;10;6m")  # a click on the third event
    walk.until("version 3 of 10")
    walk.keys("q")
    assert walk.ends() == 0
    assert walk.is_as_it_was()


@pytest.mark.exhaustive
@pytest.mark.parametrize("stop", ["ctrl+c", "SIGINT", "SIGTERM", "SIGHUP"])
def test_whatever_ends_the_walk_leaves_the_terminal_as_it_was(terminal: Open, run_id: str, stop: str) -> None:
    walk = terminal("replay", run_id, "--step")
    walk.until("q quit")
    if stop == "ctrl+c":
        walk.keys("\x03")
        assert walk.ends() == 0
    else:
        wanted = signal.Signals[stop]
        walk.send(wanted)
        assert walk.ends() == 128 + wanted
    assert walk.is_as_it_was()


BROKEN = """
from flowledger.infrastructure.interfaces.cli import main
from flowledger.infrastructure.interfaces.tui import panes

def broken(self):
    raise RuntimeError("a bug of the pane")

panes.GraphPane.load = broken
main()
"""


def test_so_does_a_bug_and_it_is_told(terminal: Open, run_id: str) -> None:
    walk = terminal("replay", run_id, "--step", program=("-c", BROKEN))
    assert walk.ends() == 1
    assert b"a bug of the pane" in walk.written
    assert walk.is_as_it_was()


def test_a_run_that_goes_on_is_followed(terminal: Open, store: str, run_id: str) -> None:
    walk = terminal("replay", run_id, "--step")
    walk.until("q quit")
    with fl.open_ledger(store) as ledger:
        ledger.runs.set_metadata(run_id, {"note": "first"}, by="ops")
        assert "version 1 of 11" in walk.until("1 of 11")  # who looks elsewhere stays there
        walk.keys("G")
        walk.until("version 11 of 11")
        ledger.runs.set_metadata(run_id, {"note": "second"}, by="ops")
        walk.until("version 12 of 12")
        walk.keys("k")
        walk.until("version 11 of 12")
        ledger.runs.set_metadata(run_id, {"note": "third"}, by="ops")
        walk.until("version 11 of 13")
    walk.keys("q")
    assert walk.ends() == 0


def test_a_store_that_goes_away_is_told_and_the_walk_goes_on(terminal: Open, tmp_path: Path, run_id: str) -> None:
    walk = terminal("replay", run_id, "--step")
    walk.until("q quit")
    os.truncate(tmp_path / "ledger.db", 0)
    walk.until("can't follow the run")
    walk.keys("q")
    assert walk.ends() == 0
    assert walk.is_as_it_was()


def test_without_a_run_there_is_no_screen(terminal: Open, run_id: str) -> None:
    walk = terminal("replay", "nobody", "--step")
    assert walk.ends() == 2
    assert b"\x1b[?1049h" not in walk.written
    assert "error: no run 'nobody' in this store" in walk.screen
