"""``worker``: execute the runs that are due, until it is told to stop."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .....domain.errors import InvalidRequest
from .....domain.visible import quoted
from ....services.runs.lease import LEASE
from ...presentation.inputs import load_globals, read_globals
from ..shared.options import AsJson, Globals
from ..shared.session import Session, interruptible

if TYPE_CHECKING:
    from .....domain.retention.policy import RetentionPolicy


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
    cluster: Annotated[
        bool, typer.Option("--cluster", help="Runs are handed out by Procrastinate (needs the extra cluster).")
    ] = False,
    stores: Annotated[
        list[str] | None,
        typer.Option("--store", metavar="URL", help="Serve this one; with several, so many runs at once in each."),
    ] = None,
    telemetry: Annotated[
        bool,
        typer.Option(
            "--telemetry",
            envvar="FLOWLEDGER_TELEMETRY",
            help="Send spans and metrics by OpenTelemetry, as OTEL_* say, under opentelemetry-instrument.",
        ),
    ] = False,
    sign_key: Annotated[
        str | None,
        typer.Option("--sign-key", metavar="FILE", help="Sign checkpoints with this key, as evidence checkpoint does."),
    ] = None,
    sign_to: Annotated[
        str | None, typer.Option("--sign-to", metavar="FILE", help="Add them to this file, which is kept elsewhere.")
    ] = None,
    sign_every: Annotated[
        float, typer.Option("--sign-every", metavar="SECONDS", help="The time between two of them.")
    ] = 600.0,
    remove_older_than: Annotated[
        str | None,
        typer.Option(
            "--remove-older-than",
            metavar="LENGTH",
            help="Take away completed runs in which nothing has happened for so long (90d), once an hour.",
        ),
    ] = None,
    archive: Annotated[
        str | None,
        typer.Option("--archive", metavar="FOLDER", help="Write each of them there before it goes."),
    ] = None,
    archive_format: Annotated[
        str | None,
        typer.Option(
            "--archive-format", metavar="FORMAT", help="How: export, or parquet for analysis.", show_default="export"
        ),
    ] = None,
    remove_archived_workflows: Annotated[
        bool,
        typer.Option("--remove-archived-workflows", help="Then also archived workflows that have no work orders left."),
    ] = False,
    _json: AsJson = False,
) -> None:
    """Execute the runs that are due, were queued, or were left by workers that are gone, until it is told to stop.

    SIGTERM and Ctrl-C let it finish the steps that are under way, and hand the runs back; a second one doesn't wait.
    Where the store is away it waits for it. What it does is told on stderr.
    """
    import asyncio

    from ....operations.async_worker import AsyncWorker  # the libraries of storage, which --help does without
    from ....telemetry.settings import Telemetry
    from ..shared.serving import ServingOptions, make_worker, open_or_stop, serve_all

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
    opening: dict[str, Any] = {"globals": values, "telemetry": Telemetry() if telemetry else None}
    if sign_key is not None or sign_to is not None:
        check_signing(sign_key, sign_to, sign_every, stores or [])
    policy = read_removal(
        remove_older_than,
        archive,
        stores or [],
        archived_workflows=remove_archived_workflows,
        archive_format=archive_format,
    )
    options = ServingOptions(name, concurrency, workflows, given, lease, grace)
    if stores is not None and len(stores) == 1:
        session = replace(session, store=stores[0])
    elif stores is not None:
        serve_all(session, stores, opening, options, cluster=cluster)
        return
    ledger = open_or_stop(session, opening)
    if ledger is None:
        return
    every = timedelta(seconds=sign_every)
    with (
        ledger,
        interruptible(),
        ledger.evidence.sign_regularly(sign_key, sign_to, every) if sign_key and sign_to else nullcontext(),
        ledger.retention.apply_regularly(policy, by="worker") if policy is not None else nullcontext(),
    ):
        running = make_worker(ledger, options, cluster=cluster)
        document = {"worker": running.name, "id": running.id}
        session.answer(
            document, lambda console: console.print(f"worker {running.name} works; stop it with Ctrl-C or SIGTERM")
        )
        session.stdout.flush()
        if isinstance(running, AsyncWorker):
            asyncio.run(running.run(signals=True))
        else:
            running.run()


def check_signing(key: str | None, to: str | None, every: float, stores: list[str]) -> None:
    """Raises InvalidRequest before a store is waited for."""
    if key is None or to is None or len(stores) > 1:
        raise InvalidRequest("--sign-key and --sign-to go together, and are for one store: a checkpoint is of one")
    if not 0 < every < _A_YEAR:
        raise InvalidRequest(f"--sign-every {every:g} is no time between two checkpoints")
    from ....services.evidence.keys import read_signing_key

    read_signing_key(key)


def read_removal(
    older_than: str | None,
    archive: str | None,
    stores: list[str],
    *,
    archived_workflows: bool,
    archive_format: str | None,
) -> RetentionPolicy | None:
    """The policy that the options say. Raises InvalidRequest before a store is waited for."""
    if older_than is None:
        if archive is not None:
            raise InvalidRequest("--archive is for what --remove-older-than takes away")
        if archive_format is not None:
            raise InvalidRequest("--archive-format says how to write what --archive names a folder for")
        if archived_workflows:
            raise InvalidRequest("--remove-archived-workflows goes with --remove-older-than, which says how old")
        return None
    if len(stores) > 1:
        raise InvalidRequest("--remove-older-than is for one store")
    from ...presentation.policies import read_policy

    return read_policy(
        older_than,
        archive=archive,
        archived_workflows=archived_workflows,
        archive_format=archive_format,
        name="--remove-older-than",
    )


_A_YEAR = 366 * 24 * 3600


def read_limits(pairs: list[str]) -> Mapping[str, int]:
    """Node type to number of steps. Raises InvalidRequest."""
    limits: dict[str, int] = {}
    for pair in pairs:
        type_, sign, number = pair.rpartition("=")
        if not sign or not type_ or not number.isdecimal():
            raise InvalidRequest(f"--limit {quoted(pair)} is not TYPE=N, such as charge-card=2")
        limits[type_] = int(number)
    return limits
