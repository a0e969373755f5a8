"""The help of every command; ``python tests/interfaces/cli/reference.py`` writes it into the reference page anew."""

import contextlib
import io
import os
import re
from pathlib import Path

from flowledger.infrastructure.interfaces.cli.app import main, make_command

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"


def commands() -> list[str]:
    """``flowledger`` and every command below it, in the order of the page."""
    alone, nested = [], []
    for name, command in make_command().commands.items():
        if hasattr(command, "commands"):
            nested += [f"flowledger {name} {each}" for each in command.commands]
        else:
            alone.append(f"flowledger {name}")
    return ["flowledger", *alone, *nested]


def help_of(command: str) -> str:
    """What ``command --help`` prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        main([*command.split()[1:], "--help"])
    return "".join(f"{line.rstrip()}\n" for line in printed.getvalue().splitlines())


def bake() -> None:
    """Replace everything below the page's last heading."""
    os.environ["COLUMNS"] = "80"
    head, heading, _ = re.split(r"(^## Commands\n)", PAGE.read_text("utf-8"), maxsplit=1, flags=re.MULTILINE)
    parts = [
        f"\n### {command.removeprefix('flowledger ')}\n\n```console\n$ {command} --help\n{help_of(command)}```\n"
        for command in commands()
    ]
    PAGE.write_text(head + heading + "".join(parts), "utf-8")


if __name__ == "__main__":
    bake()
