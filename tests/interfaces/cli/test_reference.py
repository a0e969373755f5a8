"""The reference page shows the help of every command, word for word."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .reference import PAGE, commands, help_of

_BLOCK = re.compile(r"^```console\n\$ (flowledger[^\n]*?) --help\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def baked() -> Iterator[tuple[str, str]]:
    for match in _BLOCK.finditer(PAGE.read_text("utf-8")):
        yield match[1], match[2]


def test_the_page_has_every_command() -> None:
    assert [command for command, _ in baked()] == commands()


@pytest.mark.parametrize("command", commands())
def test_the_help_on_the_page_is_the_help_that_is_printed(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert dict(baked())[command] == help_of(command)


def test_the_script_that_was_installed_answers() -> None:
    script = Path(sys.executable).with_name("flowledger")
    done = subprocess.run([script, "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()[0]) == (0, "flowledger")


def test_flowledger_alone_prints_its_help() -> None:
    done = subprocess.run([sys.executable, "-m", "flowledger"], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: flowledger")
