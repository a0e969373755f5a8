"""The command line as a whole: its commands, its global options, and how errors are reported."""

import contextlib
import errno
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Annotated, Any, NoReturn

import typer

from ....domain.errors import FlowledgerError
from ....domain.events.channel import acting_through
from ...storage.credentials import redact_urls
from ..presentation.documents import error_document
from ..presentation.streams import (
    OutputLost,
    bound_terminal_size,
    discard_stdout,
    escape_log_lines,
    escaped_streams,
    prepare_streams,
)
from ..presentation.zone import use_zone
from .shared.completing import VARIABLE, teach_shells
from .shared.lazy_commands import LazyCommands
from .shared.options import AsJson
from .shared.session import DEFAULT_STORE, Interrupted, Session

BAD_INPUT = 2
IO_ERROR = 74
"""What sysexits.h calls EX_IOERR."""
INTERRUPTED = 130
BROKEN_PIPE = 141
"""What a shell reports for the signal that ends other programs in this case."""

EPILOG = (
    "Exit status: 0 fine, 1 the run ended failed or a check found something, 2 usage or bad input, "
    "74 the answer could not be written."
)

HOMES = {
    "demo": "demo",
    "history": "history",
    "orders": "history",
    "steps": "steps",
    "counts": "steps",
    "failures": "steps",
    "waits": "waits",
    "bulk": "bulk_action",
    "status": "status",
    "show": "show",
    "events": "show",
    "lineage": "lineage",
    "trace": "trace",
    "replay": "replay",
    "debug": "debug",
    "audit": "audit",
    "report": "report",
    "diff": "diff",
    "trail": "trail",
    "timings": "timings",
    "export": "transfer",
    "import": "transfer",
    "backup": "backup",
    "verify": "show",
    "evidence": "evidence",
    "rebuild": "history",
    "schema": "schema",
    "worker": "worker",
    "serve": "serve",
    "token": "token",
    "retention": "retention",
    "erase": "erase",
    "keys": "keys",
    "workflow": "workflow",
    "run": "run",
    "completion": "completion",
}
"""Each command and the module that registers it, in the order of the help."""

_app: typer.Typer = typer.Typer(
    name="flowledger",
    epilog=EPILOG,
    rich_markup_mode=None,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def make_command() -> Any:
    """The command line, as a command with commands."""
    command: Any = typer.main.get_command(_app)
    command.commands = LazyCommands(HOMES, f"{__package__}.commands")
    return command


def _show_version(context: typer.Context, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        here = version("flowledger")
        session = Session.of(context)
        if session.json:
            session.print_json({"version": here})
        else:
            print(f"flowledger {here}", file=session.stdout)
        raise typer.Exit


@_app.callback()
def options(
    context: typer.Context,
    store: Annotated[
        str | None,
        typer.Option(
            envvar="FLOWLEDGER_STORE",
            metavar="URL",
            help="sqlite:///path or postgresql://...",
            show_default=DEFAULT_STORE,
        ),
    ] = None,
    registry: Annotated[
        str | None,
        typer.Option(
            "--app",
            envvar="FLOWLEDGER_APP",
            metavar="MODULE:REGISTRY",
            help="Your ExecutorRegistry; the current directory is importable.",
        ),
    ] = None,
    keys: Annotated[
        str | None,
        typer.Option(
            envvar="FLOWLEDGER_KEYS", metavar="FILE", help="The key ring of subjects: see flowledger keys generate."
        ),
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option(
            "--tz", envvar="FLOWLEDGER_TZ", metavar="ZONE", help="Show and read times there.", show_default="UTC"
        ),
    ] = None,
    _json: AsJson = False,
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Print the version and exit.")
    ] = False,
) -> None:
    """Event-sourced workflow snapshots: run workflows on a durable log, and read any past state from it.

    Options other than --version may stand behind the command as well.
    """
    use_zone(zone)
    session = Session.of(context)
    session.store = store
    session.app = registry
    session.keys = keys
    source = context.get_parameter_source("store")
    if source is not None and source.name == "COMMANDLINE":
        session.named.add("store")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit with its status."""
    sys.exit(_run(list(sys.argv[1:] if arguments is None else arguments)))


def _run(arguments: list[str]) -> int:
    prepare_streams()
    escape_log_lines()
    bound_terminal_size()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    with escaped_streams():
        return _run_and_flush(arguments)


def _run_and_flush(arguments: list[str]) -> int:
    # An error in the arguments is reported as JSON too, so --json is looked for before they are parsed.
    session = Session(json="--json" in arguments)
    try:
        status = _run_command(session, arguments)
        session.stdout.flush()
        return status
    except OutputLost as lost:
        discard_stdout()
        if lost.error.errno == errno.EPIPE:  # the reader has closed the pipe
            return BROKEN_PIPE
        _print_error(str(lost))
        return IO_ERROR


def _run_command(session: Session, arguments: list[str]) -> int:
    # What executors print must not get between stdout's JSON.
    printed = contextlib.redirect_stdout(sys.stderr) if session.json else contextlib.nullcontext()
    command = make_command()
    if VARIABLE in os.environ:  # a shell asks for words, and is answered instead
        teach_shells()
    try:
        with printed, acting_through("cli"):
            code = command.main(arguments or ["--help"], prog_name="flowledger", obj=session, standalone_mode=False)
        return code or session.exit_code
    except typer.TyperException as error:
        return _fail(session, error, redact_urls(error.format_message()) + _usage_hint(error))
    except FlowledgerError as error:
        return _fail(session, error, str(error))
    except OSError as error:  # such as a current folder that is gone
        where = "" if error.filename is None else f"{os.fsdecode(error.filename)!r}: "
        _fail(session, error, f"{where}{error.strerror or error}")
        return IO_ERROR
    except typer.Abort:
        return INTERRUPTED
    except Interrupted as interrupted:
        _fail(session, interrupted, str(interrupted))
        return INTERRUPTED


def _fail(session: Session, error: Exception, message: str) -> int:
    _print_error(message)
    if session.json:
        session.print_json(error_document(error, message))
    return BAD_INPUT


def _print_error(message: str) -> None:
    print(f"error: {message}", file=sys.stderr)


def _usage_hint(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    return "" if context is None else f"\nTry '{context.command_path} --help'."
