"""Completion of commands and options in shells."""

from importlib import import_module
from typing import Any, Final

VARIABLE: Final = "_FLOWLEDGER_COMPLETE"
"""What a shell sets when it asks; the libraries of the command line look for it by this name."""


def teach_shells() -> None:
    """Make the libraries of the command line answer shells that ask."""
    _library().completion_init()


def completion_script(shell: str) -> str:
    """What makes a shell ask."""
    script: str = _library().get_completion_script(prog_name="flowledger", complete_var=VARIABLE, shell=shell)
    return script


def _library() -> Any:
    return import_module("typer.completion")  # not at start, as it brings the detection of shells
