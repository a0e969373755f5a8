"""What becomes of a command whose answer can't be written, or which is started in an odd terminal."""

import errno
import io
import json
import os
import pty
import subprocess
import sys
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.interfaces.cli.app import main
from flowledger.infrastructure.interfaces.presentation.streams import NARROWEST, WIDEST, requested_size

from ...hostile.older_names import as_older_releases_did
from .conftest import CommandLine

COMMANDS = {
    "a check": ["verify"],
    "a list": ["history"],
    "JSON": ["history", "--json"],
    "help": ["run", "--help"],
    "a walk in JSON": ["replay", "{run}", "--json"],
}


@pytest.fixture
def run(cli: CommandLine) -> str:
    cli.workflow("echo", "echo")
    run_id: str = cli.json("run", "start", "echo", "--payload", '"x"')["id"]
    return run_id


def started(cli: CommandLine, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "flowledger", *arguments]
    return subprocess.Popen(command, cwd=cli.home, **{"env": cli.environment, "stderr": subprocess.PIPE} | options)


def ended(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    _, said = process.communicate(timeout=60)
    return process.returncode, (said or b"").decode()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.sampled(5)
def test_a_full_disk_behind_stdout_is_told_and_is_no_finding(cli: CommandLine, run: str, name: str) -> None:
    arguments = [each.format(run=run) for each in COMMANDS[name]]
    with open("/dev/full", "wb") as full:
        status, said = ended(started(cli, *arguments, stdout=full))
    assert (status, said) == (
        74,
        f"error: can't write to stdout: {os.strerror(errno.ENOSPC)}; what the command did is done\n",
    )


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.sampled(5)
def test_a_closed_stdout_is_told_and_nothing_is_written_into_the_store(cli: CommandLine, run: str, name: str) -> None:
    arguments = [each.format(run=run) for each in COMMANDS[name]]
    status, said = ended(started(cli, *arguments, preexec_fn=lambda: os.close(1)))
    assert status == 74
    assert said.startswith("error: can't write to stdout: ")
    assert said.count("\n") == 1
    assert cli.json("verify")["ok"]


def test_what_a_command_did_is_done_where_it_can_not_say_so(cli: CommandLine, run: str) -> None:
    ended(started(cli, "run", "start", "echo", preexec_fn=lambda: os.close(1)))
    assert len(cli.json("history")["runs"]) == 2


@pytest.mark.parametrize("closed", [(2,), (0, 1, 2)])
def test_closed_streams_take_no_place_of_the_stores_file(cli: CommandLine, run: str, closed: tuple[int, ...]) -> None:
    def close() -> None:
        for number in closed:
            os.close(number)

    process = started(cli, "run", "start", "echo", stdout=subprocess.DEVNULL, stderr=None, preexec_fn=close)
    assert process.wait(timeout=60) == (74 if 1 in closed else 0)
    assert cli.json("verify")["ok"]
    assert len(cli.json("history")["runs"]) == 2


def test_a_closed_stdin_is_told_where_it_was_to_be_read(cli: CommandLine, run: str) -> None:
    process = started(cli, "run", "start", "echo", "--payload", "-", preexec_fn=lambda: os.close(0))
    assert ended(process) == (2, f"error: can't read stdin: {os.strerror(errno.EBADF)}\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
def test_messages_that_nobody_can_read_change_no_exit_status(cli: CommandLine, run: str) -> None:
    with open("/dev/full", "wb") as full:
        for arguments, status in ((["verify"], 0), (["show", "nobody"], 2)):
            assert started(cli, *arguments, stdout=subprocess.DEVNULL, stderr=full).wait(timeout=60) == status


@pytest.mark.parametrize("as_json", [True, False])
def test_a_reader_that_stops_reading_ends_the_command_quietly(cli: CommandLine, run: str, as_json: bool) -> None:
    large = cli.json("run", "start", "echo", "--payload", "-", stdin=json.dumps(["x" * 100] * 10_000))["id"]
    arguments = ["show", large, "--json"] if as_json else ["workflow", "list"]
    reading, writing = os.pipe()
    if as_json:
        process = started(cli, *arguments, stdout=writing)
        os.close(writing)
        os.read(reading, 10)
        os.close(reading)
    else:
        os.close(reading)  # before anything is written, as a short answer fits into a pipe
        process = started(cli, *arguments, stdout=writing)
        os.close(writing)
    assert ended(process) == (141, "")


def test_a_stdout_that_does_not_wait_gets_everything(cli: CommandLine, run: str) -> None:
    text = "x" * 1_000_000
    large = cli.json("run", "start", "echo", "--payload", "-", stdin=json.dumps(text))["id"]
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    process = started(cli, "show", large, "--json", stdout=writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert json.loads(pipe.read())["context"]["n1"][0]["output"] == text
    assert ended(process) == (0, "")


def test_a_current_folder_that_is_gone_is_told(cli: CommandLine, run: str) -> None:
    (cli.home / "gone").mkdir()
    process = started(cli, "history", preexec_fn=lambda: (os.chdir("gone"), os.rmdir(os.getcwd())))
    status, said = ended(process)
    assert (status, said.startswith("error: "), "folder is gone" in said) == (2, True, True)


# --- terminals --------------------------------------------------------------------------------------------------------

ODD = ["", "0", "-5", "x", "1", "8 0", "1e3", "²", "٣", "9" * 30, "9" * 5_000, "80.5", " 100 ", "0x50"]


@pytest.mark.parametrize("size", ODD)
@pytest.mark.sampled(7)
def test_an_odd_size_of_the_terminal_gives_the_list_all_the_same(
    cli: CommandLine, run: str, size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", size)
    monkeypatch.setenv("LINES", size)
    for arguments in (["history"], ["events", run], ["verify"], ["history", "--help"]):
        out = io.StringIO()
        with pytest.raises(SystemExit) as ended, redirect_stdout(out):
            main(["--store", f"sqlite:///{cli.home}/ledger.db", *arguments])
        assert ended.value.code == 0
        assert arguments != ["history"] or {run, "completed"} <= set(out.getvalue().split())


@pytest.mark.exhaustive
@pytest.mark.parametrize("size", ["0", "-5", "9" * 30])
def test_an_odd_size_is_no_matter_on_a_terminal_either(cli: CommandLine, run: str, size: str) -> None:
    # Its own size is nothing, as it is made.
    assert run[:8].encode() in on_a_terminal(cli, "history", COLUMNS=size, LINES=size)


def on_a_terminal(cli: CommandLine, *arguments: str, **environment: str) -> bytes:
    """What a command prints there."""
    ours, theirs = pty.openpty()
    process = started(cli, *arguments, stdout=theirs, stderr=theirs, env=cli.environment | environment)
    os.close(theirs)
    printed = b""
    with suppress(OSError):  # how Linux says that the other side was closed
        while got := os.read(ours, 65536):
            printed += got
    os.close(ours)
    assert process.wait(timeout=60) == 0
    return printed


def test_a_size_is_brought_between_bounds_or_is_none() -> None:
    asked = {size: requested_size("COLUMNS", {"COLUMNS": size}) for size in ODD}
    assert {size for size, columns in asked.items() if columns is None} == {
        "",
        "0",
        "-5",
        "x",
        "8 0",
        "1e3",
        "²",
        "٣",
        "80.5",
        "0x50",
    }
    assert asked["1"] == NARROWEST
    assert asked["9" * 30] == asked["9" * 5_000] == WIDEST
    assert asked[" 100 "] == 100


@pytest.mark.parametrize("columns", [NARROWEST, 200])
@pytest.mark.sampled(2)
def test_the_narrowest_terminal_that_is_believed_shows_ids_and_states_whole(
    cli: CommandLine, run: str, columns: int
) -> None:
    for command in ("history", "orders"):
        words = cli(command, COLUMNS=str(columns)).stdout.split()
        assert any(word.strip(",") in ("completed", "success") for word in words)
        assert any(len(word) == 36 for word in words)


def test_control_characters_of_a_list_do_not_steer_the_terminal(cli: CommandLine, run: str) -> None:
    with as_older_releases_did(), fl.open_ledger(f"sqlite:///{cli.home}/ledger.db") as ledger:
        ledger.runs.set_metadata(run, {"seen": True}, by="ada\x1b]0;owned\x07\x9b31m")
    printed = on_a_terminal(cli, "trail", "--csv")
    assert b"ada\\x1b]0;owned\\x07\\x9b31m" in printed
    assert not {b"\x1b", b"\x07", "\x9b".encode()} & {printed[at : at + 1] for at in range(len(printed))}
