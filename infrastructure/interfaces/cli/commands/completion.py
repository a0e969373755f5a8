"""``completion``: what teaches a shell to complete commands and options."""

from enum import StrEnum
from typing import Annotated

import typer

from ..shared.completing import completion_script
from ..shared.options import AsJson
from ..shared.session import Session


class Shell(StrEnum):
    """Shells that can be taught."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(completion)


def completion(
    context: typer.Context,
    shell: Annotated[Shell, typer.Argument(metavar="bash|zsh|fish", help="Which shell.")],
    _json: AsJson = False,
) -> None:
    """Print what makes a shell complete commands and options.

    For bash: add source <(flowledger completion bash) to ~/.bashrc; for zsh the same in ~/.zshrc; for fish: flowledger
    completion fish > ~/.config/fish/completions/flowledger.fish.
    """
    script = completion_script(shell.value)
    Session.of(context).answer({"shell": shell.value, "script": script}, lambda console: console.out(script))
