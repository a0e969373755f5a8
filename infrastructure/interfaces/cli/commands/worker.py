"""``worker``: execute the runs that are due, until it is told to stop."""

import logging
import signal
import sys
from collections.abc import Mapping
from random import random
from threading import Event
from typing import Annotated, Any

import typer

from .....domain.errors import InvalidRequest, StorageUnavailable
from .....domain.visible import quoted
from ....ledger.ledger import Ledger
from ....services.runs.custody import LEASE
from ....telemetry.settings import Telemetry
from ...presentation.inputs import load_globals, read_globals
from ..shared.options import AsJson, Globals
from ..shared.session import Session, interruptible

_LONGEST_PAUSE = 30.0

_log = logging.getLogger("flowledger.workers")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(worker)


def worker(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="As lists and events show it.", show_default="host and process id"),
    ] = None,
    concurrency: Annotated[int, typer.Option(metavar="N", help="How many runs at once.")] = 8,
    workflows: Annotated[
        list[str] | None,
        typer.Option("--workflow", metavar="ID", help="A workflow whose runs it takes; by default all. Repeatable."),
    ] = None,
    limits: Annotated[
        list[str] | None,
        typer.Option("--limit", metavar="TYPE=N", help="At most N steps of that node type at once. Repeatable."),
    ] = None,
    lease: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long its runs wait for it when it is gone.")
    ] = LEASE,
    grace: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long steps under way may take when it stops.")
    ] = 30.0,
    supply: Annotated[
        str | None,
        typer.Option("--globals", metavar="MODULE:NAME", help="A mapping, or a function from a Run to one."),
    ] = None,
    global_values: Globals = None,
    telemetry: Annotated[
        bool,
        typer.Option(
            "--telemetry",
            envvar="FLOWLEDGER_TELEMETRY",
            help="Send spans and metrics by OpenTelemetry, as OTEL_* say, under opentelemetry-instrument.",
        ),
    ] = False,
    _json: AsJson = False,
) -> None:
    """Execute the runs that are due, were queued, or were left by workers that are gone, until it is told to stop.

    SIGTERM and Ctrl-C let it finish the steps that are under way, and hand the runs back; a second one doesn't wait.
    Where the store is away it waits for it. What it does is told on stderr.
    """
    session = Session.of(context)
    given = read_limits(limits or [])
    session.registry()
    values: Any = load_globals(supply) if supply is not None else None
    if global_values:
        if supply is not None:
            raise InvalidRequest("--globals supplies all of them: leave out --global")
        values = read_globals(global_values)
    if not logging.getLogger().handlers:
        logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    ledger = _open_patiently(session, values, Telemetry() if telemetry else None)
    if ledger is None:
        return
    with ledger, interruptible():
        running = ledger.worker(name, concurrency, workflows, given, lease, grace)
        document = {"worker": running.name, "id": running.id}
        session.answer(
            document, lambda console: console.print(f"worker {running.name} works; stop it with Ctrl-C or SIGTERM")
        )
        session.stdout.flush()
        running.run()


def read_limits(pairs: list[str]) -> Mapping[str, int]:
    """Node type to number of steps. Raises InvalidRequest."""
    limits: dict[str, int] = {}
    for pair in pairs:
        type_, sign, number = pair.rpartition("=")
        if not sign or not type_ or not number.isdecimal():
            raise InvalidRequest(f"--limit {quoted(pair)} is not TYPE=N, such as charge-card=2")
        limits[type_] = int(number)
    return limits


def _open_patiently(session: Session, values: Any, telemetry: Telemetry | None) -> Ledger | None:
    """The ledger, as soon as its store is there; None where the worker is told to stop before."""
    stopped, pause = Event(), 0.0
    before = {number: signal.signal(number, lambda *_: stopped.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        while not stopped.is_set():
            try:
                return session.open_ledger(running=True, globals=values, telemetry=telemetry, stays=True)
            except StorageUnavailable as error:
                if not pause:
                    _log.warning("the store is away, and the worker waits for it: %s", error)
                pause = min(max(0.25, pause * 2), _LONGEST_PAUSE)
                stopped.wait(pause * (0.5 + random()))  # noqa: S311 - so that not all workers come at once
        return None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
