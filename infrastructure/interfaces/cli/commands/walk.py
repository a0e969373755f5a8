"""``replay RUN``: walk through a run, version by version, on a full screen or as text."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .....domain.errors import InvalidRequest
from ...presentation.inputs import split_version
from ..shared.progress import progress_counter
from ..shared.session import Session
from ..shared.short_ids import find_run_at

if TYPE_CHECKING:
    from rich.console import Console

    from .....domain.ports import RecordedEvent
    from ....ledger.ledger import Ledger
    from ....services.history.walk import RunWalk

From = Annotated[str | None, typer.Option("--from", metavar="V|TIME", help="Begin at a version, or as of a time.")]
To = Annotated[str | None, typer.Option("--to", metavar="V|TIME", help="End with a version, or as of a time.")]
Step = Annotated[bool, typer.Option("--step", help="Walk on the full screen; as text where there is no terminal.")]


def walk(session: Session, run: str, start: str | None, stop: str | None, *, step: bool) -> None:
    """Walk through ``RUN`` or ``RUN@VERSION``: on the full screen with ``step``, where there is one and no range.

    Raises InvalidRequest, RunNotFound, VersionNotFound, NothingAsOf.
    """
    from ...tui.find import find_version

    if split_version(run)[1] is not None and start is not None:
        raise InvalidRequest("give RUN@VERSION or --from, not both")
    on_screen = step and start is None and stop is None and not session.json and _is_terminal()
    if on_screen:
        _check_textual()
    with session.open_ledger() as ledger:
        run_id, version = find_run_at(ledger, run)
        with progress_counter("events read") as advance:
            walked = ledger.history.walk(run_id, advance)
        asked = start if version is None else str(version)
        first = 1 if asked is None else find_version(walked, asked)
        if on_screen:
            session.exit_code = _walk_on_screen(ledger, walked, first)
            return
        last = walked.head if stop is None else find_version(walked, stop)
        if last < first:
            raise InvalidRequest(f"--to is version {last}, before --from, which is version {first}")
        if session.json:
            _answer_json(session, walked, first, last)
        else:
            _print(session.console(), walked, first, last)


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()


def _check_textual() -> None:
    from importlib.util import find_spec

    if find_spec("textual") is None:
        raise InvalidRequest(
            "--step on the full screen needs textual: pip install 'flowledger[tui]'; without --step the walk is text"
        )


def _walk_on_screen(ledger: Ledger, walked: RunWalk, version: int) -> int:
    from ...tui.app import WalkApp

    app = WalkApp(walked, ledger.history.workflow_of(walked.run_id), version)
    app.run()
    return app.return_code or 0


# --- as text, as JSON -------------------------------------------------------------------------------------------


def _print(console: Console, walked: RunWalk, first: int, last: int) -> None:
    from ...presentation.console import print_line, status_text, text
    from ...tui.lines import event_line

    digits = len(str(last))
    for event, document in _documents(walked, first, last):
        print_line(console, event_line(event, digits))
        for change in document["changes"]:
            if change["path"] != "/version":
                print_line(console, " " * (digits + 2), text(_change(change)))
        node = "" if document["node"] is None else f" at {document['node']}"
        print_line(console, " " * (digits + 2), "= ", status_text(document["status"]), text(node))


def _change(change: dict[str, Any]) -> str:
    from .....domain.values.brief import brief

    sign = {"add": "+", "replace": "~", "remove": "-"}[change["op"]]
    return f"{sign} {change['path']}" + (f" {brief(change['value'])}" if "value" in change else "")


def _answer_json(session: Session, walked: RunWalk, first: int, last: int) -> None:
    versions = [document for _, document in _documents(walked, first, last)]
    session.print_json({"runId": walked.run_id, "versions": versions})


def _documents(walked: RunWalk, first: int, last: int) -> Iterator[tuple[RecordedEvent, dict[str, Any]]]:
    for event in walked.events(first, last):
        snapshot = walked.snapshot(event.version)
        yield (
            event,
            {
                "version": event.version,
                "type": event.type,
                "recordedAt": event.recorded_at.isoformat(),
                "by": event.by,
                "node": snapshot.current_node_id,
                "status": snapshot.status,
                "changes": [change.to_data() for change in walked.changes(event.version)],
            },
        )
