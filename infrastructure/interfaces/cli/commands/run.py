"""``flowledger run``: start, resume, repeat and stop runs."""

import typer

from .run_adopt import adopt
from .run_repeat import fork, reproduce, retry
from .run_start import start
from .run_steer import cancel, hold, pause, proceed, release, resume, set_metadata

app = typer.Typer(help="Start runs, continue them, stop them.", rich_markup_mode=None)

for command in (start, adopt, resume, proceed, hold, pause, release, cancel, retry, reproduce, fork, set_metadata):
    app.command()(command)


def register(parent: typer.Typer) -> None:
    """Add the commands, as a group."""
    parent.add_typer(app, name="run")
