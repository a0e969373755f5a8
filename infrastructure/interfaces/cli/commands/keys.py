"""``flowledger keys``: the key ring, whose master keys wrap the keys of subjects."""

from typing import Annotated

import typer

from .....domain.errors import InvalidRequest
from ...presentation.console import print_line
from ..shared.options import AsJson
from ..shared.session import Session

app = typer.Typer(help="Make a key ring, and change its master key.", rich_markup_mode=None)


def register(parent: typer.Typer) -> None:
    """Add the commands, as a group."""
    parent.add_typer(app, name="keys")


@app.command()
def generate(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="The key ring: a new file of its owner alone.")],
    _json: AsJson = False,
) -> None:
    """Write a key ring of one random master key.

    Keep a copy of it elsewhere, and never beside the store: without it no data of a subject can ever be read again.
    """
    from ....storage.sealing.key_ring import KeyRing

    session = Session.of(context)
    KeyRing.generate(file)
    session.answer({"file": file}, lambda console: print_line(console, file), written=file)


@app.command()
def rewrap(context: typer.Context, _json: AsJson = False) -> None:
    """Wrap the keys of all subjects with the key ring's current master key.

    Then the master keys before it can be destroyed, and with them what copies of the table of keys hold.
    """
    session = Session.of(context)
    if session.keys is None:
        raise InvalidRequest("name the key ring with --keys FILE or FLOWLEDGER_KEYS")
    with session.open_ledger() as ledger:
        count = ledger.rewrap_keys()
    session.answer({"rewrapped": count}, lambda console: print_line(console, f"{count:,} keys wrapped anew"))
