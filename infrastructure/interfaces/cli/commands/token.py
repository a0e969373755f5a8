"""``flowledger token``: who may use the pages and the API."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from .....domain.errors import InvalidRequest
from .....domain.values.roles import ROLES
from .....domain.visible import quoted, visible
from ...presentation.console import print_line
from ...presentation.documents import token_document
from ...presentation.inputs import read_deadline
from ..shared.options import AsJson, By
from ..shared.session import Session
from ..views.tokens import print_tokens

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(help="Say who may use the pages and the API, for serve --auth tokens.", rich_markup_mode=None)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The actor of what is done with it.")]


def register(parent: typer.Typer) -> None:
    """Add the commands, as a group."""
    parent.add_typer(app, name="token")


@app.command()
def create(
    context: typer.Context,
    name: Name,
    by: By,
    role: Annotated[str, typer.Option(metavar="ROLE", help="viewer, operator, editor or admin.")],
    expires: Annotated[
        str | None, typer.Option(metavar="TIME", help="As 90d (from now), or a date.", show_default="never")
    ] = None,
    _json: AsJson = False,
) -> None:
    """Make a token, and print it once: the store keeps only a digest of it.

    A viewer reads; an operator also commands runs and answers; an editor also saves and releases workflows; an admin
    also archives.
    """
    session = Session.of(context)
    if role not in ROLES:
        raise InvalidRequest(f"--role {quoted(role)} is none of {', '.join(ROLES)}")
    until = read_deadline(expires, "--expires")
    with session.open_ledger(create=True) as ledger:
        made = ledger.tokens.create(name, role, expires=until, by=by)

    def show(console: Console) -> None:
        print_line(console, made.secret or "")

    print(f"the token of {visible(name)}, {role}: it is shown once", file=sys.stderr)
    session.answer(token_document(made), show)


@app.command("list")
def list_tokens(context: typer.Context, _json: AsJson = False) -> None:
    """List every token that was made, also those that were revoked or have expired."""
    session = Session.of(context)
    with session.open_ledger() as ledger:
        tokens = ledger.tokens.list()
    session.answer({"tokens": list(map(token_document, tokens))}, lambda console: print_tokens(console, tokens))


@app.command()
def revoke(context: typer.Context, name: Name, by: By, _json: AsJson = False) -> None:
    """Take a token back: it is refused from now on, and who has signed in with it is signed out."""
    session = Session.of(context)
    with session.open_ledger() as ledger:
        revoked = ledger.tokens.revoke(name, by=by)
    session.answer(token_document(revoked), lambda console: print_line(console, "revoked ", revoked.name))
