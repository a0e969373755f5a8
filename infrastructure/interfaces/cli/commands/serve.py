"""``serve``: the pages and the API of a store."""

from __future__ import annotations

import logging
import sys
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .....domain.errors import InvalidRequest, StorageUnavailable
from .....domain.visible import quoted
from ..shared.options import AsJson, this_user
from ..shared.session import Session

if TYPE_CHECKING:
    from socket import socket

    from ....ledger.ledger import Ledger

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(serve)


def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")] = LOOPBACK[0],
    port: Annotated[int, typer.Option(metavar="PORT", help="0: any that is free.")] = 8642,
    worker: Annotated[
        bool, typer.Option("--worker", help="Also execute runs that are due or queued; takes --app.")
    ] = False,
    demo: Annotated[bool, typer.Option("--demo", help="Show a new store with the runs of the demonstration.")] = False,
    auth: Annotated[
        str | None,
        typer.Option(metavar="tokens", help="Ask who it is: for a token that flowledger token create made."),
    ] = None,
    prefix: Annotated[
        str, typer.Option(metavar="PATH", help="Under which a proxy shows it, such as /ops/ledger.", show_default="")
    ] = "",
    rate: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Requests of one person within a minute; 0: any.", show_default="6000"),
    ] = None,
    record_views: Annotated[
        bool, typer.Option("--record-views", help="Keep on record who looked at what: trail --kind view lists it.")
    ] = False,
    _json: AsJson = False,
) -> None:
    """Serve the pages and the API of a store, until Ctrl-C or SIGTERM.

    On the loopback it is open to whoever has this machine, as local. With --auth tokens it asks for one. It prints a
    link that signs a browser in once, as an admin of your name: what is done there is done by you. Another host without
    --auth is refused: nobody would be asked who they are. Needs the extra web.
    """
    if auth not in (None, "tokens"):
        raise InvalidRequest(f"--auth {quoted(auth)}: tokens is the only way here; an application of yours has others")
    if host not in LOOPBACK and auth is None:
        raise InvalidRequest(
            f"--host {quoted(host)} is not the loopback, and nobody would be asked who they are: give --auth tokens, "
            "or mount the app in an application of yours, with create_app(ledger, auth=…)"
        )
    create_app, server = _load_web()
    session = Session.of(context)
    with ExitStack() as stack:
        listening = stack.enter_context(server.listen(host, port))
        session = _with_demo(session) if demo else session
        if not logging.getLogger().handlers:
            level = logging.INFO if worker else logging.WARNING
            logging.basicConfig(stream=sys.stderr, level=level, format="%(asctime)s %(levelname)s %(message)s")
        ledger = stack.enter_context(_open(session, worker=worker))
        if worker:
            stack.enter_context(ledger.worker())
        limit: dict[str, Any] = {} if rate is None else {"requests_per_minute": rate or None}
        app = create_app(ledger, auth=auth, record_views=record_views, **limit)
        base = f"http://{_address(host, listening)}{prefix}"
        told = {"url": f"{base}/", "link": f"{base}{app.make_link(this_user())}"}

        def tell() -> None:
            session.answer(told, lambda console: console.print(_words(told), soft_wrap=True))
            session.stdout.flush()

        # Who asks is never told by an address then, so a proxy on this machine may say what it is asked for.
        server.serve(app, listening, prefix, proxied=auth is not None, started=tell)


def _words(told: dict[str, str]) -> str:
    return f"{told['url']}\nsign in once, as an admin of your name: {told['link']}\nstop it with Ctrl-C"


def _load_web() -> tuple[Any, Any]:
    """Raises InvalidRequest where the extra isn't installed."""
    try:
        from ...web import server
        from ...web.app import create_app
    except ModuleNotFoundError as error:
        raise InvalidRequest(f"serve needs {error.name}: pip install 'flowledger[web]'") from None
    return create_app, server


def _open(session: Session, *, worker: bool) -> Ledger:
    """The store. Raises InvalidRequest, StorageError; where there is none they say where to get one."""
    if worker and session.app is None:
        raise InvalidRequest("--worker executes runs: give --app MODULE:REGISTRY, too")
    try:
        return session.open_ledger(running=session.app is not None, stays=True)
    except StorageUnavailable as error:
        if session.store is not None:
            raise
        raise StorageUnavailable(
            f"{error}. Name another one with --store URL, or see the demonstration's with flowledger serve --demo"
        ) from error


def _with_demo(session: Session) -> Session:
    """The session on a new store, with what the demonstration does in it."""
    from io import StringIO

    from rich.console import Console

    from ..demo.story import APP, run_demo

    if "store" in session.named:
        raise InvalidRequest("--demo shows a store of its own: leave out --store")
    print("making the runs of the demonstration, some seconds …", file=sys.stderr)
    summary = run_demo(None, Console(file=StringIO()))
    return replace(session, store=summary["store"], app=APP)


def _address(host: str, listening: socket) -> str:
    port = listening.getsockname()[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
