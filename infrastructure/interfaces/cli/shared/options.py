"""Options and arguments that several commands take."""

import getpass
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout; messages go to stderr.")]

AsCsv = Annotated[bool, typer.Option("--csv", help="Print comma-separated values on stdout.")]

WorkflowId = Annotated[str, typer.Argument(metavar="ID", help="The workflow's id.")]

OfWorkflow = Annotated[str | None, typer.Option("--workflow", metavar="ID", help="Of this workflow.")]

WorkflowAt = Annotated[
    str,
    typer.Argument(metavar="ID[@VERSION]", help="A version is a number, a snapshot id, live, or by default latest."),
]

RunId = Annotated[
    str, typer.Argument(metavar="RUN", help="The run's id, or 6 or more characters of its beginning or end.")
]

RunAt = Annotated[
    str, typer.Argument(metavar="RUN[@VERSION]", help="The run's id; with a version, refused where it has moved on.")
]

OneRun = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN[@VERSION]",
        help="The run's id, with a version refused where it has moved on; or give --all.",
        show_default=False,
    ),
]

Key = Annotated[
    str | None,
    typer.Option("--key", metavar="TEXT", help="The same command with this key again gives the run as it stands."),
]


def this_user() -> str:
    """The name of who runs the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in many containers
        return "unknown"


By = Annotated[
    str,
    typer.Option(
        default_factory=this_user,
        metavar="WHO",
        help="The actor, for the record.",
        show_default="the user of this computer",
    ),
]

Payload = Annotated[
    str | None,
    typer.Option(metavar="FILE|-|JSON", help="JSON for the next step: a file, - for stdin, or the JSON itself."),
]

Globals = Annotated[
    list[str] | None,
    typer.Option(
        "--global", metavar="KEY=VALUE", help="A value for this call alone, such as a secret: never stored. Repeatable."
    ),
]

Answers = Annotated[
    list[str] | None,
    typer.Option(
        "--answers", metavar="NODE", help="The node that goes on with what it was answered then, and asks nobody."
    ),
]

Effects = Annotated[
    list[str] | None,
    typer.Option(
        "--effects", metavar="TYPE", help="Execute this type of executor although it has effects. Repeatable."
    ),
]

IgnoreCode = Annotated[
    bool,
    typer.Option(
        "--ignore-code",
        help="Let results from the record count also where the code behind them has changed since.",
    ),
]

On = Annotated[
    str | None,
    typer.Option(
        "--on",
        metavar="MODULE:NAME",
        help="For --all: an executor (concurrent.futures, a Dask Client), or a function that makes one, whose workers "
        "do it.",
    ),
]

Chunk = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="For --on: runs that are sent together.", show_default="20")
]

Workers = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Processes for --all.", show_default="one for each core")
]

STEPS = 10_000
"""The default of --step-limit."""

StepLimit = Annotated[int, typer.Option(min=0, metavar="N", help="Steps of this call after which the run fails.")]

Reason = Annotated[str | None, typer.Option("--reason", "-r", metavar="TEXT", help="Why, for the record.")]

At = Annotated[
    str | None,
    typer.Option("--at", metavar="TIME", help="As of this time: ISO 8601, or as yesterday, 7d (ago)."),
]

Since = Annotated[str | None, typer.Option(metavar="TIME", help="Started at this time or later.")]

Until = Annotated[str | None, typer.Option(metavar="TIME", help="Started before this time.")]
