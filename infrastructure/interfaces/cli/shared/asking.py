"""What can't be undone asks first, where somebody is there to be asked."""

import sys
from typing import Annotated

import typer

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]


def can_ask(yes: bool) -> bool:
    """Whether to ask: on a terminal, unless ``--yes`` is given. A script has said what it wants."""
    return not yes and sys.stdin.isatty()
