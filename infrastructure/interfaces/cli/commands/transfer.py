"""``export`` and ``import``: runs as files, to move them to another store or to keep them as tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .....domain.errors import InvalidRequest
from .....projections.bulk import BulkFailure
from ....transfer.limits import MAX_BYTES, MAX_EVENTS, MAX_STREAMS
from ...presentation.console import print_line, text
from ...presentation.documents import row_document
from ..shared.many import Spread, collect
from ..shared.options import AsJson, Chunk, On, Workers
from ..shared.progress import progress_bar
from ..shared.run_filters import RunFilters, takes_run_filters
from ..shared.selection import Selection
from ..shared.session import Session
from ..shared.short_ids import find_run

if TYPE_CHECKING:
    from rich.console import Console

    from ....transfer.report import ImportReport


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(export)
    app.command("import")(import_)


@takes_run_filters
def export(
    context: typer.Context,
    run: Annotated[str | None, typer.Argument(metavar="RUN", help="The run's id.", show_default=False)] = None,
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE",
            help="Compressed with zstd unless it ends in .jsonl or is a device or pipe.",
            show_default="RUN.jsonl.zst",
        ),
    ] = None,
    as_test: Annotated[
        str | None,
        typer.Option("--as-test", metavar="FOLDER", help="Keep the run as a test case there, with a pytest file."),
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Of the test case.")] = None,
    folder: Annotated[
        str | None,
        typer.Option("--all", metavar="FOLDER", help="Write all runs that the filters find into it, a file each."),
    ] = None,
    *,
    filters: RunFilters,
    workers: Workers = None,
    on: On = None,
    chunk: Chunk = None,
    _json: AsJson = False,
) -> None:
    """Write a run to a file, with everything that it refers to; or all runs that the filters find.

    That is its work order, the workflow's versions with their code, and the runs that it came from. The import command
    reads the file, with the same ids and versions, in any store.

    --all works in a process for each core, or with --on by the workers of an executor, on this machine or on others,
    which need the folder at the same path. Exits with 1 if a run can't be exported, or if a search for runs may have
    missed some.
    """
    session = Session.of(context)
    chosen = filters.select()
    if (run is None) == (folder is None):
        raise InvalidRequest("name one RUN, or --all FOLDER for all runs that the filters find")
    if run is None:
        if file is not None or as_test is not None or name is not None:
            raise InvalidRequest("--all FOLDER writes all runs there: FILE, --as-test and --name are for one RUN")
        _export_all(session, chosen, str(folder), Spread(on, workers, chunk))
        return
    if chosen or workers or on or chunk:
        raise InvalidRequest("filters, --workers and --on are for --all")
    if as_test is not None:
        if file is not None:
            raise InvalidRequest("give FILE, or --as-test FOLDER, not both")
        _export_case(session, run, Path(as_test), name)
        return
    if name is not None:
        raise InvalidRequest("--name names a test case: give --as-test FOLDER as well")
    with session.open_ledger() as ledger, progress_bar("exporting") as advance:
        run = find_run(ledger, run)
        target = file if file is not None else f"{run}.jsonl.zst"
        report = ledger.history.export(run, target, progress=advance)
    session.answer(
        {**row_document(report), "file": target},
        lambda console: print_line(console, f"{report.events:,} events of {len(report.streams)} streams in {target}"),
        written=target,
    )


def _export_all(session: Session, chosen: Selection, folder: str, spread: Spread) -> None:
    with session.open_ledger() as ledger:
        found = chosen.find(ledger, datetime.now(UTC))
        exports = ledger.export_many(found.run_ids, folder, **spread.options)
        outcomes = collect(exports, len(found.run_ids), "exporting")
    found.warn(session)
    failed = [outcome for outcome in outcomes if isinstance(outcome, BulkFailure)]
    events = sum(outcome.events for outcome in outcomes if not isinstance(outcome, BulkFailure))
    if failed:
        session.exit_code = 1
    document = {
        "folder": folder,
        "runs": len(outcomes) - len(failed),
        "events": events,
        "failures": [row_document(failure) for failure in failed],
    }
    session.answer(
        document if found.behind is None else document | {"behind": found.behind},
        lambda console: _print_exports(console, f"{events:,} events of {document['runs']:,} runs in {folder}", failed),
    )


def _print_exports(console: Console, written: str, failed: Sequence[BulkFailure]) -> None:
    print_line(console, written)
    for failure in failed:
        print_line(console, f"run {failure.run_id}: {failure.kind}: ", text(failure.message, limit=None))


def _export_case(session: Session, run: str, folder: Path, name: str | None) -> None:
    from ..shared.kept_case import write_case

    with session.open_ledger(writing=True) as ledger, progress_bar("exporting") as advance:
        run = find_run(ledger, run)
        case, test = write_case(ledger.history, run, folder, name, session.app, advance)
    written = [str(case)] + ([] if test is None else [str(test)])
    session.answer(
        {"runId": run, "case": str(case), "test": None if test is None else str(test)},
        lambda console: print_line(console, f"wrote {' and '.join(written)}"),
    )


def import_(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A file that export has written.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Verify it, and print what it would add; import nothing.")
    ] = False,
    continue_existing: Annotated[
        bool, typer.Option("--continue", help="Append to streams that this store has already.")
    ] = False,
    max_streams: Annotated[int, typer.Option(metavar="N", help="Streams in the file, at most.")] = MAX_STREAMS,
    max_events: Annotated[int, typer.Option(metavar="N", help="Events in the file, at most.")] = MAX_EVENTS,
    max_bytes: Annotated[int, typer.Option(metavar="N", help="Bytes in the file, unpacked, at most.")] = MAX_BYTES,
    _json: AsJson = False,
) -> None:
    """Import a run that was exported from another store.

    The whole file is verified first, as if a stranger had written it: only what this store could have recorded itself
    is taken, and only what the run needs. What the store has already is passed over. Nothing is imported if this store
    has another history of one of the streams, or if the file continues a stream of this store and --continue isn't
    given.
    """
    session = Session.of(context)
    with session.open_ledger(create=not dry_run) as ledger, progress_bar("importing") as advance:
        report = ledger.history.import_(
            file,
            continue_existing=continue_existing,
            dry_run=dry_run,
            max_streams=max_streams,
            max_events=max_events,
            max_bytes=max_bytes,
            progress=advance,
        )
    session.answer(_document(report, dry_run), lambda console: print_line(console, _describe_report(report, dry_run)))


def _document(report: ImportReport, dry_run: bool) -> dict[str, Any]:
    sums = {"added": report.added, "present": report.present, "bytes": report.bytes, "dryRun": dry_run}
    streams = [{**row_document(stream), "continued": stream.continued} for stream in report.streams]
    return {**row_document(report), "streams": streams, **sums}


def _describe_report(report: ImportReport, dry_run: bool) -> str:
    verb = "would add" if dry_run else "added"
    new = [stream for stream in report.streams if stream.added]
    what = f"{report.added:,} events ({report.bytes:,} bytes) of {len(new):,} streams" if new else "0 events"
    of = f"run {report.run_id}" if report.run_id else report.streams[0].stream
    lines = [f"{of}: {verb} {what}; {report.present:,} were here already"]
    lines += [
        f"  {stream.added:,} behind the {stream.present:,} of {stream.stream}" for stream in new if stream.continued
    ]
    return "\n".join(lines)
