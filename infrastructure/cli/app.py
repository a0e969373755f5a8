"""The command line as a whole: its commands, its global options, and what becomes of errors."""

import contextlib
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Annotated, Any, NoReturn

import typer

from ...domain.errors import FlowledgerError
from . import audit, demo, diff, history, lineage, read, run, schema, timings, trail, walk, workflow
from .documents import error_document
from .options import AsJson
from .session import DEFAULT_STORE, Interrupted, Session

BAD_INPUT = 2
INTERRUPTED = 130

EPILOG = "Exit status: 0 fine, 1 the run ended failed or a check found something, 2 usage or bad input."

app: typer.Typer = typer.Typer(name="flowledger", epilog=EPILOG, rich_markup_mode=None, add_completion=False)
demo.register(app)
app.add_typer(workflow.app, name="workflow")
app.add_typer(run.app, name="run")
history.register(app)
read.register(app)
lineage.register(app)
walk.register(app)
audit.register(app)
diff.register(app)
trail.register(app)
timings.register(app)
schema.register(app)


def _show_version(context: typer.Context, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        here = version("flowledger")
        Session.of(context).answer({"version": here}, lambda console: console.print(f"flowledger {here}"))
        raise typer.Exit


@app.callback()
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
    _json: AsJson = False,
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Print the version and exit.")
    ] = False,
) -> None:
    """Event-sourced workflow snapshots: run workflows on a durable log, and read any past state from it."""
    session = Session.of(context)
    session.store = store
    session.app = registry


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit with its status."""
    sys.exit(_run(list(sys.argv[1:] if arguments is None else arguments)))


def _run(arguments: list[str]) -> int:
    # An error in the arguments themselves must be told as JSON too, so --json is looked for before they are parsed.
    session = Session(json="--json" in arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # What executors print must not get between stdout's JSON.
    printed = contextlib.redirect_stdout(sys.stderr) if session.json else contextlib.nullcontext()
    command: Any = typer.main.get_command(app)
    try:
        with printed:
            code = command.main(arguments or ["--help"], prog_name="flowledger", obj=session, standalone_mode=False)
        return code or session.exit_code
    except typer.TyperException as error:
        return _fail(session, error, error.format_message() + _usage_hint(error))
    except FlowledgerError as error:
        return _fail(session, error, str(error))
    except typer.Abort:
        return INTERRUPTED
    except Interrupted as interrupted:
        _fail(session, interrupted, str(interrupted))
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has had enough; nothing may be flushed into the closed pipe at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _fail(session: Session, error: Exception, message: str) -> int:
    if session.json:
        session.print_json(error_document(error, message))
    print(f"error: {message}", file=sys.stderr)
    return BAD_INPUT


def _usage_hint(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    return "" if context is None else f"\nTry '{context.command_path} --help'."
